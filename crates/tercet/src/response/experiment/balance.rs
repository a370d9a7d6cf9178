//! Whether arms are alike where they must be: in covariates, and in whose outcomes are missing.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::data::Outcome;
use super::moments::{Cell, Moments};
use super::roster::{EVERYONE, Roster};
use crate::math::multiplicity::holm;

/// P-values, a covariate each and adjusted for their number (Holm), that arms differ in its mean. A
/// covariate from before the experiment differs by chance only; one that was recorded later does not.
pub(super) fn of_covariates(
    moments: &Moments,
    n_arms: usize,
    covariates: usize,
) -> Vec<Option<f64>> {
    let p = (1..=covariates).map(|column| {
        let cells: Vec<_> = (0..n_arms).map(|arm| moments.cell(EVERYONE, arm)).collect();
        let n: f64 = cells.iter().map(Cell::n).sum();
        let mean = cells
            .iter()
            .map(|cell| cell.product(0, column))
            .sum::<f64>()
            / n;
        let (mut between, mut within) = (0.0, 0.0);
        for cell in &cells {
            let own = cell.product(0, column) / cell.n();
            between += cell.n() * (own - mean).powi(2);
            within += cell.product(column, column) - cell.n() * own * own;
        }
        let variance = within / (n - n_arms as f64);
        (variance > 0.0 && n > n_arms as f64).then(|| tail(between / variance, n_arms - 1))
    });
    holm(&p.collect::<Vec<_>>())
}

/// Missing outcomes by arm, and the p-value that arms do not differ in their share; `None` where none is
/// missing.
pub(super) fn of_gaps(roster: &Roster<'_>, outcome: &Outcome<'_>) -> (Vec<usize>, Option<f64>) {
    let n_arms = roster.n_arms();
    let (mut missing, mut rows) = (vec![0_usize; n_arms], vec![0_usize; n_arms]);
    for (row, value) in outcome.values.iter().enumerate() {
        let arm = roster.arm(row);
        rows[arm] += 1;
        missing[arm] += usize::from(value.is_nan());
    }
    let all = missing.iter().sum::<usize>() as f64;
    let share = all / outcome.values.len() as f64;
    if all == 0.0 || share == 1.0 {
        return (missing, None);
    }
    let away = missing.iter().zip(&rows).map(|(missing, rows)| {
        let expected = share * *rows as f64;
        (*missing as f64 - expected).powi(2) / (expected * (1.0 - share))
    });
    let p = tail(away.sum(), n_arms - 1);
    (missing, Some(p))
}

fn tail(statistic: f64, degrees: usize) -> f64 {
    ChiSquared::new(degrees as f64).map_or(f64::NAN, |chi| chi.sf(statistic))
}

//! Covariances of coordinates: how far estimates may be off.

use nalgebra::{DMatrix, DVector};

use super::fit::Solution;
use super::sample::{Sample, log_total, score};
use crate::error::Result;
use crate::parallel::Gate;
use crate::value::propensity::StandardErrors;

/// The covariance of the coordinates at an optimum: the inverse of the penalised curvature, or the
/// sandwich of it with the scores of rows, or of groups of rows, and the penalty.
///
/// Rows of one customer, one after the other, need no sandwich: given that nothing has happened, periods
/// are independent under the model (Allison 1982). It is for customers who are at risk several times at
/// once, as snapshots of one customer are whose windows overlap, and for models that are not quite true.
pub(super) fn covariance(
    kind: StandardErrors,
    sample: &Sample<'_, '_>,
    solution: &Solution,
    groups: Option<&[u32]>,
    gate: &Gate<'_, '_>,
) -> Result<DMatrix<f64>> {
    let (bread, information) = (&solution.inverse, &solution.information);
    let own: Vec<u32>;
    let groups = match (kind, groups) {
        (StandardErrors::None | StandardErrors::Model, _) | (StandardErrors::Cluster, None) => {
            return Ok(solution.averaged.as_ref().unwrap_or(bread).clone());
        }
        (StandardErrors::Robust, _) => {
            own = (0..).take(sample.spells.len()).collect();
            &own
        }
        (StandardErrors::Cluster, Some(groups)) => groups,
    };
    let (meat, clusters) = clusters(sample, &solution.peak.point, groups, gate)?;
    let factor = if kind == StandardErrors::Cluster {
        let spells = sample.spells.iter().enumerate();
        let n: f64 = spells
            .map(|(row, spell)| sample.weight(row) * spell.exposure())
            .sum();
        let k = (bread * information).trace();
        let g = clusters as f64;
        g / (g - 1.0) * (n - 1.0) / (n - k)
    } else {
        1.0
    };
    // As in propensities: the penalty stays, since it draws estimates away from the truth.
    let mut meat = meat * factor;
    for (k, penalty) in solution.penalty.iter().enumerate() {
        meat[(k, k)] += penalty;
    }
    let mut sandwich = bread * meat * bread;
    if let Some(averaged) = &solution.averaged {
        sandwich += averaged - bread;
    }
    Ok(sandwich)
}

/// The sum over groups of the squares of their summed scores, and how many groups count.
fn clusters(
    sample: &Sample<'_, '_>,
    theta: &DVector<f64>,
    groups: &[u32],
    gate: &Gate<'_, '_>,
) -> Result<(DMatrix<f64>, usize)> {
    let mut order: Vec<u32> = (0..u32::try_from(groups.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_key(|&row| groups[row as usize]);
    let lines = sample.lines(theta.as_slice());
    let (width, n_periods) = (sample.columns.width(), sample.clock.n_periods());
    let varying = usize::from(!sample.varying.is_empty());
    let k = sample.n_events;
    let mut sums = [k * width, varying * k * width, k * n_periods].map(|n| vec![0.0; n]);
    let mut meat = DMatrix::zeros(sample.len(), sample.len());
    let (mut last, mut counts, mut clusters) = (None, false, 0);
    let mut close = |sums: &mut [Vec<f64>; 3], counts: &mut bool| {
        if std::mem::take(counts) {
            let [slopes, changes, periods] = &*sums;
            let score = sample.gradient(slopes, changes, periods);
            meat.syger(1.0, &score, &score, 1.0);
            clusters += 1;
        }
        for sums in sums.iter_mut() {
            sums.fill(0.0);
        }
    };
    let mut odds = vec![0.0; k];
    sample.reader.for_list(&order, |row, present| {
        if last != Some(groups[row]) {
            close(&mut sums, &mut counts);
            last = Some(groups[row]);
            gate.poll();
            if gate.is_closed() {
                return false;
            }
        }
        let (spell, weight) = (&sample.spells[row], sample.weight(row));
        if weight == 0.0 || spell.exposure() == 0.0 {
            return true;
        }
        counts = true;
        let scores: Vec<[f64; 2]> = lines.iter().map(|line| score(line, present)).collect();
        let mut residuals = vec![[0.0; 2]; k];
        for period in spell.first..=spell.last {
            let t = period as usize;
            let trend = sample.clock.trend[t];
            for (place, [fixed, change]) in scores.iter().enumerate() {
                odds[place] = fixed + lines[place].levels[t] + trend * change;
            }
            log_total(&mut odds);
            for (place, hazard) in odds.iter().enumerate() {
                let happened = period == spell.last && usize::from(spell.event) == place + 1;
                let happened = f64::from(u8::from(happened));
                let residual = weight * (spell.share(period) * hazard - happened);
                residuals[place][0] += residual;
                residuals[place][1] += residual * trend;
                sums[2][place * n_periods + t] += residual;
            }
        }
        for (place, [residual, trended]) in residuals.iter().enumerate() {
            for (column, x) in present {
                sums[0][place * width + column] += residual * x;
                if varying == 1 {
                    sums[1][place * width + column] += trended * x;
                }
            }
        }
        true
    });
    gate.check()?;
    close(&mut sums, &mut counts);
    // Only the lower triangle was filled.
    meat.fill_upper_triangle_with_lower_triangle();
    Ok((meat, clusters))
}

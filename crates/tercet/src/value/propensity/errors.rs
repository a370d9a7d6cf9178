//! Covariances of coordinates: how far estimates may be off.

use nalgebra::{DMatrix, DVector};

use super::StandardErrors;
use super::newton::{Optimum, Problem};
use super::quadratic::Quadratic;
use super::rows::Rows;
use super::sample::Squares;
use crate::error::Result;
use crate::parallel::Gate;

/// The covariance of the coordinates at an optimum; `None` where none is wanted.
///
/// Under a penalty the model's is that of the coordinates given the data, with the penalty as prior: its
/// intervals cover a curve as often as they say, on average along the curve (Nychka 1988, JASA 83,
/// 1134-1143; Marra & Wood 2012, Scandinavian Journal of Statistics 39, 53-74). The sandwich has the rows'
/// scores in place of the curvature of the loss and keeps that of the penalty: without it, it would tell how
/// far an estimate moves from sample to sample, but not how far the penalty has drawn it from the truth.
/// Where strengths were `averaged` over, what that adds to the model's covariance is added to either.
pub(super) fn covariance(
    kind: StandardErrors,
    problem: &Problem<'_>,
    (optimum, averaged): (&Optimum, Option<&DMatrix<f64>>),
    groups: Option<&[u32]>,
    gate: &Gate<'_, '_>,
) -> Result<Option<DMatrix<f64>>> {
    if kind == StandardErrors::None {
        return Ok(None);
    }
    let Some(model) = Quadratic::new(&optimum.information, problem.penalty, &optimum.aliased)
    else {
        return Ok(None);
    };
    let bread = model.inverse();
    let n = problem.sample.total_weight(problem.rows);
    // Effective parameters: as many as there are where nothing is penalised.
    let k = bread.dot(&optimum.information);
    let (meat, factor) = match (kind, groups) {
        (StandardErrors::None | StandardErrors::Model, _) | (StandardErrors::Cluster, None) => {
            return Ok(Some(averaged.cloned().unwrap_or(bread)));
        }
        (StandardErrors::Robust, _) => (scores(problem, &optimum.theta, gate)?, 1.0),
        (StandardErrors::Cluster, Some(groups)) => {
            let (meat, clusters) = clusters(problem, &optimum.theta, groups, gate)?;
            let g = clusters as f64;
            (meat, g / (g - 1.0) * (n - 1.0) / (n - k))
        }
    };
    let mut meat = meat * factor;
    for (k, penalty) in problem.penalty.iter().enumerate() {
        meat[(k, k)] += penalty;
    }
    let mut sandwich = &bread * meat * &bread;
    if let Some(averaged) = averaged {
        sandwich += averaged - &bread;
    }
    Ok(Some(sandwich))
}

/// The sum of the rows' squared scores.
fn scores(
    problem: &Problem<'_>,
    theta: &DVector<f64>,
    gate: &Gate<'_, '_>,
) -> Result<DMatrix<f64>> {
    let columns = problem.coordinates.columns(theta.as_slice());
    let pass = problem
        .sample
        .pass(&columns, problem.rows, Squares::Scores, gate)?;
    let n = columns.len();
    let gram = pass.gram.unwrap_or_else(|| DMatrix::zeros(n, n));
    Ok(problem.coordinates.information(&gram))
}

/// The sum over groups of the squares of their summed scores, and how many groups count.
fn clusters(
    problem: &Problem<'_>,
    theta: &DVector<f64>,
    groups: &[u32],
    gate: &Gate<'_, '_>,
) -> Result<(DMatrix<f64>, usize)> {
    let columns = problem.coordinates.columns(theta.as_slice());
    let (sample, n) = (problem.sample, columns.len());
    let mut order: Vec<u32> = (0..u32::try_from(groups.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_key(|&row| groups[row as usize]);
    let mut meat = DMatrix::zeros(n, n);
    let mut score = DVector::zeros(n);
    let (mut last, mut counts, mut clusters) = (None, false, 0);
    let mut present = Vec::new();
    let dense = sample.dense;
    let mut close = |score: &mut DVector<f64>, counts: &mut bool| {
        if std::mem::take(counts) {
            meat.syger(1.0, score, score, 1.0);
            clusters += 1;
        }
        score.fill(0.0);
    };
    sample.for_rows(
        &columns,
        Rows::List(&order),
        gate,
        |row, log_odds, tile, k| {
            if last != Some(groups[row]) {
                close(&mut score, &mut counts);
                last = Some(groups[row]);
            }
            let weight = sample.weight(row);
            counts |= weight > 0.0;
            let happened = f64::from(u8::from(sample.target.happened(row)));
            let residual = weight * (crate::math::special::sigmoid(log_odds) - happened);
            tile.present(k, dense, &mut present);
            for (place, value) in &present {
                score[*place] += residual * value;
            }
        },
    )?;
    close(&mut score, &mut counts);
    // Only the lower triangle was filled.
    meat.fill_upper_triangle_with_lower_triangle();
    Ok((problem.coordinates.information(&meat), clusters))
}

//! Predictions of rows by fits that did not see them.

use nalgebra::DMatrix;

use super::elastic_net;
use super::fit::{BinaryFit, Table};
use super::folds::split;
use super::newton::{Control, Optimum};
use super::rows::Rows;
use super::sample::Sample;
use super::strength;
use super::{Penalty, Strength};
use crate::error::Result;
use crate::math::special::sigmoid;
use crate::observe::Phase;
use crate::parallel::{Gate, map_tasks};

/// Predictions of every row by a fit that did not see it.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfFold {
    /// The probability of the outcome a row; of an outcome of several classes those of all classes, row
    /// by row.
    pub probabilities: Vec<f64>,
    /// The fold that each row was left out with, from 0.
    pub folds: Vec<u16>,
}

/// Rows of a fold on which strengths are estimated, at most.
const MOST_ROWS: usize = 60_000;

/// The fit of rows outside a fold, from that of all rows. Estimated strengths are estimated anew: with
/// many features they tell of the rows left out, too, and predictions of those would look better than
/// those of new customers are.
fn refit(
    table: &Table<'_, '_>,
    sample: &Sample<'_, '_>,
    fit: &BinaryFit,
    outside: &[u32],
    gate: &Gate<'_, '_>,
) -> Result<Optimum> {
    let control = Control {
        exact: false,
        ..table.control()
    };
    if is_estimated(table) {
        let few: Vec<u32> = outside
            .iter()
            .step_by(outside.len().div_ceil(MOST_ROWS).max(1))
            .copied()
            .collect();
        let none = vec![0.0; table.learning.coordinates.len()];
        let problem = table.problem(sample, Rows::List(&few), &none);
        let found = strength::estimate(&problem, table.settings.max_iterations, gate)?;
        let share = few.len() as f64 / outside.len() as f64;
        let known = found.information.map(|information| information / share);
        let problem = table.problem(sample, Rows::List(outside), &found.penalty);
        let mut optimum = problem.descend(found.theta, known.as_ref(), control, true, gate)?;
        problem.average(&mut optimum, gate)?;
        return Ok(optimum);
    }
    let problem = table.problem(sample, Rows::List(outside), &fit.penalty);
    let start = fit.optimum.theta.clone();
    if fit.absolute.iter().any(|absolute| *absolute > 0.0) {
        return elastic_net::descend(&problem, &fit.absolute, start, table.control(), gate);
    }
    let share = outside.len() as f64 / table.data.len() as f64;
    let known: DMatrix<f64> = &fit.optimum.information * share;
    problem.descend(start, Some(&known), control, false, gate)
}

/// Whether every feature has a strength of its own, from the data.
fn is_estimated(table: &Table<'_, '_>) -> bool {
    let settings = table.settings;
    settings.penalty == Penalty::L2
        && matches!(settings.strength, Strength::Auto | Strength::Estimated)
}

pub(super) fn predict_left_out(
    table: &Table<'_, '_>,
    sample: &Sample<'_, '_>,
    fit: &BinaryFit,
    phase: &mut Phase<'_>,
) -> Result<OutOfFold> {
    let folds = table.folds()?;
    let parts = map_tasks(table.settings.folds, phase, |fold, gate| {
        let (inside, outside) = split(table.data, &folds, fold);
        let optimum = refit(table, sample, fit, &outside, gate)?;
        let columns = table.learning.coordinates.columns(optimum.theta.as_slice());
        let mut found = Vec::with_capacity(inside.len());
        sample.for_rows(
            &columns,
            Rows::List(&inside),
            gate,
            |row, log_odds, _, _| {
                found.push((row, sigmoid(log_odds)));
            },
        )?;
        Ok(found)
    })?;
    let mut probabilities = vec![0.0; table.data.len()];
    for (row, probability) in parts.into_iter().flatten() {
        probabilities[row] = probability;
    }
    Ok(OutOfFold {
        probabilities,
        folds,
    })
}

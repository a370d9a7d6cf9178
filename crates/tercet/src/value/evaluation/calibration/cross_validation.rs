//! Which map to take: the one that predicts held-out customers best, and not by chance alone.

use serde::{Deserialize, Serialize};

use super::maps::{Found, fit_map};
use super::{Calibration, CalibrationMethod};
use crate::error::Result;
use crate::observe::Phase;
use crate::random::Seed;
use crate::value::evaluation::logistic::inside;
use crate::value::evaluation::ranking::Ranked;
use crate::value::evaluation::resampling::folds_of;

/// How a method did on held-out customers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossValidated {
    /// The method.
    pub method: CalibrationMethod,
    /// Mean log loss of customers that the map was not fitted to.
    pub log_loss: f64,
    /// By how much that is better than leaving the predictions alone.
    pub gain: f64,
    /// The standard error of the gain, customers being independent.
    pub standard_error: f64,
}

/// From the simplest to the most flexible.
const METHODS: [CalibrationMethod; 4] = [
    CalibrationMethod::None,
    CalibrationMethod::Sigmoid,
    CalibrationMethod::Beta,
    CalibrationMethod::Isotonic,
];

/// Compares the methods; `None` where there are too few customers of a class for the folds.
///
/// A more flexible method takes the place of a simpler one only where its log loss is lower by more
/// than [`CLEARLY`] standard errors of the difference. So where calibration brings nothing, none is chosen:
/// a map that is chosen by chance costs little in log loss, but an isotonic one makes customers equal whom
/// the model tells apart.
pub(super) fn choose(
    settings: &Calibration,
    ranked: &Ranked,
    phase: &mut Phase<'_>,
) -> Result<Option<(CalibrationMethod, Vec<CrossValidated>)>> {
    let folds = folds_of(ranked, settings.folds, Seed(settings.seed).stream(0));
    let has_both = |fold: usize| {
        let held = |wanted: bool| {
            let places = || (0..ranked.len()).filter(|place| ranked.happened[*place] == wanted);
            places().any(|place| folds[place] != fold)
        };
        held(true) && held(false)
    };
    if !(0..settings.folds).all(has_both) {
        return Ok(None);
    }
    let mut losses = Vec::with_capacity(METHODS.len());
    for method in METHODS {
        losses.push(held_out_losses(settings, method, ranked, &folds, phase)?);
    }
    let mut best = 0;
    for other in 1..METHODS.len() {
        let (gain, error) = difference(ranked, &losses[best], &losses[other]);
        if gain > CLEARLY * error {
            best = other;
        }
    }
    let total: f64 = ranked.weight.iter().sum();
    let table = METHODS.iter().zip(&losses).map(|(method, own)| {
        let (gain, standard_error) = difference(ranked, &losses[0], own);
        let sum: f64 = ranked
            .weight
            .iter()
            .zip(own)
            .map(|(w, loss)| w * loss)
            .sum();
        CrossValidated {
            method: *method,
            log_loss: sum / total,
            gain,
            standard_error,
        }
    });
    Ok(Some((METHODS[best], table.collect())))
}

/// Standard errors that are not taken for chance: 1 in 44 where there is nothing to gain.
const CLEARLY: f64 = 2.0;

fn held_out_losses(
    settings: &Calibration,
    method: CalibrationMethod,
    ranked: &Ranked,
    folds: &[usize],
    phase: &mut Phase<'_>,
) -> Result<Vec<f64>> {
    let mut losses = vec![0.0; ranked.len()];
    for fold in 0..settings.folds {
        let weights: Vec<f64> = ranked
            .weight
            .iter()
            .zip(folds)
            .map(|(w, own)| if *own == fold { 0.0 } else { *w })
            .collect();
        let Found { map, .. } = fit_map(method, ranked, &weights, settings.max_iterations, phase)?;
        for place in (0..ranked.len()).filter(|place| folds[*place] == fold) {
            let q = inside(map.at(ranked.score[place], settings.interpolate));
            losses[place] = -if ranked.happened[place] {
                q.ln()
            } else {
                (-q).ln_1p()
            };
        }
    }
    Ok(losses)
}

/// By how much the second losses are lower on average, with the standard error over customers.
fn difference(ranked: &Ranked, first: &[f64], second: &[f64]) -> (f64, f64) {
    let total: f64 = ranked.weight.iter().sum();
    let terms = ranked.weight.iter().zip(first.iter().zip(second));
    let mean = terms.map(|(w, (a, b))| w * (a - b)).sum::<f64>() / total;
    let mut of_customer = vec![0.0; ranked.n_customers];
    for place in 0..ranked.len() {
        let customer = match &ranked.customer {
            None => place,
            Some(customers) => customers[place] as usize,
        };
        of_customer[customer] += ranked.weight[place] * (first[place] - second[place] - mean);
    }
    let n = ranked.n_customers as f64;
    let squares: f64 = of_customer.iter().map(|sum| sum * sum).sum();
    (mean, (squares * n / (n - 1.0).max(1.0)).sqrt() / total)
}

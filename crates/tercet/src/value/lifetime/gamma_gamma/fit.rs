//! How the Gamma-Gamma parameters are found.

use super::fitted::{FittedGammaGamma, Parameters};
use super::independence::Independence;
use super::likelihood::{Likelihood, Repeater, repeaters, sum_over};
use super::{GammaGamma, ZeroSpend};
use crate::data::Spend;
use crate::error::{Error, Result};
use crate::math::newton::{Newton, Optimum, STILL_TO_WIN};
use crate::model::FitReport;
use crate::observe::Phase;
use crate::value::lifetime::Uncertainty;

const LOG_P: usize = 0;
const LOG_Q: usize = 1;

/// Walls far outside of what any data can tell from infinity (e^11 is about 60,000).
const UPPER_SHAPE: f64 = 11.0;
const LOWER_SHAPE: f64 = -14.0;

/// A wall whose log-likelihood is this close to the best is what the data say.
const INDISTINGUISHABLE: f64 = 1e-6;

pub(super) fn fit(
    settings: &GammaGamma,
    data: &Spend<'_>,
    phase: &mut Phase<'_>,
) -> Result<FittedGammaGamma> {
    let repeaters = usable(settings, data, phase)?;
    let [customers, total] =
        sum_over(&repeaters, phase, |one| [one.weight, one.weight * one.mean])?;
    let mean = total / customers;
    let newton = Newton {
        still_to_win: STILL_TO_WIN * customers.min(1.0),
        lower: [LOWER_SHAPE, LOWER_SHAPE, mean.ln() - 40.0],
        upper: [UPPER_SHAPE, UPPER_SHAPE, mean.ln() + 40.0],
        max_iterations: settings.max_iterations,
    };
    let likelihood = Likelihood::new(&repeaters, phase)?;
    let mut iterations = 0;
    let mut climb = |newton: &Newton<3>, start: [f64; 3]| -> Result<Optimum<3>> {
        let optimum = newton.maximise(start, |point| {
            let evaluation = likelihood.evaluate(point, phase)?;
            phase.advance(Some(evaluation.value))?;
            Ok(evaluation)
        })?;
        iterations += optimum.iterations;
        Ok(optimum)
    };
    let mut optimum = climb(&newton, [1.5, 1.2, mean.ln()])?;
    for start in [[3.0, 0.3, mean.ln()], [0.0, 2.5, mean.ln()]] {
        if !optimum.converged {
            let other = climb(&newton, start)?;
            if (other.converged, other.evaluation.value)
                > (optimum.converged, optimum.evaluation.value)
            {
                optimum = other;
            }
        }
    }
    let mut held = newton.clone();
    for coordinate in [LOG_P, LOG_Q] {
        // A shape in the hundreds that the likelihood cannot tell from infinity is infinite.
        if !optimum.fixed[coordinate] && optimum.point[coordinate] > 5.0 {
            let mut at_wall = held.clone();
            at_wall.lower[coordinate] = UPPER_SHAPE;
            let other = climb(&at_wall, optimum.point)?;
            if other.evaluation.value >= optimum.evaluation.value - INDISTINGUISHABLE {
                optimum = other;
                held = at_wall;
            }
        }
    }
    let parameters = Parameters::from_working(&optimum.point);
    let boundary = describe_boundary(&optimum, parameters);
    let uncertainty = Uncertainty::at(&optimum);
    let how_it_ended = match (optimum.converged, &boundary) {
        (true, Some(boundary)) => format!("converged on a boundary: {boundary}"),
        (true, None) if uncertainty.is_some() => "converged".to_owned(),
        (true, None) => {
            "converged, but the data leave some parameters undetermined: no standard errors"
                .to_owned()
        }
        (false, _) => format!(
            "stopped after {} iterations without converging; raise max_iterations, and look at the amounts for prices of two kinds in one table",
            optimum.iterations
        ),
    };
    Ok(FittedGammaGamma {
        settings: settings.clone(),
        columns: data.columns().clone(),
        parameters,
        uncertainty,
        independence: Some(Independence::test(&repeaters, phase)?),
        report: FitReport {
            iterations,
            log_likelihood: Some(optimum.evaluation.value),
            converged: optimum.converged,
            how_it_ended,
            n_observations: customers,
            n_rows: data.len(),
            n_cells: repeaters.len(),
            n_parameters: optimum.fixed.iter().filter(|fixed| !**fixed).count(),
            boundary,
        },
    })
}

/// The repeaters, if a model of how they differ can be fitted to them.
fn usable(settings: &GammaGamma, data: &Spend<'_>, phase: &mut Phase<'_>) -> Result<Vec<Repeater>> {
    let columns = data.columns();
    let free = |row: &usize| {
        let row = *row;
        data.frequency()[row] > 0.0 && data.monetary_value()[row] == 0.0 && data.weight(row) > 0.0
    };
    if settings.zero_spend == ZeroSpend::Error
        && let Some(row) = (0..data.len()).find(free)
    {
        return Err(Error::data(
            &columns.monetary_value,
            row,
            "is 0 for a customer with repeat purchases, which a gamma distribution cannot produce; leave free purchases out of the log, or set zero_spend=\"skip\"",
        ));
    }
    let repeaters = repeaters(data, phase)?;
    if repeaters.is_empty() || (repeaters.len() == 1 && repeaters[0].weight <= 1.0) {
        return Err(Error::data(
            &columns.frequency,
            None,
            format!(
                "has {} customer(s) with repeat purchases of a value above 0; spend needs at least two",
                repeaters.len()
            ),
        ));
    }
    if repeaters.iter().all(|one| one.mean == repeaters[0].mean) {
        return Err(Error::data(
            &columns.monetary_value,
            None,
            format!(
                "is {} for every repeater: nothing varies, so use that value as the expected spend",
                repeaters[0].mean
            ),
        ));
    }
    Ok(repeaters)
}

fn describe_boundary(optimum: &Optimum<3>, parameters: Parameters) -> Option<String> {
    let mut words = Vec::new();
    if optimum.fixed[LOG_P] && optimum.point[LOG_P] >= UPPER_SHAPE {
        words.push(
            "p runs to infinity: a customer's purchases are all worth the same, and the mean value is known exactly".to_owned(),
        );
    }
    if optimum.fixed[LOG_Q] && optimum.point[LOG_Q] >= UPPER_SHAPE {
        words.push(format!(
            "q and v run to infinity: all customers have the same mean spend, {:.2}",
            parameters.p * parameters.v / parameters.q
        ));
    }
    if optimum.point[LOG_P] <= LOWER_SHAPE || optimum.point[LOG_Q] <= LOWER_SHAPE {
        words.push(
            "p or q runs to 0: the values span too many orders of magnitude for this model"
                .to_owned(),
        );
    }
    if parameters.q <= 1.0 {
        words.push(format!(
            "q = {:.3} is not above 1: the population's mean spend is infinite, so expected spend exists for repeaters only; look for outliers, or cap the amounts",
            parameters.q
        ));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

//! From outcomes to a calibration.

use super::cross_validation::choose;
use super::maps::{Found, fit_map};
use super::{Calibration, CalibrationMethod, FittedCalibration};
use crate::error::Result;
use crate::model::FitReport;
use crate::observe::Phase;
use crate::value::evaluation::Outcomes;
use crate::value::evaluation::logistic::inside;
use crate::value::evaluation::ranking::Ranked;

pub(super) fn fit(
    settings: &Calibration,
    outcomes: &Outcomes<'_>,
    phase: &mut Phase<'_>,
) -> Result<FittedCalibration> {
    let ranked = Ranked::by_probability(outcomes, phase)?;
    let (method, cross_validated, too_few) = match settings.method {
        CalibrationMethod::Auto => match choose(settings, &ranked, phase)? {
            Some((method, table)) => (method, Some(table), false),
            None => (CalibrationMethod::None, None, true),
        },
        method => (method, None, false),
    };
    let Found {
        map,
        iterations,
        converged,
        n_parameters,
        boundary,
        held,
    } = fit_map(
        method,
        &ranked,
        &ranked.weight,
        settings.max_iterations,
        phase,
    )?;
    let how_it_ended = match (&boundary, converged) {
        _ if too_few => {
            "too few events (or too few rows without) to compare methods: the predictions are left as they are".to_owned()
        }
        (_, false) => format!(
            "stopped after {iterations} iterations without converging; raise max_iterations"
        ),
        (Some(boundary), true) => format!("converged on a boundary: {boundary}"),
        (None, true) => match held {
            Some(held) => format!("converged; {held} is held at 0, its lowest value"),
            None => "converged".to_owned(),
        },
    };
    let total: f64 = ranked.weight.iter().sum();
    let log_likelihood = (0..ranked.len()).map(|place| {
        let q = inside(map.at(ranked.score[place], settings.interpolate));
        ranked.weight[place]
            * if ranked.happened[place] {
                q.ln()
            } else {
                (-q).ln_1p()
            }
    });
    let report = FitReport {
        iterations,
        log_likelihood: Some(log_likelihood.sum()),
        converged,
        how_it_ended,
        n_observations: total,
        n_rows: outcomes.len(),
        n_cells: ranked.ties().count(),
        n_parameters,
        boundary,
    };
    Ok(FittedCalibration {
        settings: settings.clone(),
        map,
        event_rate: outcomes.event_rate(),
        cross_validated,
        report,
    })
}

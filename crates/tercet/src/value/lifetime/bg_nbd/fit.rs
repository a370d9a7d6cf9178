//! How the BG/NBD parameters are found.

use std::borrow::Cow;

use super::BgNbd;
use super::fitted::FittedBgNbd;
use super::likelihood::Likelihood;
use super::parameters::Parameters;
use crate::data::{Cell, PurchaseCells, PurchaseColumns};
use crate::error::{Error, Result};
use crate::math::newton::{Newton, Optimum, STILL_TO_WIN};
use crate::model::FitReport;
use crate::observe::Phase;
use crate::value::lifetime::Uncertainty;

// Positions of the working parameters.
const LOG_R: usize = 1;
const LOGIT_MEAN: usize = 2;
const LOG_SUM: usize = 3;

/// Walls far outside of what any data can tell from infinity (e^14 is about a million). The first is
/// counted from the logarithm of the overall rate, so that it knows no unit of time.
const LOWER: [f64; 4] = [-30.0, -14.0, -16.0, -14.0];
const UPPER: [f64; 4] = [30.0, 14.0, 16.0, 14.0];

/// A wall whose log-likelihood is this close to the best is what the data say.
const INDISTINGUISHABLE: f64 = 1e-6;

/// Cells in the coarse fit that the starts are compared on.
const COARSE: usize = 4096;

pub(super) fn fit(
    settings: &BgNbd,
    columns: &PurchaseColumns,
    cells: &PurchaseCells,
    phase: &mut Phase<'_>,
) -> Result<FittedBgNbd> {
    // Customers of T = 0 and rows without weight add exactly 0 to every sum.
    let informative = |cell: &Cell| cell.age > 0.0 && cell.weight > 0.0;
    let informative = if cells.as_slice().iter().all(informative) {
        Cow::Borrowed(cells.as_slice())
    } else {
        cells
            .as_slice()
            .iter()
            .filter(|cell| informative(cell))
            .copied()
            .collect()
    };
    phase.poll()?;
    let customers: f64 = informative.iter().map(|cell| cell.weight).sum();
    let purchases: f64 = informative
        .iter()
        .map(|cell| cell.weight * cell.frequency)
        .sum();
    if purchases == 0.0 {
        return Err(Error::data(
            &columns.frequency,
            None,
            "is 0 in every row that counts: nobody bought again, so neither rate nor dropout can be estimated",
        ));
    }
    if cells.n_rows() < 2 && customers <= 1.0 {
        return Err(Error::data(
            &columns.frequency,
            None,
            "has a single customer; differences between customers need at least two",
        ));
    }
    let log_rate = log_rate(&informative);
    let newton = Newton {
        still_to_win: STILL_TO_WIN * customers.min(1.0),
        lower: [LOWER[0] + log_rate, LOWER[1], LOWER[2], LOWER[3]],
        upper: [UPPER[0] + log_rate, UPPER[1], UPPER[2], UPPER[3]],
        max_iterations: settings.max_iterations,
    };
    let mut iterations = 0;
    let best_start = coarse_start(&newton, &informative, phase)?;
    let likelihood = Likelihood::new(&informative, phase)?;
    let mut climb = |newton: &Newton<4>, start: [f64; 4]| -> Result<Optimum<4>> {
        let optimum = newton.maximise(start, |point| {
            let evaluation = likelihood.evaluate(point, phase)?;
            phase.advance(Some(evaluation.value))?;
            Ok(evaluation)
        })?;
        iterations += optimum.iterations;
        Ok(optimum)
    };
    let mut optimum = climb(&newton, best_start)?;
    if !optimum.converged {
        for start in starts(&informative) {
            let other = climb(&newton, start)?;
            if (other.converged, other.evaluation.value)
                > (optimum.converged, optimum.evaluation.value)
            {
                optimum = other;
            }
        }
    }
    let optimum = settle_on_walls(optimum, &newton, &mut climb)?;
    let parameters = Parameters::from_working(&optimum.point);
    let boundary = describe_boundary(&optimum, parameters);
    let uncertainty = Uncertainty::at(&optimum);
    let n_parameters = optimum.fixed.iter().filter(|fixed| !**fixed).count();
    Ok(FittedBgNbd {
        settings: settings.clone(),
        columns: columns.clone(),
        parameters,
        report: FitReport {
            iterations,
            log_likelihood: Some(optimum.evaluation.value),
            converged: optimum.converged,
            how_it_ended: how_it_ended(&optimum, boundary.as_deref(), uncertainty.is_some()),
            n_observations: customers,
            n_rows: cells.n_rows(),
            n_cells: informative.len(),
            n_parameters,
            boundary,
        },
        uncertainty,
    })
}

/// Starting points from the overall rate of purchases: little and much dropout, with the gamma
/// distribution's shape to match.
fn starts(cells: &[Cell]) -> [[f64; 4]; 3] {
    let log_rate = log_rate(cells);
    [
        [log_rate + 0.3, -0.7, -1.1, 1.2],
        [log_rate + 0.1, 0.7, -3.0, 3.0],
        [log_rate + 0.7, -1.6, 0.0, 0.0],
    ]
}

/// The logarithm of all purchases over all time.
fn log_rate(cells: &[Cell]) -> f64 {
    let purchases: f64 = cells.iter().map(|cell| cell.weight * cell.frequency).sum();
    let exposure: f64 = cells.iter().map(|cell| cell.weight * cell.age).sum();
    (purchases / exposure).ln()
}

/// The best of the starts on a coarse version of the data: heavy cells whole, of the light ones
/// every k-th with k times its weight. It only saves passes over the whole; the end is the same.
fn coarse_start(newton: &Newton<4>, cells: &[Cell], phase: &mut Phase<'_>) -> Result<[f64; 4]> {
    let starts = starts(cells);
    let keep_every = cells.len().div_ceil(COARSE);
    let total: f64 = cells.iter().map(|cell| cell.weight).sum();
    let heavy = total / COARSE as f64;
    let mut light = 0;
    let coarse: Vec<Cell> = cells
        .iter()
        .filter_map(|cell| {
            if cell.weight >= heavy {
                return Some(*cell);
            }
            light += 1;
            let weight = cell.weight * keep_every as f64;
            (light % keep_every == 0).then_some(Cell { weight, ..*cell })
        })
        .collect();
    let likelihood = Likelihood::new(&coarse, phase)?;
    let mut best: Option<Optimum<4>> = None;
    for start in starts {
        let optimum = newton.maximise(start, |point| {
            phase.poll()?;
            likelihood.evaluate(point, phase)
        })?;
        if best
            .as_ref()
            .is_none_or(|best| optimum.evaluation.value > best.evaluation.value)
        {
            best = Some(optimum);
        }
    }
    Ok(best.map_or(starts[0], |best| best.point))
}

/// A coordinate, its wall, and how far out is suspicious.
type Wall = (usize, f64, fn(f64) -> bool);

/// Where the best point lies far out and the likelihood cannot tell it from the wall, the wall is
/// the answer: a finite million would only look like an estimate.
fn settle_on_walls(
    mut optimum: Optimum<4>,
    newton: &Newton<4>,
    climb: &mut impl FnMut(&Newton<4>, [f64; 4]) -> Result<Optimum<4>>,
) -> Result<Optimum<4>> {
    let walls: [Wall; 5] = [
        (LOG_R, UPPER[LOG_R], |at| at > 4.0),
        (LOG_SUM, UPPER[LOG_SUM], |at| at > 5.0),
        (LOG_SUM, LOWER[LOG_SUM], |at| at < -5.0),
        (LOGIT_MEAN, LOWER[LOGIT_MEAN], |at| at < -6.0),
        (LOGIT_MEAN, UPPER[LOGIT_MEAN], |at| at > 6.0),
    ];
    let mut held = newton.clone();
    for (coordinate, wall, suspicious) in walls {
        if optimum.fixed[coordinate] || !suspicious(optimum.point[coordinate]) {
            continue;
        }
        let mut at_wall = held.clone();
        (at_wall.lower[coordinate], at_wall.upper[coordinate]) = (wall, wall);
        let other = climb(&at_wall, optimum.point)?;
        if other.evaluation.value >= optimum.evaluation.value - INDISTINGUISHABLE {
            optimum = other;
            held = at_wall;
        }
    }
    if optimum.fixed[LOGIT_MEAN] {
        // Without dropout (or with nothing but), its spread has no meaning.
        optimum.fixed[LOG_SUM] = true;
    }
    Ok(optimum)
}

fn describe_boundary(optimum: &Optimum<4>, p: Parameters) -> Option<String> {
    let mean = p.a / (p.a + p.b);
    let at = |coordinate: usize, wall: &[f64; 4]| {
        optimum.fixed[coordinate] && optimum.point[coordinate] == wall[coordinate]
    };
    let mut words = Vec::new();
    if at(LOG_R, &UPPER) {
        words.push(format!(
            "r and alpha run to infinity at r/alpha = {:.4}: all customers buy at the same rate (a Poisson process in place of the gamma mixture)",
            p.r / p.alpha
        ));
    }
    if at(LOG_R, &LOWER) {
        words.push(
            "r runs to 0: almost nobody buys, and the few who do have no common rate".to_owned(),
        );
    }
    if at(LOGIT_MEAN, &LOWER) {
        words.push("a/(a+b) runs to 0: nobody drops out (the NBD model)".to_owned());
    } else if at(LOGIT_MEAN, &UPPER) {
        words.push(
            "a/(a+b) runs to 1: everybody drops out after the first repeat purchase".to_owned(),
        );
    } else if at(LOG_SUM, &UPPER) {
        words.push(format!(
            "a and b run to infinity at a/(a+b) = {mean:.4}: every customer has the same probability of dropping out after a purchase (a geometric lifetime in place of the beta mixture)"
        ));
    } else if at(LOG_SUM, &LOWER) {
        words.push(format!(
            "a and b run to 0 at a/(a+b) = {mean:.4}: that share of customers drops out after the first repeat purchase, the others never do"
        ));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

fn how_it_ended(optimum: &Optimum<4>, boundary: Option<&str>, determined: bool) -> String {
    match (optimum.converged, boundary) {
        (true, Some(boundary)) => format!("converged on a boundary: {boundary}"),
        (true, None) if determined => "converged".to_owned(),
        (true, None) => {
            "converged, but the data leave some parameters undetermined: no standard errors"
                .to_owned()
        }
        (false, _) => format!(
            "stopped after {} iterations without converging; raise max_iterations, and look at the data for two kinds of customers in one table",
            optimum.iterations
        ),
    }
}

//! The maps from predictions to probabilities, and how each is fitted.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::CalibrationMethod;
use super::isotonic::Steps;
use crate::error::Result;
use crate::math::ascent::Peak;
use crate::math::special::sigmoid;
use crate::observe::Phase;
use crate::value::evaluation::logistic::{self, LogisticRow, inside, log_odds};
use crate::value::evaluation::ranking::Ranked;

/// A fitted map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub(super) enum Map {
    None,
    Sigmoid {
        intercept: f64,
        slope: f64,
        covariance: Option<Vec<Vec<f64>>>,
    },
    Beta {
        a: f64,
        b: f64,
        c: f64,
        covariance: Option<Vec<Vec<f64>>>,
    },
    Isotonic(Steps),
}

impl Map {
    /// The probability of a prediction.
    pub(super) fn at(&self, p: f64, interpolate: bool) -> f64 {
        match self {
            Self::None => p,
            Self::Sigmoid {
                intercept, slope, ..
            } => sigmoid(intercept + slope * log_odds(p)),
            Self::Beta { a, b, c, .. } => {
                let p = inside(p);
                sigmoid(c + a * p.ln() - b * (-p).ln_1p())
            }
            Self::Isotonic(steps) => steps.at(p, interpolate),
        }
    }

    pub(super) fn method(&self) -> CalibrationMethod {
        match self {
            Self::None => CalibrationMethod::None,
            Self::Sigmoid { .. } => CalibrationMethod::Sigmoid,
            Self::Beta { .. } => CalibrationMethod::Beta,
            Self::Isotonic(_) => CalibrationMethod::Isotonic,
        }
    }
}

/// A map, and how its fit went.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) map: Map,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    pub(super) n_parameters: usize,
    /// What makes the map useless or dangerous, in words.
    pub(super) boundary: Option<String>,
    /// A coefficient that is held at 0.
    pub(super) held: Option<&'static str>,
}

/// Fits one method (not `Auto`) under some weights of the places.
pub(super) fn fit_map(
    method: CalibrationMethod,
    ranked: &Ranked,
    weights: &[f64],
    max_iterations: usize,
    phase: &mut Phase<'_>,
) -> Result<Found> {
    let fitting = Fitting {
        ranked,
        weights,
        max_iterations,
    };
    match method {
        CalibrationMethod::None | CalibrationMethod::Auto => Ok(Found {
            map: Map::None,
            iterations: 0,
            converged: true,
            n_parameters: 0,
            boundary: None,
            held: None,
        }),
        CalibrationMethod::Sigmoid => fitting.sigmoid(phase),
        CalibrationMethod::Beta => fitting.beta(phase),
        CalibrationMethod::Isotonic => {
            let steps = Steps::fit(ranked, weights);
            Ok(Found {
                iterations: 1,
                converged: true,
                n_parameters: steps.len(),
                boundary: None,
                held: None,
                map: Map::Isotonic(steps),
            })
        }
    }
}

struct Fitting<'r> {
    ranked: &'r Ranked,
    weights: &'r [f64],
    max_iterations: usize,
}

impl Fitting<'_> {
    /// Coefficients of some columns of the prediction, and of what is given.
    fn climb<const K: usize>(
        &self,
        columns: impl Fn(f64) -> [f64; K] + Sync + Send,
        offset: impl Fn(f64) -> f64 + Sync + Send,
        start: [f64; K],
        phase: &mut Phase<'_>,
    ) -> Result<Peak> {
        let row = |place: usize| {
            let p = self.ranked.score[place];
            LogisticRow {
                columns: columns(p),
                offset: offset(p),
                happened: self.ranked.happened[place],
                weight: self.weights[place],
            }
        };
        logistic::fit(self.ranked.len(), row, start, self.max_iterations, phase)
    }

    fn sigmoid(&self, phase: &mut Phase<'_>) -> Result<Found> {
        let peak = self.climb(|p| [1.0, log_odds(p)], |_| 0.0, [0.0, 1.0], phase)?;
        if self.separates() {
            return Ok(found(
                sigmoid_of(&peak),
                &peak,
                2,
                Some(SEPARATED.to_owned()),
            ));
        }
        if peak.covariance().is_none() {
            let shift = self.climb(|_| [1.0], log_odds, [0.0], phase)?;
            return Ok(found(
                Map::Sigmoid {
                    intercept: shift.point[0],
                    slope: 1.0,
                    covariance: None,
                },
                &shift,
                1,
                Some("all predictions are equal: the slope is held at 1".to_owned()),
            ));
        }
        if peak.point[1] >= 0.0 {
            return Ok(found(sigmoid_of(&peak), &peak, 2, None));
        }
        self.flat(phase)
    }

    fn beta(&self, phase: &mut Phase<'_>) -> Result<Found> {
        let all = self.climb(|p| [ln_p(p), ln_q(p), 1.0], |_| 0.0, [1.0, 1.0, 0.0], phase)?;
        if self.separates() {
            return Ok(found(beta_of(&all), &all, 3, Some(SEPARATED.to_owned())));
        }
        if all.covariance().is_none() {
            return Ok(self.sigmoid(phase)?.into_beta());
        }
        if all.point[0] >= 0.0 && all.point[1] >= 0.0 {
            return Ok(found(beta_of(&all), &all, 3, None));
        }
        // A concave likelihood has its best point under a, b >= 0 on a wall: the better of the two.
        let without_a = self.climb(|p| [ln_q(p), 1.0], |_| 0.0, [1.0, 0.0], phase)?;
        let without_b = self.climb(|p| [ln_p(p), 1.0], |_| 0.0, [1.0, 0.0], phase)?;
        let likely = |peak: &Peak| {
            if peak.point[0] >= 0.0 {
                peak.local.value
            } else {
                f64::NEG_INFINITY
            }
        };
        let (a, b) = (likely(&without_b), likely(&without_a));
        if a == f64::NEG_INFINITY && b == f64::NEG_INFINITY {
            return Ok(self.flat(phase)?.into_beta());
        }
        let (peak, held, k) = if b >= a {
            (&without_a, "a", 1)
        } else {
            (&without_b, "b", 0)
        };
        let mut coefficients = [0.0; 2];
        coefficients[k] = peak.point[0];
        let map = Map::Beta {
            a: coefficients[0],
            b: coefficients[1],
            c: peak.point[1],
            covariance: None,
        };
        Ok(Found {
            held: Some(held),
            ..found(map, peak, 2, None)
        })
    }

    /// The event rate for everybody.
    fn flat(&self, phase: &mut Phase<'_>) -> Result<Found> {
        let flat = self.climb(|_| [1.0], |_| 0.0, [0.0], phase)?;
        let map = Map::Sigmoid {
            intercept: flat.point[0],
            slope: 0.0,
            covariance: None,
        };
        Ok(found(map, &flat, 1, Some(USELESS.to_owned())))
    }

    /// Whether every event has a higher prediction than every other row.
    fn separates(&self) -> bool {
        let counts = |place: &usize| self.weights[*place] > 0.0;
        let places = || (0..self.ranked.len()).filter(counts);
        let last_event = places().rev().find(|place| self.ranked.happened[*place]);
        let first_other = places().find(|place| !self.ranked.happened[*place]);
        match (last_event, first_other) {
            (Some(event), Some(other)) => self.ranked.score[event] > self.ranked.score[other],
            _ => true,
        }
    }
}

const SEPARATED: &str = "the predictions tell events from the others without a mistake: the map runs to a step, and will promise too much; check for a leak";
const USELESS: &str =
    "higher predictions do not mean more events: everybody is given the event rate";

impl Found {
    /// The same map in the terms of the other method.
    fn into_beta(mut self) -> Self {
        if let Map::Sigmoid {
            intercept, slope, ..
        } = self.map
        {
            self.map = Map::Beta {
                a: slope,
                b: slope,
                c: intercept,
                covariance: None,
            };
        }
        self
    }
}

fn found(map: Map, peak: &Peak, n_parameters: usize, boundary: Option<String>) -> Found {
    Found {
        map,
        iterations: peak.iterations,
        converged: peak.converged,
        n_parameters,
        boundary,
        held: None,
    }
}

fn sigmoid_of(peak: &Peak) -> Map {
    Map::Sigmoid {
        intercept: peak.point[0],
        slope: peak.point[1],
        covariance: peak.covariance().map(|matrix| rows_of(&matrix)),
    }
}

fn beta_of(peak: &Peak) -> Map {
    Map::Beta {
        a: peak.point[0],
        b: peak.point[1],
        c: peak.point[2],
        covariance: peak.covariance().map(|matrix| rows_of(&matrix)),
    }
}

fn rows_of(matrix: &DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix
        .row_iter()
        .map(|row| row.iter().copied().collect())
        .collect()
}

fn ln_p(p: f64) -> f64 {
    inside(p).ln()
}

fn ln_q(p: f64) -> f64 {
    -(-inside(p)).ln_1p()
}

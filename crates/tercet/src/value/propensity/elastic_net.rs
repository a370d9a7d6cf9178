//! The elastic net: some coefficients become exactly 0.
//!
//! Around the present coordinates the loss is replaced by its quadratic model, and that is minimised
//! with the penalty by coordinate descent on the curvature matrix, which needs no row (Friedman, Hastie
//! & Tibshirani 2010, Journal of Statistical Software 33(1); Lee, Sun & Saunders 2014, SIAM Journal on
//! Optimization 24, 1420-1443). The step is shortened until the loss falls. At the end every slope is
//! within the absolute penalty, or equal to it where the coefficient is not 0.

use nalgebra::{DMatrix, DVector};

use super::newton::{Control, Ending, Optimum, Problem};
use crate::error::{Error, Result};
use crate::parallel::Gate;

/// Strengths on the way from the strongest to the one that is wanted.
const ON_THE_WAY: i32 = 8;

/// Sweeps over all coordinates for one quadratic model.
const MOST_SWEEPS: usize = 1_000;

/// A share of the curvature's own change in a sweep at which the quadratic model is solved.
const SOLVED: f64 = 1e-13;

/// The smallest strength of the path under which all coordinates but the intercept are 0.
pub(super) fn strongest(problem: &Problem<'_>, l1_ratio: f64, gate: &Gate<'_, '_>) -> Result<f64> {
    let control = Control {
        max_iterations: 100,
        tolerance: 1e-9,
        exact: false,
    };
    let wall = vec![f64::INFINITY; problem.penalty.len()];
    let null = descend(problem, &wall, problem.start(), control, gate)?;
    let here = problem.evaluate(&null.theta, false, gate)?;
    Ok(here.gradient.rows(1, here.gradient.len() - 1).amax() / l1_ratio)
}

/// Minimises loss, squared and absolute penalty, by way of stronger ones.
pub(super) fn solve(
    problem: &Problem<'_>,
    absolute: &[f64],
    control: Control,
    gate: &Gate<'_, '_>,
) -> Result<Optimum> {
    let largest = absolute.iter().copied().fold(0.0, f64::max);
    let first = strongest(problem, 1.0, gate)?;
    let mut theta = problem.start();
    let mut iterations = 0;
    if first > 2.0 * largest {
        let rough = Control {
            tolerance: 1e-4,
            ..control
        };
        for step in 1..ON_THE_WAY {
            let factor = (first / largest).powf(1.0 - f64::from(step) / f64::from(ON_THE_WAY));
            let on_the_way: Vec<f64> = absolute.iter().map(|own| own * factor).collect();
            let penalty: Vec<f64> = problem.penalty.iter().map(|own| own * factor).collect();
            let stronger = Problem {
                penalty: &penalty,
                ..*problem
            };
            let found = descend(&stronger, &on_the_way, theta, rough, gate)?;
            theta = found.theta;
            iterations += found.iterations;
        }
    }
    let mut found = descend(problem, absolute, theta, control, gate)?;
    found.iterations += iterations;
    Ok(found)
}

/// Minimises from `theta`.
pub(super) fn descend(
    problem: &Problem<'_>,
    absolute: &[f64],
    mut theta: DVector<f64>,
    control: Control,
    gate: &Gate<'_, '_>,
) -> Result<Optimum> {
    for (value, absolute) in theta.iter_mut().zip(absolute) {
        if absolute.is_infinite() {
            *value = 0.0;
        }
    }
    let charge = |theta: &DVector<f64>| -> f64 {
        let terms = theta.iter().zip(problem.penalty).zip(absolute);
        terms
            .filter(|((value, _), _)| **value != 0.0)
            .map(|((value, squared), absolute)| {
                0.5 * squared * value * value + absolute * value.abs()
            })
            .sum()
    };
    let mut iterations = 0;
    loop {
        let here = problem.evaluate(&theta, true, gate)?;
        iterations += 1;
        let Some(information) = here.information.filter(|_| here.loss.is_finite()) else {
            return Err(Error::Numeric {
                during: "the loss of an elastic net".to_owned(),
            });
        };
        let target = coordinate_descent(
            &information,
            &here.gradient,
            problem.penalty,
            absolute,
            &theta,
        );
        let step = &target - &theta;
        let value = here.loss + charge(&theta);
        // What the model promises of the step.
        let promised = value
            - (here.loss + here.gradient.dot(&step) + 0.5 * step.dot(&(&information * &step)))
            - charge(&target);
        let enough = (control.tolerance * here.loss).max(8.0 * f64::EPSILON * value.abs());
        let finished = promised <= enough;
        if finished || iterations >= control.max_iterations {
            let loss =
                here.loss + here.gradient.dot(&step) + 0.5 * step.dot(&(&information * &step));
            let gradient = &here.gradient + &information * &step;
            return Ok(Optimum {
                slope: violation(&gradient, &information, problem.penalty, absolute, &target),
                theta: target,
                loss,
                information,
                iterations,
                ending: if finished {
                    Ending::Converged
                } else {
                    Ending::Stopped
                },
                aliased: Vec::new(),
            });
        }
        let rounding = 16.0 * f64::EPSILON * value.abs();
        let mut share = 1.0;
        loop {
            let next = &theta + share * &step;
            let there = problem.evaluate(&next, false, gate)?;
            let fallen = value - there.loss - charge(&next);
            if fallen + rounding >= 1e-2 * share * promised || share < 1e-6 {
                theta = next;
                break;
            }
            share *= 0.5;
        }
    }
}

/// The minimum of the quadratic model with both penalties.
fn coordinate_descent(
    information: &DMatrix<f64>,
    gradient: &DVector<f64>,
    squared: &[f64],
    absolute: &[f64],
    start: &DVector<f64>,
) -> DVector<f64> {
    let mut theta = start.clone();
    // The model's slope at `theta`, kept up to date.
    let mut slope = gradient.clone();
    let n = theta.len();
    let all: Vec<usize> = (0..n).filter(|&k| absolute[k].is_finite()).collect();
    let mut places = all.clone();
    let mut whole = true;
    for _ in 0..MOST_SWEEPS {
        let (mut moved, mut size) = (0.0_f64, 0.0_f64);
        for &k in &places {
            let own = information[(k, k)];
            let bend = own + squared[k];
            if bend <= 0.0 {
                continue;
            }
            let pull = own * theta[k] - slope[k];
            let next = pull.signum() * (pull.abs() - absolute[k]).max(0.0) / bend;
            let step = next - theta[k];
            if step != 0.0 {
                slope.axpy(step, &information.column(k), 1.0);
                theta[k] = next;
                moved = moved.max(own * step * step);
            }
            size = size.max(own * next * next);
        }
        let still = moved <= SOLVED * SOLVED.max(size);
        if still && whole {
            break;
        }
        // Between two sweeps over all, those that are not 0 settle by themselves.
        whole = still;
        places = if still {
            all.clone()
        } else {
            all.iter()
                .copied()
                .filter(|&k| k == 0 || theta[k] != 0.0)
                .collect()
        };
    }
    theta
}

/// How far the optimality conditions are missed at most, in units of each coordinate's curvature.
fn violation(
    gradient: &DVector<f64>,
    information: &DMatrix<f64>,
    squared: &[f64],
    absolute: &[f64],
    theta: &DVector<f64>,
) -> f64 {
    let of = |k: usize| {
        let slope = gradient[k] + squared[k] * theta[k];
        let missed = if absolute[k].is_infinite() {
            0.0
        } else if theta[k] == 0.0 {
            (slope.abs() - absolute[k]).max(0.0)
        } else {
            (slope + absolute[k] * theta[k].signum()).abs()
        };
        missed
            / (information[(k, k)] + squared[k])
                .max(f64::MIN_POSITIVE)
                .sqrt()
    };
    (0..theta.len()).map(of).fold(0.0, f64::max)
}

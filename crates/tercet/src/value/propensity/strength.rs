//! How strongly coefficients are drawn to 0: estimated from the fit itself.
//!
//! Every feature has strengths of its own, one for its slope and one for its bends, or one for its
//! levels. A strength is the inverse of a variance: that of a group's coordinates as draws from a normal
//! distribution around 0. The variances that make the data most probable, all coordinates integrated
//! out (by Laplace's approximation), satisfy
//!
//! ```text
//! λ_g |θ_g|² = k_g - λ_g tr(V_gg),        V = (H + Λ)^-1,
//! ```
//!
//! whose right side is the group's effective number of parameters; the iteration `λ_g <- edf_g / |θ_g|²`
//! goes uphill (Fellner 1986, Technometrics 28, 51-60; Schall 1991, Biometrika 78, 719-727; Wood &
//! Fasiolo 2017, Biometrics 73, 1071-1081). A feature that says nothing is drawn to 0 by itself; one
//! that bends sharply may. No row has to be left out for it.

use nalgebra::DVector;

use super::newton::{Control, Problem, Quadratic};
use super::reader::Rows;
use crate::error::Result;
use crate::math::lanes::ROWS;
use crate::parallel::Gate;

/// The most rounds; each is a pass over the rows.
const ROUNDS: usize = 60;

const WEAKEST: f64 = 1e-6;
const STRONGEST: f64 = 1e9;

/// Rows on which strengths are estimated: their errors are then those of a few effective parameters,
/// whatever the rest of the table says.
const MOST_ROWS: usize = 60_000;

/// Strengths of groups of coordinates on their way.
pub(crate) struct Settling<'g> {
    groups: &'g [Option<usize>],
    /// A strength a group.
    pub(crate) strengths: Vec<f64>,
    /// The effective parameters of the round before.
    settled: Vec<f64>,
}

impl<'g> Settling<'g> {
    /// No round changes a group's effective parameters by more than this at the end.
    pub(crate) const ENOUGH: f64 = 0.02;

    /// Begins with strengths of 1; a coordinate without a group is free.
    pub(crate) fn new(groups: &'g [Option<usize>], n_groups: usize) -> Self {
        Self {
            groups,
            strengths: vec![1.0; n_groups],
            settled: vec![f64::INFINITY; n_groups],
        }
    }

    /// `λ_g <- edf_g / |θ_g|²`; returns the largest change of a group's effective parameters.
    pub(crate) fn renew(&mut self, penalty: &[f64], theta: &[f64], variances: &[f64]) -> f64 {
        let n_groups = self.strengths.len();
        let (mut effective, mut squares) = (vec![0.0; n_groups], vec![0.0; n_groups]);
        for (k, group) in self.groups.iter().enumerate() {
            if let Some(group) = *group {
                effective[group] += 1.0 - penalty[k] * variances[k];
                squares[group] += theta[k] * theta[k];
            }
        }
        let mut most: f64 = 0.0;
        for group in 0..n_groups {
            let own = effective[group].max(0.0);
            self.strengths[group] = (own / squares[group].max(1e-300)).clamp(WEAKEST, STRONGEST);
            most = most.max((own - self.settled[group]).abs());
            self.settled[group] = own;
        }
        most
    }
}

/// Estimates a strength for every group of coordinates; returns those of the coordinates, and where the
/// fit of the rows it took ended.
pub(super) fn estimate(
    problem: &Problem<'_>,
    max_iterations: usize,
    gate: &Gate<'_, '_>,
) -> Result<(Vec<f64>, DVector<f64>, usize)> {
    let coordinates = problem.coordinates;
    let rows = match problem.rows {
        Rows::All(n) if n > MOST_ROWS => Rows::Every {
            of: n,
            step: (n / MOST_ROWS).max(1).min(n / ROWS),
        },
        rows => rows,
    };
    let mut settling = Settling::new(&coordinates.groups, coordinates.n_groups);
    let mut penalty = coordinates.spread(&settling.strengths);
    let part = Problem { rows, ..*problem };
    let first = Problem {
        penalty: &penalty,
        ..part
    };
    let rough = Control {
        max_iterations,
        tolerance: 1e-6,
        exact: false,
    };
    let mut theta = first
        .descend(first.start(), None, rough, false, gate)?
        .theta;
    let mut rounds = 0;
    while rounds < ROUNDS {
        rounds += 1;
        let round = Problem {
            penalty: &penalty,
            ..part
        };
        let here = round.evaluate(&theta, true, gate)?;
        let Some(information) = here.information else {
            break;
        };
        let Some(model) = Quadratic::new(&information, &penalty, &[]) else {
            break;
        };
        // One step of Newton's method a round: strengths and coordinates settle together.
        theta -= model.solve(&round.penalised(&here.gradient, &theta));
        let variances = model.variances();
        let most = settling.renew(&penalty, theta.as_slice(), variances.as_slice());
        penalty = coordinates.spread(&settling.strengths);
        if most < Settling::ENOUGH {
            break;
        }
    }
    Ok((penalty, theta, rounds))
}

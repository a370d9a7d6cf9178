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

/// No round changes a group's effective parameters by more than this at the end.
const SETTLED: f64 = 0.02;

const WEAKEST: f64 = 1e-6;
const STRONGEST: f64 = 1e9;

/// Rows on which strengths are estimated: their errors are then those of a few effective parameters,
/// whatever the rest of the table says.
const MOST_ROWS: usize = 60_000;

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
    let mut strengths = vec![1.0; coordinates.n_groups];
    let mut penalty = coordinates.spread(&strengths);
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
    let mut settled = vec![f64::INFINITY; coordinates.n_groups];
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
        let (mut effective, mut squares) = (
            vec![0.0; coordinates.n_groups],
            vec![0.0; coordinates.n_groups],
        );
        for (k, group) in coordinates.groups.iter().enumerate() {
            if let Some(group) = *group {
                effective[group] += 1.0 - penalty[k] * variances[k];
                squares[group] += theta[k] * theta[k];
            }
        }
        let mut most: f64 = 0.0;
        for group in 0..strengths.len() {
            let own = effective[group].max(0.0);
            strengths[group] = (own / squares[group].max(1e-300)).clamp(WEAKEST, STRONGEST);
            most = most.max((own - settled[group]).abs());
            settled[group] = own;
        }
        penalty = coordinates.spread(&strengths);
        if most < SETTLED {
            break;
        }
    }
    Ok((penalty, theta, rounds))
}

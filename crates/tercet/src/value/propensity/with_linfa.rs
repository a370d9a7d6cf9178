//! linfa-logistic as the solver, for those who want it.
//!
//! What must be known of linfa-logistic 0.8.1: it takes the more frequent class for the positive one;
//! it ignores weights; on columns of different scales its line search ends early without a word; it says
//! nothing of how it ended. So it is given coordinates, which have one scale, the sign is turned where
//! it must be, and the answer is judged by our own slope and curvature.

use super::data::{Outcome, PropensityData};
use super::fit::Table;
use super::newton::{Optimum, Problem};
use super::{Penalty, Propensity, Solver, Strength};
use crate::error::{Error, Result};
use crate::parallel::Gate;

/// That the settings and the data are among those that linfa-logistic knows.
pub(super) fn check(settings: &Propensity, data: &PropensityData<'_>) -> Result<()> {
    let refuse = |expected: &str| {
        let expected = format!("\"newton\": linfa-logistic knows {expected}");
        Err(Error::parameter("solver", "\"linfa\"", expected))
    };
    if cfg!(not(feature = "linfa")) {
        return refuse("nothing in a build without the feature 'linfa'");
    }
    debug_assert_eq!(settings.solver, Solver::Linfa);
    if data.weights().is_some() {
        return refuse("no weights");
    }
    if data.offset().is_some() {
        return refuse("no offset");
    }
    if !matches!(data.outcome(), Outcome::Binary(_)) {
        return refuse("several classes, but not on unscaled rows");
    }
    if settings.penalty != Penalty::L2 {
        return refuse("no absolute penalty");
    }
    match settings.strength {
        Strength::Fixed(strength) if strength > 0.0 => {}
        Strength::Fixed(_) => return refuse("no sign of separation; give a strength above 0"),
        _ => return refuse("one fixed strength"),
    }
    if !settings.standardize {
        return refuse("columns of one scale only; leave standardize on");
    }
    Ok(())
}

#[cfg(not(feature = "linfa"))]
pub(super) fn solve(
    table: &Table<'_, '_>,
    _: &Problem<'_>,
    _: f64,
    _: &Gate<'_, '_>,
) -> Result<Optimum> {
    check(table.settings, table.data)?;
    Err(Error::parameter("solver", "\"linfa\"", "\"newton\""))
}

#[cfg(feature = "linfa")]
pub(super) fn solve(
    table: &Table<'_, '_>,
    problem: &Problem<'_>,
    strength: f64,
    gate: &Gate<'_, '_>,
) -> Result<Optimum> {
    use linfa::Dataset;
    use linfa::traits::Fit;
    use linfa_logistic::LogisticRegression;
    use nalgebra::DVector;
    use ndarray::{Array1, Array2};

    let (n, width) = (table.data.len(), table.learning.coordinates.len());
    let matrix = problem
        .sample
        .matrix(&table.learning.coordinates, n, gate)?;
    // Without the intercept, which linfa adds.
    let records = Array2::from_shape_fn((n, width - 1), |(i, j)| matrix[i * width + 1 + j]);
    drop(matrix);
    let happened = Array1::from_shape_fn(n, |row| problem.sample.target.happened(row));
    // Its tolerance is one of the summed gradient.
    let fitted = LogisticRegression::default()
        .alpha(strength)
        .max_iterations(table.settings.max_iterations as u64)
        .gradient_tolerance(1e-8 * n as f64)
        .fit(&Dataset::new(records, happened))
        .map_err(|error| Error::Numeric {
            during: format!("linfa-logistic ({error})"),
        })?;
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let coefficients = std::iter::once(fitted.intercept()).chain(fitted.params().iter().copied());
    let theta = DVector::from_iterator(width, coefficients.map(|value| sign * value));
    let mut control = table.control();
    // L-BFGS stops at a small slope, not where nothing is left to win.
    control.tolerance = control.tolerance.max(1e-6);
    problem.judge(theta, control, gate)
}

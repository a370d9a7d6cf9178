//! What respondents' posterior probabilities are on their way to the core, and what both third steps
//! report.

use pyo3::prelude::*;
use tercet::Parameter;
use tercet::needs::{Memberships, WaldTest};

use crate::arrays::{Column, Floats, Table};
use crate::data::Named;
use crate::model::known;
use crate::records::Record;

/// Posterior probabilities row by row, and weights, borrowed.
pub(super) struct MembershipArrays<'a> {
    posterior: &'a [f64],
    n_segments: usize,
    weights: Option<(&'a str, &'a [f64])>,
}

impl<'a> MembershipArrays<'a> {
    /// Borrows the arrays.
    pub(super) fn new(
        posterior: &'a Floats<'_>,
        n_segments: usize,
        weights: Option<&'a Named<'_>>,
    ) -> PyResult<Self> {
        let weights = match weights {
            Some((name, values)) => Some((name.as_str(), values.values()?)),
            None => None,
        };
        Ok(Self {
            posterior: posterior.values()?,
            n_segments,
            weights,
        })
    }

    /// The checked view.
    pub(super) fn memberships(&self) -> tercet::Result<Memberships<'a>> {
        let members = Memberships::new(self.posterior, self.n_segments)?;
        match self.weights {
            Some((name, weights)) => members.with_weights(name, weights),
            None => Ok(members),
        }
    }
}

/// Estimates, a row each: `estimate`, `standard_error`, `lower`, `upper`.
pub(super) fn parameters(py: Python<'_>, rows: &[Vec<Parameter>]) -> PyResult<Table> {
    let all = rows.iter().flatten();
    let numbers = all.map(|one| {
        let [error, lower, upper] = [one.standard_error, one.lower, one.upper].map(known);
        [one.estimate, error, lower, upper]
    });
    Table::new(py, numbers.collect())
}

/// Tests, a number of each in every column: `chi_squared`, `degrees_of_freedom`, `p_value`.
pub(super) fn tests<'py, 't>(
    py: Python<'py>,
    tests: impl Iterator<Item = &'t WaldTest> + Clone,
) -> PyResult<Record<'py>> {
    let chi_squared = tests.clone().map(|test| test.chi_squared);
    let degrees = tests.clone().map(|test| test.degrees_of_freedom);
    let p_values = tests.map(|test| known(test.p_value));
    Record::new(py)
        .with("chi_squared", Column::new(py, chi_squared.collect()))?
        .with("degrees_of_freedom", Column::counts(py, degrees))?
        .with("p_value", Column::new(py, p_values.collect()))
}

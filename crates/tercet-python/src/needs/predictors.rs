//! Which customers belong to which segment.

use pyo3::prelude::*;
use tercet::needs::{PredictorEffects, SegmentPredictors};

use super::three_step::{MembershipArrays, parameters, tests};
use crate::arrays::{Column, Floats, Table};
use crate::boundary::{self, Progress};
use crate::data::Named;
use crate::errors;
use crate::model::report_of;
use crate::records::Record;

/// Estimates how membership depends on covariates.
///
/// `settings` has `method`, `assignment`, `level` and `max_iterations`. Returns `coefficients` (segment by
/// segment from the second, the constant first: estimate, standard error, lower and upper end), `tests`
/// (a row a covariate), `shares`, `misassignment`, `notes` and `report`.
#[pyfunction]
#[pyo3(signature = (
    covariates, posterior, n_segments, weights, *, settings, n_jobs=None, progress=None,
))]
pub(crate) fn segment_predictors<'py>(
    py: Python<'py>,
    covariates: Vec<Named<'_>>,
    posterior: Floats<'_>,
    n_segments: usize,
    weights: Option<Named<'_>>,
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let word = |name: &str| settings.read::<String>(name);
    let settings = SegmentPredictors::new(errors::parsed(&word("method")?)?)
        .assignment(errors::parsed(&word("assignment")?)?)
        .level(settings.read("level")?)
        .max_iterations(settings.count("max_iterations")?);
    let columns = covariates
        .iter()
        .map(|(name, values)| Ok((name.as_str(), values.values()?)))
        .collect::<PyResult<Vec<_>>>()?;
    let arrays = MembershipArrays::new(&posterior, n_segments, weights.as_ref())?;
    let found = boundary::run(py, n_jobs, progress, |observer| {
        settings.estimate(&arrays.memberships()?, &columns, observer)
    })?;
    record(py, &found)
}

fn record<'py>(py: Python<'py>, found: &PredictorEffects) -> PyResult<Record<'py>> {
    Record::new(py)
        .with("coefficients", parameters(py, &found.coefficients)?)?
        .with("tests", tests(py, found.tests.iter())?)?
        .with("shares", Column::new(py, found.shares.clone()))?
        .with(
            "misassignment",
            Table::wide(py, found.misassignment.concat(), found.shares.len())?,
        )?
        .with("notes", found.notes.clone())?
        .with("report", report_of(py, &found.report)?)
}

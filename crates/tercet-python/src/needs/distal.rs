//! How segments differ in what was not part of the segmentation.

use pyo3::prelude::*;
use tercet::needs::{Comparison, DistalOutcome, SegmentOutcome};

use super::three_step::{MembershipArrays, parameters, tests};
use crate::arrays::{Column, Floats, Table};
use crate::boundary::{self, Progress};
use crate::data::{AnswerColumn, Named, question};
use crate::errors;
use crate::model::{known, report_of};
use crate::records::Record;

/// Estimates an outcome's mean, or the probabilities of its levels, in every segment.
///
/// `settings` has `method`, `assignment`, `variance`, `standard_errors`, `level` and `max_iterations`.
/// Returns `estimates` (a row a segment and level: estimate, standard error, lower and upper end),
/// `shares`, `deviations`, `effective_n`, `test` and `comparisons` (segments from 1), `misassignment`,
/// `n_missing`, `notes` and `report`.
#[pyfunction]
#[pyo3(signature = (
    outcome, answers, posterior, n_segments, weights, *, settings, n_jobs=None, progress=None,
))]
pub(crate) fn distal_outcome<'py>(
    py: Python<'py>,
    outcome: Record<'_>,
    answers: AnswerColumn<'_>,
    posterior: Floats<'_>,
    n_segments: usize,
    weights: Option<Named<'_>>,
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let word = |name: &str| settings.read::<String>(name);
    let settings = DistalOutcome::new(errors::parsed(&word("method")?)?)
        .assignment(errors::parsed(&word("assignment")?)?)
        .variance(errors::parsed(&word("variance")?)?)
        .standard_errors(errors::parsed(&word("standard_errors")?)?)
        .level(settings.read("level")?)
        .max_iterations(settings.count("max_iterations")?);
    let outcome = question(&outcome)?;
    let answers = answers.values()?;
    let arrays = MembershipArrays::new(&posterior, n_segments, weights.as_ref())?;
    let found = boundary::run(py, n_jobs, progress, |observer| {
        settings.estimate(&arrays.memberships()?, &outcome, answers, observer)
    })?;
    record(py, &found)
}

fn record<'py>(py: Python<'py>, found: &SegmentOutcome) -> PyResult<Record<'py>> {
    let numbers =
        |values: &[Option<f64>]| Column::new(py, values.iter().map(|one| known(*one)).collect());
    Record::new(py)
        .with("estimates", parameters(py, &found.estimates)?)?
        .with("shares", Column::new(py, found.shares.clone()))?
        .with("deviations", numbers(&found.deviations))?
        .with("effective_n", numbers(&found.effective_n))?
        .with("test", tests(py, std::iter::once(&found.test))?)?
        .with("comparisons", comparisons(py, &found.comparisons)?)?
        .with(
            "misassignment",
            Table::wide(py, found.misassignment.concat(), found.shares.len())?,
        )?
        .with("n_missing", found.n_missing)?
        .with("notes", found.notes.clone())?
        .with("report", report_of(py, &found.report)?)
}

fn comparisons<'py>(py: Python<'py>, pairs: &[Comparison]) -> PyResult<Record<'py>> {
    let segment =
        |of: fn(&Comparison) -> usize| Column::counts(py, pairs.iter().map(|pair| of(pair) + 1));
    let number = |of: fn(&Comparison) -> Option<f64>| {
        Column::new(py, pairs.iter().map(|pair| known(of(pair))).collect())
    };
    tests(py, pairs.iter().map(|pair| &pair.test))?
        .with("first", segment(|pair| pair.first))?
        .with("second", segment(|pair| pair.second))?
        .with("difference", number(|pair| pair.difference))?
        .with("standard_error", number(|pair| pair.standard_error))?
        .with("adjusted_p_value", number(|pair| pair.adjusted_p_value))
}

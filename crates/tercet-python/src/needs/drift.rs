//! What has changed between the survey that a model was fitted to and a later wave.

use pyo3::prelude::*;
use tercet::needs::{ChangeTest, Drift, ShareDrift};

use super::latent_class::FittedLatentClass;
use crate::arrays::Column;
use crate::boundary::{self, Progress};
use crate::data::{AnswerColumn, Named, SurveyArrays};
use crate::model::known;
use crate::records::Record;

/// Applies a model to a later wave as it is, and tests whether it still fits.
///
/// Returns `shares` (`before`, `before_error`, `after`, `after_error`, `change_error`, `p_value`, a number a segment
/// each), `shares_test` (`statistic`, `degrees`, `p_value`; None without standard errors) and
/// `questions` (`name`, `statistic`, `degrees`, `p_value`, `p_adjusted`).
#[pyfunction]
#[pyo3(signature = (model, questions, weights, *, n_jobs=None, progress=None))]
pub(crate) fn wave_drift<'py>(
    py: Python<'py>,
    model: &Bound<'_, FittedLatentClass>,
    questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
    weights: Option<Named<'_>>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let arrays = SurveyArrays::new(&questions)?.weighted(weights.as_ref())?;
    let model = model.get().core();
    let drift = boundary::run(py, n_jobs, progress, |observer| {
        Drift::between(model, &arrays.survey()?, observer)
    })?;
    let shares_test = drift.shares_test.as_ref().map(|one| test(py, one));
    Record::new(py)
        .with("shares", shares(py, &drift.shares)?)?
        .with("shares_test", shares_test.transpose()?)?
        .with("questions", questions_of(py, &drift)?)
}

fn shares<'py>(py: Python<'py>, rows: &[ShareDrift]) -> PyResult<Record<'py>> {
    let column = |value: fn(&ShareDrift) -> f64| Column::new(py, rows.iter().map(value).collect());
    Record::new(py)
        .with("before", column(|row| row.before))?
        .with("before_error", column(|row| known(row.before_error)))?
        .with("after", column(|row| row.after))?
        .with("after_error", column(|row| known(row.after_error)))?
        .with("change_error", column(|row| known(row.change_error)))?
        .with("p_value", column(|row| known(row.p_value)))
}

fn test<'py>(py: Python<'py>, test: &ChangeTest) -> PyResult<Record<'py>> {
    Record::new(py)
        .with("statistic", test.statistic)?
        .with("degrees", test.degrees)?
        .with("p_value", test.p_value)
}

fn questions_of<'py>(py: Python<'py>, drift: &Drift) -> PyResult<Record<'py>> {
    let rows = &drift.questions;
    let names: Vec<&str> = rows.iter().map(|row| row.question.as_str()).collect();
    let degrees: Vec<usize> = rows.iter().map(|row| row.test.degrees).collect();
    let statistics = rows.iter().map(|row| row.test.statistic).collect();
    let p_values = rows.iter().map(|row| row.test.p_value).collect();
    let adjusted = rows.iter().map(|row| row.p_adjusted).collect();
    Record::new(py)
        .with("name", names)?
        .with("statistic", Column::new(py, statistics))?
        .with("degrees", degrees)?
        .with("p_value", Column::new(py, p_values))?
        .with("p_adjusted", Column::new(py, adjusted))
}

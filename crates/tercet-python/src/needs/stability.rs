//! Whether segments come back in other samples of the same respondents.

use pyo3::prelude::*;
use tercet::needs::Stability;

use super::latent_class::FittedLatentClass;
use crate::arrays::{Column, Table};
use crate::boundary::{self, Progress};
use crate::data::{AnswerColumn, Named, SurveyArrays};
use crate::errors;
use crate::records::Record;

/// Fits bootstrap samples of the respondents of a model.
///
/// Returns `adjusted_rand` (a number a replication), `jaccard` (a row a segment, a column
/// a replication), `mean_adjusted_rand`, `mean_jaccard` and `verdicts` (of each segment). A sample
/// that cannot be fitted is left out.
#[pyfunction]
#[pyo3(signature = (
    model, questions, weights, covariates, *, replications, seed, n_jobs=None, progress=None,
))]
pub(crate) fn segment_stability<'py>(
    py: Python<'py>,
    model: &Bound<'_, FittedLatentClass>,
    questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
    weights: Option<Named<'_>>,
    covariates: Vec<Named<'_>>,
    replications: i64,
    seed: i128,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let replications = errors::whole("replications", replications, "at least 2")?;
    let seed = errors::whole("random_state", seed, "a whole number from 0 to 2^64 - 1")?;
    let arrays = SurveyArrays::new(&questions)?
        .weighted(weights.as_ref())?
        .with_covariates(&covariates)?;
    let model = model.get().core();
    let stability = boundary::run(py, n_jobs, progress, |observer| {
        Stability::of(model, &arrays.survey()?, replications, seed, observer)
    })?;
    record(py, &stability)
}

/// The indices as arrays, and what they say.
pub(super) fn record<'py>(py: Python<'py>, stability: &Stability) -> PyResult<Record<'py>> {
    let means = stability.mean_jaccard();
    let verdicts = means.iter().map(|jaccard| Stability::verdict(*jaccard));
    let width = stability.adjusted_rand.len();
    Record::new(py)
        .with("verdicts", verdicts.collect::<Vec<_>>())?
        .with(
            "adjusted_rand",
            Column::new(py, stability.adjusted_rand.clone()),
        )?
        .with(
            "jaccard",
            Table::wide(py, stability.jaccard.concat(), width)?,
        )?
        .with("mean_adjusted_rand", stability.mean_adjusted_rand())?
        .with("mean_jaccard", Column::new(py, means))
}

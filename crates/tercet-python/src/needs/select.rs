//! How many segments: every number fitted, tested against the one before, and looked for again.

use pyo3::prelude::*;
use tercet::needs::{Candidate, SelectSegments};

use super::latent_class::{self, FittedLatentClass};
use super::stability;
use crate::boundary::{self, Progress};
use crate::data::{AnswerColumn, Named, SurveyArrays};
use crate::errors;
use crate::records::Record;

/// Fits every one of `numbers` of segments with the same `settings`, and recommends one.
///
/// Returns `recommended` (None where none can be fitted), `reasons`, and `candidates`: for each number
/// its `n_segments`, the `model` or the `problem` that there is none for, and, where they were run, the
/// `test` against the number before (`statistic`, `p_value`, `replications`) and the `stability`.
#[pyfunction]
#[pyo3(signature = (
    questions, weights, covariates, *, numbers, settings, note, replications, stability, smallest, seed,
    n_jobs=None, progress=None,
))]
pub(crate) fn select_segments<'py>(
    py: Python<'py>,
    questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
    weights: Option<Named<'_>>,
    covariates: Vec<Named<'_>>,
    numbers: Vec<i64>,
    settings: Record<'_>,
    note: &str,
    replications: i64,
    stability: i64,
    smallest: f64,
    seed: i128,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let numbers = numbers
        .into_iter()
        .map(|n| errors::whole("n_segments", n, "numbers of segments, from 1"))
        .collect::<PyResult<Vec<usize>>>()?;
    let select = SelectSegments::new(numbers, latent_class::estimator(&settings)?)
        .replications(count("replications", replications)?)
        .stability(count("stability", stability)?)
        .smallest(smallest)
        .seed(errors::whole(
            "random_state",
            seed,
            "a whole number from 0 to 2^64 - 1",
        )?);
    let arrays = SurveyArrays::new(&questions)?
        .weighted(weights.as_ref())?
        .with_covariates(&covariates)?;
    let selection = boundary::run(py, n_jobs, progress, |observer| {
        select.run(&arrays.survey()?, observer)
    })?;
    let candidates = selection
        .candidates
        .into_iter()
        .map(|one| record(py, one, note))
        .collect::<PyResult<Vec<_>>>()?;
    Record::new(py)
        .with("recommended", selection.recommended)?
        .with("reasons", selection.reasons)?
        .with("candidates", candidates)
}

fn count(name: &str, value: i64) -> PyResult<usize> {
    errors::whole(name, value, "a number of replications, 0 for none")
}

fn record<'py>(py: Python<'py>, candidate: Candidate, note: &str) -> PyResult<Record<'py>> {
    let test = candidate.test.map(|test| {
        Record::new(py)
            .with("statistic", test.statistic)?
            .with("p_value", test.p_value)?
            .with("replications", test.replications)
    });
    let stability = candidate.stability.map(|one| stability::record(py, &one));
    let (model, problem) = match candidate.model {
        Ok(model) => (Some(FittedLatentClass::noting(model, note)?), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Record::new(py)
        .with("n_segments", candidate.n_segments)?
        .with("model", model)?
        .with("problem", problem)?
        .with("test", test.transpose()?)?
        .with("stability", stability.transpose()?)
}

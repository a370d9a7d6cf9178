//! Respondents drawn from a fitted model.

use pyo3::prelude::*;
use tercet::needs::{SimulatedAnswers, SimulatedSurvey};

use super::latent_class::FittedLatentClass;
use crate::arrays::Column;
use crate::boundary;
use crate::data::{AnswerColumn, Named, SurveyArrays};
use crate::errors;
use crate::records::Record;

const SEED: &str = "a whole number from 0 to 2^64 - 1";

/// Draws `n` respondents who answer every question.
///
/// Returns `answers`, a column a question by its name (codes of levels, 255 where there is no answer,
/// or numbers), and `segment`, the segment of each respondent from 1.
#[pyfunction]
pub(crate) fn simulate_answers<'py>(
    py: Python<'py>,
    model: &Bound<'_, FittedLatentClass>,
    n: i64,
    seed: i128,
) -> PyResult<Record<'py>> {
    let n = errors::whole("n", n, "a number of respondents, at least 1")?;
    let seed = errors::whole("seed", seed, SEED)?;
    let model = model.get().core();
    let drawn = boundary::brief(py, || model.simulate(n, seed))?;
    record(py, drawn)
}

/// Draws a respondent for each of a survey: with the same covariates, and the same questions left
/// unanswered. Returns what `simulate_answers` does.
#[pyfunction]
pub(crate) fn simulate_answers_like<'py>(
    py: Python<'py>,
    model: &Bound<'_, FittedLatentClass>,
    questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
    covariates: Vec<Named<'_>>,
    seed: i128,
) -> PyResult<Record<'py>> {
    let seed = errors::whole("seed", seed, SEED)?;
    let arrays = SurveyArrays::new(&questions)?.with_covariates(&covariates)?;
    let model = model.get().core();
    let drawn = boundary::brief(py, || model.simulate_like(&arrays.survey()?, seed))?;
    record(py, drawn)
}

fn record(py: Python<'_>, drawn: SimulatedSurvey) -> PyResult<Record<'_>> {
    let mut answers = Record::new(py);
    for (question, column) in drawn.questions.iter().zip(drawn.answers) {
        answers = match column {
            SimulatedAnswers::Codes(codes) => {
                answers.with(&question.name, Column::new(py, codes))?
            }
            SimulatedAnswers::Numbers(numbers) => {
                answers.with(&question.name, Column::new(py, numbers))?
            }
        };
    }
    // There are few segments.
    let segment = drawn.segment.into_iter();
    let segment = segment.map(|place| i64::try_from(place).unwrap_or(i64::MAX) + 1);
    Record::new(py)
        .with("answers", answers)?
        .with("segment", Column::new(py, segment.collect()))
}

//! Who the segments are: what each answers more and less than the others.

use pyo3::prelude::*;
use tercet::needs::{Profile, ProfileRow};

use crate::arrays::{Column, Floats};
use crate::boundary;
use crate::data::{AnswerColumn, Named, SurveyArrays};
use crate::errors;
use crate::records::Record;

/// Profiles segments on any questions from the respondents' posterior probabilities, row by row.
///
/// Returns a column each: `question` (its place), `level` (None where the figure is a mean),
/// `segment` (from 1), `value`, `standard_error`, `total`, `others`, `index`, `effect`, `z`, `p_value`,
/// `p_adjusted`; and for each segment a draft of a name and of a description, `names` and `descriptions`.
#[pyfunction]
#[pyo3(signature = (questions, weights, posterior, n_segments))]
pub(crate) fn profile_segments<'py>(
    py: Python<'py>,
    questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
    weights: Option<Named<'_>>,
    posterior: Floats<'_>,
    n_segments: i64,
) -> PyResult<Record<'py>> {
    let arrays = SurveyArrays::new(&questions)?.weighted(weights.as_ref())?;
    let n_segments = errors::whole("n_segments", n_segments, "at least 1")?;
    let posterior = posterior.values()?;
    let profile = boundary::brief(py, || {
        Profile::new(&arrays.survey()?, posterior, n_segments)
    })?;
    let rows = &profile.rows;
    let column = |value: fn(&ProfileRow) -> f64| Column::new(py, rows.iter().map(value).collect());
    let levels: Vec<Option<&str>> = rows.iter().map(|row| row.level.as_deref()).collect();
    let (names, descriptions): (Vec<&str>, Vec<&str>) = profile
        .drafts
        .iter()
        .map(|draft| (draft.name.as_str(), draft.description.as_str()))
        .unzip();
    Record::new(py)
        .with("question", Column::new(py, places(rows)))?
        .with("level", levels)?
        .with("segment", Column::new(py, segments(rows)))?
        .with("value", column(|row| row.value))?
        .with("standard_error", column(|row| row.standard_error))?
        .with("total", column(|row| row.total))?
        .with("others", column(|row| row.others))?
        .with("index", column(|row| row.index))?
        .with("effect", column(|row| row.effect))?
        .with("z", column(|row| row.z))?
        .with("p_value", column(|row| row.p_value))?
        .with("p_adjusted", column(|row| row.p_adjusted))?
        .with("names", names)?
        .with("descriptions", descriptions)
}

/// The place of each row's question: rows come question by question.
fn places(rows: &[ProfileRow]) -> Vec<i64> {
    let mut place = 0;
    let next = rows.iter().enumerate().map(|(row, one)| {
        place += i64::from(row > 0 && rows[row - 1].question != one.question);
        place
    });
    next.collect()
}

fn segments(rows: &[ProfileRow]) -> Vec<i64> {
    // There are few segments.
    let number = |row: &ProfileRow| i64::try_from(row.segment).unwrap_or(i64::MAX) + 1;
    rows.iter().map(number).collect()
}

//! Which segment of one solution is which of another.

use pyo3::prelude::*;
use tercet::needs::Alignment;

use super::latent_class::FittedLatentClass;
use crate::arrays::{Column, Floats, Integers};
use crate::boundary;
use crate::errors;
use crate::records::Record;

/// Matches the segments of two models by what they answer.
///
/// Returns `matches` (for each segment of the second its match in the first, from 0, or None),
/// `similarity` and `adjusted_rand` (None).
#[pyfunction]
pub(crate) fn align_models<'py>(
    py: Python<'py>,
    first: &Bound<'_, FittedLatentClass>,
    second: &Bound<'_, FittedLatentClass>,
) -> PyResult<Record<'py>> {
    let (first, second) = (first.get().core(), second.get().core());
    let alignment = boundary::brief(py, || Alignment::of_models(first, second))?;
    record(py, &alignment)
}

/// Matches the segments of two assignments of the same respondents; segments are numbered from 0.
///
/// Returns what `align_models` does, with the adjusted Rand index.
#[pyfunction]
#[pyo3(signature = (first, second, weights))]
pub(crate) fn align_assignments<'py>(
    py: Python<'py>,
    first: Integers<'_>,
    second: Integers<'_>,
    weights: Option<Floats<'_>>,
) -> PyResult<Record<'py>> {
    let first = places("first", first.values()?)?;
    let second = places("second", second.values()?)?;
    let weights = weights.as_ref().map(Floats::values).transpose()?;
    let alignment = boundary::brief(py, || {
        Alignment::of_assignments(&first, &second, |row| weights.map_or(1.0, |all| all[row]))
    })?;
    record(py, &alignment)
}

fn places(name: &str, segments: &[i64]) -> PyResult<Vec<usize>> {
    let place = |segment: &i64| errors::whole(name, *segment, "numbers of segments");
    segments.iter().map(place).collect()
}

fn record<'py>(py: Python<'py>, alignment: &Alignment) -> PyResult<Record<'py>> {
    Record::new(py)
        .with("matches", alignment.matches.clone())?
        .with("similarity", Column::new(py, alignment.similarity.clone()))?
        .with("adjusted_rand", alignment.adjusted_rand)
}

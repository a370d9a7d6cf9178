//! Rankings of customers by effect.

use pyo3::prelude::*;
use tercet::response::{Area, Gain, RankedArea, Ranking};

use crate::arrays::{Column, Floats};
use crate::boundary;
use crate::records::Record;

/// Judges a ranking by doubly robust scores, or compares it with another one.
///
/// Returns `areas` (`area`, `estimate`, `standard_error`, `lower`, `upper`, `z`, `p_value`), `gains`
/// (`share`, `effect`, `gain`, `above_random`, `standard_error`, `lower`, `upper`) and, where `other` is
/// given, `differences`, like `areas`.
#[pyfunction]
#[pyo3(signature = (scores, effect, other, *, shares, level))]
pub(crate) fn rank_effects<'py>(
    py: Python<'py>,
    scores: Floats<'_>,
    effect: Floats<'_>,
    other: Option<Floats<'_>>,
    shares: Vec<f64>,
    level: f64,
) -> PyResult<Record<'py>> {
    let (scores, effect) = (scores.values()?, effect.values()?);
    let other = match &other {
        Some(other) => Some(other.values()?),
        None => None,
    };
    let (found, gains, differences) = boundary::brief(py, || {
        let ranking = Ranking::new(scores, effect)?;
        let all = |of: &dyn Fn(Area) -> tercet::Result<RankedArea>| {
            Area::ALL
                .into_iter()
                .map(of)
                .collect::<tercet::Result<Vec<_>>>()
        };
        let found = all(&|area| ranking.area(area, level))?;
        let gains = ranking.gains(&shares, level)?;
        let differences = match other {
            Some(other) => {
                let other = Ranking::new(scores, other)?;
                Some(all(&|area| ranking.compare(&other, area, level))?)
            }
            None => None,
        };
        Ok((found, gains, differences))
    })?;
    let differences = differences.map(|found| areas(py, &found)).transpose()?;
    Record::new(py)
        .with("areas", areas(py, &found)?)?
        .with("gains", curve(py, &gains)?)?
        .with("differences", differences)
}

fn areas<'py>(py: Python<'py>, found: &[RankedArea]) -> PyResult<Record<'py>> {
    let of = |part: fn(&RankedArea) -> f64| Column::new(py, found.iter().map(part).collect());
    let names: Vec<&str> = found.iter().map(|one| one.area.name()).collect();
    Record::new(py)
        .with("area", names)?
        .with("estimate", of(|one| one.estimate))?
        .with("standard_error", of(|one| one.standard_error))?
        .with("lower", of(|one| one.lower))?
        .with("upper", of(|one| one.upper))?
        .with("z", of(|one| one.z))?
        .with("p_value", of(|one| one.p_value))
}

fn curve<'py>(py: Python<'py>, gains: &[Gain]) -> PyResult<Record<'py>> {
    let of = |part: fn(&Gain) -> f64| Column::new(py, gains.iter().map(part).collect());
    Record::new(py)
        .with("share", of(|one| one.share))?
        .with("effect", of(|one| one.effect))?
        .with("gain", of(|one| one.gain))?
        .with("above_random", of(|one| one.above_random))?
        .with("standard_error", of(|one| one.standard_error))?
        .with("lower", of(|one| one.lower))?
        .with("upper", of(|one| one.upper))
}

//! Segments in which an action works otherwise than on other customers.

use pyo3::prelude::*;
use tercet::response::discovery::{ArmSegments, DiscoveredSegment, SegmentDiscovery};

use super::forest::{NamedTreatment, Values, known};
use crate::arrays::{Column, Floats};
use crate::boundary::{self, Progress};
use crate::data::{Attribute, DesignArrays, Named};
use crate::errors;
use crate::model::known as number;
use crate::records::Record;

/// Looks for segments, a tree an arm.
///
/// Treatment, outcome and probabilities are as for a causal forest. `settings` has `depth`, `objective`,
/// `cost` (a number an arm but the control, or none), `min_leaf` (or None), `bins`, `shortlist`, `level`,
/// `adjust`, `resamples`, `nuisance_trees`, `min_propensity` and `seed`. Returns `segments` (columns, the
/// largest effect of each arm first; `arm` is a place), `conditions` (JSON texts), `arms` (columns),
/// `names`, `n_searched`, `n_estimated` and `min_leaf`.
#[pyfunction]
#[pyo3(signature = (
    attributes, treatment, outcome, propensities, *, settings, n_jobs=None, progress=None,
))]
pub(crate) fn discover_segments<'py>(
    py: Python<'py>,
    attributes: Vec<Attribute<'_>>,
    treatment: NamedTreatment<'_>,
    outcome: Named<'_>,
    propensities: (String, Option<Floats<'_>>),
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let discovery = discovery(&settings)?;
    let arrays = DesignArrays::new(&attributes)?;
    let (name, column, arms) = &treatment;
    let column = Values::new(column, arms)?;
    let outcome = (outcome.0.as_str(), outcome.1.values()?);
    let known = known(&propensities)?;
    let found = boundary::run(py, n_jobs, progress, |observer| {
        let data = column.data(arrays.design()?, name, outcome)?;
        let data = data.with_propensities("propensity", known)?;
        discovery.discover(&data, observer)
    })?;
    let all = found.arms.iter().flat_map(|arm| &arm.segments);
    let conditions: Vec<String> = all.map(|one| one.condition.to_string()).collect();
    let names: Vec<String> = found.arms.iter().map(|one| one.arm.clone()).collect();
    Record::new(py)
        .with("segments", segments(py, &found.arms)?)?
        .with("conditions", conditions)?
        .with("arms", arms_of(py, &found.arms)?)?
        .with("names", names)?
        .with("n_searched", found.n_searched)?
        .with("n_estimated", found.n_estimated)?
        .with("min_leaf", found.min_leaf)
}

fn segments<'py>(py: Python<'py>, arms: &[ArmSegments]) -> PyResult<Record<'py>> {
    let all: Vec<&DiscoveredSegment> = arms.iter().flat_map(|arm| &arm.segments).collect();
    let places = arms.iter().enumerate();
    let places = places.flat_map(|(place, arm)| arm.segments.iter().map(move |_| place));
    let of = |part: &dyn Fn(&DiscoveredSegment) -> Option<f64>| {
        Column::new(py, all.iter().map(|one| number(part(one))).collect())
    };
    let flags = |part: fn(&DiscoveredSegment) -> bool| -> Vec<bool> {
        all.iter().map(|one| part(one)).collect()
    };
    Record::new(py)
        .with("arm", Column::counts(py, places))?
        .with("n", Column::counts(py, all.iter().map(|one| one.n)))?
        .with("share", of(&|one| Some(one.share)))?
        .with("effect", of(&|one| Some(one.effect)))?
        .with("standard_error", of(&|one| one.standard_error))?
        .with("lower", of(&|one| Some(one.ends?[0])))?
        .with("upper", of(&|one| Some(one.ends?[1])))?
        .with("difference", of(&|one| one.difference))?
        .with("p", of(&|one| one.p))?
        .with("p_adjusted", of(&|one| one.p_adjusted))?
        .with("effect_shrunken", of(&|one| Some(one.effect_shrunken)))?
        .with("shrunken_lower", of(&|one| Some(one.shrunken_ends?[0])))?
        .with("shrunken_upper", of(&|one| Some(one.shrunken_ends?[1])))?
        .with("stability", of(&|one| one.stability))?
        .with("pays", flags(|one| one.pays))?
        .with("found", flags(|one| one.found))
}

fn arms_of<'py>(py: Python<'py>, arms: &[ArmSegments]) -> PyResult<Record<'py>> {
    let of = |part: &dyn Fn(&ArmSegments) -> Option<f64>| {
        Column::new(py, arms.iter().map(|one| number(part(one))).collect())
    };
    let counts = arms.iter().map(|arm| arm.segments.len());
    let exact: Vec<bool> = arms.iter().map(|arm| arm.exact).collect();
    Record::new(py)
        .with("n_segments", Column::counts(py, counts))?
        .with("effect", of(&|one| Some(one.effect)))?
        .with("standard_error", of(&|one| one.standard_error))?
        .with("lower", of(&|one| Some(one.ends?[0])))?
        .with("upper", of(&|one| Some(one.ends?[1])))?
        .with("tau", of(&|one| one.tau))?
        .with("differ_p", of(&|one| one.differ_p))?
        .with("differ_p_adjusted", of(&|one| one.differ_p_adjusted))?
        .with("exact", exact)
}

fn discovery(settings: &Record<'_>) -> PyResult<SegmentDiscovery> {
    let min_leaf = match settings.read::<Option<i64>>("min_leaf")? {
        None => None,
        Some(value) => Some(errors::whole("min_leaf", value, "at least 1, or None")?),
    };
    Ok(SegmentDiscovery::new()
        .depth(settings.count("depth")?)
        .objective(errors::parsed(&settings.read::<String>("objective")?)?)
        .cost(settings.read("cost")?)
        .min_leaf(min_leaf)
        .bins(settings.count("bins")?)
        .shortlist(settings.count("shortlist")?)
        .level(settings.read("level")?)
        .adjustment(errors::parsed(&settings.read::<String>("adjust")?)?)
        .resamples(settings.count("resamples")?)
        .nuisance_trees(settings.count("nuisance_trees")?)
        .min_propensity(settings.read("min_propensity")?)
        .seed(settings.seed("seed")?))
}

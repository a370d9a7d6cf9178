//! What fitted mixtures report besides their estimates.

use pyo3::prelude::*;
use tercet::needs::latent_class::{Criteria, Start};

use crate::arrays::{Column, Table};
use crate::model::known;
use crate::records::Record;

/// What became of every start: `log_likelihood`, `dropped`, `reached_best`.
pub(super) fn starts<'py>(py: Python<'py>, starts: &[Start]) -> PyResult<Record<'py>> {
    let reached = starts.iter().map(|start| start.log_likelihood);
    let dropped = starts.iter().map(|start| start.dropped);
    let best = starts.iter().map(|start| start.reached_best);
    Record::new(py)
        .with("log_likelihood", Column::new(py, reached.collect()))?
        .with("dropped", Column::new(py, dropped.collect()))?
        .with("reached_best", Column::new(py, best.collect()))
}

/// Criteria by name, `assigned_posterior` (a number a segment) and `classification` (a row a true
/// segment); None for a model whose parameters were given.
pub(super) fn criteria<'py>(
    py: Python<'py>,
    criteria: Option<&Criteria>,
) -> PyResult<Option<Record<'py>>> {
    let Some(criteria) = criteria else {
        return Ok(None);
    };
    let assigned = criteria.assigned_posterior.iter();
    let assigned = assigned.map(|posterior| known(*posterior)).collect();
    let classification = criteria.classification.concat();
    Record::new(py)
        .with("n_effective", known(criteria.n_effective))?
        .with("aic", criteria.aic)?
        .with("aic3", criteria.aic3)?
        .with("bic", criteria.bic)?
        .with("caic", criteria.caic)?
        .with("sabic", criteria.sabic)?
        .with("icl", criteria.icl)?
        .with("entropy", criteria.entropy)?
        .with("entropy_r2", criteria.entropy_r2)?
        .with("g_squared", known(criteria.g_squared))?
        .with("assigned_posterior", Column::new(py, assigned))?
        .with(
            "classification",
            Table::wide(py, classification, criteria.classification.len())?,
        )
        .map(Some)
}

//! Saved models: the one JSON format that Rust and Python share.

use std::path::PathBuf;

use pyo3::prelude::*;
use serde_json::Value;
use tercet::Error;
use tercet::persist::{self, Persist};

use crate::{boundary, errors};

/// The kind of model in a JSON text: "`bg_nbd`", "`gamma_gamma`".
#[pyfunction]
pub(crate) fn model_kind(py: Python<'_>, json: &str) -> PyResult<String> {
    boundary::brief(py, || persist::kind_of(json))
}

/// The model as a JSON text.
pub(crate) fn to_json(py: Python<'_>, model: &(impl Persist + Sync)) -> PyResult<String> {
    boundary::brief(py, || model.to_json())
}

/// The model from a JSON text.
pub(crate) fn from_json<M: Persist + Send>(py: Python<'_>, json: &str) -> PyResult<M> {
    boundary::brief(py, || M::from_json(json))
}

/// Writes the model to a file, whole or not at all.
pub(crate) fn save(py: Python<'_>, model: &(impl Persist + Sync), path: PathBuf) -> PyResult<()> {
    boundary::brief(py, || model.save(path))
}

/// What Python keeps with a model, from a JSON text.
pub(crate) fn note(json: &str) -> PyResult<Value> {
    serde_json::from_str(json).map_err(|error| {
        errors::to_python(Error::Corrupt {
            reason: error.to_string(),
        })
    })
}

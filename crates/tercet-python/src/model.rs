//! What every fitted model shows, written once against the core's traits.

use pyo3::prelude::*;
use serde_json::Value;
use tercet::{Error, FitReport, Fitted};

use crate::arrays::{Column, Table};
use crate::boundary;
use crate::errors;
use crate::records::Record;

/// The methods that classes of fitted models have in common, by the names of what they have:
///
/// - `saved`: `from_json`, `to_json` and `save`;
/// - `noted`: `note`, what Python keeps with the model;
/// - `set`: `settings`, those that it was fitted with;
/// - `reported`: `report`, how the fit went;
/// - `parameters`: `parameter_names`, `estimates` and `standard_errors`;
/// - `intervals`: `intervals` of the parameters.
///
/// A class is a tuple of one, the core's model. A macro, since pyo3 knows of no inheritance of methods from
/// a trait.
macro_rules! shared_methods {
    ($class:ident: $($what:ident),+) => {
        $($crate::model::shared_methods!(@$what $class);)+
    };
    (@saved $class:ident) => {
        #[pymethods]
        impl $class {
            /// The model from a JSON text.
            #[staticmethod]
            fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
                $crate::persist::from_json(py, json).map(Self)
            }

            /// The model as a JSON text.
            fn to_json(&self, py: Python<'_>) -> PyResult<String> {
                $crate::persist::to_json(py, &self.0)
            }

            /// Writes the model to a file, whole or not at all.
            fn save(&self, py: Python<'_>, path: std::path::PathBuf) -> PyResult<()> {
                $crate::persist::save(py, &self.0, path)
            }
        }
    };
    (@noted $class:ident) => {
        #[pymethods]
        impl $class {
            /// What was kept with the model, as a JSON text.
            #[getter]
            fn note(&self) -> String {
                self.0.note().to_string()
            }
        }
    };
    (@set $class:ident) => {
        #[pymethods]
        impl $class {
            /// The settings that it was fitted with, as a JSON text.
            #[getter]
            fn settings(&self) -> PyResult<String> {
                $crate::model::text(serde_json::to_string(self.0.settings()))
            }
        }
    };
    (@reported $class:ident) => {
        #[pymethods]
        impl $class {
            /// How the fit went, by name.
            #[getter]
            fn report<'py>(&self, py: Python<'py>) -> PyResult<$crate::records::Record<'py>> {
                $crate::model::report(py, &self.0)
            }
        }
    };
    (@parameters $class:ident) => {
        #[pymethods]
        impl $class {
            /// The parameters' names, in the order of every other list and matrix of them.
            #[getter]
            fn parameter_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
                $crate::model::parameter_names(py, &self.0)
            }

            /// The estimates, in the order of the names.
            #[getter]
            fn estimates(&self, py: Python<'_>) -> PyResult<$crate::arrays::Column<f64>> {
                $crate::model::estimates(py, &self.0)
            }

            /// Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
            #[getter]
            fn standard_errors(&self, py: Python<'_>) -> PyResult<$crate::arrays::Column<f64>> {
                $crate::model::standard_errors(py, &self.0)
            }
        }
    };
    (@intervals $class:ident) => {
        #[pymethods]
        impl $class {
            /// Intervals of the parameters, a row each: lower and upper end; nan where there is none.
            fn intervals(&self, py: Python<'_>, level: f64) -> PyResult<$crate::arrays::Table> {
                $crate::model::intervals(py, &self.0, level)
            }
        }
    };
}
pub(crate) use shared_methods;

/// The level at which nothing but the interval depends on the level.
const ANY_LEVEL: f64 = 0.95;

/// The parameters' names, in the order of every other list and matrix.
pub(crate) fn parameter_names(py: Python<'_>, fitted: &impl Fitted) -> PyResult<Vec<String>> {
    let parameters = boundary::brief(py, || fitted.parameters(ANY_LEVEL))?;
    Ok(parameters
        .into_iter()
        .map(|parameter| parameter.name)
        .collect())
}

/// The estimates, in the order of the names.
pub(crate) fn estimates(py: Python<'_>, fitted: &impl Fitted) -> PyResult<Column<f64>> {
    let parameters = boundary::brief(py, || fitted.parameters(ANY_LEVEL))?;
    Ok(Column::new(
        py,
        parameters.iter().map(|one| one.estimate).collect(),
    ))
}

/// Standard errors; nan where there is none.
pub(crate) fn standard_errors(py: Python<'_>, fitted: &impl Fitted) -> PyResult<Column<f64>> {
    let parameters = boundary::brief(py, || fitted.parameters(ANY_LEVEL))?;
    let errors = parameters
        .iter()
        .map(|parameter| known(parameter.standard_error));
    Ok(Column::new(py, errors.collect()))
}

/// Intervals, a row a parameter: lower and upper end; nan where there is none.
pub(crate) fn intervals(py: Python<'_>, fitted: &impl Fitted, level: f64) -> PyResult<Table> {
    let parameters = boundary::brief(py, || fitted.parameters(level))?;
    let ends = parameters
        .iter()
        .map(|one| [known(one.lower), known(one.upper)]);
    Table::new(py, ends.collect())
}

/// A covariance matrix; nan in the entries that the data do not determine.
pub(crate) fn covariance<const N: usize>(
    py: Python<'_>,
    matrix: [[Option<f64>; N]; N],
) -> PyResult<Table> {
    Table::new(py, matrix.map(|row| row.map(known)).to_vec())
}

/// The named settings, as the core writes them into files.
pub(crate) fn settings<'py>(
    py: Python<'py>,
    written: serde_json::Result<Value>,
    names: &[&str],
) -> PyResult<Record<'py>> {
    let written = written.map_err(|error| {
        errors::to_python(Error::Corrupt {
            reason: error.to_string(),
        })
    })?;
    names
        .iter()
        .try_fold(Record::new(py), |record, name| match &written[name] {
            Value::Number(number) => match number.as_u64() {
                Some(whole) => record.with(name, whole),
                None => record.with(name, number.as_f64()),
            },
            Value::Bool(value) => record.with(name, *value),
            value => record.with(name, value.as_str()),
        })
}

/// What was written as JSON.
pub(crate) fn text(written: serde_json::Result<String>) -> PyResult<String> {
    written.map_err(|error| {
        errors::to_python(Error::Corrupt {
            reason: error.to_string(),
        })
    })
}

/// How the fit went, by name.
pub(crate) fn report<'py>(py: Python<'py>, fitted: &impl Fitted) -> PyResult<Record<'py>> {
    report_of(py, fitted.report())
}

/// The same of an estimate that is no model.
pub(crate) fn report_of<'py>(py: Python<'py>, report: &FitReport) -> PyResult<Record<'py>> {
    Record::new(py)
        .with("iterations", report.iterations)?
        .with("log_likelihood", report.log_likelihood)?
        .with("converged", report.converged)?
        .with("how_it_ended", &report.how_it_ended)?
        .with("n_observations", report.n_observations)?
        .with("n_rows", report.n_rows)?
        .with("n_cells", report.n_cells)?
        .with("n_parameters", report.n_parameters)?
        .with("aic", report.aic())?
        .with("bic", report.bic())?
        .with("boundary", report.boundary.as_deref())
}

/// NaN where there is no number.
pub(crate) fn known(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

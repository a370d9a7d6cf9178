//! Dictionaries with names for keys: column names and settings come in, reports go out.

use pyo3::exceptions::PyKeyError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{Borrowed, PyTypeInfo, type_hint_identifier, type_hint_subscript};

use crate::arrays::{Column, Number};
use crate::errors;

/// What the caller calls each column, for messages.
pub(crate) struct ColumnNames<'py>(Bound<'py, PyDict>);

const NAMES: PyStaticExpr = type_hint_subscript!(
    PyDict::TYPE_HINT,
    type_hint_identifier!("builtins", "str"),
    type_hint_identifier!("builtins", "str")
);

impl<'py> ColumnNames<'py> {
    /// No names yet.
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self(PyDict::new(py))
    }

    /// Adds the caller's name of a column.
    pub(crate) fn with(self, column: &str, name: &str) -> PyResult<Self> {
        self.0.set_item(column, name)?;
        Ok(self)
    }

    /// Puts the caller's name of a column, where there is one, in the place of tercet's own.
    pub(crate) fn rename(&self, column: &str, name: &mut String) -> PyResult<()> {
        if let Some(own) = self.0.get_item(column)? {
            *name = own.extract()?;
        }
        Ok(())
    }
}

impl<'py> FromPyObject<'_, 'py> for ColumnNames<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = NAMES;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(object.cast::<PyDict>()?.to_owned()))
    }
}

impl<'py> IntoPyObject<'py> for ColumnNames<'py> {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    const OUTPUT_TYPE: PyStaticExpr = NAMES;

    fn into_pyobject(self, _: Python<'py>) -> PyResult<Self::Output> {
        Ok(self.0)
    }
}

/// A dictionary of settings that comes in, or of facts that goes out.
pub(crate) struct Record<'py>(Bound<'py, PyDict>);

impl<'py> Record<'py> {
    /// A record without entries.
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self(PyDict::new(py))
    }

    /// Adds an entry.
    pub(crate) fn with(self, name: &str, value: impl IntoPyObject<'py>) -> PyResult<Self> {
        self.0.set_item(name, value)?;
        Ok(self)
    }

    /// Reads an entry that has to be there.
    pub(crate) fn read<T>(&self, name: &str) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
    {
        let value = self.0.get_item(name)?;
        let value = value.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        value.extract().map_err(Into::into)
    }

    /// Reads the seed of a random generator.
    pub(crate) fn seed(&self, name: &str) -> PyResult<u64> {
        let expected = "a whole number from 0 to 2^64 - 1";
        errors::whole(name, self.read::<i128>(name)?, expected)
    }

    /// Reads a count that has to be there.
    pub(crate) fn count(&self, name: &str) -> PyResult<usize> {
        errors::whole(name, self.read::<i64>(name)?, "at least 1")
    }
}

const RECORD: PyStaticExpr = type_hint_subscript!(
    PyDict::TYPE_HINT,
    type_hint_identifier!("builtins", "str"),
    type_hint_identifier!("typing", "Any")
);

impl<'py> FromPyObject<'_, 'py> for Record<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = RECORD;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(object.cast::<PyDict>()?.to_owned()))
    }
}

impl<'py> IntoPyObject<'py> for Record<'py> {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    const OUTPUT_TYPE: PyStaticExpr = RECORD;

    fn into_pyobject(self, _: Python<'py>) -> PyResult<Self::Output> {
        Ok(self.0)
    }
}

/// Named columns of one length.
pub(crate) struct Columns<'py>(Bound<'py, PyDict>);

impl<'py> Columns<'py> {
    /// No columns yet.
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self(PyDict::new(py))
    }

    /// Adds a column.
    pub(crate) fn with<T: Number>(self, name: &str, values: Vec<T>) -> PyResult<Self> {
        let py = self.0.py();
        self.0.set_item(name, Column::new(py, values))?;
        Ok(self)
    }
}

impl<'py> IntoPyObject<'py> for Columns<'py> {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    const OUTPUT_TYPE: PyStaticExpr = type_hint_subscript!(
        PyDict::TYPE_HINT,
        type_hint_identifier!("builtins", "str"),
        f64::ARRAY
    );

    fn into_pyobject(self, _: Python<'py>) -> PyResult<Self::Output> {
        Ok(self.0)
    }
}

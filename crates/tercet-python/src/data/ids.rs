//! Customer ids: whole numbers, or strings as Arrow lays them out.

use pyo3::exceptions::PyTypeError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{Borrowed, PyTypeInfo, type_hint_subscript, type_hint_union};
use tercet::data::Ids;

use crate::arrays::{Bytes, Integers, Number};
use crate::boundary;

/// A column of customer ids: an `int64` array, or the pair (offsets, bytes) of a string column.
pub(crate) enum CustomerIds<'py> {
    /// Whole numbers.
    Integers(Integers<'py>),
    /// Strings: row `i` is `bytes[offsets[i]..offsets[i + 1]]`.
    Strings {
        /// One more than there are rows.
        offsets: Integers<'py>,
        /// The text of all ids.
        bytes: Bytes<'py>,
    },
}

impl<'py> FromPyObject<'_, 'py> for CustomerIds<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = type_hint_union!(
        i64::ARRAY,
        type_hint_subscript!(PyTuple::TYPE_HINT, i64::ARRAY, u8::ARRAY)
    );

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Ok(pair) = object.cast::<PyTuple>() else {
            return object.extract().map(Self::Integers);
        };
        if pair.len() != 2 {
            return Err(PyTypeError::new_err(
                "string ids are a pair (offsets, bytes)",
            ));
        }
        Ok(Self::Strings {
            offsets: pair.get_item(0)?.extract()?,
            bytes: pair.get_item(1)?.extract()?,
        })
    }
}

impl CustomerIds<'_> {
    /// The core's view of them.
    pub(crate) fn ids(&self) -> PyResult<Ids<'_>> {
        Ok(match self {
            Self::Integers(ids) => Ids::Integers(ids.values()?),
            Self::Strings { offsets, bytes } => Ids::Strings {
                offsets: offsets.values()?,
                bytes: bytes.values()?,
            },
        })
    }
}

/// Raises a `DataError` that names the first row whose customer has a row already.
#[pyfunction]
#[pyo3(signature = (customer, column, n_jobs=None))]
pub(crate) fn check_unique_ids(
    py: Python<'_>,
    customer: CustomerIds<'_>,
    column: &str,
    n_jobs: Option<i64>,
) -> PyResult<()> {
    let ids = customer.ids()?;
    boundary::run(py, n_jobs, None, |observer| {
        ids.check_unique(column, observer)
    })
}

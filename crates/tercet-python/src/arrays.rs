//! The only file that knows NumPy: what comes in is borrowed and checked, what goes out is moved.
//!
//! Every array is one-dimensional, so that the order of its memory is the order of its rows; the
//! (n, k) tables that go out are made here. The wrappers carry the types that the stubs print.

use numpy::{
    Element, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::PyTypeError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::{Borrowed, type_hint_identifier, type_hint_subscript};

/// A number that crosses the boundary.
pub(crate) trait Number: Element {
    /// NumPy's name of the type.
    const NAME: &'static str;
    /// The array's type in the stubs.
    const ARRAY: PyStaticExpr;
}

macro_rules! number {
    ($type:ty, $name:literal) => {
        impl Number for $type {
            const NAME: &'static str = $name;
            const ARRAY: PyStaticExpr = type_hint_subscript!(
                type_hint_identifier!("numpy.typing", "NDArray"),
                type_hint_identifier!("numpy", $name)
            );
        }
    };
}

number!(f64, "float64");
number!(i64, "int64");
number!(u8, "uint8");
number!(u16, "uint16");
number!(u32, "uint32");
number!(i8, "int8");
number!(bool, "bool_");

/// A borrowed column.
///
/// The memory is the caller's and is read while other Python threads run; whoever writes to an array
/// during a call that reads it cannot know what the call has read.
pub(crate) struct Array<'py, T: Number>(PyReadonlyArray1<'py, T>);

/// A borrowed column of `float64`.
pub(crate) type Floats<'py> = Array<'py, f64>;
/// A borrowed column of `int64`.
pub(crate) type Integers<'py> = Array<'py, i64>;
/// A borrowed column of `uint16`.
pub(crate) type Codes<'py> = Array<'py, u16>;
/// A borrowed column of truth values.
pub(crate) type Flags<'py> = Array<'py, bool>;
/// Borrowed bytes.
pub(crate) type Bytes<'py> = Array<'py, u8>;

impl<'py, T: Number> FromPyObject<'_, 'py> for Array<'py, T> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = T::ARRAY;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<PyReadonlyArray1<'py, T>>() {
            Ok(array) if array.is_c_contiguous() && array.is_aligned() => Ok(Self(array)),
            _ => Err(PyTypeError::new_err(format!(
                "expected a one-dimensional, contiguous {} array, found {}",
                T::NAME,
                described(&object)?,
            ))),
        }
    }
}

impl<T: Number> Array<'_, T> {
    /// The numbers, in the caller's row order.
    pub(crate) fn values(&self) -> PyResult<&[T]> {
        Ok(self.0.as_slice()?)
    }
}

/// "a strided array of int32 in 2 dimensions", or the type's name.
fn described(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(array) = object.cast::<PyUntypedArray>() else {
        return Ok(object.get_type().name()?.to_string());
    };
    Ok(format!(
        "{} array of {} in {} dimension{}",
        if array.is_c_contiguous() {
            "an"
        } else {
            "a strided"
        },
        array.dtype(),
        array.ndim(),
        if array.ndim() == 1 { "" } else { "s" },
    ))
}

/// A column that Rust made and NumPy owns.
pub(crate) struct Column<T: Number>(Py<PyArray1<T>>);

impl<T: Number> Column<T> {
    /// Moves the numbers; nothing is copied.
    pub(crate) fn new(py: Python<'_>, values: Vec<T>) -> Self {
        Self(PyArray1::from_vec(py, values).unbind())
    }

    /// The same array once more.
    pub(crate) fn share(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py))
    }

    /// Number of rows.
    pub(crate) fn len(&self, py: Python<'_>) -> usize {
        self.0.bind(py).len()
    }
}

impl Column<i64> {
    /// Counts and places, which are far below 2^63.
    pub(crate) fn counts(py: Python<'_>, values: impl Iterator<Item = usize>) -> Self {
        let whole = values.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        Self::new(py, whole.collect())
    }
}

impl<'py, T: Number> IntoPyObject<'py> for Column<T> {
    type Target = PyArray1<T>;
    type Output = Bound<'py, Self::Target>;
    type Error = PyErr;

    const OUTPUT_TYPE: PyStaticExpr = T::ARRAY;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        Ok(self.0.into_bound(py))
    }
}

/// A table of `float64` in C order.
pub(crate) struct Table(Py<PyArray2<f64>>);

impl Table {
    /// Moves the rows; nothing is copied.
    pub(crate) fn new<const N: usize>(py: Python<'_>, rows: Vec<[f64; N]>) -> PyResult<Self> {
        let shape = [rows.len(), N];
        let values = PyArray1::from_vec(py, rows.into_flattened());
        Ok(Self(values.reshape(shape)?.unbind()))
    }

    /// Moves rows of a width that is known at run time only, one after the other in `values`.
    pub(crate) fn wide(py: Python<'_>, values: Vec<f64>, width: usize) -> PyResult<Self> {
        let shape = [values.len() / width, width];
        let values = PyArray1::from_vec(py, values);
        Ok(Self(values.reshape(shape)?.unbind()))
    }
}

impl<'py> IntoPyObject<'py> for Table {
    type Target = PyArray2<f64>;
    type Output = Bound<'py, Self::Target>;
    type Error = PyErr;

    const OUTPUT_TYPE: PyStaticExpr = f64::ARRAY;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        Ok(self.0.into_bound(py))
    }
}

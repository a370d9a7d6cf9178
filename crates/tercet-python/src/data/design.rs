//! What is known of customers on its way to the core's view.

use pyo3::Borrowed;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::type_hint_union;
use tercet::Error;
use tercet::data::{Design, Feature, MatrixOrder, Numbers};

use crate::arrays::{Codes, Floats, Matrix, Number};
use crate::errors;

/// A column of an attribute: codes of levels (65535 where there is none) or numbers (NaN where there
/// is none); or a matrix of numbers, a column an attribute.
pub(crate) enum FeatureColumn<'py> {
    Codes(Codes<'py>),
    Numbers(Floats<'py>),
    Matrix(Matrix<'py>),
}

impl<'py> FromPyObject<'_, 'py> for FeatureColumn<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = type_hint_union!(u16::ARRAY, f64::ARRAY);

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(codes) = object.extract() {
            return Ok(Self::Codes(codes));
        }
        match object.extract() {
            Ok(matrix) => Ok(Self::Matrix(matrix)),
            Err(_) => object.extract().map(Self::Numbers),
        }
    }
}

/// What the caller calls a column, the column, and the names of its levels (none for numbers; those of
/// its columns for a matrix).
pub(crate) type Attribute<'py> = (String, FeatureColumn<'py>, Vec<String>);

/// The columns, borrowed; the core checks them when a long call asks it for the view.
pub(crate) struct DesignArrays<'a>(Vec<(String, Feature<'a>)>);

impl<'a> DesignArrays<'a> {
    /// Borrows the arrays.
    pub(crate) fn new(attributes: &'a [Attribute<'_>]) -> PyResult<Self> {
        let mut columns = Vec::with_capacity(attributes.len());
        for (name, column, levels) in attributes {
            let feature = match column {
                FeatureColumn::Codes(codes) => Feature::Levels {
                    codes: codes.values()?,
                    levels: levels.clone(),
                },
                FeatureColumn::Numbers(numbers) => Feature::Numbers(numbers.values()?),
                FeatureColumn::Matrix(matrix) => {
                    let (values, order, width) = matrix.parts()?;
                    if width != levels.len() {
                        let expected = format!("{width} names of columns");
                        let error = Error::parameter("names", levels.len(), expected);
                        return Err(errors::to_python(error));
                    }
                    let rows = values.len().checked_div(width).unwrap_or(0);
                    for (place, name) in levels.iter().enumerate() {
                        let column = match order {
                            MatrixOrder::Rows => Numbers::strided(values, place, width, rows),
                            MatrixOrder::Columns => Numbers::strided(values, place * rows, 1, rows),
                        };
                        let column = column.map_err(errors::to_python)?;
                        columns.push((name.clone(), Feature::Strided(column)));
                    }
                    continue;
                }
            };
            columns.push((name.clone(), feature));
        }
        Ok(Self(columns))
    }

    /// The checked view.
    pub(crate) fn design(self) -> tercet::Result<Design<'a>> {
        Design::new(self.0)
    }
}

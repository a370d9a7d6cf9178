//! What is known of customers on its way to the core's view.

use pyo3::Borrowed;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::type_hint_union;
use tercet::data::{Design, Feature};

use crate::arrays::{Codes, Floats, Number};

/// A column of an attribute: codes of levels (65535 where there is none) or numbers (NaN where there
/// is none).
pub(crate) enum FeatureColumn<'py> {
    Codes(Codes<'py>),
    Numbers(Floats<'py>),
}

impl<'py> FromPyObject<'_, 'py> for FeatureColumn<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = type_hint_union!(u16::ARRAY, f64::ARRAY);

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract() {
            Ok(codes) => Ok(Self::Codes(codes)),
            Err(_) => object.extract().map(Self::Numbers),
        }
    }
}

/// What the caller calls a column, the column, and the names of its levels (none for numbers).
pub(crate) type Attribute<'py> = (String, FeatureColumn<'py>, Vec<String>);

/// The columns, borrowed; the core checks them when a long call asks it for the view.
pub(crate) struct DesignArrays<'a>(Vec<(String, Feature<'a>)>);

impl<'a> DesignArrays<'a> {
    /// Borrows the arrays.
    pub(crate) fn new(attributes: &'a [Attribute<'_>]) -> PyResult<Self> {
        let columns = attributes.iter().map(|(name, column, levels)| {
            let feature = match column {
                FeatureColumn::Codes(codes) => Feature::Levels {
                    codes: codes.values()?,
                    levels: levels.clone(),
                },
                FeatureColumn::Numbers(numbers) => Feature::Numbers(numbers.values()?),
            };
            Ok((name.clone(), feature))
        });
        Ok(Self(columns.collect::<PyResult<_>>()?))
    }

    /// The checked view.
    pub(crate) fn design(self) -> tercet::Result<Design<'a>> {
        Design::new(self.0)
    }
}

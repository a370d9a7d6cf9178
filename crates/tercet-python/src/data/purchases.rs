//! The columns of a purchase summary on their way to the core's view.

use pyo3::prelude::*;
use tercet::data::{PurchaseColumns, Purchases};

use crate::arrays::Floats;
use crate::records::ColumnNames;

/// The three columns that purchase models read, with the caller's names for messages.
pub(crate) struct PurchaseArrays<'a> {
    frequency: &'a [f64],
    recency: &'a [f64],
    age: &'a [f64],
    columns: PurchaseColumns,
}

impl<'a> PurchaseArrays<'a> {
    /// Borrows the arrays; the core checks the rows when the long call asks it for the view.
    pub(crate) fn new(
        frequency: &'a Floats<'_>,
        recency: &'a Floats<'_>,
        age: &'a Floats<'_>,
        columns: &ColumnNames<'_>,
    ) -> PyResult<Self> {
        Ok(Self {
            frequency: frequency.values()?,
            recency: recency.values()?,
            age: age.values()?,
            columns: purchase_columns(columns)?,
        })
    }

    /// The checked view.
    pub(crate) fn purchases(self) -> tercet::Result<Purchases<'a>> {
        Purchases::named(self.columns, self.frequency, self.recency, self.age)
    }
}

/// The caller's names of the columns of a summary.
pub(crate) fn purchase_columns(names: &ColumnNames<'_>) -> PyResult<PurchaseColumns> {
    let mut columns = PurchaseColumns::default();
    names.rename("frequency", &mut columns.frequency)?;
    names.rename("recency", &mut columns.recency)?;
    names.rename("age", &mut columns.age)?;
    names.rename("monetary_value", &mut columns.monetary_value)?;
    names.rename("weights", &mut columns.weights)?;
    Ok(columns)
}

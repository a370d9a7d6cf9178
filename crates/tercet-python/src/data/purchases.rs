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
    weights: Option<&'a [f64]>,
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
            weights: None,
            columns: purchase_columns(columns)?,
        })
    }

    /// Adds how many customers each row stands for.
    pub(crate) fn weighted(mut self, weights: Option<&'a Floats<'_>>) -> PyResult<Self> {
        self.weights = weights.map(Floats::values).transpose()?;
        Ok(self)
    }

    /// The checked view.
    pub(crate) fn purchases(self) -> tercet::Result<Purchases<'a>> {
        let purchases = Purchases::named(self.columns, self.frequency, self.recency, self.age)?;
        match self.weights {
            Some(weights) => purchases.with_weights(weights),
            None => Ok(purchases),
        }
    }
}

/// The caller's names of the columns of a summary.
pub(crate) fn purchase_columns(names: &ColumnNames<'_>) -> PyResult<PurchaseColumns> {
    let mut columns = PurchaseColumns::default();
    names.rename("customer", &mut columns.customer)?;
    names.rename("frequency", &mut columns.frequency)?;
    names.rename("recency", &mut columns.recency)?;
    names.rename("age", &mut columns.age)?;
    names.rename("monetary_value", &mut columns.monetary_value)?;
    names.rename("weights", &mut columns.weights)?;
    Ok(columns)
}

/// The names that a fitted model keeps, as the caller gave them.
pub(crate) fn column_names<'py>(
    py: Python<'py>,
    columns: &PurchaseColumns,
) -> PyResult<ColumnNames<'py>> {
    ColumnNames::new(py)
        .with("customer", &columns.customer)?
        .with("frequency", &columns.frequency)?
        .with("recency", &columns.recency)?
        .with("age", &columns.age)?
        .with("monetary_value", &columns.monetary_value)?
        .with("weights", &columns.weights)
}

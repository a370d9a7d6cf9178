//! The columns that spend models read, on their way to the core's view.

use pyo3::prelude::*;
use tercet::data::{PurchaseColumns, Spend};

use super::purchase_columns;
use crate::arrays::Floats;
use crate::records::ColumnNames;

/// The two columns that spend models read, with the caller's names for messages.
pub(crate) struct SpendArrays<'a> {
    frequency: &'a [f64],
    monetary_value: &'a [f64],
    weights: Option<&'a [f64]>,
    columns: PurchaseColumns,
}

impl<'a> SpendArrays<'a> {
    /// Borrows the arrays; the core checks the rows when the long call asks it for the view.
    pub(crate) fn new(
        frequency: &'a Floats<'_>,
        monetary_value: &'a Floats<'_>,
        columns: &ColumnNames<'_>,
    ) -> PyResult<Self> {
        Ok(Self {
            frequency: frequency.values()?,
            monetary_value: monetary_value.values()?,
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
    pub(crate) fn spend(self) -> tercet::Result<Spend<'a>> {
        let spend = Spend::named(&self.columns, self.frequency, self.monetary_value)?;
        match self.weights {
            Some(weights) => spend.with_weights(weights),
            None => Ok(spend),
        }
    }
}

//! Best-worst choices on their way to the core's view.

use pyo3::prelude::*;
use tercet::data::{BestWorst, ChoiceColumns, ChoiceRows};

use crate::arrays::{Array, Codes};
use crate::data::Named;
use crate::records::ColumnNames;

/// A row for every item that a respondent was shown in a task: the respondent (numbered from 0 without
/// gaps), the task, the item's place in the list of items, and 1 for the best, -1 for the worst.
pub(crate) type ChoiceTable<'py> = (Array<'py, u32>, Array<'py, u32>, Codes<'py>, Array<'py, i8>);

/// The rows, borrowed, with the items and the caller's names.
pub(crate) struct ChoiceArrays<'a> {
    columns: ChoiceColumns,
    items: Vec<String>,
    rows: ChoiceRows<'a>,
    weights: Option<(&'a str, &'a [f64])>,
}

impl<'a> ChoiceArrays<'a> {
    /// Borrows the arrays; the core checks them when a long call asks it for the view. `weights` are a
    /// number a respondent.
    pub(crate) fn new(
        table: &'a ChoiceTable<'_>,
        items: Vec<String>,
        names: &ColumnNames<'_>,
        weights: Option<&'a Named<'_>>,
    ) -> PyResult<Self> {
        let mut columns = ChoiceColumns::default();
        for (column, name) in [
            ("respondent", &mut columns.respondent),
            ("task", &mut columns.task),
            ("item", &mut columns.item),
            ("choice", &mut columns.choice),
        ] {
            names.rename(column, name)?;
        }
        let weights = match weights {
            Some((name, values)) => Some((name.as_str(), values.values()?)),
            None => None,
        };
        Ok(Self {
            columns,
            items,
            rows: ChoiceRows {
                respondent: table.0.values()?,
                task: table.1.values()?,
                item: table.2.values()?,
                choice: table.3.values()?,
            },
            weights,
        })
    }

    /// The checked view.
    pub(crate) fn choices(self) -> tercet::Result<BestWorst<'a>> {
        let choices = BestWorst::named(&self.columns, self.items, &self.rows)?;
        match self.weights {
            Some((name, weights)) => choices.with_weights(name, weights),
            None => Ok(choices),
        }
    }
}

//! One row a customer: how many repeat purchases, and how much each was worth on average.

use super::purchases::{PurchaseColumns, check_length, check_size, check_weights};
use crate::error::{Error, Result};

/// The view that spend models take: number and mean value of each customer's repeat purchases.
///
/// Customers without a repeat purchase say nothing about spend; their row is ignored by fits and
/// gets the population's mean in predictions.
///
/// ```
/// use tercet::data::Spend;
/// let spend = Spend::new(&[2.0, 0.0], &[22.35, 0.0])?;
/// assert_eq!(spend.len(), 2);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Spend<'a> {
    frequency: &'a [f64],
    monetary_value: &'a [f64],
    weights: Option<&'a [f64]>,
    columns: PurchaseColumns,
}

impl<'a> Spend<'a> {
    /// Checks the two columns row by row.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for unequal lengths, [`Error::InvalidData`] for an empty table, a
    /// count that is negative, fractional or not finite, or a mean value that is negative or not
    /// finite where there are repeat purchases.
    pub fn new(frequency: &'a [f64], monetary_value: &'a [f64]) -> Result<Self> {
        Self::named(&PurchaseColumns::default(), frequency, monetary_value)
    }

    /// As [`Spend::new`], with the caller's own names for error messages.
    pub fn named(
        columns: &PurchaseColumns,
        frequency: &'a [f64],
        monetary_value: &'a [f64],
    ) -> Result<Self> {
        check_length(&columns.monetary_value, frequency.len(), monetary_value)?;
        check_size(&columns.frequency, frequency.len())?;
        for (row, (&x, &mean)) in frequency.iter().zip(monetary_value).enumerate() {
            if !(x >= 0.0 && x.is_finite() && x.trunc() == x) {
                let reason = format!("is {x}; it counts repeat purchases: a whole number from 0");
                return Err(Error::data(&columns.frequency, row, reason));
            }
            if x > 0.0 && !(mean >= 0.0 && mean.is_finite()) {
                let reason = format!(
                    "is {mean}; the mean value of repeat purchases must be finite and at least 0 (state how refunds are to be treated when summarising)"
                );
                return Err(Error::data(&columns.monetary_value, row, reason));
            }
        }
        Ok(Self::trusted(columns, frequency, monetary_value, None))
    }

    /// A view of columns that have been checked.
    pub(super) fn trusted(
        columns: &PurchaseColumns,
        frequency: &'a [f64],
        monetary_value: &'a [f64],
        weights: Option<&'a [f64]>,
    ) -> Self {
        Self {
            frequency,
            monetary_value,
            weights,
            columns: columns.clone(),
        }
    }

    /// Adds weights: a row of weight 3 counts as three equal customers, one of weight 0 not at all.
    pub fn with_weights(mut self, weights: &'a [f64]) -> Result<Self> {
        check_weights(&self.columns.weights, self.len(), weights)?;
        self.weights = Some(weights);
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.frequency.len()
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.frequency.is_empty()
    }

    /// Repeat purchases of each customer.
    pub fn frequency(&self) -> &'a [f64] {
        self.frequency
    }

    /// Mean value of each customer's repeat purchases.
    pub fn monetary_value(&self) -> &'a [f64] {
        self.monetary_value
    }

    /// The weight of a row: 1 where none were given.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The names used in error messages.
    pub fn columns(&self) -> &PurchaseColumns {
        &self.columns
    }
}

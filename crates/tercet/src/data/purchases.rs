//! One row a customer: how often, how lately, for how long known.

use serde::{Deserialize, Serialize};

use super::spend::Spend;
use crate::error::{Error, Result};

/// What the caller calls the columns of [`Purchases`]: for error messages, and kept with fitted
/// models so that the next table can be read by the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseColumns {
    /// Customer ids.
    pub customer: String,
    /// Repeat purchases.
    pub frequency: String,
    /// Time of the last purchase after the first.
    pub recency: String,
    /// Time from the first purchase to the end of observation.
    pub age: String,
    /// Mean value of the repeat purchases.
    pub monetary_value: String,
    /// Weights of the rows.
    pub weights: String,
}

impl Default for PurchaseColumns {
    fn default() -> Self {
        Self {
            customer: "customer_id".to_owned(),
            frequency: "frequency".to_owned(),
            recency: "recency".to_owned(),
            age: "T".to_owned(),
            monetary_value: "monetary_value".to_owned(),
            weights: "weights".to_owned(),
        }
    }
}

/// A validated purchase summary: one row a customer, in the field's usual terms.
///
/// * `frequency` (x): number of *repeat* purchases (the first one does not count);
/// * `recency` (`t_x`): time from the first to the last purchase, 0 where x = 0;
/// * `age` (T): time from the first purchase to the end of observation;
/// * `monetary_value`: mean value of the repeat purchases, 0 where x = 0 (optional);
/// * `weights`: how many customers the row stands for (optional).
///
/// All times are in one unit, the model's.
///
/// ```
/// use tercet::data::Purchases;
///
/// let purchases = Purchases::new(&[2.0, 0.0], &[30.43, 0.0], &[38.86, 38.86])?;
/// assert_eq!(purchases.len(), 2);
///
/// let error = Purchases::new(&[2.0], &[40.0], &[38.86]).unwrap_err();
/// assert!(error.to_string().contains("'recency', row 0"));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Purchases<'a> {
    frequency: &'a [f64],
    recency: &'a [f64],
    age: &'a [f64],
    monetary_value: Option<&'a [f64]>,
    weights: Option<&'a [f64]>,
    columns: PurchaseColumns,
}

/// Rows looked at together.
const CHUNK: usize = 1024;

/// More repeat purchases than this are taken for a mistake; counts up to here are exact in a float.
const MOST_PURCHASES: f64 = 1e9;

impl<'a> Purchases<'a> {
    /// Checks the three columns row by row.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for columns of unequal length, [`Error::InvalidData`] for an empty
    /// table or a row that cannot be: not finite, a negative or fractional count, `recency > T`,
    /// `recency > 0` without a repeat purchase, a negative time.
    pub fn new(frequency: &'a [f64], recency: &'a [f64], age: &'a [f64]) -> Result<Self> {
        Self::named(PurchaseColumns::default(), frequency, recency, age)
    }

    /// As [`Purchases::new`], with the caller's own names for error messages.
    pub fn named(
        columns: PurchaseColumns,
        frequency: &'a [f64],
        recency: &'a [f64],
        age: &'a [f64],
    ) -> Result<Self> {
        check_length(&columns.recency, frequency.len(), recency)?;
        check_length(&columns.age, frequency.len(), age)?;
        check_size(&columns.frequency, frequency.len())?;
        let purchases = Self {
            frequency,
            recency,
            age,
            monetary_value: None,
            weights: None,
            columns,
        };
        match purchases.first_impossible() {
            None => Ok(purchases),
            Some(row) => Err(purchases.explain(row)),
        }
    }

    /// Adds the mean value of each customer's repeat purchases.
    pub fn with_monetary_value(mut self, monetary_value: &'a [f64]) -> Result<Self> {
        // Spend::named does the checking; the view keeps the column for it.
        Spend::named(&self.columns, self.frequency, monetary_value)?;
        self.monetary_value = Some(monetary_value);
        Ok(self)
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

    /// Time of each customer's last purchase, counted from the first.
    pub fn recency(&self) -> &'a [f64] {
        self.recency
    }

    /// Time since each customer's first purchase.
    pub fn age(&self) -> &'a [f64] {
        self.age
    }

    /// Mean value of each customer's repeat purchases, where it was given.
    pub fn monetary_value(&self) -> Option<&'a [f64]> {
        self.monetary_value
    }

    /// Weights, where they were given.
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The names used in error messages.
    pub fn columns(&self) -> &PurchaseColumns {
        &self.columns
    }

    /// The view that spend models take.
    ///
    /// # Errors
    /// [`Error::InvalidData`] where no monetary value was given.
    pub fn spend(&self) -> Result<Spend<'a>> {
        let Some(monetary_value) = self.monetary_value else {
            return Err(Error::data(
                &self.columns.monetary_value,
                None,
                "is missing; summarise the purchases with their amounts",
            ));
        };
        // Each of these columns has been checked on its way into this view.
        Ok(Spend::trusted(
            &self.columns,
            self.frequency,
            monetary_value,
            self.weights,
        ))
    }

    /// Looks at blocks as a whole, which the compiler turns into vector instructions, and at single
    /// rows only in a block that fails.
    fn first_impossible(&self) -> Option<usize> {
        let row_is_possible =
            |row: usize| possible(self.frequency[row], self.recency[row], self.age[row]);
        let blocks = self.frequency.chunks(CHUNK).zip(self.recency.chunks(CHUNK));
        let failing = blocks
            .zip(self.age.chunks(CHUNK))
            .position(|((x, t_x), t)| {
                let rows = x.iter().zip(t_x).zip(t);
                !rows.fold(true, |all, ((x, t_x), t)| all & possible(*x, *t_x, *t))
            })?;
        (failing * CHUNK..self.len()).find(|row| !row_is_possible(*row))
    }

    /// What is wrong with a row that is not possible.
    fn explain(&self, row: usize) -> Error {
        let (x, t_x, t) = (self.frequency[row], self.recency[row], self.age[row]);
        let columns = &self.columns;
        for (name, value) in [
            (&columns.frequency, x),
            (&columns.recency, t_x),
            (&columns.age, t),
        ] {
            if !value.is_finite() {
                let reason = format!("is {value}; fill or drop the row");
                return Error::data(name, row, reason);
            }
            if value < 0.0 {
                let reason = format!("is {value}, below 0; counts and times start at 0");
                return Error::data(name, row, reason);
            }
        }
        if x.fract() != 0.0 || x > MOST_PURCHASES {
            let reason = format!(
                "is {x}; it counts repeat purchases and must be a whole number (not a rate or a mean)"
            );
            return Error::data(&columns.frequency, row, reason);
        }
        let reason = if x == 0.0 {
            format!(
                "is {t_x} although '{}' is 0; without a repeat purchase the last purchase is the first, at time 0",
                columns.frequency
            )
        } else {
            format!(
                "is {t_x}, later than '{}' = {t}; both count from the first purchase, in the same unit",
                columns.age
            )
        };
        Error::data(&columns.recency, row, reason)
    }
}

/// Whether a row can be: written so that a NaN anywhere makes it false.
#[inline]
#[allow(clippy::needless_bitwise_bool, clippy::manual_range_contains)] // `&`: no branches
fn possible(x: f64, t_x: f64, t: f64) -> bool {
    (x >= 0.0)
        & (x <= MOST_PURCHASES)
        & (x.trunc() == x)
        & (t_x >= 0.0)
        & (t_x <= t)
        & (t < f64::INFINITY)
        & ((x > 0.0) | (t_x == 0.0))
}

pub(crate) fn check_length(column: &str, expected: usize, values: &[f64]) -> Result<()> {
    if values.len() == expected {
        Ok(())
    } else {
        Err(Error::ShapeMismatch {
            column: column.to_owned(),
            expected,
            found: values.len(),
        })
    }
}

/// A table has a row, and no more than 32 bits can count.
pub(crate) fn check_size(column: &str, n: usize) -> Result<()> {
    if n == 0 {
        return Err(Error::data(
            column,
            None,
            "has no rows; at least one is needed",
        ));
    }
    if u32::try_from(n).is_err() {
        let reason = format!("has {n} rows; group equal rows first and pass weights");
        return Err(Error::data(column, None, reason));
    }
    Ok(())
}

pub(crate) fn check_weights(name: &str, n: usize, weights: &[f64]) -> Result<()> {
    check_length(name, n, weights)?;
    // "not at least 0" rather than "below 0": a NaN must not pass.
    if let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
        let reason = format!("is {}; weights are finite and at least 0", weights[row]);
        return Err(Error::data(name, row, reason));
    }
    if weights.iter().all(|w| *w == 0.0) {
        return Err(Error::data(
            name,
            None,
            "is 0 in every row; at least one row must count",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(x: f64, t_x: f64, t: f64) -> String {
        Purchases::new(&[0.0, x], &[0.0, t_x], &[1.0, t])
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn each_impossible_row_is_explained() {
        for (row, words) in [
            ((f64::NAN, 0.0, 1.0), "column 'frequency', row 1: is NaN"),
            (
                (-1.0, 0.0, 1.0),
                "column 'frequency', row 1: is -1, below 0",
            ),
            (
                (1.5, 0.5, 1.0),
                "column 'frequency', row 1: is 1.5; it counts",
            ),
            (
                (1.0, 2.0, 1.0),
                "column 'recency', row 1: is 2, later than 'T' = 1",
            ),
            (
                (0.0, 0.5, 1.0),
                "column 'recency', row 1: is 0.5 although 'frequency' is 0",
            ),
            ((1.0, 0.5, f64::INFINITY), "column 'T', row 1: is inf"),
            ((0.0, 0.0, -1.0), "column 'T', row 1: is -1, below 0"),
        ] {
            let found = message(row.0, row.1, row.2);
            assert!(found.starts_with(words), "{found}");
        }
    }

    #[test]
    fn lengths_and_weights_are_checked() {
        assert!(Purchases::new(&[], &[], &[]).is_err());
        assert!(Purchases::new(&[1.0], &[1.0], &[]).is_err());
        let purchases = || Purchases::new(&[1.0], &[1.0], &[2.0]).unwrap();
        for weights in [&[-1.0][..], &[f64::NAN], &[0.0], &[1.0, 1.0]] {
            assert!(purchases().with_weights(weights).is_err());
        }
        assert!(purchases().spend().is_err());
    }
}

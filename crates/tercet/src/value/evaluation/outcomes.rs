//! What happened beside what was predicted: checked once, trusted afterwards.

use crate::data::{Ids, check_size, check_weights};
use crate::error::{Error, Result};

/// What the caller calls the columns, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeColumns {
    /// Whether the event happened.
    pub outcome: String,
    /// Its predicted probability.
    pub probability: String,
    /// How much a row counts.
    pub weight: String,
    /// Whose row it is.
    pub customer: String,
}

impl Default for OutcomeColumns {
    fn default() -> Self {
        Self {
            outcome: "y".to_owned(),
            probability: "p".to_owned(),
            weight: "sample_weight".to_owned(),
            customer: "groups".to_owned(),
        }
    }
}

/// Outcomes and predicted probabilities, a row each.
///
/// ```
/// use tercet::value::evaluation::Outcomes;
///
/// let outcomes = Outcomes::new(&[true, false, false], &[0.7, 0.4, 0.1])?;
/// assert_eq!(outcomes.n_events(), 1);
/// let error = Outcomes::new(&[true, false], &[0.7, 1.4]).unwrap_err();
/// assert!(error.to_string().starts_with("column 'p', row 1: is 1.4"));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Outcomes<'a> {
    happened: &'a [bool],
    probabilities: &'a [f64],
    weights: Option<&'a [f64]>,
    customers: Option<Ids<'a>>,
    columns: OutcomeColumns,
}

impl<'a> Outcomes<'a> {
    /// Checks outcomes and probabilities.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`]; [`Error::InvalidData`] for a probability that is missing or outside
    /// `[0, 1]`, and where the event happened in every row or in none.
    pub fn new(happened: &'a [bool], probabilities: &'a [f64]) -> Result<Self> {
        Self::named(OutcomeColumns::default(), happened, probabilities)
    }

    /// [`Outcomes::new`] with the caller's names for the columns.
    pub fn named(
        columns: OutcomeColumns,
        happened: &'a [bool],
        probabilities: &'a [f64],
    ) -> Result<Self> {
        check_size(&columns.outcome, happened.len())?;
        if probabilities.len() != happened.len() {
            return Err(Error::ShapeMismatch {
                column: columns.probability,
                expected: happened.len(),
                found: probabilities.len(),
            });
        }
        check_probabilities(&columns.probability, probabilities)?;
        let outcomes = Self {
            happened,
            probabilities,
            weights: None,
            customers: None,
            columns,
        };
        outcomes.check_both_classes()?;
        Ok(outcomes)
    }

    /// Adds how much each row counts.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a weight that is negative or not finite, and where only rows with
    /// the event, or only rows without it, have a positive one.
    pub fn with_weights(mut self, weights: &'a [f64]) -> Result<Self> {
        check_weights(&self.columns.weight, self.len(), weights)?;
        self.weights = Some(weights);
        self.check_both_classes()?;
        Ok(self)
    }

    /// Adds whose row each is: rows of one customer are drawn, and held out, together.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`].
    pub fn with_customers(mut self, customers: Ids<'a>) -> Result<Self> {
        if customers.len() != self.len() {
            return Err(Error::ShapeMismatch {
                column: self.columns.customer,
                expected: self.happened.len(),
                found: customers.len(),
            });
        }
        self.customers = Some(customers);
        Ok(self)
    }

    fn check_both_classes(&self) -> Result<()> {
        for (wanted, words) in [
            (true, "the event in no row"),
            (false, "the event in every row"),
        ] {
            if !(0..self.len()).any(|row| self.happened[row] == wanted && self.weight(row) > 0.0) {
                let reason = format!(
                    "has {words} that counts; probabilities can be judged only where some customers have the event and some have not"
                );
                return Err(Error::data(&self.columns.outcome, None, reason));
            }
        }
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.happened.len()
    }

    /// Whether there is no row (there always is one).
    pub fn is_empty(&self) -> bool {
        self.happened.is_empty()
    }

    /// Rows with the event.
    pub fn n_events(&self) -> usize {
        self.happened.iter().filter(|event| **event).count()
    }

    /// The weighted share of rows with the event.
    pub fn event_rate(&self) -> f64 {
        let (mut events, mut all) = (0.0, 0.0);
        for row in 0..self.len() {
            let weight = self.weight(row);
            all += weight;
            if self.happened[row] {
                events += weight;
            }
        }
        events / all
    }

    /// Whether the event happened.
    pub fn happened(&self) -> &'a [bool] {
        self.happened
    }

    /// The predicted probabilities.
    pub fn probabilities(&self) -> &'a [f64] {
        self.probabilities
    }

    /// How much a row counts.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    pub(crate) fn customers(&self) -> Option<&Ids<'a>> {
        self.customers.as_ref()
    }

    pub(crate) fn columns(&self) -> &OutcomeColumns {
        &self.columns
    }
}

/// That every value is a probability.
pub(super) fn check_probabilities(column: &str, values: &[f64]) -> Result<()> {
    // "not inside" rather than "outside": a NaN must not pass.
    let Some(row) = values.iter().position(|p| !(0.0..=1.0).contains(p)) else {
        return Ok(());
    };
    let value = values[row];
    let reason = if value.is_nan() {
        "is NaN; score the row again, or leave it out".to_owned()
    } else {
        format!(
            "is {value}; a probability lies between 0 and 1 (per cent are divided by 100, log-odds go through 1 / (1 + exp(-x)))"
        )
    };
    Err(Error::data(column, row, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rows_are_named() {
        let words = |y: &[bool], p: &[f64]| Outcomes::new(y, p).unwrap_err().to_string();
        assert!(words(&[true, false], &[0.5, f64::NAN]).starts_with("column 'p', row 1: is NaN"));
        assert!(words(&[true, false], &[0.5]).contains("expected 2 rows, found 1"));
        assert!(words(&[], &[]).contains("no rows"));
        assert!(words(&[true], &[0.5]).contains("the event in every row"));
        assert!(words(&[false], &[0.5]).contains("the event in no row"));
        let two = Outcomes::new(&[true, false], &[0.5, 0.5]).unwrap();
        let error = two.clone().with_weights(&[1.0, -1.0]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("column 'sample_weight', row 1: is -1")
        );
        let error = two.clone().with_weights(&[1.0, 0.0]).unwrap_err();
        assert!(error.to_string().contains("every row"));
        assert!(two.with_customers(Ids::Integers(&[1])).is_err());
    }
}

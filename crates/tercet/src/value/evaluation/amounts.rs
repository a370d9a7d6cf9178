//! Money: one amount for all rows, or one a row.

use crate::error::{Error, Result};

/// What something is worth, or costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amounts<'a> {
    /// The same in every row.
    Same(f64),
    /// One a row, such as the customer's value.
    Each(&'a [f64]),
}

impl Amounts<'_> {
    /// The amount of a row.
    pub fn of(&self, row: usize) -> f64 {
        match self {
            Self::Same(amount) => *amount,
            Self::Each(amounts) => amounts[row],
        }
    }

    /// The one amount of all rows, where there is one.
    pub fn same(&self) -> Option<f64> {
        match self {
            Self::Same(amount) => Some(*amount),
            Self::Each(_) => None,
        }
    }

    /// That there is one a row, all finite and none below 0.
    pub(super) fn check(&self, name: &str, n: usize) -> Result<()> {
        match self {
            Self::Same(amount) if *amount >= 0.0 && amount.is_finite() => Ok(()),
            Self::Same(amount) => Err(Error::parameter(name, amount, "a number, at least 0")),
            Self::Each(amounts) if amounts.len() != n => Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected: n,
                found: amounts.len(),
            }),
            Self::Each(amounts) => {
                // "not at least 0" rather than "below 0": a NaN must not pass.
                let bad = amounts.iter().position(|a| !(*a >= 0.0 && a.is_finite()));
                match bad {
                    None => Ok(()),
                    Some(row) => Err(Error::data(
                        name,
                        row,
                        format!(
                            "is {}; amounts are finite and at least 0 (a customer whose event is worth nothing has 0)",
                            amounts[row]
                        ),
                    )),
                }
            }
        }
    }

    /// [`Amounts::check`], and that an event is worth something.
    pub(super) fn check_benefit(&self, name: &str, n: usize) -> Result<()> {
        match self {
            Self::Same(amount) if !(*amount > 0.0 && amount.is_finite()) => Err(Error::parameter(
                name,
                amount,
                "a positive number: what an event is worth when the customer was contacted",
            )),
            Self::Each(amounts) if amounts.len() == n && amounts.iter().all(|a| *a == 0.0) => {
                Err(Error::data(
                    name,
                    None,
                    "is 0 in every row; an event must be worth something for somebody",
                ))
            }
            _ => self.check(name, n),
        }
    }
}

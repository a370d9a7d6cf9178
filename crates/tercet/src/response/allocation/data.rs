//! What each action would do for each customer, what it costs, and who may get it.

use crate::data::{Ids, check_size};
use crate::error::{Error, Result};

/// Actions at most; each is a column of every array, and a constraint may stand for each.
pub const MOST_ACTIONS: usize = 64;

/// Numbers for customers and actions that need not be written out where they repeat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amounts<'a> {
    /// One number.
    All(f64),
    /// A number an action.
    ByAction(&'a [f64]),
    /// A number a customer.
    ByCustomer(&'a [f64]),
    /// A number each, customer by customer.
    Each(&'a [f64]),
}

impl Amounts<'_> {
    /// The number of a customer and an action.
    pub(super) fn get(&self, row: usize, action: usize, actions: usize) -> f64 {
        match self {
            Self::All(amount) => *amount,
            Self::ByAction(amounts) => amounts[action],
            Self::ByCustomer(amounts) => amounts[row],
            Self::Each(amounts) => amounts[row * actions + action],
        }
    }

    /// Whether all are 0.
    pub(super) fn are_zero(&self) -> bool {
        self.values().iter().all(|amount| *amount == 0.0)
    }

    fn values(&self) -> &[f64] {
        match self {
            Self::All(amount) => std::slice::from_ref(amount),
            Self::ByAction(amounts) | Self::ByCustomer(amounts) | Self::Each(amounts) => amounts,
        }
    }

    fn check(&self, column: &str, rows: usize, actions: usize, least: f64) -> Result<()> {
        let expected = match self {
            Self::All(_) => 1,
            Self::ByAction(_) => actions,
            Self::ByCustomer(_) => rows,
            Self::Each(_) => rows * actions,
        };
        if self.values().len() != expected {
            return Err(Error::ShapeMismatch {
                column: column.to_owned(),
                expected,
                found: self.values().len(),
            });
        }
        let strange = |amount: &f64| !amount.is_finite() || *amount < least;
        let Some(place) = self.values().iter().position(strange) else {
            return Ok(());
        };
        let row = match self {
            Self::All(_) | Self::ByAction(_) => None,
            Self::ByCustomer(_) => Some(place),
            Self::Each(_) => Some(place / actions),
        };
        let value = self.values()[place];
        let reason = if value.is_nan() {
            "is missing; fill the gap, or close the action to the customer".to_owned()
        } else if value.is_infinite() {
            "is infinite; give a finite number".to_owned()
        } else {
            format!("is {value}; give a number that is at least {least}")
        };
        Err(Error::data(column, row, reason))
    }
}

/// Why a customer may not get an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The customer does not wish to be contacted in this way, or has not consented.
    DoNotContact,
    /// The action is not meant for the customer.
    NotEligible,
    /// The customer has been contacted often enough lately.
    Resting,
}

/// Customers, the effects of actions on them, costs, margins and obstacles: checked.
///
/// The profit that an action is expected to add is `effect * margin - cost`.
///
/// ```
/// use tercet::response::allocation::{AllocationData, Amounts};
///
/// // Two customers; an e-mail and a call.
/// let effects = [0.01, 0.05, 0.02, 0.03];
/// let data = AllocationData::new(vec!["mail".into(), "call".into()], &effects)?
///     .with_margin(Amounts::All(100.0))?
///     .with_cost(Amounts::ByAction(&[0.1, 4.0]))?;
/// assert_eq!((data.len(), data.actions().len()), (2, 2));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AllocationData<'a> {
    actions: Vec<String>,
    effects: &'a [f64],
    rows: usize,
    pub(super) cost: Amounts<'a>,
    pub(super) margin: Amounts<'a>,
    pub(super) errors: Option<&'a [f64]>,
    pub(super) scores: Option<&'a [f64]>,
    pub(super) closed: Option<&'a [Option<Obstacle>]>,
    pub(super) ids: Option<Ids<'a>>,
}

impl<'a> AllocationData<'a> {
    /// Effects of actions (against doing nothing), customer by customer; free of cost and with a margin of
    /// 1 until told otherwise.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no action, more than [`MOST_ACTIONS`] or two of one name;
    /// [`Error::InvalidData`] for no customers and effects that are not finite; [`Error::ShapeMismatch`].
    pub fn new(actions: Vec<String>, effects: &'a [f64]) -> Result<Self> {
        let k = actions.len();
        let twice = |(place, name): (usize, &String)| actions[..place].contains(name);
        if k == 0 || k > MOST_ACTIONS || actions.iter().enumerate().any(twice) {
            let expected = format!("1 to {MOST_ACTIONS} different actions");
            return Err(Error::parameter(
                "actions",
                format!("{actions:?}"),
                expected,
            ));
        }
        let rows = effects.len() / k;
        check_size("effects", rows)?;
        let data = Self {
            actions,
            effects,
            rows,
            cost: Amounts::All(0.0),
            margin: Amounts::All(1.0),
            errors: None,
            scores: None,
            closed: None,
            ids: None,
        };
        data.check_each("effects", effects, f64::NEG_INFINITY)?;
        Ok(data)
    }

    /// What an action costs whether it works or not, at least 0. A cost that only success brings about (a
    /// voucher that is redeemed) is a smaller margin.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for costs below 0 and such as are not finite; [`Error::ShapeMismatch`].
    pub fn with_cost(mut self, cost: Amounts<'a>) -> Result<Self> {
        cost.check("cost", self.rows, self.actions.len(), 0.0)?;
        self.cost = cost;
        Ok(self)
    }

    /// What a unit of the outcome earns.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for margins that are not finite; [`Error::ShapeMismatch`].
    pub fn with_margin(mut self, margin: Amounts<'a>) -> Result<Self> {
        margin.check("margin", self.rows, self.actions.len(), f64::NEG_INFINITY)?;
        self.margin = margin;
        Ok(self)
    }

    /// Standard errors of the effects.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for errors below 0 and such as are not finite; [`Error::ShapeMismatch`].
    pub fn with_errors(mut self, errors: &'a [f64]) -> Result<Self> {
        self.check_each("errors", errors, 0.0)?;
        self.errors = Some(errors);
        Ok(self)
    }

    /// Doubly robust scores of an experiment on these customers, from which the effects were not learned.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for scores that are not finite; [`Error::ShapeMismatch`].
    pub fn with_scores(mut self, scores: &'a [f64]) -> Result<Self> {
        self.check_each("scores", scores, f64::NEG_INFINITY)?;
        self.scores = Some(scores);
        Ok(self)
    }

    /// Which actions are closed to which customers, customer by customer, and why.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`].
    pub fn with_obstacles(mut self, closed: &'a [Option<Obstacle>]) -> Result<Self> {
        self.check_shape("obstacles", closed.len())?;
        self.closed = Some(closed);
        Ok(self)
    }

    /// The customers' ids, none twice: who of equal customers comes first is then drawn by the id.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a customer with two rows; [`Error::ShapeMismatch`].
    pub fn with_ids(mut self, column: &str, ids: Ids<'a>) -> Result<Self> {
        if ids.len() != self.rows {
            return Err(Error::ShapeMismatch {
                column: column.to_owned(),
                expected: self.rows,
                found: ids.len(),
            });
        }
        ids.check_unique(column, &mut ())?;
        self.ids = Some(ids);
        Ok(self)
    }

    /// Number of customers.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no customer; there always is one.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What the actions are called.
    pub fn actions(&self) -> &[String] {
        &self.actions
    }

    /// Why an action is closed to a customer; `None` where it is open.
    pub fn obstacle(&self, row: usize, action: usize) -> Option<Obstacle> {
        self.closed?[row * self.actions.len() + action]
    }

    /// The profit that an action is expected to add.
    pub fn profit(&self, row: usize, action: usize) -> f64 {
        self.earned(self.effects, row, action) - self.cost(row, action)
    }

    /// The effect of an action on a customer.
    pub fn effect(&self, row: usize, action: usize) -> f64 {
        self.effects[row * self.actions.len() + action]
    }

    /// What an action costs.
    pub fn cost(&self, row: usize, action: usize) -> f64 {
        self.cost.get(row, action, self.actions.len())
    }

    /// The profit of an action by the scores, where there are any.
    pub(super) fn profit_by_scores(&self, row: usize, action: usize) -> Option<f64> {
        Some(self.earned(self.scores?, row, action) - self.cost(row, action))
    }

    /// The standard error of the profit, where it is known.
    pub(super) fn error(&self, row: usize, action: usize) -> Option<f64> {
        Some(self.earned(self.errors?, row, action).abs())
    }

    fn earned(&self, outcome: &[f64], row: usize, action: usize) -> f64 {
        let k = self.actions.len();
        outcome[row * k + action] * self.margin.get(row, action, k)
    }

    fn check_shape(&self, column: &str, found: usize) -> Result<()> {
        let expected = self.rows * self.actions.len();
        if found == expected {
            return Ok(());
        }
        Err(Error::ShapeMismatch {
            column: column.to_owned(),
            expected,
            found,
        })
    }

    fn check_each(&self, column: &str, values: &[f64], least: f64) -> Result<()> {
        let k = self.actions.len();
        Amounts::Each(values).check(column, self.rows, k, least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions() -> Vec<String> {
        vec!["mail".to_owned(), "call".to_owned()]
    }

    #[test]
    fn amounts_are_found_however_they_are_written() {
        let effects = [1.0, 2.0, 3.0, 4.0];
        let data = AllocationData::new(actions(), &effects).unwrap();
        let data = data
            .with_margin(Amounts::ByCustomer(&[10.0, 100.0]))
            .unwrap();
        let data = data.with_cost(Amounts::ByAction(&[1.0, 5.0])).unwrap();
        let found: Vec<f64> = (0..4).map(|cell| data.profit(cell / 2, cell % 2)).collect();
        assert_eq!(found, [9.0, 15.0, 299.0, 395.0]);
        let data = data
            .with_cost(Amounts::Each(&[0.0, 1.0, 2.0, 3.0]))
            .unwrap();
        assert_eq!((data.cost(1, 0), data.cost(1, 1)), (2.0, 3.0));
    }

    #[test]
    fn what_cannot_be_is_named_with_its_row() {
        let told = |effects: &[f64]| {
            AllocationData::new(actions(), effects)
                .unwrap_err()
                .to_string()
        };
        assert!(
            told(&[1.0, 2.0, f64::NAN, 4.0]).starts_with("column 'effects', row 1: is missing")
        );
        assert!(told(&[1.0, f64::INFINITY]).contains("row 0: is infinite"));
        assert!(told(&[1.0, 2.0, 3.0]).contains("expected 2 rows"));
        assert!(told(&[]).contains("has no rows"));
        let twice = vec!["mail".to_owned(), "mail".to_owned()];
        assert!(AllocationData::new(twice, &[1.0, 2.0]).is_err());
        let data = AllocationData::new(actions(), &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let negative = data.clone().with_cost(Amounts::ByCustomer(&[0.0, -1.0]));
        assert!(
            negative
                .unwrap_err()
                .to_string()
                .starts_with("column 'cost', row 1: is -1")
        );
        assert!(data.clone().with_errors(&[0.1, 0.1, 0.1, -0.1]).is_err());
        assert!(data.clone().with_obstacles(&[None]).is_err());
        assert!(data.with_ids("id", Ids::Integers(&[7, 7])).is_err());
    }
}

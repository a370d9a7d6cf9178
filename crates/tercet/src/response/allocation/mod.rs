//! Which action for whom: several actions, a budget, limits, and customers who are to be left alone.
//!
//! Actions with a profit of 0 or less are never given. Of what is left each customer gets one action at
//! most, the budget and the limits hold, and the expected profit is as high as can be: exactly where no
//! customer would have to be split, otherwise but for a [gap](Allocation::gap) that is told, and that is
//! rarely more than the profit of as many customers as there are scarce things.
//!
//! # Source
//! Sinha & Zoltners (1979), The multiple-choice knapsack problem, Operations Research 27, 503-515;
//! Dantzig & Van Slyke (1967), Generalized upper bounding techniques, Journal of Computer and System
//! Sciences 1, 213-226; Maros (2003), A generalized dual phase-2 simplex algorithm, European Journal of
//! Operational Research 149, 1-16; Sverdrup, Wu, Athey & Wager (2024), Qini curves for multi-armed
//! treatment rules, arXiv 2306.11979, for the profit by scores.

mod contacts;
mod curve;
mod data;
mod figures;
mod options;
mod prices;
mod whole;

pub use contacts::{ContactHistory, FatigueRule};
pub use curve::CurvePoint;
pub use data::{AllocationData, Amounts, MOST_ACTIONS, Obstacle};
pub use figures::{Profit, Totals};

use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::observe::{Observer, Phase};
use figures::{Errors, Given};
use options::Options;
use prices::{Market, NONE};
use whole::Whole;

/// The most customers who may get one of some actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The actions, by their places.
    pub actions: Vec<usize>,
    /// How many customers together.
    pub most: u64,
}

/// What is scarce, and how the result is told.
///
/// ```
/// use tercet::response::allocation::{AllocationData, Allocator, Amounts, Limit};
///
/// // Expected purchases that an e-mail and a call add, of three customers.
/// let effects = [0.02, 0.08, 0.03, 0.04, 0.01, 0.09];
/// let data = AllocationData::new(vec!["mail".into(), "call".into()], &effects)?
///     .with_margin(Amounts::All(100.0))?
///     .with_cost(Amounts::ByAction(&[0.5, 4.0]))?;
/// let one_call = Limit { actions: vec![1], most: 1 };
/// let found = Allocator::new().budget(5.0).limits([one_call]).allocate(&data, &mut ())?;
/// // The call goes to the third customer, where it adds most; the others get the mail.
/// assert_eq!(found.choice, [Some(0), Some(0), Some(1)]);
/// assert_eq!((found.totals.cost, found.totals.profit), (5.0, 9.0));
/// assert!(found.gap() < 1e-9);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Allocator {
    budget: Option<f64>,
    limits: Vec<Limit>,
    level: f64,
    correlation: f64,
    points: usize,
    seed: u64,
}

impl Default for Allocator {
    fn default() -> Self {
        Self {
            budget: None,
            limits: Vec::new(),
            level: 0.95,
            correlation: 1.0,
            points: 20,
            seed: 0,
        }
    }
}

impl Allocator {
    /// Nothing is scarce.
    pub fn new() -> Self {
        Self::default()
    }

    /// What all actions together may cost.
    #[must_use]
    pub fn budget(mut self, budget: f64) -> Self {
        self.budget = Some(budget);
        self
    }

    /// How many customers may get an action, or one of several.
    #[must_use]
    pub fn limits(mut self, limits: impl Into<Vec<Limit>>) -> Self {
        self.limits = limits.into();
        self
    }

    /// The confidence level of the intervals.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// The correlation of two customers' errors of effects, from 0 to 1. Errors of one model are shared to
    /// an extent that nobody knows; 1 is on the safe side.
    #[must_use]
    pub fn error_correlation(mut self, correlation: f64) -> Self {
        self.correlation = correlation;
        self
    }

    /// How many steps the profit curve has; 0 for none.
    #[must_use]
    pub fn curve_points(mut self, points: usize) -> Self {
        self.points = points;
        self
    }

    /// The seed of the draw among equal customers.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Chooses an action for each customer, or none.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a budget below 0, a limit on no action or one that is not there, a
    /// level outside 0 and 1 and a correlation outside \[0, 1\]; [`Error::Interrupted`].
    pub fn allocate(
        &self,
        data: &AllocationData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Allocation> {
        let errors = self.check(data)?;
        let mut phase = Phase::new(observer, "allocating");
        let options = Options::new(data, self.seed);
        phase.poll()?;
        let groups: Vec<Vec<usize>> = self.limits.iter().map(|one| one.actions.clone()).collect();
        let budgeted = self.budget.is_some();
        let mut bounds: Vec<f64> = self.budget.into_iter().collect();
        bounds.extend(self.limits.iter().map(|limit| limit.most as f64));
        let mut market = Market::new(&options, data.actions().len(), budgeted, &groups);
        market.solve(&bounds, &mut phase)?;
        let prices = market.true_prices(data);
        let whole = Whole::new(&options, &market, &bounds, &prices, budgeted);
        let choice: Vec<Option<u8>> = whole.choice.iter().copied().map(Some).collect();
        let (options, market) = (&options, &market);
        let given = Given {
            data,
            options,
            market,
            prices: &prices,
            budgeted,
        };
        let totals = given.totals(&choice, errors, &mut phase)?;
        let curve = curve::curve(data, options, (&groups, &bounds), self, errors, &mut phase)?;
        let told = given.told(&whole.choice);
        Ok(Allocation {
            choice: told.0,
            reasons: told.1,
            bound: given.bound(&bounds).max(totals.profit),
            totals,
            budget_price: self.budget.map(|_| prices[0]),
            limit_prices: prices[usize::from(budgeted)..].to_vec(),
            curve,
            exact_prices: market.solved,
        })
    }

    fn check(&self, data: &AllocationData<'_>) -> Result<Errors> {
        if let Some(budget) = self.budget
            && !(budget >= 0.0 && budget.is_finite())
        {
            return Err(Error::parameter(
                "budget",
                budget,
                "a finite amount, at least 0",
            ));
        }
        let actions = data.actions().len();
        for limit in &self.limits {
            if limit.actions.is_empty() || limit.actions.iter().any(|action| *action >= actions) {
                let expected = "limits on actions that there are";
                return Err(Error::parameter("limits", format!("{limit:?}"), expected));
            }
        }
        if !(0.0..=1.0).contains(&self.correlation) {
            let expected = "a correlation from 0 to 1";
            return Err(Error::parameter(
                "error_correlation",
                self.correlation,
                expected,
            ));
        }
        Ok(Errors {
            z: normal_quantile(self.level)?,
            correlation: self.correlation,
        })
    }
}

/// Why a customer gets an action, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The customer gets an action.
    Chosen,
    /// No action is expected to earn what it costs.
    NotProfitable,
    /// The money earns more elsewhere.
    Budget,
    /// The places are taken by customers who earn more.
    Capacity,
    /// All that would pay is closed: the customer has been contacted often enough lately.
    Resting,
    /// All that would pay is closed: the customer does not wish it.
    DoNotContact,
    /// All that would pay is closed: it is not meant for the customer.
    NotEligible,
}

impl Reason {
    /// In the order of their places.
    pub const ALL: [Self; 7] = [
        Self::Chosen,
        Self::NotProfitable,
        Self::Budget,
        Self::Capacity,
        Self::Resting,
        Self::DoNotContact,
        Self::NotEligible,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::NotProfitable => "not profitable",
            Self::Budget => "budget",
            Self::Capacity => "capacity",
            Self::Resting => "resting",
            Self::DoNotContact => "do not contact",
            Self::NotEligible => "not eligible",
        }
    }
}

impl From<Obstacle> for Reason {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Resting => Self::Resting,
            Obstacle::DoNotContact => Self::DoNotContact,
            Obstacle::NotEligible => Self::NotEligible,
        }
    }
}

/// Which customer gets which action, and what comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// The place of each customer's action.
    pub choice: Vec<Option<u8>>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Customers, cost and profit.
    pub totals: Totals,
    /// No allocation whatever earns more than this.
    pub bound: f64,
    /// What another unit of money would add, where there is a budget.
    pub budget_price: Option<f64>,
    /// What room for another customer would add, limit by limit.
    pub limit_prices: Vec<f64>,
    /// What other budgets would earn.
    pub curve: Vec<CurvePoint>,
    /// Whether the prices are the best ones; otherwise the bound holds and is less tight than it might be.
    pub exact_prices: bool,
}

impl Allocation {
    /// By how much the best allocation might be better than this one.
    pub fn gap(&self) -> f64 {
        self.bound - self.totals.profit
    }
}

impl Given<'_, '_> {
    /// The value of the dual programme: a profit that no allocation exceeds.
    fn bound(&self, bounds: &[f64]) -> f64 {
        let mut sum = crate::math::sum::Sums::<1>::zero();
        for (price, bound) in self.prices.iter().zip(bounds) {
            sum.add(&[price * bound]);
        }
        for customer in 0..self.options.len() {
            let row = self.options.row[customer] as usize;
            let best = (0..self.options.of(customer)).map(|option| {
                let action = self.options.action(customer, option);
                self.data.profit(row, action) - self.price(row, action)
            });
            sum.add(&[best.fold(0.0, f64::max)]);
        }
        sum.total()[0]
    }

    /// What an action takes, at the prices.
    fn price(&self, row: usize, action: usize) -> f64 {
        self.price_of_money(row, action) + self.price_of_places(action)
    }

    fn price_of_money(&self, row: usize, action: usize) -> f64 {
        if self.budgeted {
            self.prices[0] * self.data.cost(row, action)
        } else {
            0.0
        }
    }

    fn price_of_places(&self, action: usize) -> f64 {
        self.market
            .uses(action)
            .iter()
            .map(|scarce| self.prices[*scarce])
            .sum()
    }

    /// What each row gets, and why.
    fn told(&self, chosen: &[u8]) -> (Vec<Option<u8>>, Vec<Reason>) {
        let mut choice = vec![None; self.data.len()];
        for (customer, &option) in chosen.iter().enumerate() {
            if option != NONE {
                let action = self.options.action(customer, option);
                choice[self.options.row[customer] as usize] = u8::try_from(action).ok();
            }
        }
        let reasons = choice.iter().enumerate().map(|(row, choice)| match choice {
            Some(_) => Reason::Chosen,
            None => self.why_none(row),
        });
        let reasons = reasons.collect();
        (choice, reasons)
    }

    /// Why a customer gets nothing.
    fn why_none(&self, row: usize) -> Reason {
        let actions = 0..self.data.actions().len();
        let best = |actions: &mut dyn Iterator<Item = usize>, value: &dyn Fn(usize) -> f64| {
            actions
                .map(|action| (value(action), action))
                .max_by(|a, b| a.0.total_cmp(&b.0))
        };
        let profit = |action: usize| self.data.profit(row, action);
        let mut open = actions
            .clone()
            .filter(|&action| self.data.obstacle(row, action).is_none() && profit(action) > 0.0);
        let money = |action: usize| profit(action) - self.price_of_places(action);
        if let Some((after_places, action)) = best(&mut open, &money) {
            // Without the budget's price it would be worth its place.
            let by_money = self.price_of_money(row, action) > 0.0 && after_places > 0.0;
            let no_price = self.price(row, action) == 0.0;
            let has_limits = !self.market.uses(action).is_empty();
            return if by_money || (no_price && self.budgeted && !has_limits) {
                Reason::Budget
            } else {
                Reason::Capacity
            };
        }
        let anything_open = actions
            .clone()
            .any(|action| self.data.obstacle(row, action).is_none());
        let closed = actions.filter(|&action| self.data.obstacle(row, action).is_some());
        match best(&mut closed.into_iter(), &profit) {
            Some((profit, action)) if !anything_open || profit > 0.0 => self
                .data
                .obstacle(row, action)
                .map_or(Reason::NotProfitable, Reason::from),
            _ => Reason::NotProfitable,
        }
    }
}

//! The BG/NBD model of buying and dropping out.

mod fit;
mod fitted;
mod likelihood;
mod outlook;
mod parameters;

use serde::{Deserialize, Serialize};

use crate::data::{PurchaseCells, PurchaseColumns, Purchases, count};
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::{Observer, Phase};
use crate::units::TimeUnit;

pub use fitted::FittedBgNbd;
pub(crate) use fitted::check_horizon;
pub(crate) use outlook::Rules;
pub(crate) use parameters::Parameters;

/// What a fit does with customers whose first purchase is at the end of observation (T = 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewCustomers {
    /// Refuse the table: such rows are often a mistake in the dates.
    #[default]
    Error,
    /// Leave them out: they carry no information on the parameters.
    Skip,
}

from_words!(NewCustomers, "new_customers", "error" => Error, "skip" => Skip);

/// The BG/NBD model (beta-geometric / negative binomial), settings side.
///
/// For customers who buy when they like and leave without saying so.
///
/// # Assumptions
/// 1. While active, a customer buys at random at a constant rate λ.
/// 2. Rates differ between customers: λ ~ Gamma(shape `r`, rate `alpha`).
/// 3. After every repeat purchase the customer drops out for good with probability p.
/// 4. Dropout probabilities differ between customers: p ~ Beta(`a`, `b`), independent of λ.
///
/// # Likelihood
/// A customer with `x` repeat purchases, the last at `t_x`, observed until `T`, contributes
///
/// ```text
/// B(a, b + x)     Γ(r + x) alpha^r         B(a + 1, b + x - 1)     Γ(r + x) alpha^r
/// ----------- * ---------------------  +   ------------------- * -----------------------   (second term if x > 0)
///   B(a, b)     Γ(r) (alpha+T)^(r+x)             B(a, b)         Γ(r) (alpha+t_x)^(r+x)
/// ```
///
/// It is maximised by a trust-region Newton method with exact second derivatives over the distinct
/// (x, `t_x`, T), from several starts, in parameters that follow the likelihood's ridges:
/// `ln(r/alpha)`, `ln r`, `logit(a/(a+b))`, `ln(a+b)`.
///
/// # When not
/// Where leaving is announced (contracts, subscriptions), where purchases come at fixed intervals,
/// or where a customer may leave before the first repeat purchase (here everybody without a
/// repeat purchase is alive by assumption 3).
///
/// # Source
/// Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the
/// Pareto/NBD Model, Marketing Science 24(2), 275-284.
///
/// # Example
/// ```
/// use tercet::{Estimator, Fitted, simulate::PurchaseSimulator, value::lifetime::BgNbd};
///
/// let customers = PurchaseSimulator::new(2_000).seed(7).draw_summary()?;
/// let purchases = customers.purchases()?;
/// let model = BgNbd::new().fit(&purchases)?;
/// assert!(model.report().converged);
/// for parameter in model.parameters(0.95)? {
///     println!("{} {:.3} ({:?})", parameter.name, parameter.estimate, parameter.standard_error);
/// }
/// let alive = model.probability_alive(&purchases, &mut ())?;
/// let next_quarter = model.expected_purchases(&purchases, 13.0, &mut ())?;
/// assert_eq!(alive.len(), next_quarter.len());
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct BgNbd {
    time_unit: TimeUnit,
    new_customers: NewCustomers,
    max_iterations: usize,
    as_of: Option<String>,
}

impl Default for BgNbd {
    fn default() -> Self {
        Self {
            time_unit: TimeUnit::Week,
            new_customers: NewCustomers::Error,
            max_iterations: 200,
            as_of: None,
        }
    }
}

impl BgNbd {
    /// Settings as they come: weeks, at most 200 iterations.
    pub fn new() -> Self {
        Self::default()
    }

    /// The unit of recency, T and horizons; kept with the model and used for yearly discounting.
    pub fn time_unit(mut self, time_unit: TimeUnit) -> Self {
        self.time_unit = time_unit;
        self
    }

    /// What to do with customers of T = 0.
    pub fn new_customers(mut self, rule: NewCustomers) -> Self {
        self.new_customers = rule;
        self
    }

    /// The most iterations that one start may take.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    /// The end of observation, as text; kept with the model.
    pub fn as_of(mut self, date: impl Into<String>) -> Self {
        self.as_of = Some(date.into());
        self
    }

    /// Fits to cells that were counted elsewhere and merged.
    ///
    /// # Errors
    /// As [`Estimator::fit_observed`].
    pub fn fit_cells(
        &self,
        cells: &PurchaseCells,
        observer: &mut dyn Observer,
    ) -> Result<FittedBgNbd> {
        self.check()?;
        fit::fit(
            self,
            &PurchaseColumns::default(),
            cells,
            &mut Phase::new(observer, "fitting"),
        )
    }

    fn check(&self) -> Result<()> {
        if self.max_iterations == 0 {
            return Err(Error::parameter("max_iterations", 0, "at least 1"));
        }
        Ok(())
    }
}

impl Estimator for BgNbd {
    type Data<'a> = Purchases<'a>;
    type Fitted = FittedBgNbd;

    /// # Errors
    /// [`Error::InvalidData`] for fewer than two customers, for customers of whom none bought again,
    /// and for T = 0 unless [`NewCustomers::Skip`] is set; [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &Purchases<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedBgNbd> {
        self.check()?;
        let columns = data.columns();
        if self.new_customers == NewCustomers::Error
            && let Some(row) = data.age().iter().position(|age| *age == 0.0)
        {
            return Err(Error::data(
                &columns.age,
                row,
                "is 0: this customer's first purchase is at the end of observation and tells the fit nothing; drop the row, or set new_customers=\"skip\" (predictions accept it)",
            ));
        }
        if data.frequency().iter().all(|x| *x == 0.0) {
            return Err(Error::data(
                &columns.frequency,
                None,
                "is 0 in every row: nobody bought again, so neither rate nor dropout can be estimated; observe for longer, or count more kinds of purchase",
            ));
        }
        let cells = count(data, &mut Phase::new(observer, "grouping"), |_| ())?;
        fit::fit(self, columns, &cells, &mut Phase::new(observer, "fitting"))
    }
}

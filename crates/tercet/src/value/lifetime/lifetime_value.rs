//! Purchases and spend together: what a customer is worth today.

use super::bg_nbd::{Parameters, Rules, check_horizon};
use super::{FittedBgNbd, FittedGammaGamma};
use crate::data::{Cell, Grouped, Purchases};
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::observe::{Observer, Phase};
use crate::parallel::map_rows;

/// Customer lifetime value over a horizon, settings side.
///
/// ```text
/// clv = margin * expected spend * P(alive) * integral from 0 to horizon of e^(-delta t) dE[purchases within t]
/// ```
///
/// with `delta = ln(1 + discount_rate) / time units per year`: each expected purchase is discounted
/// from the moment at which it is expected, not from the end of its month.
///
/// The interval is what the uncertainty of the parameters of both models leaves open about this
/// *expected* value, by the delta method on its logarithm; a single customer's actual value varies
/// far more.
///
/// # Example
/// ```
/// use tercet::{Estimator, simulate::PurchaseSimulator};
/// use tercet::value::lifetime::{BgNbd, GammaGamma, LifetimeValue};
///
/// let customers = PurchaseSimulator::new(3_000).seed(7).draw_summary()?;
/// let purchases = customers.purchases()?;
/// let model = BgNbd::new().fit(&purchases)?;
/// let spend = GammaGamma::new().fit(&purchases.spend()?)?;
/// let value = LifetimeValue::new(52.0)
///     .discount_rate(0.10)
///     .margin(0.3)
///     .level(0.95)
///     .score(&model, &spend, &purchases, &mut ())?;
/// let [lower, upper] = value.interval.unwrap()[0];
/// assert!(lower < value.clv[0] && value.clv[0] < upper);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct LifetimeValue {
    horizon: f64,
    discount_rate: f64,
    margin: f64,
    level: Option<f64>,
}

/// One value a customer in each column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LifetimeValues {
    /// Probability of being active at the end of observation.
    pub probability_alive: Vec<f64>,
    /// Purchases expected within the horizon, not discounted.
    pub expected_purchases: Vec<f64>,
    /// Expected value of a purchase.
    pub expected_spend: Vec<f64>,
    /// Value of the horizon's purchases today, times the margin.
    pub clv: Vec<f64>,
    /// Interval of `clv` at the level asked for.
    pub interval: Option<Vec<[f64; 2]>>,
}

/// What does not depend on spend, per distinct (frequency, recency, T).
#[derive(Debug, Clone, Copy, Default)]
struct Prospect {
    alive: f64,
    purchases: f64,
    discounted: f64,
    /// Standard error of the logarithm of `discounted`.
    error: f64,
}

impl LifetimeValue {
    /// Value over `horizon` time units of the model, without discounting, margin 1, no intervals.
    pub fn new(horizon: f64) -> Self {
        Self {
            horizon,
            discount_rate: 0.0,
            margin: 1.0,
            level: None,
        }
    }

    /// A *yearly* rate: 0.10 for ten per cent a year, whatever the model's time unit.
    pub fn discount_rate(mut self, yearly: f64) -> Self {
        self.discount_rate = yearly;
        self
    }

    /// The share of spend that is kept.
    pub fn margin(mut self, share: f64) -> Self {
        self.margin = share;
        self
    }

    /// Asks for intervals at this confidence level.
    pub fn level(mut self, level: f64) -> Self {
        self.level = Some(level);
        self
    }

    /// Values every customer.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a negative horizon, rate or margin, for a discount rate with a
    /// model in periods of unsaid length, and for intervals of models without standard errors;
    /// [`Error::InvalidData`] where there is no monetary value.
    pub fn score(
        &self,
        lifetime: &FittedBgNbd,
        spend: &FittedGammaGamma,
        purchases: &Purchases<'_>,
        observer: &mut dyn Observer,
    ) -> Result<LifetimeValues> {
        let discount = self.check(lifetime)?;
        let money = purchases.spend()?;
        let grouped = Grouped::new(purchases, &mut Phase::new(observer, "grouping"))?;
        let prospects = self.prospects(lifetime, grouped.cells.as_slice(), discount, observer)?;
        let prospects = grouped.scatter(&prospects);
        let expected_spend = spend.expected_spend(&money, observer)?;
        let clv: Vec<f64> = prospects
            .iter()
            .zip(&expected_spend)
            .map(|(prospect, spend)| self.margin * prospect.discounted * spend)
            .collect();
        let interval = match self.level {
            None => None,
            Some(level) => {
                let z = normal_quantile(level)?;
                let (uncertainty, nudges) = spend.nudges(level)?;
                let (x, mean) = (money.frequency(), money.monetary_value());
                let phase = &mut Phase::new(observer, "intervals");
                Some(map_rows(clv.len(), phase, |row| {
                    // Purchases and spend are estimated from independent models: errors of
                    // logarithms add up in squares.
                    let error = uncertainty
                        .standard_error(&nudges, |p| p.expected_spend(x[row], mean[row]).ln());
                    let factor = (z * prospects[row].error.hypot(error)).exp();
                    [clv[row] / factor, clv[row] * factor]
                })?)
            }
        };
        Ok(LifetimeValues {
            probability_alive: prospects.iter().map(|prospect| prospect.alive).collect(),
            expected_purchases: prospects
                .iter()
                .map(|prospect| prospect.purchases)
                .collect(),
            expected_spend,
            clv,
            interval,
        })
    }

    fn prospects(
        &self,
        lifetime: &FittedBgNbd,
        cells: &[Cell],
        discount: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Prospect>> {
        let rules = Rules::new();
        let here = lifetime.natural();
        let nudges = self.level.map(|level| lifetime.nudges(level)).transpose()?;
        map_rows(cells.len(), &mut Phase::new(observer, "valuing"), |i| {
            let cell = &cells[i];
            let ahead = |p: &Parameters| {
                p.outlook(cell)
                    .discounted_purchases(self.horizon, discount, &rules)
            };
            let alive = here.probability_alive(cell);
            let (purchases, discounted) = ahead(&here);
            let error = nudges.as_ref().map_or(0.0, |(uncertainty, nudges)| {
                uncertainty
                    .standard_error(nudges, |p| p.log_probability_alive(cell) + ahead(p).1.ln())
            });
            Prospect {
                alive,
                purchases: alive * purchases,
                discounted: alive * discounted,
                // The logarithm of nothing has no error, and nothing has no interval.
                error: if discounted == 0.0 { 0.0 } else { error },
            }
        })
    }

    /// Checks the settings; returns the discount per time unit of the model.
    fn check(&self, lifetime: &FittedBgNbd) -> Result<f64> {
        check_horizon(self.horizon)?;
        if !(self.margin >= 0.0 && self.margin.is_finite()) {
            return Err(Error::parameter(
                "margin",
                self.margin,
                "the share of spend that is kept: a number of at least 0, such as 0.3",
            ));
        }
        if let Some(level) = self.level {
            normal_quantile(level)?;
        }
        lifetime.discount_per_unit(self.discount_rate)
    }
}

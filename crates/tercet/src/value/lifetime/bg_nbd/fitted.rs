//! A fitted BG/NBD model and what it says of customers.

use serde::{Deserialize, Serialize};

use super::likelihood::Likelihood;
use super::outlook::Rules;
use super::parameters::Parameters;
use super::{BgNbd, NewCustomers};
use crate::data::{Cell, Grouped, PurchaseCells, PurchaseColumns, Purchases};
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::math::special::sigmoid;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::map_rows;
use crate::persist::{Parts, Persist, read_part};
use crate::units::TimeUnit;
use crate::value::lifetime::Uncertainty;
use crate::value::lifetime::uncertainty::{Nudge, positive_parameters};

/// A fitted BG/NBD model: immutable; see [`BgNbd`] for the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedBgNbd {
    pub(super) settings: BgNbd,
    pub(super) columns: PurchaseColumns,
    pub(super) parameters: Parameters,
    pub(super) uncertainty: Option<Uncertainty>,
    pub(super) report: FitReport,
}

impl FittedBgNbd {
    /// A model with given parameters, such as published ones, in weeks; see [`BgNbd::given`].
    ///
    /// ```
    /// use tercet::{data::Purchases, value::lifetime::FittedBgNbd};
    ///
    /// // Fader, Hardie & Lee (2005), CDNOW.
    /// let model = FittedBgNbd::from_parameters(0.243, 4.414, 0.793, 2.426)?;
    /// let customer = Purchases::new(&[2.0], &[30.43], &[38.86])?;
    /// let expected = model.expected_purchases(&customer, 39.0, &mut ())?;
    /// assert!((expected[0] - 1.226).abs() < 1e-3);
    /// # Ok::<(), tercet::Error>(())
    /// ```
    pub fn from_parameters(r: f64, alpha: f64, a: f64, b: f64) -> Result<Self> {
        BgNbd::new().given(r, alpha, a, b)
    }

    /// `(r, alpha, a, b)`.
    pub fn estimates(&self) -> [f64; 4] {
        let Parameters { r, alpha, a, b } = self.parameters;
        [r, alpha, a, b]
    }

    /// The covariance matrix of `(r, alpha, a, b)`; `None` for entries that the data do not
    /// determine (a parameter on a boundary, or given).
    pub fn covariance(&self) -> [[Option<f64>; 4]; 4] {
        match &self.uncertainty {
            Some(uncertainty) => uncertainty.natural(&self.parameters.jacobian()),
            None => [[None; 4]; 4],
        }
    }

    /// The settings that it was fitted with.
    pub fn settings(&self) -> &BgNbd {
        &self.settings
    }

    /// What the columns of the table were called that it was fitted to.
    pub fn columns(&self) -> &PurchaseColumns {
        &self.columns
    }

    /// The unit of its times and rates.
    pub fn time_unit(&self) -> TimeUnit {
        self.settings.time_unit
    }

    /// The end of observation of the data it was fitted to, where that was said.
    pub fn as_of(&self) -> Option<&str> {
        self.settings.as_of.as_deref()
    }

    /// The probability that each customer is still active at the end of observation:
    ///
    /// ```text
    /// 1 / (1 + [x > 0] a/(b+x-1) ((alpha+T)/(alpha+t_x))^(r+x))
    /// ```
    ///
    /// It is 1 for customers without a repeat purchase: in this model dropout happens at repeat
    /// purchases only.
    pub fn probability_alive(
        &self,
        purchases: &Purchases<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let parameters = self.parameters;
        map_rows(
            purchases.len(),
            &mut Phase::new(observer, "scoring"),
            |row| parameters.probability_alive(&cell(purchases, row)),
        )
    }

    /// Purchases expected of each customer within `horizon` time units after the end of observation
    /// (Fader, Hardie & Lee 2005, equation 10), summed without the hypergeometric function: see the
    /// methods page.
    pub fn expected_purchases(
        &self,
        purchases: &Purchases<'_>,
        horizon: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        check_horizon(horizon)?;
        let parameters = self.parameters;
        by_cell(purchases, observer, |cell| {
            parameters.expected_purchases(cell, horizon)
        })
    }

    /// Purchases expected of a new customer within `horizon` time units after the first purchase
    /// (which is not counted).
    pub fn expected_purchases_new(&self, horizon: f64) -> Result<f64> {
        check_horizon(horizon)?;
        let newcomer = Cell {
            frequency: 0.0,
            recency: 0.0,
            age: 0.0,
            weight: 1.0,
        };
        Ok(self.parameters.expected_purchases(&newcomer, horizon))
    }

    /// For how long from the end of observation each customer may stay silent until the probability
    /// of being active falls below `probability`: 0 where it already has, infinite for customers
    /// without a repeat purchase.
    pub fn time_until(
        &self,
        purchases: &Purchases<'_>,
        probability: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        if !(probability > 0.0 && probability < 1.0) {
            return Err(Error::parameter(
                "probability",
                probability,
                "a number between 0 and 1",
            ));
        }
        let parameters = self.parameters;
        map_rows(
            purchases.len(),
            &mut Phase::new(observer, "scoring"),
            |row| parameters.time_until(&cell(purchases, row), probability),
        )
    }

    /// Purchases expected of each customer within `horizon` time units, each discounted from the
    /// moment at which it is expected, at a *yearly* rate: what [`LifetimeValue`] multiplies by the
    /// spend.
    ///
    /// [`LifetimeValue`]: crate::value::lifetime::LifetimeValue
    pub fn discounted_purchases(
        &self,
        purchases: &Purchases<'_>,
        horizon: f64,
        discount_rate: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        check_horizon(horizon)?;
        let discount = self.discount_per_unit(discount_rate)?;
        let (parameters, rules) = (self.parameters, Rules::new());
        by_cell(purchases, observer, |cell| {
            let outlook = parameters.outlook(cell);
            let (_, discounted) = outlook.discounted_purchases(horizon, discount, &rules);
            parameters.probability_alive(cell) * discounted
        })
    }

    /// The log-likelihood of customers under this model: summed over rows, times their weights.
    ///
    /// On the data that it was fitted to this is the maximum; on others it tells how well the model
    /// predicts them.
    pub fn log_likelihood(
        &self,
        purchases: &Purchases<'_>,
        observer: &mut dyn Observer,
    ) -> Result<f64> {
        let cells = PurchaseCells::from_purchases(purchases)?;
        let mut phase = Phase::new(observer, "scoring");
        let here = self.parameters.to_working();
        let likelihood = Likelihood::new(cells.as_slice(), &mut phase)?;
        Ok(likelihood.evaluate(&here, &mut phase)?.value)
    }

    /// A yearly rate as the continuous rate per time unit of this model.
    pub(crate) fn discount_per_unit(&self, yearly: f64) -> Result<f64> {
        if !(yearly >= 0.0 && yearly.is_finite()) {
            return Err(Error::parameter(
                "discount_rate",
                yearly,
                "a yearly rate of at least 0, such as 0.10 for ten per cent",
            ));
        }
        if yearly == 0.0 {
            return Ok(0.0);
        }
        match self.time_unit().per_year() {
            Some(per_year) => Ok(yearly.ln_1p() / per_year),
            None => Err(Error::parameter(
                "discount_rate",
                yearly,
                "0 for a model in periods of unsaid length: discount rates are yearly; fit the model with a time_unit such as \"week\"",
            )),
        }
    }

    /// Intervals of [`FittedBgNbd::probability_alive`] at confidence `level`, by the delta method on
    /// the log-odds: what the uncertainty of the parameters leaves open.
    pub fn probability_alive_interval(
        &self,
        purchases: &Purchases<'_>,
        level: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        let z = normal_quantile(level)?;
        let (uncertainty, nudges) = self.nudges(level)?;
        let here = self.parameters;
        by_cell(purchases, observer, |cell| {
            if cell.frequency == 0.0 {
                return [1.0, 1.0];
            }
            let centre = here.dropout_log_odds(cell);
            let error = uncertainty.standard_error(&nudges, |p| p.dropout_log_odds(cell));
            [sigmoid(-centre - z * error), sigmoid(-centre + z * error)]
        })
    }

    /// Intervals of [`FittedBgNbd::expected_purchases`] at confidence `level`, by the delta method on
    /// the logarithm: what the uncertainty of the parameters leaves open about the *expected* number,
    /// not the spread of the actual one.
    pub fn expected_purchases_interval(
        &self,
        purchases: &Purchases<'_>,
        horizon: f64,
        level: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        check_horizon(horizon)?;
        let z = normal_quantile(level)?;
        let (uncertainty, nudges) = self.nudges(level)?;
        let here = self.parameters;
        by_cell(purchases, observer, |cell| {
            let centre = here.expected_purchases(cell, horizon);
            if centre == 0.0 {
                return [0.0, 0.0];
            }
            let error = uncertainty.standard_error(&nudges, |p| {
                p.log_probability_alive(cell) + p.outlook(cell).purchases(horizon).ln()
            });
            let factor = (z * error).exp();
            [centre / factor, centre * factor]
        })
    }

    pub(crate) fn natural(&self) -> Parameters {
        self.parameters
    }

    /// The parameters moved along each working coordinate, for derivatives.
    pub(crate) fn nudges(&self, level: f64) -> Result<(&Uncertainty, Vec<Nudge<Parameters>>)> {
        let uncertainty = Uncertainty::required(self.uncertainty.as_ref(), level)?;
        let nudges = uncertainty.nudges(self.parameters.to_working(), Parameters::from_working);
        Ok((uncertainty, nudges))
    }
}

impl BgNbd {
    /// A model with given parameters, such as published ones, under these settings.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless all four are positive and finite.
    pub fn given(&self, r: f64, alpha: f64, a: f64, b: f64) -> Result<FittedBgNbd> {
        for (name, value) in [("r", r), ("alpha", alpha), ("a", a), ("b", b)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, value, "a positive number"));
            }
        }
        Ok(FittedBgNbd {
            settings: self.clone(),
            columns: PurchaseColumns::default(),
            parameters: Parameters { r, alpha, a, b },
            uncertainty: None,
            report: FitReport::given(4),
        })
    }
}

impl Fitted for FittedBgNbd {
    fn report(&self) -> &FitReport {
        &self.report
    }

    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let covariance = self.uncertainty.as_ref().map(|_| self.covariance());
        positive_parameters(
            ["r", "alpha", "a", "b"],
            self.estimates(),
            covariance,
            level,
        )
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    columns: PurchaseColumns,
    time_unit: TimeUnit,
    as_of: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SettingsPart {
    new_customers: NewCustomers,
    max_iterations: usize,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    parameters: Parameters,
    uncertainty: Option<Uncertainty>,
}

impl Persist for FittedBgNbd {
    const KIND: &'static str = "bg_nbd";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        let settings = &self.settings;
        Parts::new(
            SchemaPart {
                columns: self.columns.clone(),
                time_unit: settings.time_unit,
                as_of: settings.as_of.clone(),
            },
            SettingsPart {
                new_customers: settings.new_customers,
                max_iterations: settings.max_iterations,
            },
            FittedPart {
                parameters: self.parameters,
                uncertainty: self.uncertainty.clone(),
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let settings: SettingsPart = read_part("settings", parts.settings)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let settings = BgNbd {
            time_unit: schema.time_unit,
            as_of: schema.as_of,
            new_customers: settings.new_customers,
            max_iterations: settings.max_iterations,
        };
        settings.check()?;
        let Parameters { r, alpha, a, b } = fitted.parameters;
        let mut model = settings
            .given(r, alpha, a, b)
            .map_err(|error| Error::Corrupt {
                reason: format!("in \"fitted\": {error}"),
            })?;
        if let Some(uncertainty) = &fitted.uncertainty {
            uncertainty.check(4)?;
        }
        model.columns = schema.columns;
        model.uncertainty = fitted.uncertainty;
        model.report = read_part("report", parts.report)?;
        Ok(model)
    }
}

/// A thousand million hours are 100,000 years.
const LONGEST_HORIZON: f64 = 1e9;

pub(crate) fn check_horizon(horizon: f64) -> Result<()> {
    if (0.0..=LONGEST_HORIZON).contains(&horizon) {
        Ok(())
    } else {
        Err(Error::parameter(
            "horizon",
            horizon,
            "a number of time units from 0 to 1e9",
        ))
    }
}

fn cell(purchases: &Purchases<'_>, row: usize) -> Cell {
    Cell {
        frequency: purchases.frequency()[row],
        recency: purchases.recency()[row],
        age: purchases.age()[row],
        weight: 1.0,
    }
}

/// Evaluates once per distinct row and scatters back.
fn by_cell<T: Copy + Send>(
    purchases: &Purchases<'_>,
    observer: &mut dyn Observer,
    value: impl Fn(&Cell) -> T + Sync + Send,
) -> Result<Vec<T>> {
    let grouped = Grouped::new(purchases, &mut Phase::new(observer, "grouping"))?;
    let cells = grouped.cells.as_slice();
    let values = map_rows(cells.len(), &mut Phase::new(observer, "scoring"), |i| {
        value(&cells[i])
    })?;
    Ok(grouped.scatter(&values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cdnow() -> FittedBgNbd {
        FittedBgNbd::from_parameters(0.242_593, 4.413_532, 0.792_886, 2.425_754).unwrap()
    }

    #[test]
    fn silence_until_the_threshold_leads_to_the_threshold() {
        let model = cdnow();
        let (x, t_x, t) = (
            [3.0, 1.0, 12.0, 0.0],
            [20.0, 0.5, 38.0, 0.0],
            [30.0, 38.0, 38.0, 9.0],
        );
        let now = Purchases::new(&x, &t_x, &t).unwrap();
        let wait = model.time_until(&now, 0.4, &mut ()).unwrap();
        assert_eq!(wait[3], f64::INFINITY);
        let later: Vec<f64> = t
            .iter()
            .zip(&wait)
            .map(|(t, wait)| t + wait.min(1e3))
            .collect();
        let later = Purchases::new(&x, &t_x, &later).unwrap();
        let alive = model.probability_alive(&later, &mut ()).unwrap();
        for (alive, wait) in alive.iter().zip(&wait) {
            let reached = (alive - 0.4).abs() < 1e-12;
            assert!(reached || (*wait == 0.0 && *alive < 0.4) || wait.is_infinite());
        }
    }

    #[test]
    fn a_model_without_standard_errors_has_no_intervals() {
        let customer = Purchases::new(&[2.0], &[30.0], &[38.0]).unwrap();
        assert!(
            cdnow()
                .probability_alive_interval(&customer, 0.95, &mut ())
                .is_err()
        );
        assert!(
            cdnow()
                .expected_purchases(&customer, -1.0, &mut ())
                .is_err()
        );
        assert!(cdnow().time_until(&customer, 1.0, &mut ()).is_err());
    }
}

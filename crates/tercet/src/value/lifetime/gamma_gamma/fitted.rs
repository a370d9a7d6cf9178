//! A fitted Gamma-Gamma model and what it says of customers.

use nalgebra::{SMatrix, matrix};
use serde::{Deserialize, Serialize};

use super::likelihood::{Likelihood, repeaters};
use super::{GammaGamma, Independence};
use crate::data::{PurchaseColumns, Spend};
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::map_rows;
use crate::persist::{Parts, Persist, read_part};
use crate::value::lifetime::Uncertainty;
use crate::value::lifetime::uncertainty::{Nudge, positive_parameters};

/// A fitted Gamma-Gamma model: immutable; see [`GammaGamma`] for the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedGammaGamma {
    pub(super) settings: GammaGamma,
    pub(super) columns: PurchaseColumns,
    pub(super) parameters: Parameters,
    pub(super) uncertainty: Option<Uncertainty>,
    pub(super) independence: Option<Independence>,
    pub(super) report: FitReport,
}

/// The three parameters under their names in the paper (`v` is also written γ).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) p: f64,
    pub(crate) q: f64,
    pub(crate) v: f64,
}

impl Parameters {
    /// From `[ln p, ln q, ln(p v / q)]`.
    pub(super) fn from_working(point: &[f64; 3]) -> Self {
        let [log_p, log_q, log_mean] = *point;
        Self {
            p: log_p.exp(),
            q: log_q.exp(),
            v: (log_mean + log_q - log_p).exp(),
        }
    }

    pub(super) fn to_working(self) -> [f64; 3] {
        [self.p.ln(), self.q.ln(), (self.p * self.v / self.q).ln()]
    }

    /// Derivatives of (p, q, v) in the working parameters.
    pub(super) fn jacobian(self) -> SMatrix<f64, 3, 3> {
        let Self { p, q, v } = self;
        matrix![
            p, 0.0, 0.0;
            0.0, q, 0.0;
            -v, v, v
        ]
    }

    /// Second derivatives of p, q and v in the working parameters.
    pub(super) fn curvatures(self) -> [SMatrix<f64, 3, 3>; 3] {
        let Self { p, q, v } = self;
        let mut of_p = SMatrix::zeros();
        of_p[(0, 0)] = p;
        let mut of_q = SMatrix::zeros();
        of_q[(1, 1)] = q;
        [of_p, of_q, matrix![v, -v, -v; -v, v, v; -v, v, v]]
    }

    /// The mean spend of the population, `p v / (q - 1)`; infinite for q <= 1.
    pub(crate) fn population_mean(self) -> f64 {
        let Self { p, q, v } = self;
        if q > 1.0 {
            p * v / (q - 1.0)
        } else {
            f64::INFINITY
        }
    }

    /// `p (v + x m) / (p x + q - 1)`: between the population's mean and the customer's own.
    pub(crate) fn expected_spend(self, x: f64, mean: f64) -> f64 {
        let Self { p, q, v } = self;
        if x == 0.0 {
            return self.population_mean();
        }
        let divisor = p * x + q - 1.0;
        if divisor > 0.0 {
            p * (v + x * mean) / divisor
        } else {
            f64::INFINITY
        }
    }
}

impl FittedGammaGamma {
    /// A model with given parameters, such as published ones.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless all three are positive and finite.
    pub fn from_parameters(p: f64, q: f64, v: f64) -> Result<Self> {
        for (name, value) in [("p", p), ("q", q), ("v", v)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, value, "a positive number"));
            }
        }
        Ok(Self {
            settings: GammaGamma::new(),
            columns: PurchaseColumns::default(),
            parameters: Parameters { p, q, v },
            uncertainty: None,
            independence: None,
            report: FitReport::given(3),
        })
    }

    /// `(p, q, v)`.
    pub fn estimates(&self) -> [f64; 3] {
        let Parameters { p, q, v } = self.parameters;
        [p, q, v]
    }

    /// The covariance matrix of `(p, q, v)`; `None` for entries that the data do not determine.
    pub fn covariance(&self) -> [[Option<f64>; 3]; 3] {
        match &self.uncertainty {
            Some(uncertainty) => uncertainty.natural(&self.parameters.jacobian()),
            None => [[None; 3]; 3],
        }
    }

    /// The settings that it was fitted with.
    pub fn settings(&self) -> &GammaGamma {
        &self.settings
    }

    /// What the columns of the table were called that it was fitted to.
    pub fn columns(&self) -> &PurchaseColumns {
        &self.columns
    }

    /// The log-likelihood of customers' mean spend under this model: summed over repeaters with a
    /// mean above 0, times their weights.
    pub fn log_likelihood(&self, spend: &Spend<'_>, observer: &mut dyn Observer) -> Result<f64> {
        let here = self.parameters.to_working();
        let mut phase = Phase::new(observer, "scoring");
        let repeaters = repeaters(spend, &mut phase)?;
        Ok(Likelihood::new(&repeaters, &mut phase)?
            .evaluate(&here, &mut phase)?
            .value)
    }

    /// The mean spend of the population, `p v / (q - 1)`; infinite for q <= 1.
    pub fn population_mean(&self) -> f64 {
        self.parameters.population_mean()
    }

    /// How far the data agree with the assumption that spend does not depend on frequency; `None`
    /// for a model whose parameters were given.
    pub fn independence(&self) -> Option<Independence> {
        self.independence
    }

    /// Expected value of a purchase of each customer: the customer's own mean, drawn towards the
    /// population's the more, the fewer purchases it rests on.
    ///
    /// ```text
    /// p (v + x m) / (p x + q - 1)
    /// ```
    ///
    /// ```
    /// use tercet::{data::Spend, value::lifetime::FittedGammaGamma};
    /// let model = FittedGammaGamma::from_parameters(6.25, 3.74, 15.44)?;
    /// let spend = model.expected_spend(&Spend::new(&[0.0, 1.0, 50.0], &[0.0, 100.0, 100.0])?, &mut ())?;
    /// assert!(spend[0] < spend[1] && spend[1] < spend[2] && spend[2] < 100.0);
    /// # Ok::<(), tercet::Error>(())
    /// ```
    pub fn expected_spend(
        &self,
        spend: &Spend<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let (x, mean, parameters) = (spend.frequency(), spend.monetary_value(), self.parameters);
        map_rows(spend.len(), &mut Phase::new(observer, "scoring"), |row| {
            parameters.expected_spend(x[row], mean[row])
        })
    }

    /// Intervals of [`FittedGammaGamma::expected_spend`] at confidence `level`, by the delta method
    /// on the logarithm: what the uncertainty of the parameters leaves open.
    pub fn expected_spend_interval(
        &self,
        spend: &Spend<'_>,
        level: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        let z = normal_quantile(level)?;
        let (uncertainty, nudges) = self.nudges(level)?;
        let (x, mean, here) = (spend.frequency(), spend.monetary_value(), self.parameters);
        map_rows(spend.len(), &mut Phase::new(observer, "scoring"), |row| {
            let (x, mean) = (x[row], mean[row]);
            let centre = here.expected_spend(x, mean);
            let error = uncertainty.standard_error(&nudges, |p| p.expected_spend(x, mean).ln());
            let factor = (z * error).exp();
            [centre / factor, centre * factor]
        })
    }

    pub(crate) fn nudges(&self, level: f64) -> Result<(&Uncertainty, Vec<Nudge<Parameters>>)> {
        let uncertainty = Uncertainty::required(self.uncertainty.as_ref(), level)?;
        let nudges = uncertainty.nudges(self.parameters.to_working(), Parameters::from_working);
        Ok((uncertainty, nudges))
    }
}

impl Fitted for FittedGammaGamma {
    fn report(&self) -> &FitReport {
        &self.report
    }

    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let covariance = self.uncertainty.as_ref().map(|_| self.covariance());
        positive_parameters(["p", "q", "v"], self.estimates(), covariance, level)
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    columns: PurchaseColumns,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    parameters: Parameters,
    uncertainty: Option<Uncertainty>,
    independence: Option<Independence>,
}

impl Persist for FittedGammaGamma {
    const KIND: &'static str = "gamma_gamma";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                columns: self.columns.clone(),
            },
            &self.settings,
            FittedPart {
                parameters: self.parameters,
                uncertainty: self.uncertainty.clone(),
                independence: self.independence,
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let Parameters { p, q, v } = fitted.parameters;
        let mut model = Self::from_parameters(p, q, v).map_err(|error| Error::Corrupt {
            reason: format!("in \"fitted\": {error}"),
        })?;
        if let Some(uncertainty) = &fitted.uncertainty {
            uncertainty.check(3)?;
        }
        model.settings = read_part("settings", parts.settings)?;
        model.columns = schema.columns;
        model.uncertainty = fitted.uncertainty;
        model.independence = fitted.independence;
        model.report = read_part("report", parts.report)?;
        Ok(model)
    }
}

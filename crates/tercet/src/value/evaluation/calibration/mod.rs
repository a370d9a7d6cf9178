//! Probabilities made right: what was predicted, mapped to what happened.

mod cross_validation;
mod fit;
mod fitted;
mod isotonic;
mod maps;

use serde::{Deserialize, Serialize};

use super::Outcomes;
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::{Observer, Phase};

pub use cross_validation::CrossValidated;
pub use fitted::FittedCalibration;

/// How predictions are mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// Not at all.
    None,
    /// `logit q = intercept + slope logit p`, slope at least 0 (Cox 1958, Biometrika 45, 562-565; in
    /// machine learning named after Platt, who used scores).
    Sigmoid,
    /// `logit q = c + a ln p - b ln(1 - p)`, `a` and `b` at least 0 (Kull, Silva Filho & Flach 2017,
    /// Electronic Journal of Statistics 11, 5052-5080). `a = b` is the sigmoid.
    Beta,
    /// The best rising step function (Ayer et al. 1955, Annals of Mathematical Statistics 26,
    /// 641-647; Zadrozny & Elkan 2002, KDD, 694-699).
    Isotonic,
    /// Whichever of these predicts held-out customers best; see [`CrossValidated`].
    #[default]
    Auto,
}

impl CalibrationMethod {
    /// The method's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sigmoid => "sigmoid",
            Self::Beta => "beta",
            Self::Isotonic => "isotonic",
            Self::Auto => "auto",
        }
    }
}

from_words!(
    CalibrationMethod, "method",
    "auto" => Auto, "isotonic" => Isotonic, "beta" => Beta, "sigmoid" => Sigmoid, "none" => None
);

/// Calibration of probabilities, settings side.
///
/// Fit it to predictions of customers whom the model has not seen (out-of-fold predictions, a holdout):
/// predictions of its own training data are better than those to come.
///
/// # Assumptions
/// 1. The ranking is right: every map rises. What a ranking gets wrong no calibration mends.
/// 2. Customers to come have events as those here have; `shift` corrects for another event rate.
///
/// # Never 0 or 1
/// An isotonic block without an event (or with nothing else) would promise certainty. It gets half an
/// event (half a non-event) in one row more than it has, and at most half of what its neighbour is away
/// from 0 (from 1). The other maps cannot reach 0 or 1 but from 0 and 1 themselves, which are taken as
/// 2.2e-16 and 1 - 2.2e-16.
///
/// # Example
/// ```
/// use tercet::Estimator;
/// use tercet::value::evaluation::{Calibration, CalibrationMethod, Outcomes};
///
/// // Predictions of 0.9 come true in seven of ten cases, those of 0.1 in three.
/// let p: Vec<f64> = (0..200).map(|i| if i < 100 { 0.9 } else { 0.1 }).collect();
/// let y: Vec<bool> = (0..200).map(|i| i % 10 < if i < 100 { 7 } else { 3 }).collect();
/// let calibration = Calibration::new(CalibrationMethod::Sigmoid).fit(&Outcomes::new(&y, &p)?)?;
/// let q = calibration.calibrate(&[0.1, 0.5, 0.9])?;
/// assert!((q[0] - 0.3).abs() < 1e-8 && (q[1] - 0.5).abs() < 1e-8 && (q[2] - 0.7).abs() < 1e-8);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Calibration {
    method: CalibrationMethod,
    shift: Option<f64>,
    interpolate: bool,
    folds: usize,
    seed: u64,
    max_iterations: usize,
}

impl Default for Calibration {
    fn default() -> Self {
        Self::new(CalibrationMethod::Auto)
    }
}

impl Calibration {
    /// A method; no shift, five folds.
    pub fn new(method: CalibrationMethod) -> Self {
        Self {
            method,
            shift: None,
            interpolate: true,
            folds: 5,
            seed: 0,
            max_iterations: 100,
        }
    }

    /// The event rate of the customers to be scored, where those here were sampled or weighted by
    /// whether they had the event. Odds are multiplied by the odds of that rate over the odds of the
    /// rate here (Elkan 2001; Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21-41).
    pub fn shift(mut self, event_rate: Option<f64>) -> Self {
        self.shift = event_rate;
        self
    }

    /// Whether the isotonic map is linear between its blocks, or jumps half-way.
    pub fn interpolate(mut self, interpolate: bool) -> Self {
        self.interpolate = interpolate;
        self
    }

    /// Folds of the choice of a method.
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// The seed of the folds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Steps of the optimiser at most.
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    fn check(&self) -> Result<()> {
        if let Some(rate) = self.shift
            && !(rate > 0.0 && rate < 1.0)
        {
            let expected = "an event rate between 0 and 1, such as 0.02";
            return Err(Error::parameter("shift", rate, expected));
        }
        if self.folds < 2 {
            return Err(Error::parameter("folds", self.folds, "at least 2"));
        }
        if self.max_iterations == 0 {
            return Err(Error::parameter("max_iterations", 0, "at least 1"));
        }
        Ok(())
    }
}

impl Estimator for Calibration {
    type Data<'a> = Outcomes<'a>;
    type Fitted = FittedCalibration;

    fn fit_observed(
        &self,
        data: &Outcomes<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedCalibration> {
        self.check()?;
        fit::fit(self, data, &mut Phase::new(observer, "calibrating"))
    }
}

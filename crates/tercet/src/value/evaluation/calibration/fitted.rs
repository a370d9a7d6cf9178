//! A fitted calibration: immutable, saved and loaded as a whole.

use serde::{Deserialize, Serialize};

use super::maps::Map;
use super::{Calibration, CalibrationMethod, CrossValidated};
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::map_rows;
use crate::persist::{Parts, Persist, read_part};
use crate::value::evaluation::outcomes::check_probabilities;

/// A fitted calibration; see [`Calibration`].
#[derive(Debug, Clone, PartialEq)]
pub struct FittedCalibration {
    pub(super) settings: Calibration,
    pub(super) map: Map,
    pub(super) event_rate: f64,
    pub(super) cross_validated: Option<Vec<CrossValidated>>,
    pub(super) report: FitReport,
}

impl FittedCalibration {
    /// The probability that each prediction stands for.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a prediction that is missing or outside `[0, 1]`.
    pub fn calibrate(&self, predictions: &[f64]) -> Result<Vec<f64>> {
        self.calibrate_observed(predictions, &mut ())
    }

    /// [`FittedCalibration::calibrate`], which `observer` may stop.
    pub fn calibrate_observed(
        &self,
        predictions: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        check_probabilities("p", predictions)?;
        let ratio = self.odds_ratio();
        map_rows(
            predictions.len(),
            &mut Phase::new(observer, "calibrating"),
            |row| {
                let q = self.map.at(predictions[row], self.settings.interpolate);
                match ratio {
                    None => q,
                    // The odds times the ratio, written so that 0 stays 0 and 1 stays 1.
                    Some(ratio) => q * ratio / (1.0 - q + q * ratio),
                }
            },
        )
    }

    /// What the shift multiplies odds by.
    fn odds_ratio(&self) -> Option<f64> {
        let odds = |rate: f64| rate / (1.0 - rate);
        let target = self.settings.shift?;
        Some(odds(target) / odds(self.event_rate))
    }

    /// The method of the map: the one asked for, or the one that was chosen.
    pub fn method(&self) -> CalibrationMethod {
        self.map.method()
    }

    /// How the methods did on held-out customers, where the method was left open.
    pub fn cross_validated(&self) -> Option<&[CrossValidated]> {
        self.cross_validated.as_deref()
    }

    /// The event rate of the customers that it was fitted to.
    pub fn event_rate(&self) -> f64 {
        self.event_rate
    }

    /// The event rate of the customers to be scored, where it was said to be another one.
    pub fn shift(&self) -> Option<f64> {
        self.settings.shift
    }

    /// The settings that it was fitted with.
    pub fn settings(&self) -> &Calibration {
        &self.settings
    }

    /// Of an isotonic map the lowest and highest prediction and the value of each block.
    pub fn blocks(&self) -> Option<Vec<[f64; 3]>> {
        match &self.map {
            Map::Isotonic(steps) => Some(steps.blocks().collect()),
            _ => None,
        }
    }
}

impl Fitted for FittedCalibration {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// `intercept` and `slope` of the sigmoid, `a`, `b` and `c` of the beta map; none of the others.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let z = normal_quantile(level)?;
        let (named, covariance): (Vec<(&str, f64)>, _) = match &self.map {
            Map::None | Map::Isotonic(_) => (Vec::new(), &None),
            Map::Sigmoid {
                intercept,
                slope,
                covariance,
            } => (
                vec![("intercept", *intercept), ("slope", *slope)],
                covariance,
            ),
            Map::Beta {
                a,
                b,
                c,
                covariance,
            } => (vec![("a", *a), ("b", *b), ("c", *c)], covariance),
        };
        let parameters = named.into_iter().enumerate().map(|(k, (name, estimate))| {
            let standard_error = covariance.as_ref().map(|matrix| matrix[k][k].sqrt());
            Parameter {
                name: name.to_owned(),
                estimate,
                standard_error,
                lower: standard_error.map(|error| estimate - z * error),
                upper: standard_error.map(|error| estimate + z * error),
            }
        });
        Ok(parameters.collect())
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    map: Map,
    event_rate: f64,
    cross_validated: Option<Vec<CrossValidated>>,
}

impl Persist for FittedCalibration {
    const KIND: &'static str = "calibration";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        let content = Content {
            map: self.map.clone(),
            event_rate: self.event_rate,
            cross_validated: self.cross_validated.clone(),
        };
        Parts::new(serde_json::json!({}), &self.settings, content, &self.report)
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let settings: Calibration = read_part("settings", parts.settings)?;
        let content: Content = read_part("fitted", parts.fitted)?;
        settings.check()?;
        if !(content.event_rate > 0.0 && content.event_rate < 1.0) {
            return Err(Error::Corrupt {
                reason: "in \"fitted\": the event rate does not lie between 0 and 1".to_owned(),
            });
        }
        check_map(&content.map)?;
        Ok(Self {
            settings,
            map: content.map,
            event_rate: content.event_rate,
            cross_validated: content.cross_validated,
            report: read_part("report", parts.report)?,
        })
    }
}

/// That a file's covariance has a row and a column a parameter, and its blocks are in order.
fn check_map(map: &Map) -> Result<()> {
    let (k, covariance) = match map {
        Map::None => return Ok(()),
        Map::Isotonic(steps) => return steps.check(),
        Map::Sigmoid { covariance, .. } => (2, covariance),
        Map::Beta { covariance, .. } => (3, covariance),
    };
    let square =
        |matrix: &Vec<Vec<f64>>| matrix.len() == k && matrix.iter().all(|row| row.len() == k);
    if covariance.as_ref().is_none_or(square) {
        Ok(())
    } else {
        Err(Error::Corrupt {
            reason: "in \"fitted\": the covariance has another size than the parameters".to_owned(),
        })
    }
}

//! A fitted propensity and what it says of customers.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Propensity;
use super::cross_validation::StrengthScore;
use super::encoding::Encoding;
use super::score::Scorer;
use crate::data::Design;
use crate::error::{Error, Result};
use crate::math::special::sigmoid;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::persist::{Parts, Persist, read_part};

/// A fitted propensity: immutable; see [`Propensity`] for the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPropensity {
    pub(super) settings: Propensity,
    pub(super) outcome: String,
    /// The classes' names; none for a binary outcome.
    pub(super) classes: Vec<String>,
    pub(super) encoding: Encoding,
    /// The mean of every column over the customers of the fit.
    pub(super) means: Vec<f64>,
    /// A coefficient a column; for several classes one class after the other, adding up to 0.
    pub(super) coefficients: Vec<f64>,
    pub(super) uncertainty: Option<Uncertainty>,
    /// The squared and the absolute penalty of each feature.
    pub(super) strengths: Vec<[f64; 2]>,
    /// The effective parameters of each feature.
    pub(super) effective: Vec<f64>,
    pub(super) scores: Vec<StrengthScore>,
    pub(super) note: Value,
    pub(super) report: FitReport,
}

/// The covariance of the coefficients: the lower triangle, row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uncertainty {
    packed: Vec<f64>,
}

impl Uncertainty {
    pub(crate) fn new(covariance: &DMatrix<f64>) -> Self {
        let n = covariance.nrows();
        let rows = (0..n).flat_map(|i| (0..=i).map(move |j| (i, j)));
        Self {
            packed: rows.map(|place| covariance[place]).collect(),
        }
    }

    pub(crate) fn fits(&self, n: usize) -> bool {
        self.packed.len() == n * (n + 1) / 2 && self.packed.iter().all(|value| value.is_finite())
    }

    #[inline]
    pub(crate) fn get(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.packed[i * (i + 1) / 2 + j]
    }

    /// The standard error of every coefficient.
    pub(super) fn errors(&self, n: usize) -> Vec<f64> {
        (0..n).map(|k| self.get(k, k).max(0.0).sqrt()).collect()
    }

    /// The covariance of two combinations of a few coefficients, whose places begin at `i` and `j`.
    #[inline]
    pub(super) fn between(&self, terms: &[(usize, f64)], i: usize, j: usize) -> f64 {
        let mut sum = 0.0;
        for (k, x) in terms {
            let own = terms.iter().map(|(l, y)| y * self.get(i + k, j + l));
            sum += x * own.sum::<f64>();
        }
        sum
    }

    /// The variance of a combination of a few coefficients.
    #[inline]
    pub(crate) fn variance(&self, terms: &[(usize, f64)]) -> f64 {
        let mut sum = 0.0;
        for (place, (i, x)) in terms.iter().enumerate() {
            sum += x * x * self.get(*i, *i);
            for (j, y) in &terms[..place] {
                sum += 2.0 * x * y * self.get(*i, *j);
            }
        }
        // Rounding may leave a tiny negative number of a combination that is determined exactly.
        sum.max(0.0)
    }
}

impl FittedPropensity {
    /// The settings that it was fitted with.
    pub fn settings(&self) -> &Propensity {
        &self.settings
    }

    /// The features that it needs, by name.
    pub fn features(&self) -> Vec<String> {
        self.encoding.names()
    }

    /// What the outcome is called.
    pub fn outcome_name(&self) -> &str {
        &self.outcome
    }

    /// The classes' names; none for a binary outcome.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// What the caller keeps with the model; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The model with a note that is saved and loaded with it and not looked at otherwise: its
    /// calibration, say.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// The strengths of the penalty of each feature, on squares and on sizes: the mean over its slope,
    /// bends and levels.
    pub fn strengths(&self) -> &[[f64; 2]] {
        &self.strengths
    }

    /// What cross-validation said of the strengths it tried; empty where there was none.
    pub fn strength_scores(&self) -> &[StrengthScore] {
        &self.scores
    }

    /// The intercept and the coefficients of all columns, with their names: for numbers that enter
    /// linearly by standard deviation, for curves those of their basis.
    pub fn columns(&self) -> Vec<(String, f64)> {
        let width = self.encoding.width();
        let labels = self.encoding.labels().into_iter();
        let names = labels.map(|(feature, label)| match feature {
            Some(feature) => format!("{}: {label}", self.encoding.features[feature].name),
            None => label.to_string(),
        });
        names
            .zip(self.coefficients[..width].iter().copied())
            .collect()
    }

    /// The standard error of every coefficient, of several classes one class after the other; `None`
    /// where the model has none.
    pub fn coefficient_errors(&self) -> Option<Vec<f64>> {
        let n = self.coefficients.len();
        self.uncertainty.as_ref().map(|one| one.errors(n))
    }

    /// The probability of the outcome for every row; of an outcome of several classes, of every class,
    /// row by row.
    ///
    /// Columns are found by their names; others are not looked at. A model that was fitted with an
    /// offset speaks of rows whose offset is 0.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column that is not there or of another kind;
    /// [`Error::Interrupted`].
    pub fn probabilities(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let mut odds = self.log_odds(customers, observer)?;
        if self.classes.is_empty() {
            for odds in &mut odds {
                *odds = sigmoid(*odds);
            }
        } else {
            odds.chunks_exact_mut(self.classes.len()).for_each(softmax);
        }
        Ok(odds)
    }

    /// The log-odds of the outcome for every row; of an outcome of several classes, those of every
    /// class against the mean of all, row by row.
    ///
    /// # Errors
    /// Those of [`FittedPropensity::probabilities`].
    pub fn log_odds(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let mut phase = Phase::new(observer, "scoring");
        let width = self.encoding.width();
        if self.classes.is_empty() {
            return Scorer::new(&self.encoding, &self.coefficients, customers)?
                .log_odds(&mut phase);
        }
        let n = self.classes.len();
        let mut all = vec![0.0; n * customers.len()];
        for (class, coefficients) in self.coefficients.chunks_exact(width).enumerate() {
            let scorer = Scorer::new(&self.encoding, coefficients, customers)?;
            let found = scorer.log_odds(&mut phase)?;
            for (value, found) in all[class..].iter_mut().step_by(n).zip(found) {
                *value = found;
            }
        }
        Ok(all)
    }

    pub(super) fn uncertainty(&self) -> Result<&Uncertainty> {
        self.uncertainty.as_ref().ok_or_else(|| {
            let expected =
                "a model with standard errors: fit it with standard_errors other than \"none\"";
            Error::parameter("standard_errors", "\"none\"", expected)
        })
    }

    pub(super) fn check_binary(&self, what: &str) -> Result<()> {
        if self.classes.is_empty() {
            return Ok(());
        }
        let expected =
            format!("a binary outcome for {what}: fit one model a class, or look at probabilities");
        Err(Error::parameter(
            "outcome",
            format!("{} classes", self.classes.len()),
            expected,
        ))
    }

    /// The mean of what each feature adds to the log-odds, over the customers of the fit.
    pub(super) fn mean_shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.encoding.features.len()];
        for (column, (feature, _)) in self.encoding.labels().into_iter().enumerate() {
            if let Some(feature) = feature {
                shares[feature] += self.coefficients[column] * self.means[column];
            }
        }
        shares
    }
}

/// Logits to probabilities; the largest is taken off first, so that nothing overflows.
pub(super) fn softmax(logits: &mut [f64]) {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = (*logit - largest).exp();
        sum += *logit;
    }
    for value in logits {
        *value /= sum;
    }
}

impl Fitted for FittedPropensity {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// The effects, those of [`FittedPropensity::effects`]; the intercept first.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let parameter = |effect: super::Effect| Parameter {
            name: match effect.feature {
                Some(feature) => format!("{feature}: {}", effect.at),
                None => effect.at,
            },
            estimate: effect.estimate,
            standard_error: effect.standard_error,
            lower: effect.lower,
            upper: effect.upper,
        };
        Ok(self.effects(level)?.into_iter().map(parameter).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    outcome: String,
    classes: Vec<String>,
    encoding: Encoding,
    means: Vec<f64>,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    coefficients: Vec<f64>,
    uncertainty: Option<Uncertainty>,
    strengths: Vec<[f64; 2]>,
    effective: Vec<f64>,
    scores: Vec<StrengthScore>,
}

impl Persist for FittedPropensity {
    const KIND: &'static str = "propensity";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                outcome: self.outcome.clone(),
                classes: self.classes.clone(),
                encoding: self.encoding.clone(),
                means: self.means.clone(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                coefficients: self.coefficients.clone(),
                uncertainty: self.uncertainty.clone(),
                strengths: self.strengths.clone(),
                effective: self.effective.clone(),
                scores: self.scores.clone(),
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        schema.encoding.check()?;
        let corrupt = |reason: &str| {
            Err(Error::Corrupt {
                reason: reason.to_owned(),
            })
        };
        let (width, n_features) = (schema.encoding.width(), schema.encoding.features.len());
        if schema.classes.len() == 1 {
            return corrupt("in \"schema\": an outcome has no single class");
        }
        let logits = schema.classes.len().max(1);
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        if fitted.coefficients.len() != logits * width || !finite(&fitted.coefficients) {
            return corrupt(
                "in \"fitted\": the coefficients do not belong to the schema's columns",
            );
        }
        if schema.means.len() != width || !finite(&schema.means) {
            return corrupt("in \"schema\": the means do not belong to the columns");
        }
        if fitted
            .uncertainty
            .as_ref()
            .is_some_and(|one| !one.fits(logits * width))
        {
            return corrupt("in \"fitted\": the covariance does not belong to the columns");
        }
        if fitted.strengths.len() != n_features || fitted.effective.len() != n_features {
            return corrupt("in \"fitted\": the strengths do not belong to the features");
        }
        Ok(Self {
            settings: read_part("settings", parts.settings)?,
            outcome: schema.outcome,
            classes: schema.classes,
            encoding: schema.encoding,
            means: schema.means,
            coefficients: fitted.coefficients,
            uncertainty: fitted.uncertainty,
            strengths: fitted.strengths,
            effective: fitted.effective,
            scores: fitted.scores,
            note: schema.note,
            report: read_part("report", parts.report)?,
        })
    }
}

//! A fitted projection and what it says of customers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SegmentProjection;
use super::encoding::Encoding;
use super::quality::ProjectionQuality;
use crate::data::Design;
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::map_blocks;
use crate::persist::{Parts, Persist, read_part};

/// A fitted projection: immutable; see [`SegmentProjection`] for the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedSegmentProjection {
    pub(super) settings: SegmentProjection,
    pub(super) encoding: Encoding,
    pub(super) shares: Vec<f64>,
    pub(super) penalty: f64,
    /// `K - 1` rows, those of the second segment first; each begins with its intercept.
    pub(super) coefficients: Vec<f64>,
    pub(super) quality: ProjectionQuality,
    pub(super) note: Value,
    pub(super) report: FitReport,
}

/// One column's effect on one segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The column, with its level where it has levels.
    pub column: String,
    /// The segment, from 1.
    pub segment: usize,
    /// Change of the segment's log-odds against the mean of all segments.
    pub log_odds: f64,
}

impl FittedSegmentProjection {
    /// The settings that it was fitted with.
    pub fn settings(&self) -> &SegmentProjection {
        &self.settings
    }

    /// The attributes that it needs, by name.
    pub fn features(&self) -> Vec<String> {
        self.encoding.names()
    }

    /// The segments' sizes in the survey.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Number of segments.
    pub fn n_segments(&self) -> usize {
        self.shares.len()
    }

    /// The penalty that was used.
    pub fn penalty(&self) -> f64 {
        self.penalty
    }

    /// How well it predicts respondents who were left out.
    pub fn quality(&self) -> &ProjectionQuality {
        &self.quality
    }

    /// What the caller keeps with the projection; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The projection with a note that is saved and loaded with it and not looked at otherwise: the
    /// segments' own model, say.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// What each attribute does to each segment's log-odds: for a number per standard deviation, for
    /// a level against an average level. The effects of a column add up to 0 over the segments.
    pub fn effects(&self) -> Vec<Effect> {
        let (width, n) = (self.encoding.width(), self.n_segments());
        let mut effects = Vec::with_capacity(width * n);
        for (place, column) in self.encoding.labels().into_iter().enumerate() {
            let of = |segment: usize| match segment {
                0 => 0.0,
                _ => self.coefficients[(segment - 1) * width + place],
            };
            let mean = (0..n).map(of).sum::<f64>() / n as f64;
            effects.extend((0..n).map(|segment| Effect {
                column: column.clone(),
                segment: segment + 1,
                log_odds: of(segment) - mean,
            }));
        }
        effects
    }

    /// Each customer's probability of belonging to each segment: `n x K` numbers, row by row.
    ///
    /// Columns are found by their names; others are not looked at.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column that is not there or of another kind;
    /// [`Error::Interrupted`].
    pub fn probabilities(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let reader = self.encoding.reader(customers)?;
        let (width, n) = (self.encoding.width(), self.n_segments());
        // A column's coefficients side by side, so that a value is read once for all segments.
        let mut by_column = vec![0.0; width * n];
        for (row, coefficients) in (1..).zip(self.coefficients.chunks_exact(width)) {
            for (place, coefficient) in coefficients.iter().enumerate() {
                by_column[place * n + row] = *coefficient;
            }
        }
        let mut phase = Phase::new(observer, "scoring");
        let blocks = map_blocks(customers.len(), &mut phase, |rows| {
            let mut block = vec![0.0; rows.len() * n];
            for (row, predictors) in rows.zip(block.chunks_exact_mut(n)) {
                predictors.copy_from_slice(&by_column[..n]);
                reader.visit(row, |place, value| {
                    let coefficients = &by_column[place * n..(place + 1) * n];
                    for (predictor, coefficient) in predictors.iter_mut().zip(coefficients) {
                        *predictor += value * coefficient;
                    }
                });
                softmax(predictors);
            }
            block
        })?;
        Ok(blocks.concat())
    }
}

/// The largest is taken off first: no exponential overflows, and the sum is at least 1.
#[inline]
fn softmax(predictors: &mut [f64]) {
    let largest = predictors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for predictor in predictors.iter_mut() {
        *predictor = (*predictor - largest).exp();
        sum += *predictor;
    }
    for predictor in predictors {
        *predictor /= sum;
    }
}

impl Fitted for FittedSegmentProjection {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// The effects; a penalty draws them to 0, so that they have no honest standard errors.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        normal_quantile(level)?;
        let parameter = |effect: Effect| Parameter {
            name: format!("{}[{}]", effect.column, effect.segment),
            estimate: effect.log_odds,
            standard_error: None,
            lower: None,
            upper: None,
        };
        Ok(self.effects().into_iter().map(parameter).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    encoding: Encoding,
    shares: Vec<f64>,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    penalty: f64,
    coefficients: Vec<f64>,
    quality: ProjectionQuality,
}

impl Persist for FittedSegmentProjection {
    const KIND: &'static str = "segment_projection";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                encoding: self.encoding.clone(),
                shares: self.shares.clone(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                penalty: self.penalty,
                coefficients: self.coefficients.clone(),
                quality: self.quality.clone(),
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
        let sum: f64 = schema.shares.iter().sum();
        if schema.shares.len() < 2
            || schema.shares.iter().any(|share| *share <= 0.0)
            || (sum - 1.0).abs() > 1e-6
        {
            return corrupt("in \"schema\": the shares are not two or more that add up to 1");
        }
        let expected = (schema.shares.len() - 1) * schema.encoding.width();
        if fitted.coefficients.len() != expected
            || !fitted.coefficients.iter().all(|value| value.is_finite())
        {
            return corrupt(
                "in \"fitted\": the coefficients do not belong to the schema's columns",
            );
        }
        Ok(Self {
            settings: read_part("settings", parts.settings)?,
            encoding: schema.encoding,
            shares: schema.shares,
            penalty: fitted.penalty,
            coefficients: fitted.coefficients,
            quality: fitted.quality,
            note: schema.note,
            report: read_part("report", parts.report)?,
        })
    }
}

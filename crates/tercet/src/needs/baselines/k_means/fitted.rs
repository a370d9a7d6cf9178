//! Fitted k-means segments and what they say of respondents.

use serde::{Deserialize, Serialize};

use super::{KMeansSegments, METHOD, assign};
use crate::data::{Question, Survey};
use crate::error::{Error, Result};
use crate::math::interval;
use crate::model::{FitReport, Fitted, Parameter};
use crate::needs::baselines::columns::{ColumnScale, Columns};
use crate::needs::baselines::parameters;
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;
use crate::persist::{Parts, Persist, read_part};

/// Fitted k-means segments: immutable; see [`KMeansSegments`]. Segments are in order of size, largest
/// first.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedKMeansSegments {
    pub(super) settings: KMeansSegments,
    pub(super) columns: Columns,
    pub(super) centers: Vec<Vec<f64>>,
    pub(super) shares: Vec<f64>,
    pub(super) within: Vec<f64>,
    pub(super) total: f64,
    pub(super) starts_at_best: usize,
    pub(super) report: FitReport,
}

impl FittedKMeansSegments {
    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.shares.len()
    }

    /// The shares of the segments among the respondents of the fit.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The segments' centers in the questions' own units: a row a segment, a column a question.
    pub fn centers(&self) -> &[Vec<f64>] {
        &self.centers
    }

    /// The questions.
    pub fn questions(&self) -> &[Question] {
        &self.columns.questions
    }

    /// What each question's numbers were reduced and divided by.
    pub fn scales(&self) -> &[ColumnScale] {
        &self.columns.scales
    }

    /// The sum of squared distances within each segment, on the scales of the fit.
    pub fn within_squares(&self) -> &[f64] {
        &self.within
    }

    /// The sum of squared distances from the overall means.
    pub fn total_squares(&self) -> f64 {
        self.total
    }

    /// How many starts found the least sum of squares.
    pub fn starts_at_best(&self) -> usize {
        self.starts_at_best
    }

    /// The settings that it was fitted with.
    pub fn settings(&self) -> &KMeansSegments {
        &self.settings
    }

    /// Each respondent's segment, from 0: that of the nearest center, of equally near ones the larger.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a missing answer, and for a question that the survey lacks or has with
    /// other levels.
    pub fn segments(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<usize>> {
        let points = self.columns.points(survey, METHOD)?;
        let centers: Vec<f64> = self
            .centers
            .iter()
            .flat_map(|center| self.columns.standard(center))
            .collect();
        let mut phase = Phase::new(observer, "scoring");
        let gate = Gate::new(&mut phase);
        Ok(assign(&points, self.columns.questions.len(), &centers, &gate)?.0)
    }

    /// The same as probabilities, 1 for the segment and 0 for the others: k-means knows no doubt.
    ///
    /// # Errors
    /// Those of [`segments`](Self::segments).
    pub fn posterior(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<f64>> {
        let k = self.n_segments();
        let segments = self.segments(survey, observer)?;
        let mut members = vec![0.0; segments.len() * k];
        for (row, segment) in members.chunks_exact_mut(k).zip(segments) {
            row[segment] = 1.0;
        }
        Ok(members)
    }
}

impl Fitted for FittedKMeansSegments {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// Shares and centers, without standard errors: k-means is no model of how respondents come about.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        interval::normal_quantile(level)?;
        Ok(parameters(
            &self.shares,
            &self.columns.questions,
            &self.centers,
        ))
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    questions: Vec<Question>,
    scales: Vec<ColumnScale>,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    centers: Vec<Vec<f64>>,
    shares: Vec<f64>,
    within: Vec<f64>,
    total: f64,
    starts_at_best: usize,
}

impl Persist for FittedKMeansSegments {
    const KIND: &'static str = "k_means";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                questions: self.columns.questions.clone(),
                scales: self.columns.scales.clone(),
            },
            &self.settings,
            FittedPart {
                centers: self.centers.clone(),
                shares: self.shares.clone(),
                within: self.within.clone(),
                total: self.total,
                starts_at_best: self.starts_at_best,
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let columns = Columns {
            questions: schema.questions,
            scales: schema.scales,
        };
        let (k, width) = (fitted.shares.len(), columns.questions.len());
        let row = |row: &Vec<f64>| row.len() == width && row.iter().all(|x| x.is_finite());
        let whole = columns.fit_together()
            && k > 0
            && fitted.centers.len() == k
            && fitted.within.len() == k
            && fitted.centers.iter().all(row);
        if !whole {
            return Err(Error::Corrupt {
                reason: "in \"fitted\": the centers do not fit the questions and segments"
                    .to_owned(),
            });
        }
        Ok(Self {
            settings: read_part("settings", parts.settings)?,
            columns,
            centers: fitted.centers,
            shares: fitted.shares,
            within: fitted.within,
            total: fitted.total,
            starts_at_best: fitted.starts_at_best,
            report: read_part("report", parts.report)?,
        })
    }
}

//! A fitted mixture of Gaussians and what it says of respondents.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::density::{Component, log_likelihood, posteriors};
use super::{GaussianMixtureSegments, METHOD};
use crate::data::{Question, Survey};
use crate::error::{Error, Result};
use crate::math::interval;
use crate::model::{FitReport, Fitted, Parameter};
use crate::needs::baselines::columns::{ColumnScale, Columns};
use crate::needs::baselines::parameters;
use crate::needs::latent_class::modal;
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;
use crate::persist::{Parts, Persist, read_part};

/// A fitted mixture of Gaussians: immutable; see [`GaussianMixtureSegments`]. Segments are in order of
/// size, largest first.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedGaussianMixtureSegments {
    pub(super) settings: GaussianMixtureSegments,
    pub(super) columns: Columns,
    pub(super) shares: Vec<f64>,
    pub(super) components: Vec<Component>,
    pub(super) starts_at_best: usize,
    pub(super) report: FitReport,
}

impl FittedGaussianMixtureSegments {
    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.components.len()
    }

    /// The shares of the segments, largest first.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The segments' means in the questions' own units: a row a segment, a column a question.
    pub fn means(&self) -> Vec<Vec<f64>> {
        self.components.iter().map(|one| one.mean.clone()).collect()
    }

    /// The covariances within the segments, in the questions' own units: a matrix a segment.
    pub fn covariances(&self) -> Vec<Vec<Vec<f64>>> {
        let rows = |one: &Component| {
            let rows = one.covariance.row_iter();
            rows.map(|row| row.iter().copied().collect()).collect()
        };
        self.components.iter().map(rows).collect()
    }

    /// The questions.
    pub fn questions(&self) -> &[Question] {
        &self.columns.questions
    }

    /// How many starts ended within 0.1 of the best log-likelihood.
    pub fn starts_at_best(&self) -> usize {
        self.starts_at_best
    }

    /// The settings that it was fitted with.
    pub fn settings(&self) -> &GaussianMixtureSegments {
        &self.settings
    }

    /// Each respondent's probability of belonging to each segment: row by row, a column a segment.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a missing answer, and for a question that the survey lacks or has with
    /// other levels.
    pub fn posterior(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<f64>> {
        let points = self.columns.answers(survey, METHOD)?;
        let mut phase = Phase::new(observer, "scoring");
        posteriors(&points, &self.components, &Gate::new(&mut phase))
    }

    /// Each respondent's most probable segment, from 0; of equally probable ones the larger.
    ///
    /// # Errors
    /// Those of [`posterior`](Self::posterior).
    pub fn segments(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<usize>> {
        let members = self.posterior(survey, observer)?;
        Ok(members.chunks_exact(self.n_segments()).map(modal).collect())
    }

    /// The log-likelihood of a survey, summed over respondents.
    ///
    /// # Errors
    /// Those of [`posterior`](Self::posterior).
    pub fn log_likelihood(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<f64> {
        let points = self.columns.answers(survey, METHOD)?;
        let mut phase = Phase::new(observer, "scoring");
        log_likelihood(&points, &self.components, &Gate::new(&mut phase))
    }
}

impl Fitted for FittedGaussianMixtureSegments {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// Shares and means; linfa's mixture has no standard errors.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        interval::normal_quantile(level)?;
        Ok(parameters(
            &self.shares,
            &self.columns.questions,
            &self.means(),
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
    shares: Vec<f64>,
    means: Vec<Vec<f64>>,
    covariances: Vec<Vec<Vec<f64>>>,
    starts_at_best: usize,
}

impl Persist for FittedGaussianMixtureSegments {
    const KIND: &'static str = "gaussian_mixture";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                questions: self.columns.questions.clone(),
                scales: self.columns.scales.clone(),
            },
            &self.settings,
            FittedPart {
                shares: self.shares.clone(),
                means: self.means(),
                covariances: self.covariances(),
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
        let (k, p) = (fitted.shares.len(), columns.questions.len());
        let row = |row: &Vec<f64>| row.len() == p && row.iter().all(|x| x.is_finite());
        let square = |rows: &Vec<Vec<f64>>| rows.len() == p && rows.iter().all(row);
        let whole = columns.fit_together()
            && k > 0
            && fitted.means.len() == k
            && fitted.means.iter().all(row)
            && fitted.covariances.len() == k
            && fitted.covariances.iter().all(square)
            && fitted
                .shares
                .iter()
                .all(|share| (0.0..=1.0).contains(share));
        let component = |at: usize| {
            let covariance = DMatrix::from_fn(p, p, |i, j| fitted.covariances[at][i][j]);
            Component::new(fitted.shares[at], fitted.means[at].clone(), covariance)
        };
        let components: Option<Vec<Component>> = if whole {
            (0..k).map(component).collect()
        } else {
            None
        };
        let Some(components) = components else {
            return Err(Error::Corrupt {
                reason: "in \"fitted\": the segments are not Gaussians of the questions".to_owned(),
            });
        };
        Ok(Self {
            settings: read_part("settings", parts.settings)?,
            columns,
            shares: fitted.shares,
            components,
            starts_at_best: fitted.starts_at_best,
            report: read_part("report", parts.report)?,
        })
    }
}

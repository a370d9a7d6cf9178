//! Which customers belong to which segment: membership explained by what is known of them.
//!
//! Regressing the *assigned* segment on age, region or tenure understates how far these matter, since
//! some respondents are assigned wrongly. As for outcomes (see [`distal`](super::distal)), the
//! misassignment `D` is known and taken into account. With membership by a multinomial logit,
//!
//! ```text
//! π_t(x) = exp(γ_t' x) / Σ_u exp(γ_u' x),    γ_1 = 0,
//! ```
//!
//! what is maximised over γ is
//!
//! | method | |
//! |---|---|
//! | [`ThreeStep::Ml`] | `Σ_i w_i Σ_s a_is ln Σ_t π_t(x_i) D_ts` |
//! | [`ThreeStep::Bch`] | `Σ_i w_i Σ_t v_it ln π_t(x_i)`, `v_it = Σ_s a_is (D⁻¹)_st` |
//! | [`ThreeStep::Naive`] | the same with `v_it = a_it` |
//!
//! Source: Vermunt (2010), Political Analysis 18, 450-469.

mod rows;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::distal::{Assignment, Memberships, Misassignment, ThreeStep, WaldTest, wald};
use crate::error::{Error, Result};
use crate::math::ascent::invert;
use crate::math::interval;
use crate::math::multinomial::{Ending, MultinomialFit};
use crate::model::{FitReport, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;
use rows::Rows;

/// What explains membership, settings side.
///
/// # Assumptions
/// 1. Given the segment, the covariates say nothing of the answers that made the segments.
/// 2. The misassignment is known; its own sampling error is not part of the standard errors.
///
/// # Example
/// ```
/// use tercet::needs::{Memberships, SegmentPredictors, ThreeStep};
///
/// // Of the young four in five are assigned to the second segment, of the old one in five.
/// let young = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0].repeat(20);
/// let posterior = [
///     [0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1],
///     [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9],
/// ].concat().repeat(20);
/// let members = Memberships::new(&posterior, 2)?;
/// let of = |method| {
///     SegmentPredictors::new(method).estimate(&members, &[("young", &young)], &mut ())
/// };
/// let naive = of(ThreeStep::Naive)?.coefficients[0][1].estimate;
/// let ml = of(ThreeStep::Ml)?.coefficients[0][1].estimate;
/// assert!((naive - 2.0 * 4_f64.ln()).abs() < 1e-6); // log-odds of 0.8 less those of 0.2
/// assert!((ml - 2.0 * 7_f64.ln()).abs() < 1e-6); // of 0.875 and 0.125: 0.8 = 0.9 p + 0.1 (1 - p)
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct SegmentPredictors {
    method: ThreeStep,
    assignment: Assignment,
    level: f64,
    max_iterations: usize,
}

impl Default for SegmentPredictors {
    fn default() -> Self {
        Self::new(ThreeStep::Ml)
    }
}

impl SegmentPredictors {
    /// Modal assignment, intervals at 95%. [`ThreeStep::Ml`] is the most exact.
    pub fn new(method: ThreeStep) -> Self {
        Self {
            method,
            assignment: Assignment::Modal,
            level: 0.95,
            max_iterations: 200,
        }
    }

    /// How respondents are assigned.
    pub fn assignment(mut self, assignment: Assignment) -> Self {
        self.assignment = assignment;
        self
    }

    /// The confidence of the intervals.
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// The most Newton steps.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    /// Estimates how membership depends on the covariates; categories come as 0/1 columns, one left out.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a covariate that is missing for somebody or the same for everybody, and
    /// for segments that are not told apart; [`Error::ShapeMismatch`].
    pub fn estimate(
        &self,
        members: &Memberships<'_>,
        covariates: &[(&str, &[f64])],
        observer: &mut dyn Observer,
    ) -> Result<PredictorEffects> {
        if self.max_iterations == 0 {
            return Err(Error::parameter("max_iterations", 0, "at least 1"));
        }
        let z = interval::normal_quantile(self.level)?;
        check(members, covariates)?;
        let mut phase = Phase::new(observer, "estimating");
        let gate = Gate::new(&mut phase);
        let misassignment = Misassignment::new(members, self.assignment)?;
        let share_of = match self.method {
            ThreeStep::Bch => misassignment.inverse()?,
            ThreeStep::Naive | ThreeStep::Ml => misassignment.identity(),
        };
        let mut notes = Vec::new();
        if self.method == ThreeStep::Bch {
            notes.extend(misassignment.overlap_note(&share_of));
        }
        let rows = Rows::new(members, &misassignment, covariates, &share_of);
        let linear = rows
            .regression(members)
            .fit(None, rows.ascent(self.max_iterations), &gate)?;
        let fit = if self.method == ThreeStep::Ml {
            rows.mixture(
                &misassignment.table,
                &linear.peak.point,
                self.max_iterations,
                &gate,
            )?
        } else {
            linear
        };
        let separated = matches!(fit.ending, Ending::Separated { .. });
        let covariance = match invert(&fit.peak.local.information) {
            // Where respondents are told apart for certain, their scores are 0, and so would be the error.
            _ if separated => None,
            None => None,
            Some(bread) => {
                let table = (self.method == ThreeStep::Ml).then_some(&misassignment.table);
                let meat = rows.squared_scores(members, table, &fit.peak.point, &gate)?;
                Some(&bread * meat * &bread)
            }
        };
        Ok(self.assemble(
            &rows,
            members,
            &misassignment,
            &fit,
            covariance.as_ref(),
            z,
            notes,
        ))
    }

    #[allow(clippy::too_many_arguments)] // the parts of an estimate, put together once
    fn assemble(
        &self,
        rows: &Rows,
        members: &Memberships<'_>,
        misassignment: &Misassignment,
        fit: &MultinomialFit,
        covariance: Option<&DMatrix<f64>>,
        z: f64,
        notes: Vec<String>,
    ) -> PredictorEffects {
        let (k, p) = (members.n_segments(), rows.names.len());
        let parameter = |place: usize| {
            let estimate = fit.peak.point[place];
            let variance = covariance.map(|all| all[(place, place)]);
            let error = variance
                .filter(|v| *v > 0.0 && v.is_finite())
                .map(f64::sqrt);
            Parameter {
                name: format!("{}[{}]", rows.names[place % p], place / p + 2),
                estimate,
                standard_error: error,
                lower: error.map(|error| estimate - z * error),
                upper: error.map(|error| estimate + z * error),
            }
        };
        let nothing = DMatrix::zeros((k - 1) * p, (k - 1) * p);
        let known = covariance.unwrap_or(&nothing);
        let test = |feature: usize| {
            let contrasts = DMatrix::from_fn(k - 1, (k - 1) * p, |row, place| {
                f64::from(u8::from(place == row * p + feature))
            });
            wald(&fit.peak.point, known, &contrasts)
        };
        let (converged, how_it_ended) = rows.ending(fit.ending);
        let boundary = matches!(fit.ending, Ending::Separated { .. }).then(|| how_it_ended.clone());
        PredictorEffects {
            settings: self.clone(),
            coefficients: (0..k - 1)
                .map(|row| (0..p).map(|feature| parameter(row * p + feature)).collect())
                .collect(),
            tests: (1..p).map(test).collect(),
            covariates: rows.names[1..].to_vec(),
            shares: rows.shares(members, &fit.peak.point),
            misassignment: misassignment.rows(),
            notes,
            report: FitReport {
                iterations: fit.peak.iterations,
                log_likelihood: (self.method != ThreeStep::Bch).then_some(fit.free.value),
                converged,
                how_it_ended,
                n_observations: (0..members.len()).map(|row| members.weight(row)).sum(),
                n_rows: members.len(),
                n_cells: members.len(),
                n_parameters: (k - 1) * p,
                boundary,
            },
        }
    }
}

/// How membership was found to depend on covariates: log-odds against the first segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictorEffects {
    /// How it was estimated.
    pub settings: SegmentPredictors,
    /// The covariates.
    pub covariates: Vec<String>,
    /// A row a segment but the first: the constant, then a number a covariate, with robust standard
    /// errors.
    pub coefficients: Vec<Vec<Parameter>>,
    /// By covariate: that it matters in no segment.
    pub tests: Vec<WaldTest>,
    /// The segments' shares among the respondents.
    pub shares: Vec<f64>,
    /// A row a segment: with which probability its members are assigned to each.
    pub misassignment: Vec<Vec<f64>>,
    /// What to know before the numbers are used; empty where there is nothing.
    pub notes: Vec<String>,
    /// How the estimation went; no log-likelihood for [`ThreeStep::Bch`], whose weights make none.
    pub report: FitReport,
}

fn check(members: &Memberships<'_>, covariates: &[(&str, &[f64])]) -> Result<()> {
    if covariates.is_empty() {
        return Err(Error::parameter(
            "covariates",
            "[]",
            "at least one covariate",
        ));
    }
    for (name, values) in covariates {
        if values.len() != members.len() {
            return Err(Error::ShapeMismatch {
                column: (*name).to_owned(),
                expected: members.len(),
                found: values.len(),
            });
        }
        if let Some(row) = values.iter().position(|value| !value.is_finite()) {
            let reason = format!(
                "is {}; a covariate must be known for every respondent: fill the gap, or leave the covariate out",
                values[row]
            );
            return Err(Error::data(*name, row, reason));
        }
        if values.iter().all(|value| *value == values[0]) {
            let reason =
                "is the same for everybody, and so explains nothing; leave the covariate out";
            return Err(Error::data(*name, None, reason));
        }
    }
    Ok(())
}

//! What an analysis found.

use serde::{Deserialize, Serialize};

use super::ExperimentAnalysis;
use super::sample_ratio::SampleRatio;

/// What to know before a row is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caution {
    /// Nobody, or a single customer, in one of the arms: no interval.
    TooFew,
    /// The outcome is the same in all customers of both arms, or covariates determine it: no interval.
    Constant,
    /// Fewer than 30 customers in one of the arms.
    FewCustomers,
    /// Fewer than 5 events, or non-events, in one of the arms.
    FewEvents,
}

impl Caution {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::TooFew => "an arm has fewer than two customers",
            Self::Constant => "the outcome does not vary, or covariates determine it",
            Self::FewCustomers => "an arm has fewer than 30 customers",
            Self::FewEvents => "an arm has fewer than 5 events or non-events",
        }
    }
}

/// The effect of one arm on one outcome in one segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectRow {
    /// The arm, as a place in [`ExperimentResult::arms`].
    pub arm: usize,
    /// The outcome, as a place in [`ExperimentResult::outcomes`].
    pub outcome: usize,
    /// The segment, as a place in [`ExperimentResult::segments`]; 0 is everyone.
    pub segment: usize,
    /// Rows of the arm whose outcome is known.
    pub n: usize,
    /// The same of the control.
    pub n_control: usize,
    /// The arm's (adjusted) mean; NaN without customers.
    pub mean: f64,
    /// The control's.
    pub mean_control: f64,
    /// The difference of the two.
    pub effect: f64,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Its interval.
    pub ends: Option<[f64; 2]>,
    /// The difference as a share of the control's mean, where that is above 0.
    pub lift: Option<f64>,
    /// Its interval; `None` where the control's mean is not told from 0.
    pub lift_ends: Option<[f64; 2]>,
    /// That there is no effect.
    pub p: Option<f64>,
    /// The same, adjusted for the number of questions.
    pub p_adjusted: Option<f64>,
    /// The effect drawn towards those of the other segments; of everyone the effect itself.
    pub effect_shrunken: f64,
    /// Its interval.
    pub shrunken_ends: Option<[f64; 2]>,
    /// By how much covariates made the variance smaller.
    pub variance_reduction: Option<f64>,
    /// What to know before the row is used.
    pub caution: Option<Caution>,
}

/// How the effects of an arm on an outcome differ among segments of one column (or among all that were
/// given by flags).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heterogeneity {
    /// The arm.
    pub arm: usize,
    /// The outcome.
    pub outcome: usize,
    /// The segments' family, as a place in [`ExperimentResult::families`].
    pub family: usize,
    /// Segments with an interval.
    pub segments: usize,
    /// The mean effect over segments, and its interval.
    pub mean: f64,
    /// Its interval.
    pub mean_ends: [f64; 2],
    /// How far effects vary from segment to segment (a standard deviation; posterior median).
    pub tau: f64,
    /// Its interval.
    pub tau_ends: [f64; 2],
    /// How far effects lie apart, in squares, by how far chance alone puts them: about 1 where they are equal.
    pub f: f64,
    /// That all effects are equal. Segments that overlap are not independent; then it is a rough guide.
    pub p: f64,
    /// The same, adjusted for the number of such questions.
    pub p_adjusted: f64,
}

/// What was found out about an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeNote {
    /// Its name.
    pub name: String,
    /// Whether it is 0 or 1 in every row.
    pub binary: bool,
    /// Larger values count as this.
    pub cap: Option<f64>,
    /// How many rows that is.
    pub n_capped: usize,
    /// Rows without it, by arm.
    pub n_missing: Vec<usize>,
    /// That arms do not differ in the share of rows without it.
    pub missing_p: Option<f64>,
}

/// A covariate, and whether arms differ in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Its name.
    pub name: String,
    /// That arms do not differ in its mean, adjusted for the number of covariates; `None` with clusters.
    pub p: Option<f64>,
}

/// What an experiment tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentResult {
    /// How it was analysed.
    pub settings: ExperimentAnalysis,
    /// The arms' names.
    pub arms: Vec<String>,
    /// The control, as a place in `arms`.
    pub control: usize,
    /// The outcomes.
    pub outcomes: Vec<OutcomeNote>,
    /// The segments' names; everyone first.
    pub segments: Vec<String>,
    /// What segments are of: columns of labels in their order, and "memberships" for those given by flags.
    pub families: Vec<String>,
    /// The covariates that means are adjusted by.
    pub covariates: Vec<Reading>,
    /// Rows.
    pub n_rows: usize,
    /// Clusters, where there are any.
    pub n_clusters: Option<usize>,
    /// The arms' sizes against the plan; everyone first, then every segment.
    pub sample_ratio: Vec<SampleRatio>,
    /// Segment by segment, arm by arm, outcome by outcome.
    pub rows: Vec<EffectRow>,
    /// How effects differ among segments.
    pub heterogeneity: Vec<Heterogeneity>,
    /// Segments in which there were too few rows to adjust for covariates.
    pub n_unadjusted: usize,
    /// What to be warned of before anything is believed.
    pub warnings: Vec<String>,
    /// What it all means, in words.
    pub verdict: Vec<String>,
}

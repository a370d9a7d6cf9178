//! Latent classes: segments of respondents who answer alike.

mod cells;
mod climb;
mod continuous;
mod count;
mod derivatives;
pub(super) mod diagnostics;
mod drift;
pub(super) mod fit;
mod fitted;
mod lanes;
mod likelihoods;
mod measurement;
mod mixture;
mod nominal;
mod ordinal;
mod outcome;
mod overall;
mod segment_answers;
mod simulate;
mod starts;
mod sweep;
mod top;

use serde::{Deserialize, Serialize};

use crate::data::Survey;
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::Observer;
use crate::random::Seed;
use fit::Effort;

pub(crate) use diagnostics::modal;
pub use diagnostics::{BivariateResidual, Criteria};
pub use drift::{ChangeTest, Drift, QuestionDrift, ShareDrift};
pub use fitted::{FittedLatentClass, Start};
pub(crate) use likelihoods::AnswerLikelihoods;
pub use segment_answers::SegmentAnswers;
pub use simulate::{SimulatedAnswers, SimulatedSurvey};

/// The most segments: there are few macro segments.
pub const MOST_SEGMENTS: usize = 32;

/// How far the answers of a continuous question vary around the mean of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variance {
    /// In each segment as far as it does.
    #[default]
    Free,
    /// In all segments equally far.
    Shared,
}

from_words!(Variance, "variance", "free" => Free, "shared" => Shared);

/// What a respondent's weight says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightType {
    /// How much of the population the respondent stands for, on a scale on which the weights add up to
    /// the sample: standard errors are those of a sandwich, and criteria count Kish's effective number.
    #[default]
    Sampling,
    /// How many respondents gave these answers: a shorter way to write their rows.
    Frequency,
    /// How many customers the respondent stands for: the weights are scaled to add up to Kish's
    /// effective number of respondents, `(Σ w)² / Σ w²`, so that criteria do not count customers whom
    /// nobody asked.
    Expansion,
}

from_words!(
    WeightType, "weight_type",
    "sampling" => Sampling, "frequency" => Frequency, "expansion" => Expansion
);

impl WeightType {
    /// The respondents that weights are worth, from their sum and the sum of their squares (Kish 1965).
    pub(in crate::needs) fn worth(self, sum: f64, squares: f64) -> f64 {
        match self {
            Self::Frequency => sum,
            Self::Sampling | Self::Expansion => sum * sum / squares,
        }
    }
}

/// What is done about respondents who use the upper (or lower) half of every scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStyle {
    /// Nothing: they may form a segment.
    #[default]
    Ignore,
    /// A normal effect of the respondent on all ordinal questions, integrated out, so that segments
    /// differ in what they find more important than other things.
    RandomIntercept,
}

from_words!(
    ResponseStyle, "response_style",
    "ignore" => Ignore, "random_intercept" => RandomIntercept
);

/// The latent class model of a survey, settings side.
///
/// # Assumptions
/// 1. Every respondent belongs to one of K segments, whose shares are unknown.
/// 2. Within a segment the answers to different questions are independent: what questions have in
///    common is the segment (and, where asked for, the respondent's response style).
/// 3. The answers of segment k follow a distribution of its own: any probabilities for the levels of a
///    nominal question; adjacent-category logits with a slope of the segment for an ordinal one; a
///    normal distribution for a number; Poisson or negative binomial for a count.
/// 4. An answer that is missing is missing for reasons that the other answers explain.
///
/// # Likelihood
/// A respondent with answers `y_j` to the questions that were answered, and covariates `x`, contributes
///
/// ```text
/// ln Σ_k π_k(x) Π_j f_j(y_j | k),    π_k(x) = exp(γ_k' x) / Σ_l exp(γ_l' x)
/// ```
///
/// times the weight. The sum is maximised by EM from many starts, accelerated by squared
/// extrapolation; most starts are given up once others lie clearly higher; the best is polished by
/// Newton's method with exact second derivatives.
///
/// # When not
/// Where questions of one battery are near copies of each other (see
/// [`FittedLatentClass::bivariate_residuals`]), and where the sample carries fewer respondents than the
/// model has parameters.
///
/// # Source
/// Lazarsfeld & Henry (1968), Latent Structure Analysis; Goodman (1974), Biometrika 61, 215-231;
/// Vermunt & Magidson (2002), Latent Class Cluster Analysis, in Hagenaars & `McCutcheon` (eds.), Applied
/// Latent Class Analysis, 89-106.
///
/// # Example
/// ```
/// use tercet::data::{Answers, Question, Survey};
/// use tercet::{Estimator, needs::LatentClass};
///
/// let price = [2, 2, 2, 1, 2, 2, 0, 0, 1, 0, 0, 0].repeat(10);
/// let service = [0, 1, 0, 0, 0, 1, 2, 2, 2, 1, 2, 2].repeat(10);
/// let levels = ["not important", "important", "very important"];
/// let survey = Survey::new(vec![
///     (Question::ordinal("price", levels), Answers::Codes(&price)),
///     (Question::ordinal("service", levels), Answers::Codes(&service)),
/// ])?;
/// let model = LatentClass::new(2).seed(1).fit(&survey)?;
/// let members = model.posterior(&survey, &mut ())?;
/// assert_eq!(members.len(), 120 * 2);
/// assert!((model.shares()[0] - 0.5).abs() < 0.05);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct LatentClass {
    n_segments: usize,
    starts: usize,
    seed: Seed,
    prior: f64,
    variance: Variance,
    weight_type: WeightType,
    response_style: ResponseStyle,
    drop_early: bool,
    standard_errors: bool,
    max_iterations: usize,
    tolerance: f64,
}

impl LatentClass {
    /// So many segments; 20 starts, seed 0, no prior.
    pub fn new(n_segments: usize) -> Self {
        Self {
            n_segments,
            starts: 20,
            seed: Seed(0),
            prior: 0.0,
            variance: Variance::Free,
            weight_type: WeightType::Sampling,
            response_style: ResponseStyle::Ignore,
            drop_early: true,
            standard_errors: true,
            max_iterations: 5_000,
            tolerance: 1e-7,
        }
    }

    /// How many random starts the ascent is begun from; more where few of them reach the best.
    pub fn starts(mut self, starts: usize) -> Self {
        self.starts = starts;
        self
    }

    /// The seed of the starts: the same seed gives the same fit, on any number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// A prior of so many respondents who answer like the whole sample, spread over the segments: it
    /// keeps probabilities off 0 and 1. 1 is enough; 0, the default, is maximum likelihood.
    pub fn prior(mut self, respondents: f64) -> Self {
        self.prior = respondents;
        self
    }

    /// Whether continuous answers vary equally in all segments.
    pub fn variance(mut self, variance: Variance) -> Self {
        self.variance = variance;
        self
    }

    /// What the weights say.
    pub fn weight_type(mut self, weight_type: WeightType) -> Self {
        self.weight_type = weight_type;
        self
    }

    /// What is done about response styles.
    pub fn response_style(mut self, response_style: ResponseStyle) -> Self {
        self.response_style = response_style;
        self
    }

    /// Whether starts that lie clearly below others are given up before they have arrived. They go on
    /// after all where fewer than two of the others agree on the best solution.
    pub fn drop_early(mut self, drop_early: bool) -> Self {
        self.drop_early = drop_early;
        self
    }

    /// Whether standard errors and bivariate residuals are computed.
    pub fn standard_errors(mut self, standard_errors: bool) -> Self {
        self.standard_errors = standard_errors;
        self
    }

    /// The most cycles (of three EM steps) of a start.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    /// The log-likelihood that may be left to win.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.n_segments
    }

    /// How many starts.
    pub fn n_starts(&self) -> usize {
        self.starts
    }

    /// The same settings for another number of segments.
    pub fn with_segments(mut self, n_segments: usize) -> Self {
        self.n_segments = n_segments;
        self
    }

    pub(in crate::needs) fn check(&self) -> Result<()> {
        let positive = |name: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                let expected = format!("a whole number from 1 to {most}");
                Err(Error::parameter(name, value, expected))
            }
        };
        positive("n_segments", self.n_segments, MOST_SEGMENTS)?;
        positive("starts", self.starts, 100_000)?;
        positive("max_iterations", self.max_iterations, 1_000_000)?;
        if !(self.prior >= 0.0 && self.prior.is_finite()) {
            let expected = "a number of respondents, 0 for none";
            return Err(Error::parameter("prior", self.prior, expected));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            let expected = "a log-likelihood above 0 and below 1";
            return Err(Error::parameter("tolerance", self.tolerance, expected));
        }
        Ok(())
    }
}

impl Estimator for LatentClass {
    type Data<'a> = Survey<'a>;
    type Fitted = FittedLatentClass;

    /// # Errors
    /// [`Error::InvalidParameter`] for settings that cannot be used, or more segments than the data
    /// can carry; [`Error::InvalidData`] for a question that everybody answered alike;
    /// [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &Survey<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedLatentClass> {
        fit::fit(self, data, None, Effort::Full, observer)
    }
}

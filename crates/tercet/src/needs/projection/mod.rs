//! Segments carried from a survey to every customer, by attributes that are known of both.

mod answers;
mod data;
mod encoding;
mod fit;
mod fitted;
mod quality;
mod reader;
mod sample;
mod shift;
mod verdict;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::{Observer, Phase};
use crate::random::Seed;

pub use data::ProjectionData;
pub use fitted::{Effect, FittedSegmentProjection};
pub use quality::{CalibrationRow, PenaltyScore, ProjectionQuality};

/// How much the attributes' coefficients are drawn to 0.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// As much as predicts respondents best who were left out of the fit.
    #[default]
    Cv,
    /// By this much, at least 0: see [`SegmentProjection`] for its unit.
    Fixed(f64),
}

/// Carries segments from the respondents of a survey to customers who were never asked: settings.
///
/// # Assumptions
/// 1. Attributes shift the log-odds of the segments along straight lines:
///    `π_k(x) = exp(x'β_k) / sum over m of exp(x'β_m)`.
/// 2. Within a segment, answers to the questionnaire do not depend on the attributes.
/// 3. Customers with the same attributes as a respondent are like that respondent. Whom the survey
///    did not reach, the projection does not know; weights help where non-response follows known
///    attributes.
///
/// # Likelihood
/// The respondents' segments are not known, only their posterior probabilities `p_ik`. A regression
/// of these on attributes finds weaker relations than there are, because a posterior is drawn
/// towards the segments' shares `s_k`. Divided by the shares it is the likelihood of the
/// respondent's answers in each segment, up to a factor, and with
///
/// ```text
/// sum over i of  w_i ln( sum over k of  π_k(x_i)  p_ik / s_k )  -  λ/2 W |β|²
/// ```
///
/// the attenuation is undone (two-step estimation: the questionnaire's model is held as it is). With
/// `correction(false)` the plain regression, `sum of w_i p_ik ln π_k(x_i)`, is maximised instead.
/// `W` is the sum of the weights; `|β|²` counts deviations from the segments' mean, so that no
/// segment is the reference. At last the intercepts are shifted until the respondents' mean
/// probabilities equal the shares to the last digit.
///
/// # Attributes
/// Numbers are taken in standard deviations from the mean, a missing one as the mean with an
/// indicator of its own, one beyond the respondents' range as the end of it. Each level of a
/// category has an indicator, as has "missing"; levels of fewer than `min_level_count` respondents
/// share one, which levels never seen join. Where there is none, they get the average level's
/// effect.
///
/// # What can be expected
/// Needs are only weakly visible in attributes. [`FittedSegmentProjection::quality`] says from
/// respondents left out of the fit how well the projection does, and in words whether it is worth
/// using. Add up its probabilities: counting each customer in the most probable segment distorts
/// the segments' sizes.
///
/// # Source
/// Bakk & Kuha (2018), Two-Step Estimation of Models Between Latent Classes and External Variables,
/// Psychometrika 83, 871-892; Bolck, Croon & Hagenaars (2004), Estimating Latent Structure Models
/// with Categorical Variables, Political Analysis 12, 3-27, for the attenuation; Friedman, Hastie &
/// Tibshirani (2010), Journal of Statistical Software 33(1), for the penalty's path.
///
/// # Example
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::needs::{ProjectionData, SegmentProjection};
/// use tercet::Estimator;
///
/// // Who is older belongs to the second segment more often.
/// let age: Vec<f64> = (0..200).map(|row| 20.0 + f64::from(row % 50)).collect();
/// let posterior: Vec<f64> = age.iter().flat_map(|age| {
///     let second = if *age > 45.0 { 0.8 } else { 0.3 };
///     [1.0 - second, second]
/// }).collect();
/// let respondents = Design::new(vec![("age".into(), Feature::Numbers(&age))])?;
/// let model = SegmentProjection::new().fit(&ProjectionData::new(respondents, &posterior, 2)?)?;
///
/// let customers = Design::new(vec![("age".into(), Feature::Numbers(&[22.0, 68.0]))])?;
/// let probabilities = model.probabilities(&customers, &mut ())?;
/// assert!(probabilities[0] > probabilities[2]);
/// println!("{}", model.quality().verdict());
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct SegmentProjection {
    penalty: Penalty,
    correction: bool,
    folds: usize,
    seed: Seed,
    min_level_count: usize,
    max_iterations: usize,
}

impl Default for SegmentProjection {
    fn default() -> Self {
        Self {
            penalty: Penalty::Cv,
            correction: true,
            folds: 10,
            seed: Seed(0),
            min_level_count: 10,
            max_iterations: 200,
        }
    }
}

impl SegmentProjection {
    /// Settings as they come: penalty by cross-validation, with correction, ten folds, seed 0,
    /// levels of ten respondents or more.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much coefficients are drawn to 0.
    pub fn penalty(mut self, penalty: Penalty) -> Self {
        self.penalty = penalty;
        self
    }

    /// Whether the attenuation by uncertain memberships is undone.
    pub fn correction(mut self, correct: bool) -> Self {
        self.correction = correct;
        self
    }

    /// Into how many parts the respondents are divided, each of which is left out once.
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// The seed of the division into folds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// The fewest respondents that a level needs for an effect of its own.
    pub fn min_level_count(mut self, least: usize) -> Self {
        self.min_level_count = least;
        self
    }

    /// The most iterations of the optimiser for each penalty.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    fn check(&self) -> Result<()> {
        if let Penalty::Fixed(penalty) = self.penalty
            && !(penalty >= 0.0 && penalty.is_finite())
        {
            let expected = "a number of at least 0, or cross-validation";
            return Err(Error::parameter("penalty", penalty, expected));
        }
        if self.folds < 2 {
            return Err(Error::parameter("folds", self.folds, "at least 2"));
        }
        for (name, value) in [
            ("min_level_count", self.min_level_count),
            ("max_iterations", self.max_iterations),
        ] {
            if value == 0 {
                return Err(Error::parameter(name, 0, "at least 1"));
            }
        }
        Ok(())
    }
}

impl Estimator for SegmentProjection {
    type Data<'a> = ProjectionData<'a>;
    type Fitted = FittedSegmentProjection;

    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range and more folds than respondents;
    /// [`Error::InvalidData`] for an attribute that is constant or always missing;
    /// [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &ProjectionData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedSegmentProjection> {
        self.check()?;
        let mut phase = Phase::new(observer, "cross-validating");
        fit::fit(self, data, &mut phase)
    }
}

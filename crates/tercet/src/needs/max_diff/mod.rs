//! Latent classes of best-worst choices: segments of respondents who prefer alike.

mod climb;
mod counts;
mod expected;
mod fit;
mod fitted;
mod likelihood;
mod mixture;
mod respondents;
mod simulate;

use serde::{Deserialize, Serialize};

use super::latent_class::{MOST_SEGMENTS, WeightType};
use crate::data::BestWorst;
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::{Observer, Phase};
use crate::random::Seed;

pub use counts::{ItemCounts, best_worst_counts};
pub use fitted::FittedMaxDiff;
pub use simulate::{ChoicePlan, SimulatedChoices};

/// Among which items the worst is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worst {
    /// Among those that are left once the best is picked.
    #[default]
    Sequential,
    /// Among all that were shown, as if the best were picked by somebody else.
    Independent,
}

from_words!(Worst, "worst", "sequential" => Sequential, "independent" => Independent);

/// The latent class model of best-worst choices (`MaxDiff`), settings side.
///
/// # Assumptions
/// 1. Every respondent belongs to one of K segments, whose shares are unknown; a segment gives item
///    `j` the utility `u_kj`.
/// 2. Of a set S the best is picked with probability `exp(u_j) / Σ exp(u)` over S, the worst with
///    `exp(-u_j) / Σ exp(-u)` over what is left ([`Worst::Sequential`]) or over S
///    ([`Worst::Independent`]). Where only the worst was picked, it is picked from S.
/// 3. Within a segment, choices in different sets are independent. A choice that is missing says
///    nothing.
///
/// # Likelihood
/// A respondent contributes `ln Σ_k π_k Π P_k(best) P_k(worst)`, the product being over the sets, times
/// the weight. The sum is maximised from many starts by EM, whose steps for the utilities are
/// Newton's; most starts are given up once others lie clearly higher; those that are left are finished
/// by Newton's method with exact second derivatives. Utilities have no zero of their own: they are
/// reported with sum 0 in each segment.
///
/// # When not
/// Where every respondent's own utilities are wanted: segments are few and respondents within one
/// taken for equal (see [`FittedMaxDiff::respondent_utilities`] for what can be said).
///
/// # Source
/// Finn & Louviere (1992), Determining the Appropriate Response to Evidence of Public Concern, Journal of
/// Public Policy & Marketing 11, 12-25; Marley & Louviere (2005), Some Probabilistic Models of Best,
/// Worst, and Best-Worst Choices, Journal of Mathematical Psychology 49, 464-480; Kamakura & Russell
/// (1989), Journal of Marketing Research 26, 379-390; Louis (1982), JRSS B 44, 226-233, for the
/// second derivatives.
///
/// # Example
/// ```
/// use tercet::needs::{ChoicePlan, FittedMaxDiff, MaxDiff};
/// use tercet::Estimator;
///
/// let items = ["price", "quality", "speed", "service", "brand"].map(str::to_owned);
/// let truth = FittedMaxDiff::from_parameters(
///     &items,
///     &[0.6, 0.4],
///     &[vec![2.0, 0.5, 0.0, -1.0, -1.5], vec![-1.5, 1.0, -0.5, 0.0, 1.0]],
/// )?;
/// let drawn = truth.simulate(ChoicePlan { respondents: 300, tasks: 8, shown: 4 }, 1)?;
/// let model = MaxDiff::new(2).seed(1).fit(&drawn.choices()?)?;
/// assert!(model.utilities()[0][0] > model.utilities()[1][0]);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct MaxDiff {
    n_segments: usize,
    starts: usize,
    seed: Seed,
    prior: f64,
    worst: Worst,
    weight_type: WeightType,
    drop_early: bool,
    max_iterations: usize,
}

impl MaxDiff {
    /// So many segments; 20 starts, seed 0, no prior.
    pub fn new(n_segments: usize) -> Self {
        Self {
            n_segments,
            starts: 20,
            seed: Seed(0),
            prior: 0.0,
            worst: Worst::Sequential,
            weight_type: WeightType::Sampling,
            drop_early: true,
            max_iterations: 500,
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

    /// A normal prior around 0 with this precision (1 / variance) on every utility: it keeps those of
    /// an item that a segment always or never picks from running to infinity. 1 is enough; 0, the
    /// default, is maximum likelihood.
    pub fn prior(mut self, precision: f64) -> Self {
        self.prior = precision;
        self
    }

    /// Among which items the worst is picked.
    pub fn worst(mut self, worst: Worst) -> Self {
        self.worst = worst;
        self
    }

    /// What the weights say.
    pub fn weight_type(mut self, weight_type: WeightType) -> Self {
        self.weight_type = weight_type;
        self
    }

    /// Whether starts that lie clearly below others are given up before they have arrived.
    pub fn drop_early(mut self, drop_early: bool) -> Self {
        self.drop_early = drop_early;
        self
    }

    /// The most EM steps of a start, and the most steps of Newton's method after them.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.n_segments
    }

    fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("n_segments", self.n_segments, MOST_SEGMENTS),
            ("starts", self.starts, 100_000),
            ("max_iterations", self.max_iterations, 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                let expected = format!("a whole number from 1 to {most}");
                return Err(Error::parameter(name, value, expected));
            }
        }
        if !(self.prior >= 0.0 && self.prior.is_finite()) {
            return Err(Error::parameter(
                "prior",
                self.prior,
                "a precision, 0 for none",
            ));
        }
        Ok(())
    }
}

impl Estimator for MaxDiff {
    type Data<'a> = BestWorst<'a>;
    type Fitted = FittedMaxDiff;

    /// # Errors
    /// [`Error::InvalidParameter`] for settings that cannot be used, or more segments than the data
    /// can carry; [`Error::InvalidData`] where no choice was made; [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &BestWorst<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedMaxDiff> {
        self.check()?;
        fit::fit(self, data, &mut Phase::new(observer, "fitting"))
    }
}

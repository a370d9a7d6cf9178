//! Segments in which an action works otherwise than on other customers.

mod find;
mod result;
mod stability;

use serde::{Deserialize, Serialize};

use super::data::{EffectData, Treatment};
use super::experiment::Adjustment;
use super::policy::{check_arms, check_nuisances, check_search};
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::observe::Observer;
use crate::random::Seed;

pub use result::{ArmSegments, DiscoveredSegment, Discovery};

/// What segments are to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Effects differ as much as can be told: the sum over segments of `n (effect - mean effect)²` less what
    /// searching and estimating cost is largest (the honest criterion of Athey & Imbens 2016, PNAS 113,
    /// 7353-7360).
    #[default]
    Effect,
    /// Treating some and not the others pays most: the sum over segments of `n max(0, effect - cost)` is
    /// largest.
    Policy,
}

from_words!(Objective, "objective", "effect" => Effect, "policy" => Policy);

/// How segments are discovered: settings.
///
/// A tree an arm is searched for in one half of the customers, by doubly robust scores of the arm's effect;
/// the other half tells the segments' effects, which are then those of rules that were fixed beforehand.
///
/// # Example
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::response::discovery::SegmentDiscovery;
/// use tercet::response::{EffectData, Propensities, Treatment};
///
/// // The mail brings 2 from those who bought before, and nothing from the others.
/// let n = 2_000;
/// let orders: Vec<f64> = (0..n).map(|row| f64::from(row % 10)).collect();
/// let mailed: Vec<u16> = (0..n).map(|row| (row / 10 % 2) as u16).collect();
/// let spend: Vec<f64> = (0..n as usize)
///     .map(|row| {
///         let gain = if mailed[row] == 1 && orders[row] > 4.0 { 2.0 } else { 0.0 };
///         gain + f64::from((row as u32 * 7919) % 13) / 4.0
///     })
///     .collect();
/// let design = Design::new(vec![("orders".into(), Feature::Numbers(&orders))])?;
/// let arms = vec!["none".to_owned(), "mail".to_owned()];
/// let treatment = Treatment::Arms { codes: &mailed, arms };
/// let data = EffectData::new(design, ("arm", treatment), ("spend", &spend))?;
/// let data = data.with_propensities("propensity", Propensities::Observed)?;
///
/// let found = SegmentDiscovery::new().depth(1).discover(&data, &mut ())?;
/// let best = &found.arms[0].segments[0];
/// assert!(best.found && best.condition.to_string().contains(r#"{">":4.0,"column":"orders"}"#));
/// assert!(best.ends.unwrap()[0] > 1.5);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct SegmentDiscovery {
    pub(crate) depth: usize,
    pub(crate) objective: Objective,
    pub(crate) cost: Vec<f64>,
    pub(crate) min_leaf: Option<usize>,
    pub(crate) bins: usize,
    pub(crate) shortlist: usize,
    pub(crate) level: f64,
    pub(crate) adjustment: Adjustment,
    pub(crate) resamples: usize,
    pub(crate) nuisance_trees: usize,
    pub(crate) min_propensity: f64,
    pub(crate) seed: Seed,
}

impl Default for SegmentDiscovery {
    fn default() -> Self {
        Self {
            depth: 2,
            objective: Objective::default(),
            cost: Vec::new(),
            min_leaf: None,
            bins: 64,
            shortlist: 32,
            level: 0.95,
            // What is called a segment should be one: a false one spoils the whole answer.
            adjustment: Adjustment::Holm,
            resamples: 20,
            nuisance_trees: 50,
            min_propensity: 0.01,
            seed: Seed(0),
        }
    }
}

impl SegmentDiscovery {
    /// Settings as they come: depth 2, effects that differ, Holm, seed 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many splits lie one below the other at most, 1 to 3.
    pub fn depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// What segments are to be like.
    pub fn objective(mut self, objective: Objective) -> Self {
        self.objective = objective;
        self
    }

    /// What each arm but the control costs, in units of the outcome; for [`Objective::Policy`].
    pub fn cost(mut self, cost: Vec<f64>) -> Self {
        self.cost = cost;
        self
    }

    /// The fewest rows of a segment in the half that is searched; by default a hundredth of it, at least 50.
    pub fn min_leaf(mut self, n: Option<usize>) -> Self {
        self.min_leaf = n;
        self
    }

    /// The most bins of a number, 2 to 254.
    pub fn bins(mut self, n: usize) -> Self {
        self.bins = n;
        self
    }

    /// For how many root splits of a tree of depth 3 all that is below is looked at.
    pub fn shortlist(mut self, n: usize) -> Self {
        self.shortlist = n;
        self
    }

    /// The confidence level of intervals; segments are found below 1 - level.
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// How p-values are adjusted for their number.
    pub fn adjustment(mut self, adjustment: Adjustment) -> Self {
        self.adjustment = adjustment;
        self
    }

    /// How many half samples tell the segments' stability; 0 for none.
    pub fn resamples(mut self, n: usize) -> Self {
        self.resamples = n;
        self
    }

    /// How many trees tell the expected outcome of each arm, and the probability of the arms.
    pub fn nuisance_trees(mut self, n: usize) -> Self {
        self.nuisance_trees = n;
        self
    }

    /// The smallest probability of an arm that leaves enough to compare.
    pub fn min_propensity(mut self, probability: f64) -> Self {
        self.min_propensity = probability;
        self
    }

    /// The seed of the halves, of what is expected, and of the half samples.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// Looks for segments.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range; [`Error::InvalidData`] for an amount, for an
    /// arm of fewer than 40 rows, and where features all but tell the arm; [`Error::Interrupted`].
    pub fn discover(
        &self,
        data: &EffectData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Discovery> {
        normal_quantile(self.level)?;
        check_search(self.depth, 1, self.bins, self.shortlist, self.min_leaf)?;
        check_nuisances(self.nuisance_trees, self.min_propensity)?;
        if matches!(data.treatment(), Treatment::Amount(_)) {
            let reason = "is an amount; segments are of the effects of arms: group it into a few";
            return Err(Error::data(data.treatment_name(), None, reason));
        }
        check_arms(data)?;
        let k = data.n_effects();
        if !self.cost.is_empty() && self.cost.len() != k {
            let expected = format!("{k} costs, one an arm but the control");
            return Err(Error::parameter("cost", self.cost.len(), expected));
        }
        if let Some(cost) = self.cost.iter().find(|cost| !cost.is_finite()) {
            return Err(Error::parameter("cost", *cost, "a finite number"));
        }
        find::find(self, data, observer)
    }
}

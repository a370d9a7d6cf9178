//! The causal forest: what a treatment does to each customer.

mod fit;
mod fitted;
mod growth;
mod little_bags;
mod moments;
mod nuisance;
pub(super) mod robust;
mod rules;
mod sampling;
mod scores;
mod smoothing;
mod split;
mod tree;
mod trees;
mod trend;
mod validation;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::Observer;
use crate::random::Seed;
use crate::response::data::{EffectData, Treatment};

pub use fit::OutOfBag;
pub use fitted::FittedCausalForest;
pub(super) use sampling::divide;
pub use scores::AverageEffect;

/// The fewest rows of an arm.
const FEWEST_OF_ARM: usize = 20;

/// What a treatment does to each customer, by an honest forest: settings.
///
/// # Assumptions
/// 1. Customers with the same features were treated by chance, as in an experiment: nothing that is not
///    among the features led to the treatment *and* to the outcome.
/// 2. Everybody could have got every arm (overlap).
/// 3. One customer's treatment does not change another's outcome.
///
/// # Method
/// Outcome and treatment are freed of what the features predict of them: `ỹ = y - m(x)`,
/// `w̃ = w - e(x)`, where `m` and `e` are told of every row by trees that did not see it (in an
/// experiment `e` is known). Trees are then grown on one half of their rows so that effects differ most
/// between the sides of every split, and filled with the other half (*honesty*). A customer's effects are
/// those of least squares, weighted by how often the rows share a leaf with the customer:
///
/// ```text
/// τ(x) = Cov_x(w̃, w̃)⁻¹ Cov_x(w̃, ỹ)
/// ```
///
/// Forests draw effects towards those of similar customers. What of it is even is found by a regression of
/// doubly robust scores on features, and added. Intervals know of what the effects would move by with
/// other customers, from bags of trees that share half of them; of the regression's error; and of the
/// mean square of what is smoothed away all the same. They hold their level on average over customers,
/// and less for those whose effects are the most unusual.
///
/// # Features
/// Values become at most `bins` bins of a byte, so that a node is searched in one pass over its rows.
/// Missing values go to the side where they fit; levels are divided in any way.
///
/// # Source
/// Athey, Tibshirani & Wager (2019), Generalized random forests, Annals of Statistics 47, 1148-1178;
/// Wager & Athey (2018), Estimation and inference of heterogeneous treatment effects using random
/// forests, Journal of the American Statistical Association 113, 1228-1242; Friedberg, Tibshirani, Athey &
/// Wager (2021), Local linear forests, Journal of Computational and Graphical Statistics 30, 503-517.
///
/// # Example
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::response::forest::CausalForest;
/// use tercet::response::{EffectData, Propensities, Treatment};
/// use tercet::Estimator;
///
/// // The mail earns 4 from those who bought before, and nothing from the others.
/// let n = 2_000;
/// let orders: Vec<f64> = (0..n).map(|row| f64::from(row % 10)).collect();
/// let mailed: Vec<u16> = (0..n).map(|row| (row / 10 % 2) as u16).collect();
/// let spend: Vec<f64> = (0..n as usize)
///     .map(|row| orders[row] + if mailed[row] == 1 && orders[row] >= 5.0 { 4.0 } else { 0.0 })
///     .collect();
/// let design = || Design::new(vec![("orders".into(), Feature::Numbers(&orders))]);
/// let arms = vec!["none".to_owned(), "mail".to_owned()];
/// let treatment = Treatment::Arms { codes: &mailed, arms };
/// let data = EffectData::new(design()?, ("arm", treatment), ("spend", &spend))?;
/// let data = data.with_propensities("propensity", Propensities::Observed)?;
///
/// let forest = CausalForest::new().n_trees(40).fit(&data)?;
/// let effects = forest.effects(&design()?, &mut ())?;
/// assert!(effects[0].abs() < 0.5 && (effects[9] - 4.0).abs() < 0.5);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct CausalForest {
    pub(crate) n_trees: usize,
    pub(crate) bag_size: usize,
    pub(crate) min_leaf: Option<usize>,
    pub(crate) max_depth: Option<usize>,
    pub(crate) max_features: Option<usize>,
    pub(crate) bins: usize,
    pub(crate) imbalance: f64,
    pub(crate) nuisance_trees: Option<usize>,
    pub(crate) min_propensity: f64,
    pub(crate) seed: Seed,
}

impl Default for CausalForest {
    fn default() -> Self {
        Self {
            n_trees: 200,
            bag_size: 4,
            min_leaf: None,
            max_depth: None,
            max_features: None,
            bins: 128,
            imbalance: 0.05,
            nuisance_trees: None,
            min_propensity: 0.01,
            seed: Seed(0),
        }
    }
}

impl CausalForest {
    /// Settings as they come: 200 trees in bags of 4, seed 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many trees, a multiple of the size of a bag. More make effects and intervals less noisy.
    pub fn n_trees(mut self, n: usize) -> Self {
        self.n_trees = n;
        self
    }

    /// How many trees share half of the rows, at least 2.
    pub fn bag_size(mut self, n: usize) -> Self {
        self.bag_size = n;
        self
    }

    /// The fewest rows of each arm on either side of a split; by default a quarter of the square root of
    /// the rows, at least 10.
    pub fn min_leaf(mut self, n: Option<usize>) -> Self {
        self.min_leaf = n;
        self
    }

    /// How many splits lie one below the other at most.
    pub fn max_depth(mut self, depth: Option<usize>) -> Self {
        self.max_depth = depth;
        self
    }

    /// How many features, drawn at random, are looked at in a node.
    pub fn max_features(mut self, n: Option<usize>) -> Self {
        self.max_features = n;
        self
    }

    /// The most bins of a number, 2 to 254.
    pub fn bins(mut self, n: usize) -> Self {
        self.bins = n;
        self
    }

    /// The least share of a node's rows on either side of a split, below 0.5.
    pub fn imbalance(mut self, share: f64) -> Self {
        self.imbalance = share;
        self
    }

    /// How many trees tell the expected outcome, and the probability of each arm; by default a quarter of
    /// all, at least 50.
    pub fn nuisance_trees(mut self, n: Option<usize>) -> Self {
        self.nuisance_trees = n;
        self
    }

    /// The smallest probability of an arm that leaves enough to compare.
    pub fn min_propensity(mut self, probability: f64) -> Self {
        self.min_propensity = probability;
        self
    }

    /// The seed of samples and features.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// [`Estimator::fit_observed`] with what the forest says of the rows that it was fitted to, by trees
    /// that did not see them.
    ///
    /// # Errors
    /// Those of the fit.
    pub fn fit_out_of_bag(
        &self,
        data: &EffectData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(FittedCausalForest, OutOfBag)> {
        self.check(data)?;
        fit::fit(self, data, observer)
    }

    /// The smallest leaf's rows of each arm.
    pub(crate) fn leaf_of(&self, n: usize) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and positive
        let grown = ((n as f64).sqrt() / 4.0).ceil() as usize;
        self.min_leaf.unwrap_or(grown.max(10))
    }

    /// The features that are looked at in a node.
    pub(crate) fn features_of(&self, p: usize) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and positive
        let some = (p as f64).sqrt().ceil() as usize + 20;
        self.max_features.unwrap_or(some).clamp(1, p)
    }

    fn check(&self, data: &EffectData<'_>) -> Result<()> {
        if self.bag_size < 2 {
            return Err(Error::parameter("bag_size", self.bag_size, "at least 2"));
        }
        if self.n_trees < 2 * self.bag_size || !self.n_trees.is_multiple_of(self.bag_size) {
            let expected = format!(
                "a multiple of bag_size = {}, at least twice it",
                self.bag_size
            );
            return Err(Error::parameter("n_trees", self.n_trees, expected));
        }
        if !(2..=254).contains(&self.bins) {
            return Err(Error::parameter(
                "bins",
                self.bins,
                "a number from 2 to 254",
            ));
        }
        if !(self.imbalance >= 0.0 && self.imbalance < 0.5) {
            let expected = "a share of at least 0 and below 0.5";
            return Err(Error::parameter("imbalance", self.imbalance, expected));
        }
        if !(self.min_propensity > 0.0 && self.min_propensity < 0.5) {
            let expected = "a small probability, such as 0.01";
            return Err(Error::parameter(
                "min_propensity",
                self.min_propensity,
                expected,
            ));
        }
        let counts = [
            ("min_leaf", self.min_leaf),
            ("max_depth", self.max_depth),
            ("max_features", self.max_features),
            ("nuisance_trees", self.nuisance_trees),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, value)| *value == Some(0)) {
            return Err(Error::parameter(*name, 0, "at least 1"));
        }
        let p = data.design().names().len();
        if p >= usize::from(u16::MAX) {
            let expected = "fewer than 65,535 columns";
            return Err(Error::parameter("features", p, expected));
        }
        if let Some(found) = self.max_features.filter(|found| *found > p) {
            let expected = format!("at most the {p} features");
            return Err(Error::parameter("max_features", found, expected));
        }
        Self::check_rows(data)
    }

    fn check_rows(data: &EffectData<'_>) -> Result<()> {
        let name = data.treatment_name();
        if let Treatment::Arms { arms, .. } = data.treatment() {
            for (arm, n) in arms.iter().zip(data.arm_counts()) {
                if n < FEWEST_OF_ARM {
                    let reason = format!(
                        "has {n} rows of arm '{arm}', and a forest needs at least {FEWEST_OF_ARM} of each; leave the arm out, or join it to another"
                    );
                    return Err(Error::data(name, None, reason));
                }
            }
        } else if data.len() < 2 * FEWEST_OF_ARM {
            let reason = format!(
                "has {} rows, and a forest needs at least {}",
                data.len(),
                2 * FEWEST_OF_ARM
            );
            return Err(Error::data(name, None, reason));
        }
        Ok(())
    }
}

impl Estimator for CausalForest {
    type Data<'a> = EffectData<'a>;
    type Fitted = FittedCausalForest;

    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range; [`Error::InvalidData`] where an arm has
    /// too few rows, or where features all but tell the arm, so that there is nothing to compare;
    /// [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &EffectData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedCausalForest> {
        Ok(self.fit_out_of_bag(data, observer)?.0)
    }
}

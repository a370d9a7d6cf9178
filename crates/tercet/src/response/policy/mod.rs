//! The best rule of a few splits that says which action a customer gets.

mod data;
mod fit;
mod fitted;
mod value;

use serde::{Deserialize, Serialize};

use super::search::DEEPEST;
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::Observer;
use crate::random::Seed;

pub use data::PolicyData;
pub(super) use fit::{check_arms, of_arms};
pub use fitted::{FittedPolicyTree, PolicyLeaf, PolicyNode};
pub use value::{Estimate, PolicyValue};

/// The best rule of a few splits: settings.
///
/// Of all trees of the depth the one is found for which the rewards of the leaves' actions add up to the
/// most:
///
/// ```text
/// max over trees π of  Σ_i Γ_i,π(x_i)
/// ```
///
/// with `Γ_ia` what customer `i` is expected to bring under action `a`: given, or doubly robust from an
/// experiment. Trees of depth 1 and 2 are the best of all on the binned features; of depth 3 the best of all
/// below the root splits of a shortlist, and no worse than the best of depth 2.
///
/// # Honesty
/// The best of many rules looks better than it is on the customers it was chosen by. So the tree is searched
/// for in one half of the customers, and its value told by the other half; what outcomes are expected is
/// learned in the first half, too.
///
/// # Source
/// Zhou, Athey & Wager (2023), Offline multi-action policy learning: generalization and optimization,
/// Operations Research 71, 148-183; Athey & Wager (2021), Policy learning with observational data,
/// Econometrica 89, 133-161.
///
/// # Example
/// ```
/// use tercet::Estimator;
/// use tercet::data::{Design, Feature};
/// use tercet::response::policy::{PolicyData, PolicyTree};
///
/// // The mail costs 1 and brings 3 of those who bought before.
/// let orders: Vec<f64> = (0..400).map(|row| f64::from(row % 8)).collect();
/// let rewards: Vec<f64> = orders
///     .iter()
///     .flat_map(|&orders| [0.0, if orders > 3.0 { 2.0 } else { -1.0 }])
///     .collect();
/// let design = Design::new(vec![("orders".into(), Feature::Numbers(&orders))])?;
/// let actions = vec!["none".to_owned(), "mail".to_owned()];
/// let data = PolicyData::from_rewards(design, actions, &rewards)?;
///
/// let tree = PolicyTree::new().depth(1).fit(&data)?;
/// let told: Vec<&str> = tree.leaves().iter().map(|leaf| tree.actions()[leaf.action].as_str()).collect();
/// assert_eq!(told, ["none", "mail"]);
/// // Who gets the mail, as the conditions of a segment.
/// assert!(tree.leaves()[1].condition.to_string().contains(r#"{">":3.0,"column":"orders"}"#));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct PolicyTree {
    pub(crate) depth: usize,
    pub(crate) min_leaf: Option<usize>,
    pub(crate) bins: usize,
    pub(crate) shortlist: usize,
    pub(crate) honest: bool,
    pub(crate) nuisance_trees: usize,
    pub(crate) min_propensity: f64,
    pub(crate) seed: Seed,
}

impl Default for PolicyTree {
    fn default() -> Self {
        Self {
            depth: 2,
            min_leaf: None,
            bins: 64,
            shortlist: 32,
            honest: true,
            nuisance_trees: 50,
            min_propensity: 0.01,
            seed: Seed(0),
        }
    }
}

impl PolicyTree {
    /// Settings as they come: depth 2, 64 bins, honest, seed 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many splits lie one below the other at most, 0 to 3.
    pub fn depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// The fewest rows of a leaf among those that the tree is searched in; by default a hundredth of them,
    /// at least 10.
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

    /// Whether the tree is searched for in one half of the rows and judged by the other; else it is searched
    /// for in all of them, and nothing is said of its value.
    pub fn honest(mut self, honest: bool) -> Self {
        self.honest = honest;
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

    /// The seed of the halves and of what is expected.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    fn check(&self) -> Result<()> {
        check_search(self.depth, 0, self.bins, self.shortlist, self.min_leaf)?;
        check_nuisances(self.nuisance_trees, self.min_propensity)
    }
}

/// That a search's settings can be used.
pub(super) fn check_search(
    depth: usize,
    least: usize,
    bins: usize,
    shortlist: usize,
    min_leaf: Option<usize>,
) -> Result<()> {
    if !(least..=DEEPEST).contains(&depth) {
        let expected = format!("a number from {least} to {DEEPEST}");
        return Err(Error::parameter("depth", depth, expected));
    }
    if !(2..=254).contains(&bins) {
        return Err(Error::parameter("bins", bins, "a number from 2 to 254"));
    }
    if shortlist == 0 {
        return Err(Error::parameter("shortlist", 0, "at least 1"));
    }
    if min_leaf == Some(0) {
        return Err(Error::parameter("min_leaf", 0, "at least 1"));
    }
    Ok(())
}

/// That what is expected of arms can be learned so.
pub(super) fn check_nuisances(trees: usize, min_propensity: f64) -> Result<()> {
    if trees < 2 {
        return Err(Error::parameter("nuisance_trees", trees, "at least 2"));
    }
    if !(min_propensity > 0.0 && min_propensity < 0.5) {
        let expected = "a small probability, such as 0.01";
        return Err(Error::parameter("min_propensity", min_propensity, expected));
    }
    Ok(())
}

impl Estimator for PolicyTree {
    type Data<'a> = PolicyData<'a>;
    type Fitted = FittedPolicyTree;

    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range; [`Error::InvalidData`] where there are too few
    /// rows (of an arm), or where features all but tell the arm; [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &PolicyData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedPolicyTree> {
        self.check()?;
        fit::fit(self, data, observer)
    }
}

//! A fitted rule and what it says of customers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PolicyTree;
use super::data::PolicyData;
use super::fit::rewards_of;
use super::value::{Estimate, PolicyValue};
use crate::data::Design;
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_rows};
use crate::persist::{Parts, Persist, read_part};
use crate::response::bins::Binning;
use crate::response::search::{MOST_ACTIONS, Part, ShallowTree, condition};

/// A leaf of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyLeaf {
    /// The action, as a place among the actions.
    pub action: usize,
    /// Rows of the fit that end here, of both halves.
    pub n: usize,
    /// What the action brings here, by the half that did not choose it.
    pub reward: Option<Estimate>,
    /// Who ends here, as the tree of a [`Segment`](crate::response::rules::Segment)'s conditions.
    pub condition: Value,
}

/// A split or a leaf of a rule, as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyNode {
    /// How many splits are above.
    pub depth: usize,
    /// The leaf, by its number from the left; none of a split.
    pub leaf: Option<usize>,
    /// Who goes to the left; of a leaf nothing.
    pub condition: Value,
}

/// A fitted rule: immutable; see [`PolicyTree`] for the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPolicyTree {
    pub(super) settings: PolicyTree,
    pub(super) actions: Vec<String>,
    pub(super) costs: Vec<f64>,
    pub(super) control: Option<usize>,
    pub(super) treatment: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) binning: Binning,
    pub(super) tree: ShallowTree,
    pub(super) exact: bool,
    pub(super) best_single: usize,
    pub(super) leaves: Vec<PolicyLeaf>,
    pub(super) value: Option<PolicyValue>,
    pub(super) note: Value,
    pub(super) report: FitReport,
}

impl FittedPolicyTree {
    /// The settings that it was fitted with.
    pub fn settings(&self) -> &PolicyTree {
        &self.settings
    }

    /// The features that it was searched among, by name.
    pub fn features(&self) -> Vec<String> {
        self.binning.names()
    }

    /// The actions' names.
    pub fn actions(&self) -> &[String] {
        &self.actions
    }

    /// What each action costs.
    pub fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// The action that the rule is compared with, as a place among them.
    pub fn control(&self) -> Option<usize> {
        self.control
    }

    /// What the treatment is called, where it was fitted to an experiment.
    pub fn treatment_name(&self) -> Option<&str> {
        self.treatment.as_deref()
    }

    /// What the outcome is called, where it was fitted to an experiment.
    pub fn outcome_name(&self) -> Option<&str> {
        self.outcome.as_deref()
    }

    /// The best action for everybody, by the rows that the tree was searched in.
    pub fn best_single(&self) -> usize {
        self.best_single
    }

    /// Whether no tree of the depth is better on the rows that it was searched in.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The leaves, from the left.
    pub fn leaves(&self) -> &[PolicyLeaf] {
        &self.leaves
    }

    /// What the rule is worth, by the half that did not choose it; none of a fit that was not honest.
    pub fn value(&self) -> Option<&PolicyValue> {
        self.value.as_ref()
    }

    /// Splits and leaves, a parent before its left side and that before its right one.
    pub fn nodes(&self) -> Vec<PolicyNode> {
        let node = |(depth, part): (usize, Part)| match part {
            Part::Leaf(leaf) => PolicyNode {
                depth,
                leaf: Some(leaf),
                condition: Value::Null,
            },
            Part::Split { feature, left } => PolicyNode {
                depth,
                leaf: None,
                condition: condition(&self.binning, &[(feature, left)]),
            },
        };
        self.tree.parts().into_iter().map(node).collect()
    }

    /// What the caller keeps with the model; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The model with a note that is saved and loaded with it and not looked at otherwise.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// The leaf of every row. Columns are found by their names; others are not looked at.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column that is not there or of another kind; [`Error::Interrupted`].
    pub fn apply(&self, customers: &Design<'_>, observer: &mut dyn Observer) -> Result<Vec<usize>> {
        let bins = {
            let mut phase = Phase::new(observer, "binning");
            self.binning.encode(customers, &Gate::new(&mut phase))?
        };
        let mut phase = Phase::new(observer, "deciding");
        map_rows(customers.len(), &mut phase, |row| {
            self.tree.leaf(bins.row(row))
        })
    }

    /// The action of every row, as a place among the actions.
    ///
    /// # Errors
    /// Those of [`FittedPolicyTree::apply`].
    pub fn decide(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<usize>> {
        let leaves = self.apply(customers, observer)?;
        Ok(leaves
            .into_iter()
            .map(|leaf| self.leaves[leaf].action)
            .collect())
    }

    /// What the rule is worth on other customers, who must not be those of the fit.
    ///
    /// # Errors
    /// Those of [`FittedPolicyTree::apply`]; [`Error::InvalidParameter`] for other actions than the fit's.
    pub fn value_on(
        &self,
        data: &PolicyData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<PolicyValue> {
        if data.actions() != self.actions {
            let expected = format!("the actions of the fit: {}", self.actions.join(", "));
            let found = data.actions().join(", ");
            return Err(Error::parameter("actions", found, expected));
        }
        let chosen = self.decide(data.design(), observer)?;
        let bins = {
            let mut phase = Phase::new(observer, "binning");
            self.binning.encode(data.design(), &Gate::new(&mut phase))?
        };
        let all: Vec<u32> = (0..u32::try_from(data.len()).unwrap_or(u32::MAX)).collect();
        let rewards = rewards_of(&self.settings, data, &self.binning, &bins, &all, observer)?;
        let action = |row: u32| chosen[row as usize];
        let found = PolicyValue::of(&all, action, (&rewards, self.actions.len()));
        // A table without rows is refused at the door.
        found.ok_or_else(|| Error::data("X", None, "has no rows"))
    }
}

impl Fitted for FittedPolicyTree {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// The mean reward by the rule, and what it adds to each action for everybody.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let z = normal_quantile(level)?;
        let parameter = |name: String, one: &Estimate| {
            let ends = one.ends(z);
            Parameter {
                name,
                estimate: one.mean,
                standard_error: one.standard_error,
                lower: ends.map(|ends| ends[0]),
                upper: ends.map(|ends| ends[1]),
            }
        };
        let Some(value) = &self.value else {
            return Ok(Vec::new());
        };
        let gains = self.actions.iter().zip(&value.gains);
        let gains = gains.map(|(action, gain)| parameter(format!("gain over {action}"), gain));
        Ok(
            std::iter::once(parameter("reward".to_owned(), &value.policy))
                .chain(gains)
                .collect(),
        )
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    actions: Vec<String>,
    control: Option<usize>,
    treatment: Option<String>,
    outcome: Option<String>,
    binning: Binning,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct LeafPart {
    action: usize,
    n: usize,
    reward: Option<Estimate>,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    costs: Vec<f64>,
    best_single: usize,
    exact: bool,
    tree: ShallowTree,
    leaves: Vec<LeafPart>,
    value: Option<PolicyValue>,
}

impl Persist for FittedPolicyTree {
    const KIND: &'static str = "policy_tree";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        let leaf = |leaf: &PolicyLeaf| LeafPart {
            action: leaf.action,
            n: leaf.n,
            reward: leaf.reward,
        };
        Parts::new(
            SchemaPart {
                actions: self.actions.clone(),
                control: self.control,
                treatment: self.treatment.clone(),
                outcome: self.outcome.clone(),
                binning: self.binning.clone(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                costs: self.costs.clone(),
                best_single: self.best_single,
                exact: self.exact,
                tree: self.tree.clone(),
                leaves: self.leaves.iter().map(leaf).collect(),
                value: self.value.clone(),
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let corrupt = |reason: &str| {
            Err(Error::Corrupt {
                reason: reason.to_owned(),
            })
        };
        schema.binning.check()?;
        fitted.tree.check(schema.binning.names().len())?;
        let k = schema.actions.len();
        if !(2..=MOST_ACTIONS).contains(&k) {
            return corrupt("in \"schema\": a policy has 2 to 32 actions");
        }
        let beyond = |action: usize| action >= k;
        if fitted.costs.len() != k
            || fitted.leaves.len() != fitted.tree.n_leaves()
            || fitted.leaves.iter().any(|leaf| beyond(leaf.action))
            || beyond(fitted.best_single)
            || schema.control.is_some_and(beyond)
            || fitted
                .value
                .as_ref()
                .is_some_and(|value| [value.actions.len(), value.gains.len()] != [k; 2])
        {
            return corrupt("in \"fitted\": the numbers do not belong to the schema's actions");
        }
        let paths = fitted.tree.paths(&schema.binning.counts());
        let leaves = fitted.leaves.into_iter().zip(&paths);
        let leaves = leaves.map(|(leaf, path)| PolicyLeaf {
            action: leaf.action,
            n: leaf.n,
            reward: leaf.reward,
            condition: condition(&schema.binning, path),
        });
        Ok(Self {
            leaves: leaves.collect(),
            settings: read_part("settings", parts.settings)?,
            actions: schema.actions,
            costs: fitted.costs,
            control: schema.control,
            treatment: schema.treatment,
            outcome: schema.outcome,
            binning: schema.binning,
            tree: fitted.tree,
            exact: fitted.exact,
            best_single: fitted.best_single,
            value: fitted.value,
            note: schema.note,
            report: read_part("report", parts.report)?,
        })
    }
}

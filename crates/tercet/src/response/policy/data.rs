//! What a policy is learned from: customers with what each action would bring of them.

use std::collections::HashSet;

use crate::data::{Design, check_length};
use crate::error::{Error, Result};
use crate::response::data::{EffectData, Treatment};
use crate::response::search::MOST_ACTIONS;

/// Customers and what each of several actions would bring of them: known rewards, or an experiment that
/// tells them.
#[derive(Debug, Clone)]
pub struct PolicyData<'a> {
    source: Source<'a>,
    actions: Vec<String>,
    costs: Vec<f64>,
    control: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Source<'a> {
    Rewards(Design<'a>, &'a [f64]),
    Experiment(EffectData<'a>),
}

impl<'a> PolicyData<'a> {
    /// Rewards that are known: what each action would bring, row by row.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a reward that is not finite, for fewer than two actions or more than 32,
    /// and for two of one name; [`Error::ShapeMismatch`] where rows have not one reward an action.
    pub fn from_rewards(
        design: Design<'a>,
        actions: Vec<String>,
        rewards: &'a [f64],
    ) -> Result<Self> {
        if !(2..=MOST_ACTIONS).contains(&actions.len()) {
            let reason = format!(
                "has {} actions; a policy chooses among 2 to {MOST_ACTIONS}",
                actions.len()
            );
            return Err(Error::data("rewards", None, reason));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = actions.iter().find(|name| !seen.insert(name.as_str())) {
            let reason = format!("has two actions called '{twice}'; name each once");
            return Err(Error::data("rewards", None, reason));
        }
        check_length("rewards", design.len() * actions.len(), rewards)?;
        if let Some(place) = rewards.iter().position(|reward| !reward.is_finite()) {
            let reason = format!(
                "is {} for action '{}'; leave the row out, or say what the action would bring",
                rewards[place],
                actions[place % actions.len()]
            );
            return Err(Error::data("rewards", place / actions.len(), reason));
        }
        Ok(Self {
            costs: vec![0.0; actions.len()],
            source: Source::Rewards(design, rewards),
            actions,
            control: None,
        })
    }

    /// An experiment, or customers who were treated by their features: the arms are the actions, the first
    /// one the control, and rewards are doubly robust.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for an amount, which is no choice among a few actions.
    pub fn from_experiment(data: EffectData<'a>) -> Result<Self> {
        if matches!(data.treatment(), Treatment::Amount(_)) {
            let reason = "is an amount; a rule chooses among arms: group it into a few";
            return Err(Error::data(data.treatment_name(), None, reason));
        }
        let actions = data.arms().to_vec();
        Ok(Self {
            costs: vec![0.0; actions.len()],
            source: Source::Experiment(data),
            actions,
            control: Some(0),
        })
    }

    /// What each action costs, in units of the reward; it is taken off.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for costs that are not one an action, or not finite.
    pub fn with_costs(mut self, costs: Vec<f64>) -> Result<Self> {
        if costs.len() != self.actions.len() {
            let expected = format!("{} costs, one an action", self.actions.len());
            return Err(Error::parameter("cost", costs.len(), expected));
        }
        if let Some(cost) = costs.iter().find(|cost| !cost.is_finite()) {
            return Err(Error::parameter("cost", *cost, "a finite number"));
        }
        self.costs = costs;
        Ok(self)
    }

    /// Which action the rule is compared with; of an experiment it is the control.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a place beyond the actions.
    pub fn with_control(mut self, control: Option<usize>) -> Result<Self> {
        if let Some(place) = control.filter(|place| *place >= self.actions.len()) {
            let expected = format!("below {}, the number of actions", self.actions.len());
            return Err(Error::parameter("control", place, expected));
        }
        self.control = control;
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.design().len()
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.design().is_empty()
    }

    /// The features.
    pub fn design(&self) -> &Design<'a> {
        match &self.source {
            Source::Rewards(design, _) => design,
            Source::Experiment(data) => data.design(),
        }
    }

    /// The actions' names.
    pub fn actions(&self) -> &[String] {
        &self.actions
    }

    /// What each action costs.
    pub fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// The action that the rule is compared with.
    pub fn control(&self) -> Option<usize> {
        self.control
    }

    pub(super) fn source(&self) -> &Source<'a> {
        &self.source
    }
}

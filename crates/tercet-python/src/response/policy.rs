//! Rules that say which action a customer gets.

use pyo3::prelude::*;
use tercet::Estimator;
use tercet::data::Design;
use tercet::response::Propensities;
use tercet::response::policy::{self as core, Estimate, PolicyData, PolicyTree, PolicyValue};

use super::forest::{NamedTreatment, Values, known};
use crate::arrays::{Column, Floats};
use crate::boundary::{self, Progress};
use crate::data::{Attribute, DesignArrays, Named};
use crate::records::Record;
use crate::{errors, model, persist};

/// An experiment: treatment, outcome, and what is known of the arms' probabilities.
type Experiment<'py> = (
    NamedTreatment<'py>,
    Named<'py>,
    (String, Option<Floats<'py>>),
);
/// The actions, the rewards row by row, and the place of the control.
type Rewards<'py> = (Vec<String>, Floats<'py>, Option<usize>);

/// An experiment's arrays, borrowed.
struct Treated<'a> {
    treatment: &'a str,
    values: Values<'a>,
    outcome: (&'a str, &'a [f64]),
    propensities: Propensities<'a>,
}

/// What customers would bring under each action: one of the two is there.
struct Given<'a> {
    experiment: Option<Treated<'a>>,
    rewards: Option<(&'a [String], &'a [f64], Option<usize>)>,
    costs: Vec<f64>,
}

impl<'a> Given<'a> {
    fn new(
        experiment: Option<&'a Experiment<'_>>,
        rewards: Option<&'a Rewards<'_>>,
        costs: Vec<f64>,
    ) -> PyResult<Self> {
        let experiment = match experiment {
            Some(((name, column, arms), (outcome, values), propensities)) => Some(Treated {
                treatment: name,
                values: Values::new(column, arms)?,
                outcome: (outcome, values.values()?),
                propensities: known(propensities)?,
            }),
            None => None,
        };
        let rewards = match rewards {
            Some((actions, values, control)) => Some((&actions[..], values.values()?, *control)),
            None => None,
        };
        Ok(Self {
            experiment,
            rewards,
            costs,
        })
    }

    fn data(&self, design: Design<'a>) -> tercet::Result<PolicyData<'a>> {
        let data = match (&self.experiment, &self.rewards) {
            (Some(given), _) => {
                let data = given.values.data(design, given.treatment, given.outcome)?;
                let known = given.propensities.clone();
                PolicyData::from_experiment(data.with_propensities("propensity", known)?)?
            }
            (None, Some((actions, values, control))) => {
                PolicyData::from_rewards(design, actions.to_vec(), values)?
                    .with_control(*control)?
            }
            (None, None) => {
                let expected = "rewards, or treatment and outcome";
                return Err(tercet::Error::parameter("rewards", "None", expected));
            }
        };
        data.with_costs(self.costs.clone())
    }
}

/// A fitted rule: immutable.
///
/// Attributes are triples as for a propensity.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedPolicyTree(core::FittedPolicyTree);

model::shared_methods!(FittedPolicyTree: saved, set, noted, reported);

#[pymethods]
impl FittedPolicyTree {
    /// Searches the rule.
    ///
    /// `experiment` is the treatment (name, codes, arms), the outcome (name, numbers) and what is known of
    /// the arms' probabilities, as for a causal forest; `rewards` the actions, a number an action row by row,
    /// and the control's place. One of them is needed. `costs` are a number an action. `settings` has
    /// `depth`, `min_leaf` (or None), `bins`, `shortlist`, `honest`, `nuisance_trees`, `min_propensity` and
    /// `seed`; `note`, a JSON text, is kept with the model.
    #[staticmethod]
    #[pyo3(signature = (
        attributes, experiment, rewards, costs, *, settings, note, n_jobs=None, progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        experiment: Option<Experiment<'_>>,
        rewards: Option<Rewards<'_>>,
        costs: Vec<f64>,
        settings: Record<'_>,
        note: &str,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = estimator(&settings)?;
        let note = persist::note(note)?;
        let arrays = DesignArrays::new(&attributes)?;
        let given = Given::new(experiment.as_ref(), rewards.as_ref(), costs)?;
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            estimator.fit_observed(&given.data(arrays.design()?)?, observer)
        })?;
        Ok(Self(fitted.with_note(note)))
    }

    /// The names of the attributes.
    #[getter]
    fn features(&self) -> Vec<String> {
        self.0.features()
    }

    /// The actions' names.
    #[getter]
    fn actions(&self) -> Vec<String> {
        self.0.actions().to_vec()
    }

    /// What each action costs.
    #[getter]
    fn costs(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.costs().to_vec())
    }

    /// The place of the action that the rule is compared with.
    #[getter]
    fn control(&self) -> Option<usize> {
        self.0.control()
    }

    /// The place of the best action for everybody.
    #[getter]
    fn best_single(&self) -> usize {
        self.0.best_single()
    }

    /// What the treatment is called, if there was one.
    #[getter]
    fn treatment(&self) -> Option<String> {
        self.0.treatment_name().map(str::to_owned)
    }

    /// What the outcome is called, if there was one.
    #[getter]
    fn outcome(&self) -> Option<String> {
        self.0.outcome_name().map(str::to_owned)
    }

    /// Whether no tree of the depth is better on the rows that were searched.
    #[getter]
    fn is_exact(&self) -> bool {
        self.0.is_exact()
    }

    /// Splits and leaves, parents first: depth, leaf (None of a split), and who goes to the left as a JSON
    /// text.
    #[getter]
    fn nodes(&self) -> Vec<(usize, Option<usize>, String)> {
        let nodes = self.0.nodes().into_iter();
        nodes
            .map(|node| (node.depth, node.leaf, node.condition.to_string()))
            .collect()
    }

    /// The leaves: `condition` (JSON texts), `action` (places), `n`, and of the half that did not choose:
    /// `rows`, `reward`, `standard_error`, `lower`, `upper`.
    #[pyo3(signature = (*, level))]
    fn leaves<'py>(&self, py: Python<'py>, level: f64) -> PyResult<Record<'py>> {
        let leaves = self.0.leaves();
        let conditions = leaves.iter().map(|leaf| leaf.condition.to_string());
        let rewards: Vec<Option<Estimate>> = leaves.iter().map(|leaf| leaf.reward).collect();
        let record = Record::new(py)
            .with("condition", conditions.collect::<Vec<_>>())?
            .with(
                "action",
                Column::counts(py, leaves.iter().map(|leaf| leaf.action)),
            )?
            .with("n", Column::counts(py, leaves.iter().map(|leaf| leaf.n)))?;
        estimates(py, record, "reward", &rewards, level)
    }

    /// What the rule is worth on the half that did not choose it; None of a fit that was not honest. See
    /// `value_on`.
    #[pyo3(signature = (*, level))]
    fn value<'py>(&self, py: Python<'py>, level: f64) -> PyResult<Option<Record<'py>>> {
        let found = self.0.value();
        found.map(|value| told(py, value, level)).transpose()
    }

    /// What the rule is worth on other customers: the rule's reward, each action's for everybody, and what
    /// the rule adds to each: `value`, `standard_error`, `lower`, `upper`, `rows`.
    #[pyo3(signature = (
        attributes, experiment, rewards, costs, *, level, n_jobs=None, progress=None,
    ))]
    fn value_on<'py>(
        &self,
        py: Python<'py>,
        attributes: Vec<Attribute<'_>>,
        experiment: Option<Experiment<'_>>,
        rewards: Option<Rewards<'_>>,
        costs: Vec<f64>,
        level: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Record<'py>> {
        let arrays = DesignArrays::new(&attributes)?;
        let given = Given::new(experiment.as_ref(), rewards.as_ref(), costs)?;
        let value = boundary::run(py, n_jobs, progress, |observer| {
            self.0.value_on(&given.data(arrays.design()?)?, observer)
        })?;
        told(py, &value, level)
    }

    /// The leaf of every customer.
    #[pyo3(signature = (attributes, *, n_jobs=None, progress=None))]
    fn apply(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<i64>> {
        let arrays = DesignArrays::new(&attributes)?;
        let leaves = boundary::run(py, n_jobs, progress, |observer| {
            self.0.apply(&arrays.design()?, observer)
        })?;
        Ok(Column::counts(py, leaves.into_iter()))
    }
}

fn told<'py>(py: Python<'py>, value: &PolicyValue, level: f64) -> PyResult<Record<'py>> {
    let all = std::iter::once(value.policy)
        .chain(value.actions.iter().copied())
        .chain(value.gains.iter().copied());
    let all: Vec<Option<Estimate>> = all.map(Some).collect();
    estimates(py, Record::new(py), "value", &all, level)
}

fn estimates<'py>(
    py: Python<'py>,
    record: Record<'py>,
    name: &str,
    all: &[Option<Estimate>],
    level: f64,
) -> PyResult<Record<'py>> {
    let ends = |one: &Option<Estimate>| {
        let found = one.map(|one| one.interval(level)).transpose();
        Ok(found.map_err(errors::to_python)?.flatten())
    };
    let ends = all.iter().map(ends).collect::<PyResult<Vec<_>>>()?;
    let end = |k: usize| {
        let of = |ends: &Option<[f64; 2]>| model::known(ends.map(|ends| ends[k]));
        Column::new(py, ends.iter().map(of).collect())
    };
    let of = |part: &dyn Fn(&Estimate) -> Option<f64>| {
        let number = |one: &Option<Estimate>| model::known(one.as_ref().and_then(part));
        Column::new(py, all.iter().map(number).collect())
    };
    let rows = all.iter().map(|one| one.map_or(0, |one| one.n));
    record
        .with("rows", Column::counts(py, rows))?
        .with(name, of(&|one| Some(one.mean)))?
        .with("standard_error", of(&|one| one.standard_error))?
        .with("lower", end(0))?
        .with("upper", end(1))
}

fn estimator(settings: &Record<'_>) -> PyResult<PolicyTree> {
    let min_leaf = match settings.read::<Option<i64>>("min_leaf")? {
        None => None,
        Some(value) => Some(errors::whole("min_leaf", value, "at least 1, or None")?),
    };
    Ok(PolicyTree::new()
        .depth(settings.count("depth")?)
        .min_leaf(min_leaf)
        .bins(settings.count("bins")?)
        .shortlist(settings.count("shortlist")?)
        .honest(settings.read("honest")?)
        .nuisance_trees(settings.count("nuisance_trees")?)
        .min_propensity(settings.read("min_propensity")?)
        .seed(settings.seed("seed")?))
}

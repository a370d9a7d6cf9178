//! From settings and customers to a rule.

use serde_json::Value;

use super::PolicyTree;
use super::data::{PolicyData, Source};
use super::fitted::{FittedPolicyTree, PolicyLeaf};
use super::value::{Estimate, PolicyValue};
use crate::error::{Error, Result};
use crate::model::FitReport;
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;
use crate::response::bins::{Binning, Bins};
use crate::response::data::EffectData;
use crate::response::forest::robust::{Nuisances, means};
use crate::response::halves::Halves;
use crate::response::search::{Search, ShallowTree, Space, condition};

/// The fewest rows of an arm, in all rows.
const FEWEST_OF_ARM: usize = 40;
/// The fewest rows with known rewards.
const FEWEST: usize = 4;

pub(super) fn fit(
    settings: &PolicyTree,
    data: &PolicyData<'_>,
    observer: &mut dyn Observer,
) -> Result<FittedPolicyTree> {
    let n = data.len();
    check_rows(data)?;
    let binning = Binning::learn_round(data.design(), settings.bins);
    let gate_phase = &mut Phase::new(observer, "binning");
    let bins = binning.encode(data.design(), &Gate::new(gate_phase))?;
    let rows = divided(data, settings);
    let rewards = rewards_of(settings, data, &binning, &bins, &rows.searching, observer)?;
    let actions = data.actions().len();
    let min_leaf = settings
        .min_leaf
        .unwrap_or((rows.searching.len() / 100).max(10));
    let space = Space::new(&binning);
    let search = Search {
        bins: &bins,
        space: &space,
        depth: settings.depth,
        min_leaf,
        shortlist: settings.shortlist,
    };
    let mut phase = Phase::new(observer, "searching");
    let gate = Gate::new(&mut phase);
    let found = search.policy(&rows.searching, (&rewards, actions), &gate)?;
    let chosen = best_actions(&found.tree, &bins, &rows.searching, (&rewards, actions));
    let judged = (settings.honest).then_some(&rows.estimating[..]);
    let leaves = leaves(
        &found.tree,
        &chosen,
        &binning,
        &bins,
        judged,
        (&rewards, actions),
    );
    let searched = means(&rewards, actions, &rows.searching);
    let value = judged.and_then(|rows| {
        let action = |row: u32| chosen[found.tree.leaf(bins.row(row as usize))];
        PolicyValue::of(rows, action, (&rewards, actions))
    });
    let how = if found.exact {
        format!("the best of all trees of depth {}", settings.depth)
    } else {
        format!(
            "the best of all trees of depth {} below {} root splits",
            settings.depth, settings.shortlist
        )
    };
    let (treatment, outcome) = match data.source() {
        Source::Rewards(..) => (None, None),
        Source::Experiment(data) => (
            Some(data.treatment_name().to_owned()),
            Some(data.outcome_name().to_owned()),
        ),
    };
    Ok(FittedPolicyTree {
        settings: settings.clone(),
        actions: data.actions().to_vec(),
        costs: data.costs().to_vec(),
        control: data.control(),
        treatment,
        outcome,
        report: FitReport {
            iterations: 1,
            log_likelihood: None,
            converged: true,
            how_it_ended: how,
            n_observations: n as f64,
            n_rows: n,
            n_cells: n,
            n_parameters: found.tree.n_leaves(),
            boundary: None,
        },
        best_single: first_of_most(&searched),
        exact: found.exact,
        tree: found.tree,
        leaves,
        value,
        binning,
        note: Value::Null,
    })
}

fn check_rows(data: &PolicyData<'_>) -> Result<()> {
    match data.source() {
        Source::Experiment(data) => check_arms(data),
        Source::Rewards(design, _) if design.len() < FEWEST => {
            let reason = format!(
                "has {} rows, and a rule needs at least {FEWEST}",
                design.len()
            );
            Err(Error::data("rewards", None, reason))
        }
        Source::Rewards(..) => Ok(()),
    }
}

/// That every arm has rows enough for two halves.
pub(in crate::response) fn check_arms(data: &EffectData<'_>) -> Result<()> {
    for (arm, n) in data.arms().iter().zip(data.arm_counts()) {
        if n < FEWEST_OF_ARM {
            let reason = format!(
                "has {n} rows of arm '{arm}', and at least {FEWEST_OF_ARM} of each are needed; leave the arm out, or join it to another"
            );
            return Err(Error::data(data.treatment_name(), None, reason));
        }
    }
    Ok(())
}

fn divided(data: &PolicyData<'_>, settings: &PolicyTree) -> Halves {
    let all = 0..u32::try_from(data.len()).unwrap_or(u32::MAX);
    if !settings.honest {
        return Halves {
            searching: all.collect(),
            estimating: Vec::new(),
        };
    }
    let groups = match data.source() {
        Source::Rewards(..) => vec![all.collect()],
        Source::Experiment(data) => of_arms(data),
    };
    Halves::of(&groups, settings.seed)
}

/// The rows of each arm.
pub(in crate::response) fn of_arms(data: &EffectData<'_>) -> Vec<Vec<u32>> {
    let mut groups = vec![Vec::new(); data.arms().len()];
    for row in 0..u32::try_from(data.len()).unwrap_or(u32::MAX) {
        groups[data.arm(row as usize)].push(row);
    }
    groups
}

/// What each action brings of every row, less its cost; expectations are learned in some rows.
pub(super) fn rewards_of(
    settings: &PolicyTree,
    data: &PolicyData<'_>,
    binning: &Binning,
    bins: &Bins,
    learned: &[u32],
    observer: &mut dyn Observer,
) -> Result<Vec<f64>> {
    let mut rewards = match data.source() {
        Source::Rewards(_, rewards) => rewards.to_vec(),
        Source::Experiment(data) => {
            let how = Nuisances {
                bins,
                unordered: &binning.unordered(),
                names: &binning.names(),
                trees: settings.nuisance_trees,
                min_propensity: settings.min_propensity,
                seed: settings.seed,
            };
            how.rewards(data, learned, observer)?
        }
    };
    if data.costs().iter().any(|cost| *cost != 0.0) {
        for row in rewards.chunks_exact_mut(data.costs().len()) {
            for (reward, cost) in row.iter_mut().zip(data.costs()) {
                *reward -= cost;
            }
        }
    }
    Ok(rewards)
}

/// The action of every leaf: the first of those that bring most.
fn best_actions(
    tree: &ShallowTree,
    bins: &Bins,
    rows: &[u32],
    (rewards, actions): (&[f64], usize),
) -> Vec<usize> {
    let mut of_leaves = vec![Vec::new(); tree.n_leaves()];
    for &row in rows {
        of_leaves[tree.leaf(bins.row(row as usize))].push(row);
    }
    of_leaves
        .iter()
        .map(|rows| first_of_most(&means(rewards, actions, rows)))
        .collect()
}

/// Where the largest number is; the first of those that differ by rounding only.
fn first_of_most(values: &[f64]) -> usize {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let size = values.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
    let near = |x: &f64| *x >= most - 1e-11 * size;
    values.iter().position(near).unwrap_or(0)
}

fn leaves(
    tree: &ShallowTree,
    chosen: &[usize],
    binning: &Binning,
    bins: &Bins,
    judged: Option<&[u32]>,
    (rewards, actions): (&[f64], usize),
) -> Vec<PolicyLeaf> {
    let mut rows_of = vec![Vec::new(); tree.n_leaves()];
    for &row in judged.unwrap_or_default() {
        rows_of[tree.leaf(bins.row(row as usize))].push(row);
    }
    let mut n_of = vec![0; tree.n_leaves()];
    (0..bins.len()).for_each(|row| n_of[tree.leaf(bins.row(row))] += 1);
    let paths = tree.paths(&binning.counts());
    let leaf = |(leaf, path): (usize, &Vec<_>)| {
        let action = chosen[leaf];
        let reward = |row: &u32| rewards[*row as usize * actions + action];
        PolicyLeaf {
            action,
            n: n_of[leaf],
            reward: Estimate::of(rows_of[leaf].iter().map(reward)),
            condition: condition(binning, path),
        }
    };
    paths.iter().enumerate().map(leaf).collect()
}

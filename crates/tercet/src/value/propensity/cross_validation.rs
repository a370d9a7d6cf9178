//! One strength for all: the one that predicts best who was left out.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::elastic_net;
use super::fit::Table;
use super::folds::split;
use super::newton::{Control, Optimum, Problem};
use super::rows::Rows;
use super::sample::Sample;
use crate::error::Result;
use crate::observe::Phase;
use crate::parallel::{Gate, map_tasks};

/// How well a strength predicts rows left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StrengthScore {
    /// The strength.
    pub strength: f64,
    /// The mean loss of a row left out, by weight.
    pub log_loss: f64,
    /// The standard error of that mean over the folds.
    pub standard_error: f64,
}

/// Strengths a decade.
const A_DECADE: f64 = 3.0;

/// The weakest strength, as a share of the strongest.
const WEAKEST: f64 = 1e-6;

/// So many strengths in a row that predict worse than the best end the walk.
const WORSE: usize = 3;

/// What is known of a fold's fit at the last strength.
struct Trail {
    inside: Vec<u32>,
    outside: Vec<u32>,
    last: Option<(DVector<f64>, DMatrix<f64>)>,
}

/// Walks from a strength under which hardly anything is left to ever weaker ones, all folds together,
/// each from where it was; returns the best strength, or the strongest within an error of it.
pub(super) fn choose(
    table: &Table<'_, '_>,
    sample: &Sample<'_, '_>,
    phase: &mut Phase<'_>,
) -> Result<(f64, Vec<StrengthScore>)> {
    let folds = table.folds()?;
    let mut trails: Vec<Trail> = (0..table.settings.folds)
        .map(|fold| {
            let (inside, outside) = split(table.data, &folds, fold);
            Trail {
                inside,
                outside,
                last: None,
            }
        })
        .collect();
    let strongest = strongest(table, sample, &Gate::new(phase))?;
    let control = Control {
        tolerance: table.settings.tolerance.max(1e-7),
        exact: false,
        ..table.control()
    };
    let l1_ratio = table.l1_ratio();
    let mut scores: Vec<StrengthScore> = Vec::new();
    for step in 0.. {
        let strength = strongest * 10.0_f64.powf(-f64::from(step) / A_DECADE);
        let penalty = table.same((1.0 - l1_ratio) * strength);
        let absolute = table.same(l1_ratio * strength);
        let found = map_tasks(trails.len(), phase, |fold, gate| {
            let trail = &trails[fold];
            let problem = table.problem(sample, Rows::List(&trail.outside), &penalty);
            let optimum = step_on(&problem, &absolute, trail, control, gate)?;
            let columns = table.learning.coordinates.columns(optimum.theta.as_slice());
            let (mut loss, mut total) = (0.0, 0.0);
            sample.for_rows(
                &columns,
                Rows::List(&trail.inside),
                gate,
                |row, odds, _, _| {
                    let weight = sample.weight(row);
                    let odds = if sample.target.happened(row) {
                        -odds
                    } else {
                        odds
                    };
                    total += weight;
                    loss += weight * (odds.max(0.0) + (-odds.abs()).exp().ln_1p());
                },
            )?;
            Ok((optimum, loss, total))
        })?;
        let mut parts = Vec::with_capacity(found.len());
        for (trail, (optimum, loss, total)) in trails.iter_mut().zip(found) {
            trail.last = Some((optimum.theta, optimum.information));
            parts.push((loss, total));
        }
        scores.push(StrengthScore::of(strength, &parts));
        let best = best(&scores);
        if scores.len() > best + WORSE || strength <= WEAKEST * strongest {
            break;
        }
    }
    let chosen = StrengthScore::choose(&scores, table.settings.one_standard_error);
    Ok((scores[chosen].strength, scores))
}

fn step_on(
    problem: &Problem<'_>,
    absolute: &[f64],
    trail: &Trail,
    control: Control,
    gate: &Gate<'_, '_>,
) -> Result<Optimum> {
    let sparse = absolute.iter().any(|absolute| *absolute > 0.0);
    match &trail.last {
        Some((theta, _)) if sparse => {
            elastic_net::descend(problem, absolute, theta.clone(), control, gate)
        }
        Some((theta, information)) => {
            problem.descend(theta.clone(), Some(information), control, false, gate)
        }
        None if sparse => elastic_net::descend(problem, absolute, problem.start(), control, gate),
        None => problem.solve(control, gate),
    }
}

/// The strength to begin with: under the elastic net the first that leaves nothing but the intercept,
/// otherwise one that leaves hardly more.
fn strongest(table: &Table<'_, '_>, sample: &Sample<'_, '_>, gate: &Gate<'_, '_>) -> Result<f64> {
    let none = table.same(0.0);
    let problem = table.problem(sample, Rows::All(table.data.len()), &none);
    let l1_ratio = table.l1_ratio();
    if l1_ratio == 0.0 {
        return Ok(0.1 * sample.total_weight(problem.rows));
    }
    elastic_net::strongest(&problem, l1_ratio, gate)
}

/// The strongest of those that predict best.
fn best(scores: &[StrengthScore]) -> usize {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if score.log_loss < scores[best].log_loss {
            best = place;
        }
    }
    best
}

impl StrengthScore {
    /// From losses and weights by fold.
    pub(super) fn of(strength: f64, parts: &[(f64, f64)]) -> Self {
        let total: f64 = parts.iter().map(|(_, weight)| weight).sum();
        let log_loss = parts.iter().map(|(loss, _)| loss).sum::<f64>() / total;
        let k = parts.len() as f64;
        let known = parts.iter().filter(|(_, weight)| *weight > 0.0);
        let squares: f64 = known
            .map(|(loss, weight)| (loss / weight - log_loss).powi(2))
            .sum();
        Self {
            strength,
            log_loss,
            standard_error: (squares / (k - 1.0) / k).sqrt(),
        }
    }

    /// The best of those tried, the strongest first; or the strongest within an error of it.
    pub(super) fn choose(scores: &[Self], one_standard_error: bool) -> usize {
        let best = best(scores);
        if !one_standard_error {
            return best;
        }
        let within = scores[best].log_loss + scores[best].standard_error;
        let first = scores.iter().position(|one| one.log_loss <= within);
        first.unwrap_or(best)
    }
}

//! Where the ascents start, and which of them are given up early.

use rand::distr::Distribution;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, StandardNormal};

use super::cells::Cells;
use super::climb::Climber;
use super::measurement::Measurement;
use super::mixture::{Mixture, Model};
use super::outcome::SAME;
use crate::error::Result;
use crate::observe::Phase;
use crate::parallel::{Gate, map_tasks};
use crate::random::Seed;

/// Cycles of each round, and what share of the starts goes on to the next.
const ROUNDS: [(usize, f64); 2] = [(6, 0.5), (12, 0.5)];

/// Spread of the starting logits and of the logarithms of starting means, in all segments.
const SPREAD: f64 = 1.0;

/// How the ascents are run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) starts: usize,
    pub(super) seed: Seed,
    pub(super) drop_early: bool,
    pub(super) max_cycles: usize,
    /// So many starts go on, however few a round would leave.
    pub(super) fewest: usize,
    /// A cycle that wins less than this ends an ascent.
    pub(super) settled: f64,
    /// Where fewer starts than this reach the best, those that were given up go on after all: a summit
    /// that two starts have found independently is worth more than one.
    pub(super) confirmed_by: usize,
}

/// An ascent and how it went.
#[derive(Debug, Clone)]
pub(super) struct Ascended {
    pub(super) climber: Climber,
    pub(super) dropped: bool,
}

/// Climbs from every start; `overall` is the model of one segment. The results are in the order of the
/// starts.
pub(super) fn climb_all(
    plan: Plan,
    first: Option<&Mixture>,
    overall: &[Measurement],
    model: &Model,
    cells: &Cells,
    phase: &mut Phase<'_>,
) -> Result<Vec<Ascended>> {
    let begin = |start: usize, gate: &Gate<'_, '_>| {
        let mixture = match first {
            Some(given) if start == 0 => given.clone(),
            _ => draw(plan.seed, start, overall, model),
        };
        let mut climber = Climber::new(mixture, model, cells, gate)?;
        // Without a step of EM the draw itself, not what it leads to, would be compared.
        climber.step(model, cells, gate)?;
        Ok(Ascended {
            climber,
            dropped: false,
        })
    };
    let mut all = map_tasks(plan.starts, phase, begin)?;
    if plan.drop_early {
        for (cycles, share) in ROUNDS {
            climb_those(&mut all, cycles, plan.settled, model, cells, phase)?;
            // The count is small and positive.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let keep =
                (share * all.iter().filter(|one| !one.dropped).count() as f64).ceil() as usize;
            drop_all_but(&mut all, keep.max(plan.fewest));
        }
    }
    climb_those(&mut all, plan.max_cycles, plan.settled, model, cells, phase)?;
    if at_best(&all) < plan.confirmed_by && all.iter().any(|one| one.dropped) {
        for one in &mut all {
            one.dropped = false;
        }
        climb_those(&mut all, plan.max_cycles, plan.settled, model, cells, phase)?;
    }
    Ok(all)
}

fn climb_those(
    all: &mut [Ascended],
    cycles: usize,
    settled: f64,
    model: &Model,
    cells: &Cells,
    phase: &mut Phase<'_>,
) -> Result<()> {
    let climbers: Vec<Climber> = map_tasks(all.len(), phase, |index, gate| {
        let mut climber = all[index].climber.clone();
        if !all[index].dropped {
            climber.climb(cycles, settled, model, cells, gate)?;
        }
        Ok(climber)
    })?;
    for (one, climber) in all.iter_mut().zip(climbers) {
        one.climber = climber;
    }
    Ok(())
}

/// How many of the ascents that were not given up ended at the best.
fn at_best(all: &[Ascended]) -> usize {
    let arrived = || {
        all.iter()
            .filter(|one| !one.dropped)
            .map(|one| one.climber.objective)
    };
    let best = arrived().fold(f64::NEG_INFINITY, f64::max);
    arrived()
        .filter(|objective| *objective > best - SAME)
        .count()
}

/// Gives up all but the highest; of equals the earlier start goes on.
fn drop_all_but(all: &mut [Ascended], keep: usize) {
    let mut order: Vec<usize> = (0..all.len())
        .filter(|index| !all[*index].dropped)
        .collect();
    order.sort_by(|one, other| {
        all[*other]
            .climber
            .objective
            .total_cmp(&all[*one].climber.objective)
    });
    for index in order.into_iter().skip(keep) {
        all[index].dropped = true;
    }
}

/// Segments drawn around the whole sample.
pub(super) fn draw(seed: Seed, start: usize, overall: &[Measurement], model: &Model) -> Mixture {
    let mut random = seed.stream(start as u64);
    let classes = model.classes();
    let mut mixture = Mixture {
        coefficients: vec![0.0; classes * model.n_features],
        measurements: overall
            .iter()
            .map(|one| draw_question(one, classes, &mut random))
            .collect(),
        style: if model.has_style() { 0.5 } else { 0.0 },
    };
    // Unequal, so that no two segments start alike in every respect.
    let shares: Vec<f64> = (0..classes)
        .map(|_| 1.0 + 0.2 * exponential(&mut random))
        .collect();
    if model.n_features == 1 {
        mixture.set_shares(&shares);
    } else {
        for (class, share) in shares.iter().enumerate() {
            mixture.coefficients[class * model.n_features] = (share / shares[0]).ln();
        }
    }
    mixture
}

fn draw_question(overall: &Measurement, classes: usize, random: &mut ChaCha8Rng) -> Measurement {
    match overall {
        Measurement::Nominal(one) => {
            let mut probabilities = Vec::with_capacity(classes * one.probabilities.len());
            for _ in 0..classes {
                let row: Vec<f64> = one
                    .probabilities
                    .iter()
                    .map(|p| p.max(1e-6) * (SPREAD * normal(random)).exp())
                    .collect();
                let total: f64 = row.iter().sum();
                probabilities.extend(row.iter().map(|p| p / total));
            }
            Measurement::Nominal(super::nominal::Nominal::new(
                one.probabilities.len(),
                probabilities,
            ))
        }
        Measurement::Ordinal(one) => {
            let mut drawn = one.clone();
            let deviation = one.score_deviation().max(1e-3);
            let slopes: Vec<f64> = (0..classes)
                .map(|_| SPREAD * normal(random) / deviation)
                .collect();
            drawn.slopes = slopes.iter().map(|slope| slope - slopes[0]).collect();
            let shift = slopes[0];
            for (a, score) in drawn.intercepts.iter_mut().zip(&one.scores) {
                *a += shift * (score - one.scores[0]);
            }
            Measurement::Ordinal(drawn)
        }
        Measurement::Count(one) => {
            let mut drawn = one.clone();
            drawn.means = (0..classes)
                .map(|_| one.means[0] * (SPREAD * normal(random)).exp())
                .collect();
            Measurement::Count(drawn)
        }
        Measurement::Continuous(one) => {
            let mut drawn = one.clone();
            drawn.means = (0..classes).map(|_| SPREAD * normal(random)).collect();
            drawn.deviations = vec![1.0; classes];
            Measurement::Continuous(drawn)
        }
    }
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(random)
}

fn exponential(random: &mut ChaCha8Rng) -> f64 {
    Exp1.sample(random)
}

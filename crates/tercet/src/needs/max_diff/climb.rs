//! From random starts to the top: EM, and Newton's method where EM has come near.

use rand::distr::Distribution;
use rand_distr::StandardNormal;

use super::expected::{Curvature, Expected};
use super::mixture::Mixture;
use super::respondents::Respondents;
use crate::error::Result;
use crate::math::ascent::{Ascent, Local};
use crate::observe::Phase;
use crate::parallel::{Gate, map_tasks};
use crate::random::Seed;

/// Steps of each round, and what share of the starts goes on to the next.
const ROUNDS: [(usize, f64); 2] = [(8, 0.5), (12, 0.5)];

/// So many starts go on, however few a round would leave.
const FEWEST: usize = 4;

/// An EM step that wins less is near enough to the top for Newton's method.
const NEAR: f64 = 0.05;

/// Spread of the starting utilities around those of everybody.
const SPREAD: f64 = 1.0;

/// The farthest that one EM step moves a utility.
const LONGEST: f64 = 2.0;

/// How often an EM step that leads down is halved.
const HALVINGS: usize = 10;

/// How the ascents are run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) starts: usize,
    pub(super) seed: Seed,
    pub(super) drop_early: bool,
    pub(super) max_iterations: usize,
    /// The precision of the prior.
    pub(super) prior: f64,
    pub(super) still_to_win: f64,
}

/// A start on its way.
#[derive(Debug, Clone)]
pub(super) struct Climber {
    pub(super) mixture: Mixture,
    pub(super) expected: Expected,
    /// Log-likelihood plus log-prior.
    pub(super) objective: f64,
    pub(super) iterations: usize,
    /// What the last step won.
    gain: f64,
    pub(super) dropped: bool,
    /// Slope and curvature at the top, where Newton's method has found it.
    pub(super) top: Option<Local>,
}

impl Climber {
    pub(super) fn new(
        mixture: Mixture,
        prior: f64,
        respondents: &Respondents<'_>,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        let expected = respondents.expect(&mixture, Curvature::Complete, gate)?;
        Ok(Self {
            objective: expected.log_likelihood + mixture.log_prior(prior),
            mixture,
            expected,
            iterations: 1,
            gain: f64::INFINITY,
            dropped: false,
            top: None,
        })
    }

    /// Up to so many EM steps.
    fn climb(
        &mut self,
        steps: usize,
        prior: f64,
        respondents: &Respondents<'_>,
        gate: &Gate<'_, '_>,
    ) -> Result<()> {
        for _ in 0..steps {
            if self.gain < NEAR {
                break;
            }
            self.step(prior, respondents, gate)?;
        }
        Ok(())
    }

    /// One EM step: shares as expected, and for each segment's utilities a step of Newton's method,
    /// which is halved until it does not lead down.
    fn step(
        &mut self,
        prior: f64,
        respondents: &Respondents<'_>,
        gate: &Gate<'_, '_>,
    ) -> Result<()> {
        let mut next = self.mixture.clone();
        for (log, members) in next.log_shares.iter_mut().zip(&self.expected.members) {
            *log = (members / self.expected.total).max(f64::MIN_POSITIVE).ln();
        }
        let mut part = 1.0;
        let steps: Vec<_> = (0..next.n_segments())
            .map(|segment| {
                let local = self.expected.of_segment(&self.mixture, segment, prior);
                local.newton_step().map(|step| {
                    let longest = step.amax();
                    step * (LONGEST / longest.max(LONGEST))
                })
            })
            .collect();
        for _ in 0..HALVINGS {
            for (segment, step) in steps.iter().enumerate() {
                let places = segment * next.n_items + 1..(segment + 1) * next.n_items;
                if let Some(step) = step {
                    for (i, place) in places.enumerate() {
                        next.utilities[place] = self.mixture.utilities[place] + part * step[i];
                    }
                }
            }
            let expected = respondents.expect(&next, Curvature::Complete, gate)?;
            self.iterations += 1;
            let objective = expected.log_likelihood + next.log_prior(prior);
            if objective >= self.objective {
                self.gain = objective - self.objective;
                self.objective = objective;
                self.expected = expected;
                self.mixture = next;
                return Ok(());
            }
            part *= 0.5;
        }
        self.gain = 0.0;
        Ok(())
    }

    /// Newton's method from here to the top.
    pub(super) fn finish(
        &mut self,
        plan: &Plan,
        respondents: &Respondents<'_>,
        gate: &Gate<'_, '_>,
    ) -> Result<bool> {
        let ascent = Ascent {
            max_iterations: plan.max_iterations,
            still_to_win: plan.still_to_win,
        };
        let frame = self.mixture.clone();
        let peak = ascent.climb(frame.to_point(), |point| {
            let mixture = frame.at(point);
            let expected = respondents.expect(&mixture, Curvature::Observed, gate)?;
            Ok(expected.local(&mixture, plan.prior))
        })?;
        self.iterations += peak.iterations;
        self.mixture = frame.at(&peak.point);
        self.objective = peak.local.value;
        self.top = Some(peak.local);
        Ok(peak.converged)
    }
}

/// Climbs from every start and finishes those that were not given up; in the order of the starts.
pub(super) fn climb_all(
    plan: &Plan,
    everybody: &Mixture,
    n_segments: usize,
    respondents: &Respondents<'_>,
    phase: &mut Phase<'_>,
) -> Result<Vec<Climber>> {
    let mut all = map_tasks(plan.starts, phase, |start, gate| {
        let mixture = draw(plan.seed, start, everybody, n_segments);
        let mut climber = Climber::new(mixture, plan.prior, respondents, gate)?;
        climber.step(plan.prior, respondents, gate)?;
        Ok(climber)
    })?;
    if plan.drop_early {
        for (steps, share) in ROUNDS {
            climb_those(&mut all, phase, |climber, gate| {
                climber.climb(steps, plan.prior, respondents, gate)
            })?;
            // The count is small and positive.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let keep =
                (share * all.iter().filter(|one| !one.dropped).count() as f64).ceil() as usize;
            drop_all_but(&mut all, keep.max(FEWEST));
        }
    }
    climb_those(&mut all, phase, |climber, gate| {
        climber.climb(plan.max_iterations, plan.prior, respondents, gate)?;
        climber.finish(plan, respondents, gate)?;
        Ok(())
    })?;
    Ok(all)
}

fn climb_those(
    all: &mut [Climber],
    phase: &mut Phase<'_>,
    work: impl Fn(&mut Climber, &Gate<'_, '_>) -> Result<()> + Sync + Send,
) -> Result<()> {
    let climbed = map_tasks(all.len(), phase, |index, gate| {
        let mut climber = all[index].clone();
        if !climber.dropped {
            work(&mut climber, gate)?;
        }
        Ok(climber)
    })?;
    for (one, climber) in all.iter_mut().zip(climbed) {
        *one = climber;
    }
    Ok(())
}

/// Gives up all but the highest; of equals the earlier start goes on.
fn drop_all_but(all: &mut [Climber], keep: usize) {
    let mut order: Vec<usize> = (0..all.len())
        .filter(|&index| !all[index].dropped)
        .collect();
    order.sort_by(|&one, &other| all[other].objective.total_cmp(&all[one].objective));
    for index in order.into_iter().skip(keep) {
        all[index].dropped = true;
    }
}

/// Segments drawn around everybody's utilities, in equal shares.
fn draw(seed: Seed, start: usize, everybody: &Mixture, n_segments: usize) -> Mixture {
    let mut random = seed.stream(start as u64);
    let mut drawn = Vec::with_capacity(n_segments * everybody.n_items);
    for _ in 0..n_segments {
        let moved = everybody.utilities.iter().map(|u| {
            let by: f64 = StandardNormal.sample(&mut random);
            u + SPREAD * by
        });
        let moved: Vec<f64> = moved.collect();
        drawn.extend(moved.iter().map(|u| u - moved[0]));
    }
    Mixture {
        log_shares: vec![-(n_segments as f64).ln(); n_segments],
        utilities: drawn,
        n_items: everybody.n_items,
    }
}

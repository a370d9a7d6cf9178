//! The fit: many ascents, the best one's segments in order of size, its uncertainty.

use nalgebra::{DMatrix, DVector};

use super::MaxDiff;
use super::climb::{Climber, Plan, climb_all};
use super::expected::Curvature;
use super::fitted::{FittedMaxDiff, preference};
use super::likelihood::Odds;
use super::mixture::Mixture;
use super::respondents::Respondents;
use crate::data::BestWorst;
use crate::error::{Error, Result};
use crate::math::ascent::{Local, invert};
use crate::math::newton::STILL_TO_WIN;
use crate::model::FitReport;
use crate::needs::latent_class::{Criteria, Start, WeightType};
use crate::observe::Phase;
use crate::parallel::{Gate, map_blocks_behind};

/// An ascent that ends within this of the best has found the same solution.
const SAME: f64 = 0.1;

/// A utility this far out,
const RUNAWAY: f64 = 6.0;

/// and this uncertain, is held by no choice.
const UNHELD: f64 = 20.0;

pub(super) fn fit(
    settings: &MaxDiff,
    data: &BestWorst<'_>,
    phase: &mut Phase<'_>,
) -> Result<FittedMaxDiff> {
    data.check_linked()?;
    let mut respondents = Respondents {
        choices: data,
        weights: (0..data.len()).map(|one| data.weight(one)).collect(),
        worst: settings.worst,
    };
    let made = |one: &usize| {
        data.tasks(*one)
            .any(|task| task.best.or(task.worst).is_some())
    };
    let n_counted = (0..data.len())
        .filter(|one| respondents.weights[*one] > 0.0 && made(one))
        .count();
    let n_parameters = settings.n_segments * data.items().len() - 1;
    check_size(settings, n_counted, n_parameters)?;
    if settings.weight_type == WeightType::Expansion {
        scale_to_effective(&mut respondents.weights);
    }
    let total: f64 = respondents.weights.iter().sum();
    let plan = Plan {
        starts: if settings.n_segments == 1 {
            1
        } else {
            settings.starts
        },
        seed: settings.seed,
        drop_early: settings.drop_early,
        max_iterations: settings.max_iterations,
        prior: settings.prior,
        still_to_win: STILL_TO_WIN * total.min(1.0),
    };
    let everybody = everybody(&plan, data.items().len(), &respondents, &Gate::new(phase))?;
    let all = if settings.n_segments == 1 {
        vec![everybody]
    } else {
        climb_all(
            &plan,
            &everybody.mixture,
            settings.n_segments,
            &respondents,
            phase,
        )?
    };
    let gate = Gate::new(phase);
    let top = Top::new(&all, &plan, &respondents, &gate)?;
    top.fitted(settings, data, &respondents, &all, &gate)
}

fn check_size(settings: &MaxDiff, n_counted: usize, n_parameters: usize) -> Result<()> {
    if n_counted == 0 {
        let reason = "is made in no set; mark the best item with 1 and the worst with -1";
        return Err(Error::data("choice", None, reason));
    }
    if settings.n_segments > 1 && n_parameters > n_counted {
        return Err(Error::parameter(
            "n_segments",
            settings.n_segments,
            format!(
                "fewer: {} segments have {n_parameters} parameters, more than the {n_counted} respondents who chose",
                settings.n_segments
            ),
        ));
    }
    Ok(())
}

/// Scales weights to add up to Kish's effective number of respondents.
fn scale_to_effective(weights: &mut [f64]) {
    let sum: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    for weight in weights {
        *weight *= sum / squares;
    }
}

/// The model of one segment, whose log-likelihood is concave.
fn everybody(
    plan: &Plan,
    n_items: usize,
    respondents: &Respondents<'_>,
    gate: &Gate<'_, '_>,
) -> Result<Climber> {
    let mixture = Mixture {
        log_shares: vec![0.0],
        utilities: vec![0.0; n_items],
        n_items,
    };
    let mut climber = Climber::new(mixture, plan.prior, respondents, gate)?;
    climber.finish(plan, respondents, gate)?;
    Ok(climber)
}

/// The best solution, its segments in order of size.
struct Top {
    mixture: Mixture,
    log_likelihood: f64,
    local: Local,
    converged: bool,
}

impl Top {
    fn new(
        all: &[Climber],
        plan: &Plan,
        respondents: &Respondents<'_>,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        // Of equals the earlier.
        let best = all.iter().filter(|one| !one.dropped).reduce(|best, one| {
            if one.objective > best.objective {
                one
            } else {
                best
            }
        });
        let Some(best) = best else {
            return Err(Error::parameter("starts", 0, "at least 1"));
        };
        let mut climber = best.clone();
        climber.mixture = climber.mixture.ordered();
        // From the top itself: a step or two, which also say whether it is one.
        let converged = climber.finish(plan, respondents, gate)?;
        let mixture = climber.mixture;
        let expected = respondents.expect(&mixture, Curvature::Observed, gate)?;
        Ok(Self {
            log_likelihood: expected.log_likelihood,
            local: expected.local(&mixture, plan.prior),
            mixture,
            converged,
        })
    }

    fn fitted(
        self,
        settings: &MaxDiff,
        data: &BestWorst<'_>,
        respondents: &Respondents<'_>,
        all: &[Climber],
        gate: &Gate<'_, '_>,
    ) -> Result<FittedMaxDiff> {
        let covariance = self.covariance(settings, data, respondents, gate)?;
        let n_parameters = self.mixture.n_parameters();
        let mut model = FittedMaxDiff::new(settings, data.items(), &self.mixture);
        if let Some(covariance) = &covariance {
            self.enter_errors(covariance, &mut model);
        }
        model.criteria = Some(self.criteria(settings, n_parameters, respondents, gate)?);
        model.starts = all
            .iter()
            .map(|one| Start {
                log_likelihood: one.objective - one.mixture.log_prior(settings.prior),
                dropped: one.dropped,
                reached_best: !one.dropped && one.objective > self.local.value - SAME,
            })
            .collect();
        let boundary = boundary(&model);
        let how_it_ended = match (self.converged, &boundary, &covariance) {
            (false, _, _) => {
                "stopped without converging; raise max_iterations, set a prior of 1, or take fewer segments".to_owned()
            }
            (true, Some(boundary), _) => format!("converged on a boundary: {boundary}"),
            (true, None, None) => "converged, but the choices leave some utilities undetermined: no standard errors; take fewer segments, or set a prior of 1".to_owned(),
            (true, None, Some(_)) => "converged".to_owned(),
        };
        model.report = FitReport {
            iterations: all.iter().map(|one| one.iterations).sum(),
            log_likelihood: Some(self.log_likelihood),
            converged: self.converged,
            how_it_ended,
            n_observations: respondents.weights.iter().sum(),
            n_rows: data.len(),
            n_cells: data.n_tasks(),
            n_parameters,
            boundary,
        };
        Ok(model)
    }

    /// The inverse of the observed information; under sampling weights that of a sandwich.
    fn covariance(
        &self,
        settings: &MaxDiff,
        data: &BestWorst<'_>,
        respondents: &Respondents<'_>,
        gate: &Gate<'_, '_>,
    ) -> Result<Option<DMatrix<f64>>> {
        let Some(inverse) = invert(&self.local.information) else {
            return Ok(None);
        };
        if data.weights().is_none() || settings.weight_type == WeightType::Frequency {
            return Ok(Some(inverse));
        }
        let middle = respondents.squared_scores(&self.mixture, gate)?;
        Ok(Some(&inverse * middle * &inverse))
    }

    /// Standard errors of shares, utilities and preferences by the delta method.
    fn enter_errors(&self, covariance: &DMatrix<f64>, model: &mut FittedMaxDiff) {
        let (k, j) = (self.mixture.n_segments(), self.mixture.n_items);
        let error = |slope: &DVector<f64>| {
            let variance = slope.dot(&(covariance * slope));
            (variance >= 0.0).then(|| variance.sqrt())
        };
        let same = |a: usize, b: usize| f64::from(u8::from(a == b));
        let n = self.mixture.n_parameters();
        for segment in 0..k {
            let shares = &model.shares;
            let slope = DVector::from_fn(n, |i, _| {
                if i + 1 < k {
                    shares[segment] * (same(segment, i + 1) - shares[i + 1])
                } else {
                    0.0
                }
            });
            model.share_errors[segment] = if k == 1 { None } else { error(&slope) };
            let place = self.mixture.place(segment);
            // Derivatives of a quantity in the segment's utilities but the first, whose is held.
            let within = |derivative: &dyn Fn(usize) -> f64| {
                let mut slope = DVector::zeros(n);
                for other in 1..j {
                    slope[place + other - 1] = derivative(other);
                }
                error(&slope)
            };
            let preferences = preference(&model.utilities[segment]);
            for item in 0..j {
                let utility = within(&|other| same(item, other) - 1.0 / j as f64);
                let unheld =
                    |error: &f64| *error > UNHELD && model.utilities[segment][item].abs() > RUNAWAY;
                model.utility_errors[segment][item] = utility.filter(|error| !unheld(error));
                model.preference_errors[segment][item] =
                    within(&|other| preferences[item] * (same(item, other) - preferences[other]));
            }
        }
    }

    fn criteria(
        &self,
        settings: &MaxDiff,
        n_parameters: usize,
        respondents: &Respondents<'_>,
        gate: &Gate<'_, '_>,
    ) -> Result<Criteria> {
        let mixture = &self.mixture;
        let members = members(mixture, respondents, gate)?;
        let weights = &respondents.weights;
        let squares = weights.iter().map(|weight| weight * weight).sum();
        let n = settings.weight_type.worth(weights.iter().sum(), squares);
        Ok(Criteria::of_members(
            (self.log_likelihood, n_parameters, n),
            mixture.n_segments(),
            &members,
            &respondents.weights,
        ))
    }
}

/// The probability of each segment for every respondent.
pub(super) fn members(
    mixture: &Mixture,
    respondents: &Respondents<'_>,
    gate: &Gate<'_, '_>,
) -> Result<Vec<f64>> {
    let k = mixture.n_segments();
    let odds = Odds::new(&mixture.utilities, mixture.n_items, respondents.worst);
    let blocks = map_blocks_behind(gate, respondents.choices.len(), |rows| {
        let mut block = vec![0.0; rows.len() * k];
        for (row, members) in rows.zip(block.chunks_exact_mut(k)) {
            respondents.memberships(row, &odds, &mixture.log_shares, members);
        }
        block
    })?;
    Ok(blocks.concat())
}

fn boundary(model: &FittedMaxDiff) -> Option<String> {
    let mut words = Vec::new();
    for (segment, (utilities, errors)) in model
        .utilities
        .iter()
        .zip(&model.utility_errors)
        .enumerate()
    {
        let runaway = utilities.iter().zip(errors).enumerate();
        let runaway = runaway.filter(|(_, (u, error))| error.is_none() && u.abs() > RUNAWAY);
        // Utilities sum to 0: the one that ran off lies farthest out.
        let farthest = runaway.max_by(|a, b| a.1.0.abs().total_cmp(&b.1.0.abs()));
        if let Some((item, (utility, _))) = farthest {
            words.push(format!(
                "the utility of '{}' runs to {} infinity in segment {}",
                model.items[item],
                if *utility > 0.0 { "plus" } else { "minus" },
                segment + 1
            ));
        }
    }
    (!words.is_empty()).then(|| {
        format!(
            "{}: it was always (or never) picked there; set a prior of 1",
            words.join("; ")
        )
    })
}

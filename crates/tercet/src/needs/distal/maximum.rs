//! Estimates at the maximum of the mixture with known misassignment.

use nalgebra::{DMatrix, DVector};

use super::densities::{Density, LEAST, Levels, Normal};
use super::estimate::Estimates;
use super::memberships::{Memberships, Misassignment};
use super::mixture::{Mixture, NOBODY};
use super::{DistalOutcome, Outcome};
use crate::error::{Error, Result};
use crate::math::ascent::Peak;
use crate::needs::Variance;
use crate::parallel::Gate;

pub(super) fn estimate(
    settings: &DistalOutcome,
    members: &Memberships<'_>,
    misassignment: &Misassignment,
    outcome: &Outcome<'_>,
    gate: &Gate<'_, '_>,
) -> Result<Estimates> {
    let k = members.n_segments();
    if outcome.n_levels > 0 {
        let density = Levels {
            n_levels: outcome.n_levels,
            references: vec![0; k],
        };
        let rough = Mixture::new(density, members, misassignment, outcome);
        let start = rough.starts(gate)?.into_iter().next();
        let start = start.ok_or_else(|| cannot_start(outcome))?;
        let (shares, levels) = start.as_slice().split_at(k - 1);
        let (density, levels) = rough.density.refer(levels);
        let start = DVector::from_iterator(start.len(), shares.iter().chain(&levels).copied());
        let mixture = rough.with_density(density);
        let peak = mixture.climb(settings, start, gate)?;
        return mixture.levels_found(settings, &peak, gate);
    }
    let density = Normal {
        n_segments: k,
        shared: settings.variance == Variance::Shared,
    };
    let mixture = Mixture::new(density, members, misassignment, outcome);
    let mut best: Option<(f64, DVector<f64>)> = None;
    for start in mixture.starts(gate)? {
        let value = mixture.evaluate(&start, gate)?.value;
        if best.as_ref().is_none_or(|(before, _)| value > *before) {
            best = Some((value, start));
        }
    }
    let (_, start) = best.ok_or_else(|| cannot_start(outcome))?;
    let peak = mixture.climb(settings, start, gate)?;
    mixture.number_found(settings, &peak, gate)
}

fn cannot_start(outcome: &Outcome<'_>) -> Error {
    let reason = "is all but the same for everybody in some segment, so that the likelihood has no maximum; take the method \"bch\", or variance=\"shared\"";
    Error::data(&outcome.question.name, None, reason)
}

impl<D: Density> Mixture<'_, D> {
    /// What both kinds of outcome have in common.
    fn found(&self, peak: &Peak, covariance: Option<DMatrix<f64>>) -> Estimates {
        let mut how_it_ended = if peak.converged {
            "converged: less than 1e-10 of log-likelihood is left to win".to_owned()
        } else {
            "stopped before it converged; raise max_iterations, or take the method \"bch\""
                .to_owned()
        };
        if covariance.is_none() {
            how_it_ended +=
                "; the data do not identify all parameters: there are no standard errors";
        }
        Estimates {
            shares: self.shares(peak.point.as_slice()),
            values: Vec::new(),
            covariance,
            deviations: vec![None; self.k()],
            log_likelihood: Some(peak.local.value),
            n_parameters: peak.point.len(),
            iterations: peak.iterations,
            converged: peak.converged,
            how_it_ended,
            boundary: None,
            notes: Vec::new(),
        }
    }
}

impl Mixture<'_, Normal> {
    fn number_found(
        &self,
        settings: &DistalOutcome,
        peak: &Peak,
        gate: &Gate<'_, '_>,
    ) -> Result<Estimates> {
        let (k, unit) = (self.k(), self.outcome.deviation);
        let density = &peak.point.as_slice()[k - 1..];
        let deviations: Vec<f64> = (0..k).map(|t| self.density.deviation(density, t)).collect();
        if deviations.iter().any(|deviation| *deviation < LEAST) {
            return Err(cannot_start(self.outcome));
        }
        let covariance = self.covariance(settings, peak, gate)?;
        let means = covariance.map(|whole| whole.view((k - 1, k - 1), (k, k)) * unit.powi(2));
        let mut found = self.found(peak, means);
        found.values = density[..k]
            .iter()
            .map(|mean| self.outcome.mean + unit * mean)
            .collect();
        found.deviations = deviations
            .iter()
            .map(|deviation| Some(unit * deviation))
            .collect();
        // The density of a number is that of the standardised one over the deviation.
        found.log_likelihood = Some(peak.local.value - self.total * unit.ln());
        Ok(found)
    }
}

impl Mixture<'_, Levels> {
    fn levels_found(
        &self,
        settings: &DistalOutcome,
        peak: &Peak,
        gate: &Gate<'_, '_>,
    ) -> Result<Estimates> {
        let k = self.k();
        let density = &peak.point.as_slice()[k - 1..];
        let jacobian = self.density.jacobian(density);
        let own = density.len();
        let covariance = self
            .covariance(settings, peak, gate)?
            .map(|whole| &jacobian * whole.view((k - 1, k - 1), (own, own)) * jacobian.transpose());
        let mut found = self.found(peak, covariance);
        let shares = found.shares.clone();
        let mut held = Vec::new();
        for (t, share) in shares.iter().enumerate() {
            let row = self.density.probabilities(density, t);
            for (level, p) in row.iter().enumerate() {
                if p * share * self.total < NOBODY * self.total.min(1.0) {
                    let word = &self.outcome.question.levels().unwrap_or_default()[level];
                    held.push(format!("'{word}' in segment {}", t + 1));
                }
            }
            found.values.extend(row);
        }
        if !held.is_empty() {
            let words = format!(
                "answers that nobody in a segment gives ({}); their probabilities are 0 without a standard error",
                held.join(", ")
            );
            found.how_it_ended += "; on a boundary: ";
            found.how_it_ended += &words;
            found.boundary = Some(words);
        }
        Ok(found)
    }
}

//! The baseline, and effects that change over time.

use super::fitted::FittedHazard;
use crate::error::Result;
use crate::math::interval::normal_quantile;
use crate::math::special::sigmoid;
use crate::value::propensity::Effect;

/// A period of an event's baseline: the hazard of a customer whom no feature tells apart.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselinePoint {
    /// The event's place.
    pub event: usize,
    /// The period, from 1.
    pub period: usize,
    /// When it begins.
    pub start: f64,
    /// When it ends.
    pub end: f64,
    /// The log-odds of the event against none.
    pub log_odds: f64,
    /// The odds as a probability: where there is but one event, the hazard.
    pub hazard: f64,
    /// Lower end of the interval, where the model has standard errors.
    pub lower: Option<f64>,
    /// Upper end of the interval.
    pub upper: Option<f64>,
}

/// How an effect changes as time doubles.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The event's place.
    pub event: usize,
    /// The change of the effect in log-odds.
    pub effect: Effect,
}

impl FittedHazard {
    /// The baselines of all events, period by period; intervals at confidence `level`.
    ///
    /// # Errors
    /// [`crate::Error::InvalidParameter`] for a level outside 0 and 1.
    pub fn baseline(&self, level: f64) -> Result<Vec<BaselinePoint>> {
        let z = normal_quantile(level)?;
        let width = self.settings.period;
        let mut found = Vec::with_capacity(self.events.len() * self.n_periods());
        for (event, part) in self.parts.iter().enumerate() {
            let along = |coefficients: &[f64]| -> f64 {
                let means = part.means().iter();
                means.zip(coefficients).map(|(x, b)| x * b).sum()
            };
            let fixed = along(part.coefficients());
            let change = along(&self.time.changes[event]);
            let levels = self.time.levels(event);
            for (period, (level, trend)) in levels.iter().zip(&self.time.trend).enumerate() {
                let log_odds = fixed + level + trend * change;
                let half = self.uncertainty.as_ref().map(|uncertainty| {
                    let [effects, changes, baseline] = self.places(event);
                    let means = part.means().iter();
                    let mut terms: Vec<(usize, f64)> =
                        (effects..).zip(means.clone().copied()).collect();
                    if self.varies() {
                        terms.extend((changes..).zip(means.map(|x| x * trend)));
                    }
                    terms.extend((baseline..).zip(self.time.at(period).iter().copied()));
                    z * uncertainty.variance(&terms).sqrt()
                });
                found.push(BaselinePoint {
                    event,
                    period: period + 1,
                    start: period as f64 * width,
                    end: (period + 1) as f64 * width,
                    log_odds,
                    hazard: sigmoid(log_odds),
                    lower: half.map(|half| sigmoid(log_odds - half)),
                    upper: half.map(|half| sigmoid(log_odds + half)),
                });
            }
        }
        Ok(found)
    }

    /// How the effects change that were allowed to, as time doubles; intervals at confidence `level`.
    /// Without a penalty, `z` tests whether an effect is the same at all times.
    ///
    /// # Errors
    /// [`crate::Error::InvalidParameter`] for a level outside 0 and 1.
    pub fn changes(&self, level: f64) -> Result<Vec<Change>> {
        normal_quantile(level)?;
        let mut found = Vec::new();
        for (event, changes) in self.time.changes.iter().enumerate() {
            if changes.is_empty() {
                continue;
            }
            let first = self.places(event)[1];
            let covariance = self.uncertainty.as_ref().map(|all| {
                let n = changes.len();
                nalgebra::DMatrix::from_fn(n, n, |i, j| all.get(first + i, first + j))
            });
            // The table of effects of a line whose coefficients are the changes.
            let line = self.parts[event].with_changes(changes, covariance.as_ref());
            let names = &self.settings.time_varying_effects;
            let effects = line.effects(level)?.into_iter();
            found.extend(
                effects
                    .filter(|one| {
                        one.feature
                            .as_ref()
                            .is_some_and(|name| names.contains(name))
                    })
                    .map(|effect| Change { event, effect }),
            );
        }
        Ok(found)
    }
}

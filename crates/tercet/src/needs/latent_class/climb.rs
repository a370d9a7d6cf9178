//! From a start to the top: EM, accelerated.
//!
//! EM never descends and never arrives: near the top each step leaves a constant share of the way.
//! Squared extrapolation (SQUAREM, scheme S3: Varadhan & Roland 2008, Scandinavian Journal of
//! Statistics 35, 335-353) takes two EM steps, looks how they differ, leaps, and does one more EM step
//! from there; a leap that lands lower is taken back.

use super::cells::Cells;
use super::mixture::{Mixture, Model};
use super::sweep::{Expected, expect};
use crate::error::Result;
use crate::parallel::Gate;

/// A start on its way.
#[derive(Debug, Clone)]
pub(super) struct Climber {
    pub(super) mixture: Mixture,
    /// The expected answers at `mixture`.
    pub(super) expected: Expected,
    /// Log-likelihood plus log-prior at `mixture`.
    pub(super) objective: f64,
    pub(super) sweeps: usize,
    /// What the last cycle won.
    pub(super) gain: f64,
}

impl Climber {
    pub(super) fn new(
        mixture: Mixture,
        model: &Model,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        let expected = expect(cells, &model.tables(&mixture, cells), gate)?;
        Ok(Self {
            objective: expected.log_likelihood + model.log_prior(&mixture, cells),
            expected,
            mixture,
            sweeps: 1,
            gain: f64::INFINITY,
        })
    }

    /// Climbs until a cycle wins less than `enough`, or for at most `cycles`.
    pub(super) fn climb(
        &mut self,
        cycles: usize,
        enough: f64,
        model: &Model,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<()> {
        for _ in 0..cycles {
            if self.gain < enough {
                break;
            }
            self.cycle(model, cells, gate)?;
        }
        Ok(())
    }

    /// One EM step.
    pub(super) fn step(&mut self, model: &Model, cells: &Cells, gate: &Gate<'_, '_>) -> Result<()> {
        let mut next = self.mixture.clone();
        model.maximise(&mut next, &self.expected, cells, gate)?;
        let there = Self::new(next, model, cells, gate)?;
        let gain = there.objective - self.objective;
        let sweeps = self.sweeps + 1;
        *self = Self {
            sweeps,
            gain,
            ..there
        };
        Ok(())
    }

    /// Two EM steps, a leap, and an EM step from where it lands.
    fn cycle(&mut self, model: &Model, cells: &Cells, gate: &Gate<'_, '_>) -> Result<()> {
        let before = self.objective;
        let p = model.n_features;
        let origin = self.mixture.flatten(p);
        self.step(model, cells, gate)?;
        let once = self.mixture.flatten(p);
        self.step(model, cells, gate)?;
        let twice = self.mixture.flatten(p);
        if let Some(leap) = leap(&origin, &once, &twice) {
            let mut far = self.mixture.clone();
            far.unflatten(leap, p);
            let mut other = Self::new(far, model, cells, gate)?;
            self.sweeps += 1;
            if other.objective >= self.objective {
                other.sweeps = self.sweeps;
                *self = other;
                self.step(model, cells, gate)?;
            }
        }
        self.gain = self.objective - before;
        Ok(())
    }
}

/// `x0 - 2 a r + a² v`, `r` the first step, `v` the change from it to the second, `a = -|r| / |v|`.
fn leap(origin: &[f64], once: &[f64], twice: &[f64]) -> Option<Vec<f64>> {
    let (mut steps, mut turns) = (0.0, 0.0);
    for ((x0, x1), x2) in origin.iter().zip(once).zip(twice) {
        let r = x1 - x0;
        steps += r * r;
        turns += ((x2 - x1) - r).powi(2);
    }
    if turns <= 0.0 || !steps.is_finite() {
        return None;
    }
    let a = -(steps / turns).sqrt();
    if a > -1.0 {
        return None; // a leap shorter than the two steps that were taken
    }
    let point = |((x0, x1), x2): ((&f64, &f64), &f64)| {
        let (r, v) = (x1 - x0, (x2 - x1) - (x1 - x0));
        x0 - 2.0 * a * r + a * a * v
    };
    Some(origin.iter().zip(once).zip(twice).map(point).collect())
}

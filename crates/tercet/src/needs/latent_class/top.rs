//! The best ascent, polished by Newton's method, its segments in order of size.

use nalgebra::DVector;

use super::LatentClass;
use super::cells::Cells;
use super::climb::Climber;
use super::derivatives::{Layout, Pairs, local};
use super::fit::Effort;
use super::mixture::{Mixture, Model};
use super::starts::Ascended;
use super::sweep::{Expected, expect};
use crate::error::{Error, Result};
use crate::math::ascent::{Ascent, Local};
use crate::parallel::Gate;

/// Newton steps a round of polishing.
const STEPS: usize = 30;

/// Cycles of EM between two rounds of polishing: what Newton's method has not finished lies on a long
/// ridge, or not near the top yet.
const CYCLES: usize = 200;

/// The solution.
pub(super) struct Top {
    pub(super) mixture: Mixture,
    pub(super) expected: Expected,
    pub(super) objective: f64,
    pub(super) sweeps: usize,
    pub(super) converged: bool,
    /// Slope, curvature and pairs of answers at the top; `None` where they were too large to compute.
    pub(super) local: Option<(Local, Pairs)>,
}

impl Top {
    /// Polishes the best ascent, its segments in order of size.
    pub(super) fn reach(
        settings: &LatentClass,
        effort: Effort,
        ascended: &[Ascended],
        model: &Model,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        // Of equals the earlier.
        let best = ascended.iter().reduce(|best, one| {
            if one.climber.objective > best.climber.objective {
                one
            } else {
                best
            }
        });
        let Some(best) = best else {
            return Err(Error::parameter("starts", 0, "at least 1"));
        };
        let sweeps = ascended.iter().map(|one| one.climber.sweeps).sum();
        let mut climber = best.climber.clone();
        let mut top = Self {
            mixture: climber.mixture.clone(),
            expected: climber.expected.clone(),
            objective: climber.objective,
            sweeps,
            converged: false,
            local: None,
        };
        let layout = Layout::new(model, &top.mixture, cells);
        if effort == Effort::Quick || !layout.is_affordable(model) {
            let enough = match effort {
                Effort::Full => settings.tolerance,
                Effort::Quick => effort.patience().1,
            };
            climber.climb(settings.max_iterations, enough, model, cells, gate)?;
            top.converged = climber.gain < enough;
            let order = order(model, &climber.mixture, cells);
            let mixture = climber.mixture.permuted(&order, model.n_features);
            let expected = expect(cells, &model.tables(&mixture, cells), gate)?;
            return Ok(Self {
                mixture,
                expected,
                objective: climber.objective,
                ..top
            });
        }
        let mut cycles = 0;
        loop {
            top.put_in_order(model, cells, gate)?;
            top.polish(settings, model, cells, gate)?;
            if top.converged && top.is_in_order(model, cells) {
                break;
            }
            if cycles >= settings.max_iterations {
                break;
            }
            cycles += CYCLES;
            if !top.converged {
                top.ascend(model, cells, gate)?;
            }
        }
        Ok(top)
    }

    fn is_in_order(&self, model: &Model, cells: &Cells) -> bool {
        let order = order(model, &self.mixture, cells);
        order
            .iter()
            .enumerate()
            .all(|(place, class)| place == *class)
    }

    fn put_in_order(&mut self, model: &Model, cells: &Cells, gate: &Gate<'_, '_>) -> Result<()> {
        if !self.is_in_order(model, cells) {
            let order = order(model, &self.mixture, cells);
            self.mixture = self.mixture.permuted(&order, model.n_features);
            self.expected = expect(cells, &model.tables(&self.mixture, cells), gate)?;
        }
        Ok(())
    }

    /// Some more cycles of EM.
    fn ascend(&mut self, model: &Model, cells: &Cells, gate: &Gate<'_, '_>) -> Result<()> {
        let mut climber = Climber::new(self.mixture.clone(), model, cells, gate)?;
        climber.climb(CYCLES, 0.0, model, cells, gate)?;
        self.sweeps += climber.sweeps;
        if climber.objective >= self.objective {
            self.objective = climber.objective;
            self.expected = climber.expected;
            self.mixture = climber.mixture;
        }
        Ok(())
    }

    /// Newton's method from where the mixture is.
    fn polish(
        &mut self,
        settings: &LatentClass,
        model: &Model,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<()> {
        model.settle(&mut self.mixture, &self.expected);
        let base = self.mixture.clone();
        let layout = Layout::new(model, &base, cells);
        let ascent = Ascent {
            max_iterations: STEPS,
            still_to_win: settings.tolerance,
        };
        let mut last: Option<(DVector<f64>, Mixture, Expected, Pairs)> = None;
        let origin = DVector::zeros(layout.size);
        let peak = ascent.climb(origin, |step| {
            let mixture = base.moved(step.as_slice(), &layout, model.classes());
            let expected = expect(cells, &model.tables(&mixture, cells), gate)?;
            let (local, pairs) = local(model, &mixture, &expected, cells, gate)?;
            let better = last.as_ref().is_none_or(|(_, _, before, _)| {
                local.value >= before.log_likelihood + model.log_prior(&mixture, cells)
            });
            if better {
                last = Some((step.clone(), mixture, expected, pairs));
            }
            Ok(local)
        })?;
        self.sweeps += peak.iterations;
        let mixture = base.moved(peak.point.as_slice(), &layout, model.classes());
        let (expected, pairs) = match last {
            Some((step, _, expected, pairs)) if step == peak.point => (expected, pairs),
            _ => {
                let expected = expect(cells, &model.tables(&mixture, cells), gate)?;
                let (_, pairs) = local(model, &mixture, &expected, cells, gate)?;
                (expected, pairs)
            }
        };
        self.objective = peak.local.value;
        self.converged = peak.converged;
        self.mixture = mixture;
        self.expected = expected;
        self.local = Some((peak.local, pairs));
        Ok(())
    }
}

/// The segments by size, largest first; of equals the earlier.
fn order(model: &Model, mixture: &Mixture, cells: &Cells) -> Vec<usize> {
    let shares = shares(model, mixture, cells);
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|one, other| shares[*other].total_cmp(&shares[*one]));
    order
}

/// The shares of the segments among the respondents.
pub(super) fn shares(model: &Model, mixture: &Mixture, cells: &Cells) -> Vec<f64> {
    let k = model.classes();
    let mut shares = vec![0.0; k];
    let memberships = model.memberships(mixture, cells);
    for (row, weight) in memberships.chunks_exact(k).zip(cells.design_weights()) {
        for (share, p) in shares.iter_mut().zip(row) {
            *share += weight / cells.total * p;
        }
    }
    shares
}

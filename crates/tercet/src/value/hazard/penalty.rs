//! Which coordinates share a strength, and how strengths are estimated.

use nalgebra::DVector;

use super::fit::Objective;
use super::sample::Sample;
use super::{HazardModel, HazardStrength};
use crate::error::Result;
use crate::math::ascent::Ascent;
use crate::math::lanes::ROWS;
use crate::parallel::Gate;
use crate::value::propensity::engine::{self, Settling};

/// The most rounds; each is a pass over the rows.
const ROUNDS: usize = 60;

/// Rows on which strengths are estimated: their errors are then those of a few effective parameters,
/// whatever the rest of the table says.
const MOST_ROWS: usize = 60_000;

/// The group of every coordinate whose strength it shares; each event has its own, and levels have
/// none.
pub(super) fn groups(sample: &Sample<'_, '_>) -> (Vec<Option<usize>>, usize) {
    let (own, n_own) = sample.columns.groups();
    let q = sample.clock.width();
    let mut groups = Vec::with_capacity(sample.len());
    let mut first = 0;
    for _ in 0..sample.n_events {
        groups.extend(own.iter().map(|group| group.map(|group| first + group)));
        first += n_own;
        let changing = sample.varying.iter().map(|place| own[*place]);
        groups.extend(changing.map(|group| group.map(|group| first + group)));
        first += if sample.varying.is_empty() { 0 } else { n_own };
        let slope = usize::from(sample.clock.has_slope && q > 0);
        groups.extend((0..q).map(|k| Some(first + usize::from(k >= slope))));
        first += 2;
    }
    (groups, first)
}

/// What each group is, as a number: effects, changes of effects, and the two of time.
pub(super) fn kinds(sample: &Sample<'_, '_>) -> Vec<usize> {
    let own = sample.columns.kinds();
    let n = own.iter().max().map_or(0, |last| last + 1);
    let mut kinds = Vec::new();
    for _ in 0..sample.n_events {
        kinds.extend(own.iter());
        if !sample.varying.is_empty() {
            kinds.extend(own.iter().map(|kind| n + kind));
        }
        kinds.extend([2 * n, 2 * n + 1]);
    }
    kinds
}

/// The penalty of every coordinate, and where to begin.
pub(super) fn choose(
    settings: &HazardModel,
    sample: &Sample<'_, '_>,
    start: DVector<f64>,
    gate: &Gate<'_, '_>,
) -> Result<(Vec<f64>, DVector<f64>, usize)> {
    let (groups, n_groups) = groups(sample);
    match settings.strength {
        HazardStrength::Fixed(strength) => {
            let of = |group: &Option<usize>| group.map_or(0.0, |_| strength);
            Ok((groups.iter().map(of).collect(), start, 0))
        }
        HazardStrength::Estimated => {
            let n = sample.spells.len();
            let step = (n / MOST_ROWS).max(1).min(n / ROWS).max(1);
            estimate(settings, sample, start, (&groups, n_groups), step, gate)
        }
    }
}

/// The variances of the coordinates under which the data are most probable: see the module on
/// strengths of a propensity.
fn estimate(
    settings: &HazardModel,
    sample: &Sample<'_, '_>,
    start: DVector<f64>,
    (groups, n_groups): (&[Option<usize>], usize),
    step: usize,
    gate: &Gate<'_, '_>,
) -> Result<(Vec<f64>, DVector<f64>, usize)> {
    let mut settling = Settling::new(groups, n_groups);
    let spread = |strengths: &[f64]| -> Vec<f64> {
        let of = |group: &Option<usize>| group.map_or(0.0, |group| strengths[group]);
        groups.iter().map(of).collect()
    };
    let mut penalty = spread(&settling.strengths);
    let rough = Ascent {
        max_iterations: settings.max_iterations,
        still_to_win: 1e-2,
    };
    let peak = objective(sample, &penalty, step).climb(rough, start, gate)?;
    let (mut theta, mut passes) = (peak.point, peak.iterations);
    for _ in 0..ROUNDS {
        passes += 1;
        let here = sample.pass(&theta, true, step, gate)?;
        let Some(information) = here.information else {
            break;
        };
        let slope = objective(sample, &penalty, step).penalised(&here.gradient, &theta);
        let Some((move_by, variances)) = engine::step(&information, &penalty, &slope) else {
            break;
        };
        // One step of Newton's method a round: strengths and coordinates settle together.
        theta -= move_by;
        let most = settling.renew(&penalty, theta.as_slice(), variances.as_slice());
        penalty = spread(&settling.strengths);
        if most < Settling::ENOUGH {
            break;
        }
    }
    Ok((penalty, theta, passes))
}

fn objective<'o, 's, 'a>(
    sample: &'o Sample<'s, 'a>,
    penalty: &'o [f64],
    step: usize,
) -> Objective<'o, 's, 'a> {
    Objective {
        sample,
        penalty,
        held: &[],
        step,
    }
}

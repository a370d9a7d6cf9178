//! From settings and data to a fitted hazard.

use nalgebra::{DMatrix, DVector};

use super::data::HazardData;
use super::errors::covariance;
use super::fitted::{FittedHazard, Time};
use super::periods::spells;
use super::sample::Sample;
use super::time::Clock;
use super::{Baseline, HazardModel, HazardStrength, penalty};
use crate::error::{Error, Result};
use crate::math::ascent::{self, Ascent, Peak};
use crate::model::FitReport;
use crate::observe::Phase;
use crate::parallel::Gate;
use crate::value::propensity::StandardErrors;
use crate::value::propensity::engine::{self, Columns, Line, Peaked, Uncertainty};

/// The most coordinates, of which second derivatives are held for every pair.
const MOST_COORDINATES: usize = 3_000;

/// A coefficient whose standard deviation moves odds by `e^8`, with an error that no row holds, runs to
/// infinity.
const RUNAWAY: f64 = 8.0;
const UNHELD: f64 = 1e3;

/// What is maximised: the log-likelihood less the penalty.
pub(super) struct Objective<'o, 's, 'a> {
    pub(super) sample: &'o Sample<'s, 'a>,
    pub(super) penalty: &'o [f64],
    /// Coordinates that stay where they are.
    pub(super) held: &'o [usize],
    /// One in so many tiles of rows is looked at.
    pub(super) step: usize,
}

impl Objective<'_, '_, '_> {
    /// The slope of loss and penalty.
    pub(super) fn penalised(&self, gradient: &DVector<f64>, theta: &DVector<f64>) -> DVector<f64> {
        let mut slope = DVector::from_fn(gradient.len(), |k, _| {
            gradient[k] + self.penalty[k] * theta[k]
        });
        for &place in self.held {
            slope[place] = 0.0;
        }
        slope
    }

    pub(super) fn climb(
        &self,
        ascent: Ascent,
        start: DVector<f64>,
        gate: &Gate<'_, '_>,
    ) -> Result<Peak> {
        ascent.climb(start, |theta| {
            let here = self.sample.pass(theta, true, self.step, gate)?;
            let n = theta.len();
            let mut information = here.information.unwrap_or_else(|| DMatrix::zeros(n, n));
            let mut charge = 0.0;
            for k in 0..n {
                information[(k, k)] += self.penalty[k];
                charge += 0.5 * self.penalty[k] * theta[k] * theta[k];
            }
            for &place in self.held {
                information.row_mut(place).fill(0.0);
                information.column_mut(place).fill(0.0);
                information[(place, place)] = 1.0;
            }
            Ok(ascent::Local {
                value: -here.loss - charge,
                gradient: -self.penalised(&here.gradient, theta),
                information,
            })
        })
    }
}

/// Where a fit ended, and how flat it is there.
pub(super) struct Solution {
    pub(super) peak: Peak,
    pub(super) penalty: Vec<f64>,
    held: Vec<usize>,
    loss: f64,
    /// Second derivatives of the loss, and the inverse of those of loss and penalty.
    pub(super) information: DMatrix<f64>,
    pub(super) inverse: DMatrix<f64>,
    /// The covariance of the coordinates, where strengths were averaged over.
    pub(super) averaged: Option<DMatrix<f64>>,
    /// Effective parameters of every coordinate.
    effective: Vec<f64>,
    /// Passes over the rows.
    passes: usize,
}

pub(super) fn fit(
    settings: &HazardModel,
    data: &HazardData<'_>,
    phase: &mut Phase<'_>,
) -> Result<FittedHazard> {
    let (spells, n_periods) = spells(data, settings.period, settings.closed)?;
    check_steps(settings, data, &spells, n_periods)?;
    let events = data.event_weights();
    // Periods at risk: rows that are cut in two must not count twice.
    let exposures: Vec<f64> = spells
        .iter()
        .enumerate()
        .map(|(row, spell)| data.weight(row) * spell.exposure())
        .collect();
    let clock = Clock::new(settings, &spells, data.weights(), n_periods)?;
    let gate = Gate::new(phase);
    let encoding = settings.encoding(events.iter().sum());
    let columns = Columns::learn(&encoding, data.design(), Some(&exposures), &gate)?;
    let varying = varying(settings, &columns);
    let sample = Sample {
        columns: &columns,
        clock: &clock,
        varying: &varying,
        reader: columns.reader(data.design())?,
        spells: &spells,
        weights: data.weights(),
        n_events: events.len(),
    };
    if sample.len() > MOST_COORDINATES {
        let found = format!("{} coordinates for {} events", sample.len(), events.len());
        let expected =
            format!("at most {MOST_COORDINATES}: fewer knots, levels, events, or steps of time");
        return Err(Error::parameter("features", found, expected));
    }
    let start = start(&sample, &events, exposures.iter().sum());
    let solution = solve(settings, &sample, start, &gate)?;
    check_separation(&sample, data, &solution)?;
    let covariance = match settings.standard_errors {
        StandardErrors::None => None,
        kind => {
            let found = covariance(kind, &sample, &solution, data.groups(), &gate)?;
            Some(sample.by_columns(&found))
        }
    };
    let report = report(data, &sample, &solution);
    Ok(assembled(
        settings,
        data,
        &sample,
        &solution,
        covariance.as_ref(),
        report,
    ))
}

fn solve(
    settings: &HazardModel,
    sample: &Sample<'_, '_>,
    start: DVector<f64>,
    gate: &Gate<'_, '_>,
) -> Result<Solution> {
    let (penalty, start, rounds) = penalty::choose(settings, sample, start, gate)?;
    let held = held(sample, &penalty, &start, gate)?;
    let here = sample.pass(&start, false, 1, gate)?;
    let objective = Objective {
        sample,
        penalty: &penalty,
        held: &held,
        step: 1,
    };
    let ascent = Ascent {
        max_iterations: settings.max_iterations,
        still_to_win: settings.tolerance * here.loss,
    };
    let mut peak = objective.climb(ascent, start, gate)?;
    let there = sample.pass(&peak.point, true, 1, gate)?;
    let n = sample.len();
    let information = there.information.unwrap_or_else(|| DMatrix::zeros(n, n));
    let inverse = engine::inverse(&information, &penalty, &held).ok_or_else(|| Error::Numeric {
        during: "the curvature of a hazard".to_owned(),
    })?;
    let used = |k: usize| {
        if held.contains(&k) {
            0.0
        } else {
            1.0 - penalty[k] * inverse[(k, k)]
        }
    };
    let effective = (0..n).map(used).collect();
    let (groups, _) = penalty::groups(sample);
    let peaked = Peaked {
        information: &information,
        penalty: &penalty,
        groups: &groups,
        kinds: &penalty::kinds(sample),
        theta: &peak.point,
        held: &held,
    };
    let averaged = match settings.strength {
        HazardStrength::Estimated => peaked.average(gate)?,
        HazardStrength::Fixed(_) => None,
    };
    let mut loss = there.loss;
    let averaged = match averaged {
        None => None,
        Some(mut averaged) => {
            loss = peaked.settle(&mut averaged, loss, |theta| {
                let here = sample.pass(theta, false, 1, gate)?;
                Ok((here.loss, here.gradient))
            })?;
            peak.point = averaged.theta;
            Some(averaged.covariance)
        }
    };
    Ok(Solution {
        effective,
        averaged,
        passes: rounds + peak.iterations,
        loss,
        peak,
        penalty,
        held,
        information,
        inverse,
    })
}

fn report(data: &HazardData<'_>, sample: &Sample<'_, '_>, solution: &Solution) -> FitReport {
    let at_risk = || {
        let spells = sample.spells.iter().enumerate();
        spells.filter(|(row, spell)| sample.weight(*row) * spell.exposure() > 0.0)
    };
    let total = solution.effective.iter().sum::<f64>();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and positive
    let n_parameters = total.round().max(0.0) as usize;
    FitReport {
        iterations: solution.passes,
        log_likelihood: Some(-solution.loss),
        converged: solution.peak.converged,
        how_it_ended: how_it_ended(sample, &solution.peak, &solution.held),
        n_observations: (0..data.len()).map(|row| data.weight(row)).sum(),
        n_rows: at_risk().count(),
        n_cells: at_risk()
            .map(|(_, spell)| (spell.last - spell.first) as usize + 1)
            .sum(),
        n_parameters,
        boundary: None,
    }
}

fn assembled(
    settings: &HazardModel,
    data: &HazardData<'_>,
    sample: &Sample<'_, '_>,
    solution: &Solution,
    covariance: Option<&DMatrix<f64>>,
    report: FitReport,
) -> FittedHazard {
    let (block, q) = (sample.block(), sample.clock.width());
    let p = sample.columns.n_coordinates();
    let events = data.event_names();
    // Of an event: the coordinates of its features, and those of its baseline.
    let features = |place: usize, values: &[f64]| values[place * block..][..p].to_vec();
    let baseline = |place: usize, values: &[f64]| values[(place + 1) * block - q..][..q].to_vec();
    let encoding = settings.encoding(data.event_weights().iter().sum());
    let theta = solution.peak.point.as_slice();
    let lines = sample.lines(theta);
    let parts = events.iter().zip(&lines).enumerate();
    let parts = parts.map(|(place, (name, line))| {
        let line = Line {
            outcome: name.clone(),
            coefficients: line.effects.clone(),
            penalty: features(place, &solution.penalty),
            effective: features(place, &solution.effective),
            report: report.clone(),
        };
        sample.columns.line(&encoding, line)
    });
    let parts = parts.collect();
    let each = 0..events.len();
    let strength = |k| {
        baseline(k, &solution.penalty)
            .last()
            .copied()
            .unwrap_or(0.0)
    };
    let time = Time {
        // Row by row: nalgebra keeps columns together.
        basis: sample.clock.basis.transpose().as_slice().to_vec(),
        trend: sample.clock.trend.clone(),
        curves: each.clone().map(|k| baseline(k, theta)).collect(),
        strengths: each.clone().map(strength).collect(),
        effective: each
            .map(|k| baseline(k, &solution.effective).iter().sum())
            .collect(),
        changes: lines.into_iter().map(|line| line.changes).collect(),
    };
    let fitted = FittedHazard {
        settings: settings.clone(),
        duration: data.duration_name().to_owned(),
        events: events.to_vec(),
        parts,
        time,
        uncertainty: covariance.map(Uncertainty::new),
        note: serde_json::Value::Null,
        report,
    };
    fitted.with_part_errors()
}

/// The coordinates of features whose effects change.
fn varying(settings: &HazardModel, columns: &Columns) -> Vec<usize> {
    let names = columns.names();
    let changes = |feature: &Option<usize>| {
        feature.is_some_and(|feature| settings.time_varying_effects.contains(&names[feature]))
    };
    let features = columns.features().iter().enumerate();
    features
        .filter(|(_, feature)| changes(feature))
        .map(|(place, _)| place)
        .collect()
}

/// Levels of constant hazards: events by periods at risk.
fn start(sample: &Sample<'_, '_>, events: &[f64], at_risk: f64) -> DVector<f64> {
    let mut theta = DVector::zeros(sample.len());
    let nothing = (at_risk - events.iter().sum::<f64>()).max(0.5);
    for (place, count) in events.iter().enumerate() {
        theta[place * sample.block()] = (count / nothing).ln();
    }
    theta
}

/// Without a penalty, a level of its own for a period without an event runs to minus infinity.
fn check_steps(
    settings: &HazardModel,
    data: &HazardData<'_>,
    spells: &[super::periods::Spell],
    n_periods: usize,
) -> Result<()> {
    if settings.baseline != Baseline::Steps || settings.strength != HazardStrength::Fixed(0.0) {
        return Ok(());
    }
    let names = data.event_names();
    let mut counts = vec![0.0; names.len() * n_periods];
    for (row, spell) in spells.iter().enumerate() {
        if let Some(event) = usize::from(spell.event).checked_sub(1) {
            counts[event * n_periods + spell.last as usize] += data.weight(row);
        }
    }
    match counts.iter().position(|count| *count <= 0.0) {
        None => Ok(()),
        Some(place) => {
            let (event, period) = (place / n_periods, place % n_periods);
            let reason = format!(
                "has no event '{}' from {} to {}, and without a penalty a level of its own there runs to minus infinity; take a longer period, baseline \"spline\", or strength \"estimated\"",
                names[event],
                settings.period * period as f64,
                settings.period * (period + 1) as f64,
            );
            Err(Error::data(data.duration_name(), None, reason))
        }
    }
}

/// Coordinates that others determine wholly: they stay 0.
fn held(
    sample: &Sample<'_, '_>,
    penalty: &[f64],
    theta: &DVector<f64>,
    gate: &Gate<'_, '_>,
) -> Result<Vec<usize>> {
    let block = sample.block();
    let is_free = |k: usize| !k.is_multiple_of(block) && penalty[k] == 0.0;
    if !(0..penalty.len()).any(is_free) {
        return Ok(Vec::new());
    }
    let here = sample.pass(theta, true, 1, gate)?;
    let Some(mut information) = here.information else {
        return Ok(Vec::new());
    };
    for (k, penalty) in penalty.iter().enumerate() {
        information[(k, k)] += penalty;
    }
    Ok(engine::dependent(&information))
}

/// That no coordinate runs to infinity.
fn check_separation(
    sample: &Sample<'_, '_>,
    data: &HazardData<'_>,
    solution: &Solution,
) -> Result<()> {
    let (block, p, v) = (
        sample.block(),
        sample.columns.n_coordinates(),
        sample.varying.len(),
    );
    let (theta, penalty, inverse) = (&solution.peak.point, &solution.penalty, &solution.inverse);
    let runs = |k: &usize| {
        !k.is_multiple_of(block)
            && penalty[*k] == 0.0
            && theta[*k].abs() > RUNAWAY
            && inverse[(*k, *k)].sqrt() > UNHELD
    };
    let Some(place) = (0..theta.len()).find(runs) else {
        return Ok(());
    };
    let own = place % block;
    let coordinate = match own {
        _ if own < p => Some(own),
        _ if own < p + v => Some(sample.varying[own - p]),
        _ => None,
    };
    Err(Error::Separation {
        column: match coordinate {
            Some(coordinate) => sample.columns.name_of(coordinate),
            None => data.duration_name().to_owned(),
        },
        outcome: data.event_names()[place / block].clone(),
    })
}

fn how_it_ended(sample: &Sample<'_, '_>, peak: &Peak, held: &[usize]) -> String {
    let mut how = if peak.converged {
        "converged".to_owned()
    } else {
        format!(
            "stopped after {} iterations without converging; raise max_iterations, or the strength of the penalty",
            peak.iterations
        )
    };
    if !sample.columns.constant().is_empty() {
        how += "; without effect: ";
        how += &sample.columns.constant().join(", ");
    }
    let p = sample.columns.n_coordinates();
    let own = |place: &usize| {
        let own = place % sample.block();
        (own < p).then(|| format!("'{}'", sample.columns.name_of(own)))
    };
    let mut names: Vec<String> = held.iter().filter_map(own).collect();
    names.dedup();
    if !names.is_empty() {
        how += "; left out, as a combination of others: ";
        how += &names.join(", ");
    }
    how
}

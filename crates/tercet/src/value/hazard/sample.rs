//! The rows of a fit, and passes over them.
//!
//! A row's features are the same in all its periods, so that sums over periods are formed first, and the
//! row enters products of columns once: with `u_kl = Σ_t w e_t (h_k 1[k = l] - h_k h_l)` the second
//! derivatives of events `k` and `l` are `x x' u_kl`, those by a coordinate of the baseline and a column
//! `x Σ_t u_klt b(t)'`, and those of two coordinates of the baseline need one number a period over all
//! rows.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::periods::Spell;
use super::time::Clock;
use crate::error::Result;
use crate::math::lanes::ROWS;
use crate::math::sum::Sums;
use crate::parallel::{Gate, map_stripes_behind};
use crate::value::propensity::engine::{Columns, RowReader};

/// Runs that rows are cut into, each with sums of its own.
const MOST_STRIPES: usize = 32;

/// Bytes that all sums together may take.
const MOST_BYTES: usize = 1 << 28;

/// The rows of a fit, and how their features and periods become coordinates: one block an event, of
/// the features' coordinates (the level first), of those whose effects change, of the baseline.
pub(super) struct Sample<'s, 'a> {
    pub(super) columns: &'s Columns,
    pub(super) clock: &'s Clock,
    /// The coordinates whose effects change over time.
    pub(super) varying: &'s [usize],
    pub(super) reader: RowReader<'a>,
    pub(super) spells: &'s [Spell],
    pub(super) weights: Option<&'a [f64]>,
    pub(super) n_events: usize,
}

/// The loss, minus the log-likelihood, and its derivatives by coordinates.
pub(super) struct Local {
    pub(super) loss: f64,
    pub(super) gradient: DVector<f64>,
    pub(super) information: Option<DMatrix<f64>>,
}

/// One event's coefficients.
pub(super) struct Line {
    /// Of the columns.
    pub(super) effects: Vec<f64>,
    /// Of their changes; empty where none change.
    pub(super) changes: Vec<f64>,
    /// What the baseline adds in every period.
    pub(super) levels: Vec<f64>,
}

/// The sums of a stripe.
struct Sum {
    loss: Sums<1>,
    /// Events by columns, their changes, and periods.
    slopes: Vec<f64>,
    changes: Vec<f64>,
    periods: Vec<f64>,
    squares: Option<Squares>,
}

/// Second derivatives, for each pair of events: each pair of columns on either side of the diagonal.
pub(super) struct Squares {
    /// Columns by columns: times 1, and where effects change times the trend, and its square.
    pub(super) columns: [Vec<f64>; 3],
    /// Columns by the baseline's coordinates: times 1, and times the trend.
    pub(super) crosses: [Vec<f64>; 2],
    pub(super) periods: Vec<f64>,
}

/// Sums over a row's periods.
struct Desk {
    odds: Vec<f64>,
    residuals: Vec<[f64; 2]>,
    bends: Vec<[f64; 3]>,
    crosses: [Vec<f64>; 2],
}

impl Sample<'_, '_> {
    /// Coordinates of one event.
    pub(super) fn block(&self) -> usize {
        self.columns.n_coordinates() + self.varying.len() + self.clock.width()
    }

    /// All coordinates.
    pub(super) fn len(&self) -> usize {
        self.n_events * self.block()
    }

    #[inline]
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Each event's coefficients.
    pub(super) fn lines(&self, theta: &[f64]) -> Vec<Line> {
        let (p, v) = (self.columns.n_coordinates(), self.varying.len());
        let blocks = theta.chunks_exact(self.block());
        blocks
            .map(|own| {
                let mut changing = vec![0.0; if v == 0 { 0 } else { p }];
                for (place, value) in self.varying.iter().zip(&own[p..]) {
                    changing[*place] = *value;
                }
                let curve = DVector::from_column_slice(&own[p + v..]);
                Line {
                    effects: self.columns.columns(&own[..p]),
                    changes: if v == 0 {
                        Vec::new()
                    } else {
                        self.columns.columns(&changing)
                    },
                    levels: (&self.clock.basis * curve).as_slice().to_vec(),
                }
            })
            .collect()
    }

    fn pairs(&self) -> usize {
        self.n_events * (self.n_events + 1) / 2
    }

    /// A row in so many tiles of rows is looked at.
    pub(super) fn pass(
        &self,
        theta: &DVector<f64>,
        with_information: bool,
        step: usize,
        gate: &Gate<'_, '_>,
    ) -> Result<Local> {
        let lines = self.lines(theta.as_slice());
        let stripes = if with_information {
            let width = self.columns.width();
            let kinds = if self.varying.is_empty() { 1 } else { 3 };
            let bytes = 8 * kinds * self.pairs() * width * (width + self.clock.width());
            (MOST_BYTES / bytes.max(1)).clamp(1, MOST_STRIPES)
        } else {
            MOST_STRIPES
        };
        let sums = map_stripes_behind(gate, self.spells.len(), ROWS, stripes, |rows| {
            self.stripe(&lines, with_information, step, rows, gate)
        })?;
        let mut sums = sums.into_iter();
        let mut total = match sums.next() {
            Some(first) => first,
            None => self.zero(with_information),
        };
        for one in sums {
            total.loss.add(&one.loss.total());
            add(&mut total.slopes, &one.slopes);
            add(&mut total.changes, &one.changes);
            add(&mut total.periods, &one.periods);
            if let (Some(total), Some(one)) = (&mut total.squares, &one.squares) {
                for (total, one) in total.columns.iter_mut().zip(&one.columns) {
                    add(total, one);
                }
                for (total, one) in total.crosses.iter_mut().zip(&one.crosses) {
                    add(total, one);
                }
                add(&mut total.periods, &one.periods);
            }
        }
        Ok(Local {
            loss: total.loss.total()[0],
            gradient: self.gradient(&total.slopes, &total.changes, &total.periods),
            information: total.squares.map(|squares| self.information(&squares)),
        })
    }

    fn zero(&self, with_information: bool) -> Sum {
        let (k, width, q) = (self.n_events, self.columns.width(), self.clock.width());
        let (pairs, n_periods) = (self.pairs(), self.clock.n_periods());
        let varying = usize::from(!self.varying.is_empty());
        let zeros = |n: usize| vec![0.0; n];
        Sum {
            loss: Sums::zero(),
            slopes: zeros(k * width),
            changes: zeros(varying * k * width),
            periods: zeros(k * n_periods),
            squares: with_information.then(|| {
                let (columns, crosses) = (pairs * width * width, pairs * width * q);
                Squares {
                    columns: [columns, varying * columns, varying * columns].map(zeros),
                    crosses: [crosses, varying * crosses].map(zeros),
                    periods: zeros(pairs * n_periods),
                }
            }),
        }
    }

    fn stripe(
        &self,
        lines: &[Line],
        with_information: bool,
        step: usize,
        rows: Range<usize>,
        gate: &Gate<'_, '_>,
    ) -> Sum {
        let mut sums = self.zero(with_information);
        let q = self.clock.width();
        let mut desk = Desk {
            odds: vec![0.0; self.n_events],
            residuals: vec![[0.0; 2]; self.n_events],
            bends: vec![[0.0; 3]; self.pairs()],
            crosses: [vec![0.0; self.pairs() * q], vec![0.0; self.pairs() * q]],
        };
        for start in rows.clone().step_by(ROWS) {
            if gate.is_closed() {
                break;
            }
            gate.poll();
            if !(start / ROWS).is_multiple_of(step) {
                continue;
            }
            let end = (start + ROWS).min(rows.end);
            self.reader.for_rows(start..end, |row, present| {
                let weight = self.weight(row);
                if weight > 0.0 && self.spells[row].exposure() > 0.0 {
                    self.row(lines, row, present, &mut desk, &mut sums);
                }
                true
            });
        }
        sums
    }

    fn row(
        &self,
        lines: &[Line],
        row: usize,
        present: &[(usize, f64)],
        desk: &mut Desk,
        sums: &mut Sum,
    ) {
        let (width, varying) = (self.columns.width(), !self.varying.is_empty());
        self.periods(lines, row, present, desk, sums);
        for (k, [residual, trended]) in desk.residuals.iter().enumerate() {
            for (column, x) in present {
                sums.slopes[k * width + column] += residual * x;
            }
            if varying {
                for (column, x) in present {
                    sums.changes[k * width + column] += trended * x;
                }
            }
        }
        let Some(squares) = &mut sums.squares else {
            return;
        };
        let q = self.clock.width();
        let kinds = if varying { 3 } else { 1 };
        for (pair, bends) in desk.bends.iter().enumerate() {
            for (kind, bend) in bends.iter().enumerate().take(kinds) {
                let own = &mut squares.columns[kind][pair * width * width..][..width * width];
                for (place, (column, x)) in present.iter().enumerate() {
                    let x = bend * x;
                    let own = &mut own[column * width..][..width];
                    for (other, y) in &present[place..] {
                        own[*other] += x * y;
                    }
                }
            }
            for kind in 0..kinds.min(2) {
                let own = &mut squares.crosses[kind][pair * width * q..][..width * q];
                let cross = &desk.crosses[kind][pair * q..][..q];
                for (column, x) in present {
                    for (sum, value) in own[column * q..][..q].iter_mut().zip(cross) {
                        *sum += x * value;
                    }
                }
            }
        }
    }

    /// Sums over the periods of a row.
    fn periods(
        &self,
        lines: &[Line],
        row: usize,
        present: &[(usize, f64)],
        desk: &mut Desk,
        sums: &mut Sum,
    ) {
        let (n_periods, q) = (self.clock.n_periods(), self.clock.width());
        let varying = !self.varying.is_empty();
        let (spell, weight) = (&self.spells[row], self.weight(row));
        let scores: Vec<[f64; 2]> = lines.iter().map(|line| score(line, present)).collect();
        desk.residuals.fill([0.0; 2]);
        desk.bends.fill([0.0; 3]);
        desk.crosses.iter_mut().for_each(|cross| cross.fill(0.0));
        let mut loss = 0.0;
        for period in spell.first..=spell.last {
            let t = period as usize;
            let trend = self.clock.trend[t];
            for ((odds, line), [fixed, change]) in desk.odds.iter_mut().zip(lines).zip(&scores) {
                *odds = fixed + line.levels[t] + trend * change;
            }
            let exposed = weight * spell.share(period);
            if period == spell.last
                && let Some(event) = usize::from(spell.event).checked_sub(1)
            {
                loss -= weight * desk.odds[event];
            }
            loss += exposed * log_total(&mut desk.odds);
            // From here on `odds` holds hazards.
            for (k, hazard) in desk.odds.iter().enumerate() {
                let happened = period == spell.last && usize::from(spell.event) == k + 1;
                let residual = exposed * hazard - if happened { weight } else { 0.0 };
                desk.residuals[k][0] += residual;
                desk.residuals[k][1] += residual * trend;
                sums.periods[k * n_periods + t] += residual;
            }
            let Some(squares) = &mut sums.squares else {
                continue;
            };
            let mut pair = 0;
            for (k, one) in desk.odds.iter().enumerate() {
                for (l, other) in desk.odds.iter().enumerate().skip(k) {
                    let bend = exposed * one * (f64::from(u8::from(k == l)) - other);
                    let own = &mut desk.bends[pair];
                    own[0] += bend;
                    own[1] += bend * trend;
                    own[2] += bend * trend * trend;
                    squares.periods[pair * n_periods + t] += bend;
                    for (j, value) in self.clock.basis.row(t).iter().enumerate() {
                        desk.crosses[0][pair * q + j] += bend * value;
                        if varying {
                            desk.crosses[1][pair * q + j] += bend * trend * value;
                        }
                    }
                    pair += 1;
                }
            }
        }
        sums.loss.add(&[loss]);
    }
}

/// A row's log-odds before time comes in, and their change along the trend.
#[inline]
pub(super) fn score(line: &Line, present: &[(usize, f64)]) -> [f64; 2] {
    let along = |coefficients: &[f64]| present.iter().map(|(j, x)| coefficients[*j] * x).sum();
    let change = if line.changes.is_empty() {
        0.0
    } else {
        along(&line.changes)
    };
    [along(&line.effects), change]
}

/// `ln(1 + Σ e^odds)`; turns log-odds into hazards. The largest is taken off first, so that nothing
/// overflows.
#[inline]
pub(super) fn log_total(odds: &mut [f64]) -> f64 {
    let largest = odds.iter().copied().fold(0.0, f64::max);
    let mut others = (-largest).exp();
    for one in odds.iter_mut() {
        *one = (*one - largest).exp();
        others += *one;
    }
    for one in odds.iter_mut() {
        *one /= others;
    }
    // Of one event that is rare, `others` is near 1: its logarithm is taken of what is added to 1.
    if largest == 0.0 {
        let rest: f64 = odds.iter().map(|hazard| hazard * others).sum();
        rest.ln_1p()
    } else {
        largest + others.ln()
    }
}

#[inline]
fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

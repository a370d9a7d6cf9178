//! The E-step: one pass over the respondents, in which all the time of a fit is spent.
//!
//! A respondent's likelihood in a lane is a product of table entries, so a sweep multiplies rows of
//! numbers side by side and takes one logarithm a respondent; posteriors are added up at once and
//! never stored. Every table row is at most 1 in each lane (a level's common factor is kept apart as
//! its offset), so a product cannot overflow; one that has become too small to trust is formed again
//! from logarithms.

// Lanes of several arrays side by side: an index says that, four zips would hide it.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use super::cells::Cells;
use crate::error::{Error, Result};
use crate::math::sum::Sums;
use crate::parallel::{Gate, map_blocks_behind};

/// A likelihood below this has lost digits to underflow in some lane that matters, or is 0.
const TINY: f64 = 1e-250;

/// `ln sqrt(2 π)`.
pub(super) const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// What a sweep looks up.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) lanes: usize,
    /// A row of lanes a distinct row of covariates.
    pub(super) priors: Vec<f64>,
    /// By group: a row of lanes a joint answer.
    pub(super) groups: Vec<Vec<f64>>,
    /// By coded question: the logarithm of the factor that each level's row was divided by.
    pub(super) offsets: Vec<Vec<f64>>,
    /// By dense question: mean and deviation of each lane.
    pub(super) normals: Vec<Vec<(f64, f64)>>,
}

/// What a sweep adds up.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    pub(super) log_likelihood: f64,
    /// A row of lanes a distinct row of covariates.
    pub(super) memberships: Vec<f64>,
    /// By coded question: a row of lanes a level.
    pub(super) counts: Vec<Vec<f64>>,
    /// By dense question: for each lane the weight, the sum and the sum of squares.
    pub(super) numbers: Vec<Vec<f64>>,
}

/// Calls a function of a constant number of lanes, the least that is enough.
macro_rules! with_lanes {
    ($lanes:expr, $function:ident ( $($argument:expr),* )) => {
        match $lanes {
            0..=2 => $function::<2>($($argument),*),
            3..=4 => $function::<4>($($argument),*),
            5..=6 => $function::<6>($($argument),*),
            7..=8 => $function::<8>($($argument),*),
            9..=12 => $function::<12>($($argument),*),
            13..=16 => $function::<16>($($argument),*),
            17..=24 => $function::<24>($($argument),*),
            25..=32 => $function::<32>($($argument),*),
            33..=48 => $function::<48>($($argument),*),
            49..=64 => $function::<64>($($argument),*),
            65..=96 => $function::<96>($($argument),*),
            97..=144 => $function::<144>($($argument),*),
            _ => $function::<MOST_LANES>($($argument),*),
        }
    };
}

/// The most lanes: segments times nodes of the response style.
pub(super) const MOST_LANES: usize = 544;

/// Expected memberships and answers under the tables.
pub(super) fn expect(cells: &Cells, tables: &Tables, gate: &Gate<'_, '_>) -> Result<Expected> {
    with_lanes!(tables.lanes, expect_in(cells, tables, gate))
}

/// The posterior of each cell over lanes, row by row.
pub(super) fn posteriors(cells: &Cells, tables: &Tables, gate: &Gate<'_, '_>) -> Result<Vec<f64>> {
    with_lanes!(tables.lanes, posteriors_in(cells, tables, gate))
}

fn expect_in<const W: usize>(
    cells: &Cells,
    tables: &Tables,
    gate: &Gate<'_, '_>,
) -> Result<Expected> {
    let wide = Wide::<W>::new(tables);
    let blocks = map_blocks_behind(gate, cells.len(), |rows| block::<W>(cells, &wide, rows))?;
    let mut sums = Sums::<1>::zero();
    let mut total = Partial::<W>::new(&wide);
    for part in &blocks {
        sums.add(&[part.log_likelihood]);
        total.add(part);
    }
    let narrow = |rows: &[[f64; W]]| -> Vec<f64> {
        let mut narrow = Vec::with_capacity(rows.len() * tables.lanes);
        for row in rows {
            narrow.extend_from_slice(&row[..tables.lanes]);
        }
        narrow
    };
    let groups: Vec<Vec<f64>> = total.groups.iter().map(|rows| narrow(rows)).collect();
    let counts = cells.part(tables.lanes, &groups);
    let [mut log_likelihood] = sums.total();
    log_likelihood += cells.log_scale;
    for (rows, offsets) in counts.iter().zip(&tables.offsets) {
        for (row, offset) in rows.chunks_exact(tables.lanes).zip(offsets) {
            log_likelihood += offset * row.iter().sum::<f64>();
        }
    }
    if !log_likelihood.is_finite() {
        return Err(Error::Numeric {
            during: "the log-likelihood of a latent class model".to_owned(),
        });
    }
    let numbers = total.numbers.iter().map(|rows| {
        (0..tables.lanes)
            .flat_map(|lane| rows.iter().map(move |sums| sums[lane]))
            .collect()
    });
    Ok(Expected {
        log_likelihood,
        memberships: narrow(&total.memberships),
        counts,
        numbers: numbers.collect(),
    })
}

fn posteriors_in<const W: usize>(
    cells: &Cells,
    tables: &Tables,
    gate: &Gate<'_, '_>,
) -> Result<Vec<f64>> {
    let wide = Wide::<W>::new(tables);
    let blocks = map_blocks_behind(gate, cells.len(), |rows| {
        let mut rows_of_block = Vec::with_capacity(rows.len() * tables.lanes);
        for cell in rows {
            let mut joint = [0.0; W];
            let (total, _) = wide.likelihood(cells, cell, &mut joint);
            rows_of_block.extend(joint[..tables.lanes].iter().map(|value| value / total));
        }
        rows_of_block
    })?;
    let mut all = Vec::with_capacity(cells.len() * tables.lanes);
    for block in blocks {
        all.extend(block);
    }
    Ok(all)
}

/// The tables with rows of a constant width; lanes that are not there have a prior of 0.
struct Wide<const W: usize> {
    lanes: usize,
    priors: Vec<[f64; W]>,
    groups: Vec<Vec<[f64; W]>>,
    normals: Vec<Normal<W>>,
}

/// A dense question: `constant - (x / deviation - shift)^2 / 2`.
struct Normal<const W: usize> {
    constant: [f64; W],
    inverse: [f64; W],
    shift: [f64; W],
}

impl<const W: usize> Wide<W> {
    fn new(tables: &Tables) -> Self {
        let n = tables.lanes;
        let widen = |rows: &[f64], fill: f64| -> Vec<[f64; W]> {
            rows.chunks_exact(n)
                .map(|row| {
                    let mut wide = [fill; W];
                    wide[..n].copy_from_slice(row);
                    wide
                })
                .collect()
        };
        let normal = |lanes: &Vec<(f64, f64)>| {
            let of = |value: fn(f64, f64) -> f64| {
                std::array::from_fn(|lane| lanes.get(lane).map_or(0.0, |(m, s)| value(*m, *s)))
            };
            Normal {
                constant: of(|_, deviation| -deviation.ln() - HALF_LN_TWO_PI),
                inverse: of(|_, deviation| deviation.recip()),
                shift: of(|mean, deviation| mean / deviation),
            }
        };
        Self {
            lanes: n,
            priors: widen(&tables.priors, 0.0),
            groups: tables.groups.iter().map(|rows| widen(rows, 1.0)).collect(),
            normals: tables.normals.iter().map(normal).collect(),
        }
    }

    /// The joint likelihood of a cell and each lane, up to `exp(scale)`: its sum, and the scale.
    #[inline]
    fn likelihood(&self, cells: &Cells, cell: usize, joint: &mut [f64; W]) -> (f64, f64) {
        *joint = self.priors[cells.design_of(cell)];
        for (table, code) in self.groups.iter().zip(cells.codes(cell)) {
            let row = &table[usize::from(*code)];
            for lane in 0..W {
                joint[lane] *= row[lane];
            }
        }
        let mut scale = 0.0;
        if !self.normals.is_empty() {
            let logs = self.normal_logs(cells.numbers(cell));
            scale = logs[..self.lanes]
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max);
            for lane in 0..self.lanes {
                joint[lane] *= (logs[lane] - scale).exp();
            }
        }
        let total: f64 = joint.iter().sum();
        if total > TINY {
            (total, scale)
        } else {
            self.careful(cells, cell, joint)
        }
    }

    #[inline]
    fn normal_logs(&self, numbers: &[f64]) -> [f64; W] {
        let mut logs = [0.0; W];
        for (normal, x) in self.normals.iter().zip(numbers) {
            if x.is_nan() {
                continue; // no answer
            }
            for lane in 0..W {
                let z = x * normal.inverse[lane] - normal.shift[lane];
                logs[lane] += normal.constant[lane] - 0.5 * z * z;
            }
        }
        logs
    }

    /// The same in logarithms: no product can underflow, the largest term is 1.
    #[cold]
    fn careful(&self, cells: &Cells, cell: usize, joint: &mut [f64; W]) -> (f64, f64) {
        let mut logs = self.normal_logs(cells.numbers(cell));
        let prior = &self.priors[cells.design_of(cell)];
        for lane in 0..self.lanes {
            logs[lane] += prior[lane].max(f64::MIN_POSITIVE).ln();
            for (table, code) in self.groups.iter().zip(cells.codes(cell)) {
                logs[lane] += table[usize::from(*code)][lane].max(f64::MIN_POSITIVE).ln();
            }
        }
        let scale = logs[..self.lanes]
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        *joint = [0.0; W];
        for lane in 0..self.lanes {
            joint[lane] = (logs[lane] - scale).exp();
        }
        (joint.iter().sum(), scale)
    }
}

/// The sums of a block of cells.
struct Partial<const W: usize> {
    log_likelihood: f64,
    memberships: Vec<[f64; W]>,
    groups: Vec<Vec<[f64; W]>>,
    numbers: Vec<[[f64; W]; 3]>,
}

impl<const W: usize> Partial<W> {
    fn new(tables: &Wide<W>) -> Self {
        Self {
            log_likelihood: 0.0,
            memberships: vec![[0.0; W]; tables.priors.len()],
            groups: tables
                .groups
                .iter()
                .map(|rows| vec![[0.0; W]; rows.len()])
                .collect(),
            numbers: vec![[[0.0; W]; 3]; tables.normals.len()],
        }
    }

    fn add(&mut self, other: &Self) {
        let pairs = self.memberships.iter_mut().zip(&other.memberships);
        pairs.for_each(|(sum, row)| add(sum, row));
        for (sums, rows) in self.groups.iter_mut().zip(&other.groups) {
            sums.iter_mut()
                .zip(rows)
                .for_each(|(sum, row)| add(sum, row));
        }
        for (sums, rows) in self.numbers.iter_mut().zip(&other.numbers) {
            sums.iter_mut()
                .zip(rows)
                .for_each(|(sum, row)| add(sum, row));
        }
    }
}

#[inline]
fn add<const W: usize>(sum: &mut [f64; W], row: &[f64; W]) {
    for lane in 0..W {
        sum[lane] += row[lane];
    }
}

fn block<const W: usize>(cells: &Cells, tables: &Wide<W>, rows: Range<usize>) -> Partial<W> {
    let mut sums = Partial::new(tables);
    let mut logs = Logs::new();
    for cell in rows {
        let mut joint = [0.0; W];
        let (total, scale) = tables.likelihood(cells, cell, &mut joint);
        let weight = cells.weights[cell];
        logs.add(weight, total, scale);
        let factor = weight / total;
        for value in &mut joint {
            *value *= factor;
        }
        add(&mut sums.memberships[cells.design_of(cell)], &joint);
        for (table, code) in sums.groups.iter_mut().zip(cells.codes(cell)) {
            add(&mut table[usize::from(*code)], &joint);
        }
        for (sum, x) in sums.numbers.iter_mut().zip(cells.numbers(cell)) {
            if !x.is_nan() {
                for lane in 0..W {
                    sum[0][lane] += joint[lane];
                    sum[1][lane] += joint[lane] * x;
                    sum[2][lane] += joint[lane] * x * x;
                }
            }
        }
    }
    sums.log_likelihood = logs.total();
    sums
}

/// The sum of `weight * (ln total + scale)`.
///
/// A logarithm costs as much as the rest of a respondent's sweep. Of neighbours of equal weight the
/// totals are multiplied first, and one logarithm is taken of several; a total is at least `TINY`, so
/// a product of one above `LEAST` with another is still a normal number.
struct Logs {
    sum: f64,
    weight: f64,
    product: f64,
}

const LEAST: f64 = 1e-50;

impl Logs {
    fn new() -> Self {
        Self {
            sum: 0.0,
            weight: 0.0,
            product: 1.0,
        }
    }

    #[inline]
    fn add(&mut self, weight: f64, total: f64, scale: f64) {
        if weight != self.weight || self.product < LEAST {
            self.sum += self.weight * self.product.ln();
            self.weight = weight;
            self.product = 1.0;
        }
        self.product *= total;
        self.sum += weight * scale;
    }

    fn total(self) -> f64 {
        self.sum + self.weight * self.product.ln()
    }
}

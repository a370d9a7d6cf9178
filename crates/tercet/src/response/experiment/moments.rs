//! The first pass over the rows: counts, sums and products by segment and arm.

use super::panel::Panel;
use super::roster::Roster;
use crate::error::Result;
use crate::observe::Phase;
use crate::parallel::{BLOCK, Gate, map_stripes_behind};

/// Partial sums at most; more than any machine has threads would only take memory.
const STRIPES: usize = 32;

/// Sums of one cell (the rows of a segment and an arm).
///
/// With `z = (1, covariates)`: the lower half of `Σ z z'`, then `Σ z y` outcome by outcome, then `Σ y²`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    sums: &'a [f64],
    q: usize,
    outcomes: usize,
}

impl Cell<'_> {
    /// Rows.
    pub(super) fn n(&self) -> f64 {
        self.sums[0]
    }

    /// `Σ z_i z_k`.
    pub(super) fn product(&self, i: usize, k: usize) -> f64 {
        let (low, high) = (i.min(k), i.max(k));
        self.sums[high * (high + 1) / 2 + low]
    }

    /// `Σ z_i y` of an outcome.
    pub(super) fn with_outcome(&self, outcome: usize, i: usize) -> f64 {
        self.sums[triangle(self.q) + outcome * self.q + i]
    }

    /// `Σ (y - mean)²` of an outcome.
    pub(super) fn scatter(&self, outcome: usize) -> f64 {
        let squares = self.sums[triangle(self.q) + self.outcomes * self.q + outcome];
        let sum = self.with_outcome(outcome, 0);
        let found = squares - sum * sum / self.n();
        // Outcomes are centred, so that what cancels is small; what is left of rounding is no scatter.
        if found > 1e-12 * squares { found } else { 0.0 }
    }
}

/// The cells of all segments and arms.
#[derive(Debug)]
pub(super) struct Moments {
    sums: Vec<f64>,
    width: usize,
    n_arms: usize,
    q: usize,
    outcomes: usize,
}

impl Moments {
    /// Adds up all rows.
    pub(super) fn add_up(
        roster: &Roster<'_>,
        panel: &Panel<'_>,
        phase: &mut Phase<'_>,
    ) -> Result<Self> {
        let (q, outcomes) = (panel.n_coefficients(), panel.outcomes.len());
        let width = triangle(q) + outcomes * q + outcomes;
        let n_arms = roster.n_arms();
        let size = roster.n_segments() * n_arms * width;
        let sums = by_stripes(phase, roster.n_rows(), size, |rows, sums| {
            let mut z = vec![0.0; q];
            let mut y = vec![0.0; outcomes];
            let mut own = vec![0.0; width];
            for row in rows {
                if !panel.read(row, &mut z, &mut y) {
                    continue;
                }
                write_products(&z, &y, &mut own);
                let arm = roster.arm(row);
                roster.segments_of(row, |segment| {
                    let at = (segment * n_arms + arm) * width;
                    for (sum, own) in sums[at..at + width].iter_mut().zip(&own) {
                        *sum += own;
                    }
                });
            }
        })?;
        Ok(Self {
            sums,
            width,
            n_arms,
            q,
            outcomes,
        })
    }

    /// The rows of a segment and an arm.
    pub(super) fn cell(&self, segment: usize, arm: usize) -> Cell<'_> {
        let at = (segment * self.n_arms + arm) * self.width;
        Cell {
            sums: &self.sums[at..at + self.width],
            q: self.q,
            outcomes: self.outcomes,
        }
    }
}

/// Adds up something over the rows `0..n`: the rows are cut into stripes that depend on their number only,
/// each is summed by one thread, and the stripes are added in their order. `add` gets some rows and the
/// sums to add them to.
pub(super) fn by_stripes(
    phase: &mut Phase<'_>,
    n: usize,
    size: usize,
    add: impl Fn(std::ops::Range<usize>, &mut [f64]) + Sync + Send,
) -> Result<Vec<f64>> {
    let gate = Gate::new(phase);
    let stripes = map_stripes_behind(&gate, n, BLOCK, STRIPES, |rows| {
        let mut sums = vec![0.0; size];
        let mut start = rows.start;
        while start < rows.end && !gate.is_closed() {
            let end = (start + BLOCK).min(rows.end);
            add(start..end, &mut sums);
            gate.poll();
            start = end;
        }
        sums
    })?;
    let mut stripes = stripes.into_iter();
    let mut total = stripes.next().unwrap_or_else(|| vec![0.0; size]);
    for stripe in stripes {
        for (sum, own) in total.iter_mut().zip(stripe) {
            *sum += own;
        }
    }
    Ok(total)
}

/// Entries of the lower half of a symmetric matrix.
pub(super) fn triangle(q: usize) -> usize {
    q * (q + 1) / 2
}

fn write_products(z: &[f64], y: &[f64], own: &mut [f64]) {
    let mut place = 0;
    let mut write = |value: f64| {
        own[place] = value;
        place += 1;
    };
    for (i, a) in z.iter().enumerate() {
        for b in &z[..=i] {
            write(a * b);
        }
    }
    for y in y {
        for z in z {
            write(z * y);
        }
    }
    for y in y {
        write(y * y);
    }
}

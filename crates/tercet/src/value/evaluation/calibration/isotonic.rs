//! The best rising step function: pooled adjacent violators.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::value::evaluation::ranking::Ranked;

/// Blocks of predictions, lowest first, each with one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Steps {
    /// The lowest prediction of each block.
    lowest: Vec<f64>,
    /// The highest.
    highest: Vec<f64>,
    value: Vec<f64>,
}

/// A block while it is being pooled.
#[derive(Debug, Clone, Copy)]
struct Pool {
    lowest: f64,
    highest: f64,
    weight: f64,
    events: f64,
    rows: f64,
}

impl Steps {
    /// Minimises `Σ w (y - value)²` (and `-Σ w ln` likelihood, which has the same minimum) over rising
    /// functions of the score, under some weights of the places. Linear in the number of places.
    pub(super) fn fit(ranked: &Ranked, weights: &[f64]) -> Self {
        let mut pools: Vec<Pool> = Vec::new();
        for tie in ranked.ties().rev() {
            let score = ranked.score[tie.start];
            let mut pool = Pool {
                lowest: score,
                highest: score,
                weight: 0.0,
                events: 0.0,
                rows: 0.0,
            };
            for place in tie {
                let weight = weights[place];
                pool.weight += weight;
                pool.events += if ranked.happened[place] { weight } else { 0.0 };
                pool.rows += if weight > 0.0 { 1.0 } else { 0.0 };
            }
            if pool.weight == 0.0 {
                continue;
            }
            // The block below has at least this one's share of events: they are one.
            while let Some(below) = pools
                .last()
                .filter(|below| below.events * pool.weight >= pool.events * below.weight)
            {
                pool.lowest = below.lowest;
                pool.weight += below.weight;
                pool.events += below.events;
                pool.rows += below.rows;
                pools.pop();
            }
            pools.push(pool);
        }
        Self {
            lowest: pools.iter().map(|pool| pool.lowest).collect(),
            highest: pools.iter().map(|pool| pool.highest).collect(),
            value: bounded(&pools),
        }
    }

    /// The value of a prediction.
    pub(super) fn at(&self, p: f64, interpolate: bool) -> f64 {
        let next = self.lowest.partition_point(|lowest| *lowest <= p);
        if next == 0 {
            return self.value[0];
        }
        let block = next - 1;
        if p <= self.highest[block] || next == self.lowest.len() {
            return self.value[block];
        }
        let (left, right) = (self.highest[block], self.lowest[next]);
        let part = (p - left) / (right - left);
        if interpolate {
            self.value[block] + part * (self.value[next] - self.value[block])
        } else if part < 0.5 {
            self.value[block]
        } else {
            self.value[next]
        }
    }

    /// Number of blocks.
    pub(super) fn len(&self) -> usize {
        self.value.len()
    }

    /// Lowest and highest prediction and value of each block.
    pub(super) fn blocks(&self) -> impl Iterator<Item = [f64; 3]> + '_ {
        (0..self.len()).map(|k| [self.lowest[k], self.highest[k], self.value[k]])
    }

    /// That a file holds what [`Steps::fit`] can have made.
    pub(super) fn check(&self) -> Result<()> {
        let n = self.value.len();
        let rises = |values: &[f64]| values.is_sorted_by(|a, b| a < b);
        let inside = |value: &f64| *value > 0.0 && *value < 1.0;
        let whole = n > 0
            && self.lowest.len() == n
            && self.highest.len() == n
            && rises(&self.lowest)
            && rises(&self.value)
            && self.value.iter().all(inside)
            && (0..n).all(|k| self.lowest[k] <= self.highest[k])
            && (1..n).all(|k| self.highest[k - 1] < self.lowest[k]);
        if whole {
            Ok(())
        } else {
            Err(Error::Corrupt {
                reason: "in \"fitted\": the blocks of the isotonic map are not in order".to_owned(),
            })
        }
    }
}

/// The blocks' shares of events; those of 0 and 1 moved inside. Only the first block can have no event
/// and only the last nothing else, since shares rise strictly.
fn bounded(pools: &[Pool]) -> Vec<f64> {
    let mut values: Vec<f64> = pools.iter().map(|pool| pool.events / pool.weight).collect();
    let last = values.len() - 1;
    if values[0] == 0.0 {
        let half = 0.5 / (pools[0].rows + 1.0);
        values[0] = values.get(1).map_or(half, |next| half.min(0.5 * next));
    }
    if values[last] == 1.0 {
        let half = 0.5 / (pools[last].rows + 1.0);
        let away = if last == 0 {
            half
        } else {
            half.min(0.5 * (1.0 - values[last - 1]))
        };
        values[last] = 1.0 - away;
    }
    values
}

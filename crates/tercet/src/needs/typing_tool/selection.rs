//! Which questions tell the segments best.
//!
//! Of all sets of m among J questions the best cannot be tried one by one; a set is built by adding the
//! question that gains most (forward selection) and improved by replacing one question as long as that
//! gains anything (sequential replacement: Miller 1984, Journal of the Royal Statistical Society A 147,
//! 389-425). What is maximised is the expected agreement
//!
//! ```text
//! Σ_i w_i p(a_i | the answers of i to the set) / Σ_i w_i
//! ```
//!
//! `a_i` being the segment that all questions together assign respondent i to. It changes smoothly with
//! every answer, where the share of equal assignments jumps and ties.

use crate::error::Result;
use crate::needs::latent_class::{AnswerLikelihoods, modal};
use crate::parallel::{Gate, map_blocks_behind};

/// An exchange that gains less is none.
const GAIN: f64 = 1e-9;

/// Respondents, what each answered, and where all their answers together put them.
#[derive(Debug)]
pub(super) struct Battery<'b> {
    pub(super) likelihoods: &'b AnswerLikelihoods,
    pub(super) weights: &'b [f64],
    /// The segment that all questions together assign each respondent to.
    pub(super) targets: Vec<usize>,
}

/// Which questions may be chosen.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// Questions that are in every set.
    pub(super) always: Vec<usize>,
    /// Those that may be chosen besides.
    pub(super) free: Vec<usize>,
    pub(super) largest: usize,
}

/// How a set of questions does on some respondents.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Score {
    /// Expected members of equal assignment.
    pub(super) expected: f64,
    /// Row by row: the segment by all questions, then that by the set.
    pub(super) table: Vec<f64>,
    /// Sum and sum of squares of the weights.
    pub(super) weight: f64,
    pub(super) squares: f64,
}

impl<'b> Battery<'b> {
    pub(super) fn new(
        likelihoods: &'b AnswerLikelihoods,
        weights: &'b [f64],
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        let everything = || 0..likelihoods.n_questions();
        let blocks = map_blocks_behind(gate, likelihoods.len(), |rows| {
            let mut joint = vec![0.0; likelihoods.n_lanes()];
            let mut segments = vec![0.0; likelihoods.n_segments()];
            let of = |row| {
                likelihoods.joint(everything(), row, &mut joint);
                likelihoods.segments(&joint, &mut segments);
                modal(&segments)
            };
            rows.map(of).collect::<Vec<usize>>()
        })?;
        Ok(Self {
            likelihoods,
            weights,
            targets: blocks.concat(),
        })
    }

    /// The best sets found, one for each size from that of the questions which are in every set.
    pub(super) fn choose(&self, choice: &Choice, gate: &Gate<'_, '_>) -> Result<Vec<Vec<usize>>> {
        let mut chosen = choice.always.clone();
        let mut sets = Vec::new();
        if !chosen.is_empty() {
            sets.push(chosen.clone());
        }
        while chosen.len() < choice.largest {
            let candidates: Vec<usize> = choice
                .free
                .iter()
                .copied()
                .filter(|one| !chosen.contains(one))
                .collect();
            let values = self.expected(&chosen, &candidates, gate)?;
            let Some((best, _)) = largest(&values) else {
                break;
            };
            chosen.push(candidates[best]);
            self.exchange(&mut chosen, choice, gate)?;
            sets.push(chosen.clone());
        }
        Ok(sets)
    }

    /// Replaces one question at a time as long as that gains anything. Each exchange raises the value,
    /// and there are finitely many sets, so that it ends.
    fn exchange(&self, chosen: &mut [usize], choice: &Choice, gate: &Gate<'_, '_>) -> Result<()> {
        let (last, others) = match chosen.split_last() {
            Some((last, others)) => (*last, others.to_vec()),
            None => return Ok(()),
        };
        let mut value = self.expected(&others, &[last], gate)?[0];
        loop {
            let candidates: Vec<usize> = choice
                .free
                .iter()
                .copied()
                .filter(|one| !chosen.contains(one))
                .collect();
            let mut best = (value + GAIN * self.total(), None);
            for place in choice.always.len()..chosen.len() {
                let others: Vec<usize> = (0..chosen.len())
                    .filter(|other| *other != place)
                    .map(|other| chosen[other])
                    .collect();
                let values = self.expected(&others, &candidates, gate)?;
                if let Some((candidate, value)) = largest(&values)
                    && value > best.0
                {
                    best = (value, Some((place, candidates[candidate])));
                }
            }
            let (better, Some((place, question))) = best else {
                return Ok(());
            };
            (value, chosen[place]) = (better, question);
        }
    }

    fn total(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Expected members of equal assignment, for every candidate added to the questions asked.
    fn expected(
        &self,
        asked: &[usize],
        candidates: &[usize],
        gate: &Gate<'_, '_>,
    ) -> Result<Vec<f64>> {
        let all = self.likelihoods;
        let blocks = map_blocks_behind(gate, self.targets.len(), |rows| {
            let mut joint = vec![0.0; all.n_lanes()];
            let mut sums = vec![0.0; candidates.len()];
            for row in rows {
                all.joint(asked.iter().copied(), row, &mut joint);
                let own = all.lanes_of(self.targets[row]);
                for (sum, candidate) in sums.iter_mut().zip(candidates) {
                    let factors = all.factors(*candidate, row);
                    let (mut total, mut right) = (0.0, 0.0);
                    for (value, factor) in joint.iter().zip(factors) {
                        total += value * factor;
                    }
                    for (value, factor) in joint[own.clone()].iter().zip(&factors[own.clone()]) {
                        right += value * factor;
                    }
                    // Neither is 0: see `joint`.
                    *sum += self.weights[row] * right / total.max(f64::MIN_POSITIVE);
                }
            }
            sums
        })?;
        let mut sums = vec![0.0; candidates.len()];
        for block in blocks {
            for (sum, part) in sums.iter_mut().zip(block) {
                *sum += part;
            }
        }
        Ok(sums)
    }

    /// How a set does.
    pub(super) fn score(&self, asked: &[usize], gate: &Gate<'_, '_>) -> Result<Score> {
        let all = self.likelihoods;
        let k = all.n_segments();
        let blocks = map_blocks_behind(gate, self.targets.len(), |rows| {
            let mut joint = vec![0.0; all.n_lanes()];
            let mut segments = vec![0.0; k];
            let mut score = Score::new(k);
            for row in rows {
                let weight = self.weights[row];
                all.joint(asked.iter().copied(), row, &mut joint);
                let total = all.segments(&joint, &mut segments);
                let target = self.targets[row];
                score.expected += weight * segments[target] / total;
                score.table[target * k + modal(&segments)] += weight;
                score.weight += weight;
                score.squares += weight * weight;
            }
            score
        })?;
        let mut all = Score::new(k);
        for block in &blocks {
            all.add(block);
        }
        Ok(all)
    }
}

impl Score {
    pub(super) fn new(n_segments: usize) -> Self {
        Self {
            table: vec![0.0; n_segments * n_segments],
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.expected += other.expected;
        self.weight += other.weight;
        self.squares += other.squares;
        for (sum, part) in self.table.iter_mut().zip(&other.table) {
            *sum += part;
        }
    }

    /// With segment k numbered `order[k]`.
    pub(super) fn renumbered(&self, order: &[usize]) -> Self {
        let n = order.len();
        let mut other = Self {
            table: vec![0.0; n * n],
            ..self.clone()
        };
        for (place, value) in self.table.iter().enumerate() {
            other.table[order[place / n] * n + order[place % n]] = *value;
        }
        other
    }

    /// The share of respondents who are assigned alike.
    pub(super) fn agreement(&self, n_segments: usize) -> f64 {
        let equal = (0..n_segments).map(|k| self.table[k * (n_segments + 1)]);
        equal.sum::<f64>() / self.weight
    }
}

/// The place of the largest, and it; of equals the first.
fn largest(values: &[f64]) -> Option<(usize, f64)> {
    values
        .iter()
        .copied()
        .enumerate()
        .reduce(|best, one| if one.1 > best.1 { one } else { best })
}

//! Numbers by their rank among the customers, and cubic splines of that rank.

use serde::{Deserialize, Serialize};

/// Landmarks between which ranks are interpolated: more than any spline's knots.
const LANDMARKS: usize = 256;

/// A map from numbers to their rank, from 0 (the lowest) to 1 (the highest), linear between
/// landmarks. Beyond the ends it is constant, so that nothing is extrapolated.
///
/// Ranks take the skew out of amounts and counts, and place a spline's knots where customers are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rank {
    /// Rising.
    values: Vec<f64>,
    /// Rising, from 0 to 1.
    ranks: Vec<f64>,
}

impl Rank {
    /// From pairs of distinct values, rising, and the weights on them; at least two.
    pub(crate) fn learn(distinct: &[(f64, f64)]) -> Self {
        let total: f64 = distinct.iter().map(|(_, weight)| weight).sum();
        let (mut values, mut ranks) = (Vec::new(), Vec::new());
        let (mut below, mut next) = (0.0, 0.0);
        for (place, (value, weight)) in distinct.iter().enumerate() {
            let last = place + 1 == distinct.len();
            let through = below + weight;
            // The middle of the value's own share; every value where there are few.
            if through >= next || last || distinct.len() <= LANDMARKS {
                values.push(*value);
                ranks.push((below + 0.5 * weight) / total);
                next = (through / total * LANDMARKS as f64).floor() + 1.0;
                next *= total / LANDMARKS as f64;
            }
            below = through;
        }
        let (first, span) = (ranks[0], ranks[ranks.len() - 1] - ranks[0]);
        for rank in &mut ranks {
            *rank = (*rank - first) / span;
        }
        Self { values, ranks }
    }

    /// The rank of a number that is not missing.
    #[inline]
    pub(crate) fn of(&self, value: f64) -> f64 {
        let place = self.values.partition_point(|landmark| *landmark <= value);
        if place == 0 {
            return 0.0;
        }
        if place == self.values.len() {
            return 1.0;
        }
        let (low, high) = (self.values[place - 1], self.values[place]);
        let part = (value - low) / (high - low);
        self.ranks[place - 1] + part * (self.ranks[place] - self.ranks[place - 1])
    }

    /// The number at a rank.
    pub(crate) fn value(&self, rank: f64) -> f64 {
        let place = self.ranks.partition_point(|landmark| *landmark <= rank);
        let place = place.clamp(1, self.ranks.len() - 1);
        let (low, high) = (self.ranks[place - 1], self.ranks[place]);
        let part = ((rank - low) / (high - low)).clamp(0.0, 1.0);
        self.values[place - 1] + part * (self.values[place] - self.values[place - 1])
    }

    /// That a file's landmarks could have been learned.
    pub(crate) fn is_valid(&self) -> bool {
        let rising = |numbers: &[f64]| {
            numbers.iter().all(|x| x.is_finite()) && numbers.windows(2).all(|w| w[0] < w[1])
        };
        self.values.len() == self.ranks.len()
            && self.values.len() >= 2
            && rising(&self.values)
            && rising(&self.ranks)
    }
}

/// Where a rank lies among the knots, and the weights of the four basis functions that are not 0
/// there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Local {
    pub(crate) first: usize,
    pub(crate) weights: [f64; 4],
}

/// Number of cubic B-splines over so many intervals of equal length.
pub(crate) fn n_splines(intervals: usize) -> usize {
    intervals + 3
}

/// The cubic B-splines at a rank from 0 to 1 (de Boor 1978; Eilers & Marx 1996, Statistical Science 11,
/// 89-121): the weights are positive and add up to 1.
#[inline]
pub(crate) fn splines(rank: f64, intervals: usize) -> Local {
    let place = rank * intervals as f64;
    // A rank of 1 belongs to the last interval.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to `intervals`
    let first = (place as usize).min(intervals - 1);
    let t = place - first as f64;
    let s = 1.0 - t;
    let sixth = 1.0 / 6.0;
    Local {
        first,
        weights: [
            s * s * s * sixth,
            (3.0 * t * t * (t - 2.0) + 4.0) * sixth,
            (3.0 * s * s * (s - 2.0) + 4.0) * sixth,
            t * t * t * sixth,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_rise_from_0_to_1_and_stay_there() {
        let distinct: Vec<(f64, f64)> = (0..5000).map(|x| (f64::from(x).powi(3), 1.0)).collect();
        let rank = Rank::learn(&distinct);
        assert!(
            rank.is_valid() && rank.values.len() <= LANDMARKS + 2,
            "{}",
            rank.values.len()
        );
        assert_eq!((rank.of(-1e15), rank.of(f64::MAX)), (0.0, 1.0));
        let few = Rank::learn(&[(0.0, 6.0), (1.0, 2.0), (5.0, 2.0)]);
        assert!((few.ranks[1] - 0.4 / 0.6).abs() < 1e-15);
        assert!((few.of(3.0) - 0.5 * (0.4 / 0.6 + 1.0)).abs() < 1e-15);
        assert!((few.value(few.of(2.5)) - 2.5).abs() < 1e-12);
    }

    #[test]
    fn splines_are_positive_add_up_and_reproduce_straight_lines() {
        for intervals in [1, 2, 7, 40] {
            for step in 0..=1000 {
                let rank = f64::from(step) / 1000.0;
                let Local { first, weights } = splines(rank, intervals);
                assert!(first + 4 <= n_splines(intervals));
                assert!(weights.iter().all(|weight| *weight >= 0.0));
                assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
                let line = |k: usize| (first + k) as f64 - 1.0;
                let found: f64 = (0..4).map(|k| weights[k] * line(k)).sum();
                assert!((found / intervals as f64 - rank).abs() < 1e-13);
            }
        }
    }
}

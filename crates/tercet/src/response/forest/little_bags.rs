//! How far effects would move with other customers: little bags.
//!
//! Trees are grown in bags, each of which sees its own half of the rows. The spread of the bags' means
//! is the forest's variance, and the noise of few trees a bag besides; the spread within bags tells how
//! much noise that is (Athey, Tibshirani & Wager 2019, section 4.1; Sexton & Laake 2009). With a few
//! hundred trees the difference of the two is itself noisy, now and then negative. It is proportional to
//! the noise within bags, by a factor that is much the same everywhere: so the factor of a customer is
//! drawn towards that of all by as much as the noise of both tells (empirical Bayes).

use serde::{Deserialize, Serialize};

use super::moments::Solved;

/// What bags say of one effect at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    /// The mean square of the bags' means.
    between: f64,
    /// How much of it is owed to the trees within bags.
    noise: f64,
}

/// The factor between noise and variance: of all customers, and how it varies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Factor {
    pub(super) mean: f64,
    pub(super) variance: f64,
}

/// The shape of a forest: how many bags of how many trees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) bags: usize,
    pub(super) trees: usize,
}

/// The spread of every effect, from the leaves of all trees, bag by bag.
pub(super) fn spreads<'l, const K: usize>(
    solved: &Solved<K>,
    leaves: impl Iterator<Item = &'l [f32]>,
    shape: Shape,
) -> [Spread; K] {
    let size = shape.trees as f64;
    let (mut between, mut within) = ([0.0; K], [0.0; K]);
    let (mut sums, mut squares, mut seen) = ([0.0; K], [0.0; K], 0);
    for leaf in leaves {
        let pull = solved.influence(leaf);
        for k in 0..K {
            sums[k] += pull[k];
            squares[k] += pull[k] * pull[k];
        }
        seen += 1;
        if seen == shape.trees {
            for k in 0..K {
                let mean = sums[k] / size;
                between[k] += mean * mean;
                within[k] += squares[k] / size - mean * mean;
            }
            (sums, squares, seen) = ([0.0; K], [0.0; K], 0);
        }
    }
    let bags = shape.bags as f64;
    std::array::from_fn(|k| Spread {
        between: between[k] / bags,
        // The variance within a bag has `size - 1` degrees; the mean of `size` trees has its part.
        noise: (within[k] / bags / (size - 1.0)).max(0.0),
    })
}

impl Shape {
    /// The variance of an estimated factor around `factor`, in units of `(1 + factor)²`.
    fn sampling(self) -> f64 {
        let (bags, trees) = (self.bags as f64, self.trees as f64);
        2.0 / bags + 2.0 / (bags * (trees - 1.0))
    }
}

impl Factor {
    /// From the spreads of some customers.
    pub(super) fn learn(spreads: &[Spread], shape: Shape) -> Self {
        let noise: f64 = spreads.iter().map(|one| one.noise).sum();
        let between: f64 = spreads.iter().map(|one| one.between).sum();
        if noise <= 0.0 {
            return Self {
                mean: 0.0,
                variance: 0.0,
            };
        }
        let mean = (between / noise - 1.0).max(0.0);
        let ratios = spreads.iter().filter(|one| one.noise > 0.0);
        let ratios: Vec<f64> = ratios.map(|one| one.between / one.noise - 1.0).collect();
        let n = ratios.len() as f64;
        let centre = ratios.iter().sum::<f64>() / n;
        let spread = ratios
            .iter()
            .map(|ratio| (ratio - centre).powi(2))
            .sum::<f64>()
            / n;
        let sampling = (1.0 + mean).powi(2) * shape.sampling();
        Self {
            mean,
            variance: (spread - sampling).max(0.0),
        }
    }

    /// The variance of an effect: that of the limit of many trees, and what these trees are off from it.
    pub(super) fn variance_of(&self, spread: Spread, shape: Shape) -> f64 {
        let Spread { between, noise } = spread;
        if noise <= 0.0 {
            return between;
        }
        let bags = shape.bags as f64;
        let sampling = (1.0 + self.mean).powi(2) * shape.sampling();
        let own = between / noise - 1.0;
        let weight = self.variance / (self.variance + sampling);
        let factor = self.mean + weight * (own - self.mean);
        // A tenth of the usual factor at least, so that no interval is a point.
        noise * (factor.max(0.1 * self.mean) + 1.0 / bags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use rand_distr::{Distribution, StandardNormal};

    /// Draws spreads of bags whose means have variance `v` and whose trees vary by `w` around them.
    fn drawn(v: f64, w: f64, shape: Shape, stream: u64) -> Spread {
        let mut generator = Seed(1).stream(stream);
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let (mut between, mut within) = (0.0, 0.0);
        for _ in 0..shape.bags {
            let centre = v.sqrt() * normal();
            let trees: Vec<f64> = (0..shape.trees)
                .map(|_| centre + w.sqrt() * normal())
                .collect();
            let mean = trees.iter().sum::<f64>() / trees.len() as f64;
            between += mean * mean;
            within += trees.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / trees.len() as f64;
        }
        let bags = shape.bags as f64;
        Spread {
            between: between / bags,
            noise: within / bags / (shape.trees as f64 - 1.0),
        }
    }

    #[test]
    fn the_variance_of_the_bags_is_recovered_with_less_noise_than_by_itself() {
        let shape = Shape { bags: 50, trees: 4 };
        let (v, w) = (1.0, 12.0);
        let spreads: Vec<Spread> = (0..2_000)
            .map(|stream| drawn(v, w, shape, stream))
            .collect();
        let factor = Factor::learn(&spreads, shape);
        assert!((factor.mean - v / (w / 4.0)).abs() < 0.03, "{factor:?}");
        let of_trees = w / 200.0;
        let (mut plain, mut drawn_in) = (0.0, 0.0);
        for spread in &spreads {
            plain += (spread.between - spread.noise - v).powi(2);
            drawn_in += (factor.variance_of(*spread, shape) - of_trees - v).powi(2);
        }
        assert!(drawn_in < 0.25 * plain, "{drawn_in} {plain}");
    }
}

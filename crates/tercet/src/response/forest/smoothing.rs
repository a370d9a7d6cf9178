//! What a forest smooths away: how far its effects are from the true ones on average.
//!
//! Little bags tell how far effects would move with other customers, and nothing of what the forest
//! would miss with all of them: few customers an effect, or many useless features, and it draws effects
//! towards the mean. Intervals that are to hold what they say *on average over customers* need the mean
//! square of that bias too (Nychka 1988, JASA 83, 1134-1143; Armstrong, Kolesár & Plagborg-Møller 2022,
//! Econometrica 90, 2567-2602). It is
//!
//! ```text
//! E (τ̂ - τ)² - E V  =  Var τ - 2 Cov(Γ, τ̂) + Var τ̂ - E V
//! ```
//!
//! where `τ̂` are the effects predicted out of bag, `V` their variances by little bags, and `Γ` doubly
//! robust scores, whose expectation is `τ`. `Var τ` is what a smooth function of the features explains of
//! the scores, less what it would explain by chance; or what the forest explains, where that is more.

use nalgebra::{DMatrix, DVector};
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use crate::response::bins::{Bins, MOST_BINS};

/// Rows that the function is fitted to at most.
const ROWS: usize = 200_000;
/// Features and columns of the function at most; rows a column at least.
const FEATURES: usize = 20;
const COLUMNS: usize = 120;
const ROWS_A_COLUMN: usize = 20;
/// Parts of equally many customers that a number is cut into, and frequent levels that have a column.
const PARTS: usize = 6;
/// How large the mean square is held to be beforehand, in variances.
const USUAL: f64 = 0.5;
/// The most important features have products.
const IN_PRODUCTS: usize = 6;

/// A function of the features: steps of each, frequent levels, a few products.
pub(super) struct Smooth<'a> {
    bins: &'a Bins,
    rows: Vec<usize>,
    features: Vec<Steps>,
    /// Columns of steps.
    n_steps: usize,
    /// Pairs of the features.
    products: Vec<(usize, usize)>,
}

/// What the function knows of a feature.
struct Steps {
    feature: usize,
    /// The column of each bin; none for those of the part that others are compared with.
    columns: [Option<u16>; MOST_BINS],
    /// The middle rank of each bin, from -1 to 1.
    ranks: [f64; MOST_BINS],
}

impl<'a> Smooth<'a> {
    /// Of the most important of the features.
    pub(super) fn new(bins: &'a Bins, n: usize, unordered: &[bool], importance: &[f64]) -> Self {
        let rows: Vec<usize> = (0..n).step_by(n.div_ceil(ROWS)).collect();
        let mut order: Vec<usize> = (0..bins.width()).collect();
        order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]));
        let most = COLUMNS.min(rows.len() / ROWS_A_COLUMN);
        let (mut features, mut n_steps) = (Vec::new(), 0);
        for &feature in order.iter().take(FEATURES) {
            let mut counts = [0_usize; MOST_BINS];
            for &row in &rows {
                counts[usize::from(bins.row(row)[feature])] += 1;
            }
            let ranks = ranks(&counts, rows.len());
            let parts = if unordered[feature] {
                levels(&counts)
            } else {
                parts(&counts, &ranks)
            };
            let added = parts
                .iter()
                .flatten()
                .max()
                .map_or(0, |last| usize::from(*last) + 1);
            if added == 0 || n_steps + added > most {
                continue;
            }
            let first = u16::try_from(n_steps).unwrap_or(u16::MAX);
            n_steps += added;
            let columns = parts.map(|part| part.map(|part| first + part));
            features.push(Steps {
                feature,
                columns,
                ranks,
            });
        }
        let several = 0..features.len().min(IN_PRODUCTS);
        let pairs = several
            .clone()
            .flat_map(|a| several.clone().map(move |b| (a, b)));
        let products = pairs.filter(|(a, b)| a < b).take(most - n_steps).collect();
        Self {
            bins,
            rows,
            features,
            n_steps,
            products,
        }
    }

    /// The columns of a row that are not 0, in their order; the last is 1 in every row.
    fn present(&self, row: usize, present: &mut Vec<(usize, f64)>) {
        let bins = self.bins.row(row);
        let bin = |one: &Steps| usize::from(bins[one.feature]);
        present.clear();
        let steps = self.features.iter().filter_map(|one| one.columns[bin(one)]);
        present.extend(steps.map(|column| (usize::from(column), 1.0)));
        let rank = |place: usize| {
            let one = &self.features[place];
            one.ranks[bin(one)]
        };
        let products = self.products.iter().zip(self.n_steps..);
        present.extend(products.map(|((a, b), place)| (place, rank(*a) * rank(*b))));
        present.push((self.n_steps + self.products.len(), 1.0));
    }

    /// The variance of the scores that the function explains, less what it would explain by chance;
    /// and what it leaves.
    fn explained(&self, scores: impl Fn(usize) -> f64) -> (f64, f64) {
        let d = self.n_steps + self.products.len() + 1;
        let mut squares = DMatrix::<f64>::zeros(d, d);
        let mut sums = DVector::<f64>::zeros(d);
        let mut total = 0.0;
        let mut present = Vec::new();
        for &row in &self.rows {
            let score = scores(row);
            self.present(row, &mut present);
            for (place, (column, x)) in present.iter().enumerate() {
                sums[*column] += x * score;
                // Only the lower triangle is read.
                for (other, y) in &present[..=place] {
                    squares[(*column, *other)] += x * y;
                }
            }
            total += score * score;
        }
        let n = self.rows.len() as f64;
        // Columns may repeat each other, as features do; a trace of a ridge keeps the solution finite.
        for place in 0..d {
            squares[(place, place)] += 1e-6 * n;
        }
        let Some(factor) = squares.cholesky() else {
            return (0.0, total / n);
        };
        let mean = sums[d - 1] / n;
        let explained = sums.dot(&factor.solve(&sums)) - n * mean * mean;
        let columns = (d - 1) as f64;
        let residual = (total - n * mean * mean - explained) / (n - columns - 1.0);
        ((explained - columns * residual) / n, residual)
    }

    /// The mean square of what the forest is off by beyond `variance`, the mean of its variances.
    pub(super) fn missed(
        &self,
        scores: impl Fn(usize) -> f64,
        effects: impl Fn(usize) -> f64,
        variance: f64,
    ) -> f64 {
        let told = || self.rows.iter();
        let n = self.rows.len() as f64;
        let mean = |of: &dyn Fn(usize) -> f64| told().map(|&row| of(row)).sum::<f64>() / n;
        let (score, effect) = (mean(&scores), mean(&effects));
        let spread = mean(&|row| (effects(row) - effect).powi(2));
        let common = mean(&|row| (effects(row) - effect) * (scores(row) - score));
        let by_forest = if spread > 0.0 {
            common.max(0.0).powi(2) / spread
        } else {
            0.0
        };
        let (explained, residual) = self.explained(&scores);
        let of_effects = explained.max(by_forest);
        let all = of_effects - 2.0 * common + spread;
        let columns = (self.n_steps + self.products.len()) as f64;
        let error = 2.0 * columns * (residual / n).powi(2) + 4.0 * residual / n * all.max(variance);
        believed(all - variance, error.sqrt(), USUAL * variance)
    }
}

/// The mean of what a noisy estimate, with its error, leaves probable of a mean square that is not
/// negative, where `usual` is about as much as is met before.
///
/// A forest's bias and variance are of one size, and trends have been taken off the bias: the variance tells
/// how much of it is usual.
fn believed(estimate: f64, error: f64, usual: f64) -> f64 {
    if !(estimate.is_finite() && error > 0.0 && usual > 0.0) {
        return estimate.max(0.0);
    }
    // Of a normal likelihood and an exponential prior: a normal distribution, cut off at 0.
    let centre = estimate - error * error / usual;
    let z = centre / error;
    if z < -6.0 {
        return -error / z;
    }
    let normal = Normal::standard();
    centre + error * normal.pdf(z) / normal.cdf(z)
}

/// The middle rank of each bin, from -1 to 1.
fn ranks(counts: &[usize; MOST_BINS], n: usize) -> [f64; MOST_BINS] {
    let mut below = 0;
    counts.map(|count| {
        let middle = below as f64 + 0.5 * count as f64;
        below += count;
        2.0 * middle / n as f64 - 1.0
    })
}

/// The part of each bin of a number, from the second part on.
fn parts(counts: &[usize; MOST_BINS], ranks: &[f64; MOST_BINS]) -> [Option<u16>; MOST_BINS] {
    let mut found = [None; MOST_BINS];
    let (mut last, mut next) = (None, 0);
    for bin in (0..MOST_BINS).filter(|&bin| counts[bin] > 0) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below PARTS
        let part = (0.5 * (ranks[bin] + 1.0) * PARTS as f64) as usize;
        if last.is_some_and(|last| last != part) {
            next += 1;
        }
        last = Some(part);
        found[bin] = (next > 0).then(|| next - 1);
    }
    found
}

/// A place for each of the most frequent levels, but for the last where there are no others.
fn levels(counts: &[usize; MOST_BINS]) -> [Option<u16>; MOST_BINS] {
    let mut order: Vec<usize> = (0..MOST_BINS).filter(|&bin| counts[bin] > 0).collect();
    order.sort_by_key(|&bin| std::cmp::Reverse(counts[bin]));
    let kept = order.len().saturating_sub(1).min(PARTS - 1);
    let mut found = [None; MOST_BINS];
    for (bin, place) in order[..kept].iter().zip(0..) {
        found[*bin] = Some(place);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noisy_square_is_believed_in_part() {
        // Certain: as it is, and none below 0. Of no use: what is usual.
        assert!((believed(2.0, 1e-3, 1.0) - 2.0).abs() < 1e-5);
        assert!(believed(-2.0, 1e-3, 1.0) < 1e-5);
        assert!((believed(0.0, 30.0, 1.0) - 1.0).abs() < 0.01);
        // A normal distribution around 0, cut off there, has a mean of sqrt(2 / pi).
        assert!((believed(0.0, 1.0, 1e9) - 0.797_884_56).abs() < 1e-6);
    }
    use crate::data::{Design, Feature};
    use crate::observe::Phase;
    use crate::parallel::Gate;
    use crate::random::Seed;
    use crate::response::bins::Binning;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn bias_is_recovered() {
        let n = 20_000;
        let mut generator = Seed(5).stream(0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let x: Vec<f64> = (0..n).map(|_| normal()).collect();
        let z: Vec<f64> = (0..n).map(|_| normal()).collect();
        let scores: Vec<f64> = x.iter().map(|x| 0.5 * x + 2.0 * normal()).collect();
        let columns = [("x", &x), ("z", &z)];
        let columns = columns.map(|(name, x)| (name.to_owned(), Feature::Numbers(x)));
        let design = Design::new(columns.into()).unwrap();
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let bins = Binning::learn(&design, 100)
            .encode(&design, &Gate::new(&mut phase))
            .unwrap();
        let smooth = Smooth::new(&bins, n, &[false, false], &[0.5, 0.5]);
        // Half of the slope is missed: the bias is 0.25 x, whose mean square is 0.0625.
        let missed = smooth.missed(|row| scores[row], |row| 0.25 * x[row], 0.0);
        assert!((missed - 0.0625).abs() < 0.015, "{missed}");
        // Little is missed by the truth, and where the variance tells of it.
        let missed = smooth.missed(|row| scores[row], |row| 0.5 * x[row], 0.0);
        assert!(missed < 0.015, "{missed}");
        let missed = smooth.missed(|row| scores[row], |row| 0.25 * x[row], 0.1);
        assert!(missed < 0.01, "{missed}");
    }
}

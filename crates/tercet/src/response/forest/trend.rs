//! What a forest leaves of effects: trends that trees of few customers do not reach.
//!
//! A tree tells few values, and a feature with a weak and even effect is seldom worth a split, so that a
//! forest draws effects towards their mean. Doubly robust scores less the effects that trees without the
//! customer predict are noisy readings of how far the forest is off. A regression on the forest's own
//! effects and on straight and bent lines of the features finds what of it is even; what is left is
//! added to the effects. How much of the readings is believed follows from the readings: coefficients
//! are normal around 0, and all sizes of them are weighed by how probable they make the readings
//! (a Bayesian ridge regression, over a grid of its one unknown). This does what local linear forests do
//! in every leaf (Friedberg, Tibshirani, Athey & Wager 2021, Journal of Computational and Graphical
//! Statistics 30, 503-517), once for all.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};

use crate::response::bins::{Bins, MISSING, MOST_BINS};

/// Features that have lines at most, and those that have products.
const FEATURES: usize = 20;
const IN_PRODUCTS: usize = 4;
/// Levels of a feature that have a column at most, and the share of rows that a column needs.
const LEVELS: usize = 5;
const SHARE: f64 = 0.01;
/// How much less is expected of bends and products than of lines (of variances).
const LESS: f64 = 0.25;
/// Rows that the regression is fitted to at most.
const ROWS: usize = 200_000;
/// Parts of the rows of which each is told by the others.
const FOLDS: usize = 5;
const SCATTER: u64 = 0x9E37_79B9_7F4A_7C15;
/// The mean square of the corrections lies between so many times the forest's variance: powers of 2.
const SIZES: std::ops::RangeInclusive<i32> = -6..=6;
/// How much rarer greater sizes are held to be beforehand (a size's logarithm of probability).
const RARE: f64 = 0.5;

/// A function of one feature's bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    feature: usize,
    /// A value a bin; bins beyond have the last.
    values: Vec<f64>,
}

/// The columns of the regression, without their coefficients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Columns {
    lines: Vec<Line>,
    /// Pairs of lines.
    products: Vec<(usize, usize)>,
}

/// The correction of one effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trend {
    /// The mean of the readings, and its variance.
    level: [f64; 2],
    /// The mean of the forest's effects, and 1 by their spread.
    scale: [f64; 2],
    /// The means of the columns, the forest's own effects the first.
    centre: Vec<f64>,
    coefficients: Vec<f64>,
    /// Their covariances, the lower triangle row by row.
    covariances: Vec<f64>,
}

impl Columns {
    /// Of the most important features.
    pub(super) fn new(
        bins: &Bins,
        n: usize,
        unordered: &[bool],
        importance: &[f64],
    ) -> (Self, Vec<f64>) {
        let mut order: Vec<usize> = (0..bins.width())
            .filter(|&feature| importance[feature] > 0.0)
            .collect();
        order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]).then(a.cmp(&b)));
        let (mut lines, mut priors, mut straight) = (Vec::new(), vec![1.0], Vec::new());
        let top = order.first().map_or(1.0, |&first| importance[first]);
        for &feature in order.iter().take(FEATURES) {
            let mut counts = [0_usize; MOST_BINS];
            for row in (0..n).step_by(n.div_ceil(ROWS)) {
                counts[usize::from(bins.row(row)[feature])] += 1;
            }
            let prior = importance[feature] / top;
            let mut add = |values: Vec<f64>, less: f64| {
                lines.push(Line { feature, values });
                priors.push(prior * less);
            };
            let total = counts.iter().sum::<usize>() as f64;
            let frequent = |bin: usize| counts[bin] as f64 >= SHARE * total;
            if unordered[feature] {
                let mut levels: Vec<usize> = (0..MOST_BINS).filter(|&bin| frequent(bin)).collect();
                levels.sort_by_key(|&bin| std::cmp::Reverse(counts[bin]));
                for &level in levels.iter().take(LEVELS) {
                    add(marked(level), 1.0);
                }
                continue;
            }
            let ranks = ranks(&counts);
            let bent = ranks.iter().map(|rank| 1.5 * rank * rank - 0.5);
            add(bent.collect(), LESS);
            if frequent(usize::from(MISSING)) {
                add(marked(usize::from(MISSING)), 1.0);
            }
            add(ranks, 1.0);
            straight.push(lines.len() - 1);
        }
        let several = &straight[..straight.len().min(IN_PRODUCTS)];
        let mut products = Vec::new();
        for (place, &a) in several.iter().enumerate() {
            for &b in &several[place + 1..] {
                products.push((a, b));
                priors.push(LESS * (priors[a + 1] * priors[b + 1]).sqrt());
            }
        }
        (Self { lines, products }, priors)
    }

    /// Number of columns, that of the forest's effects included.
    fn len(&self) -> usize {
        1 + self.lines.len() + self.products.len()
    }

    /// Writes a row's columns, but for the first.
    fn write(&self, bins: &[u8], numbers: &mut [f64]) {
        let (lines, products) = numbers[1..].split_at_mut(self.lines.len());
        for (line, number) in self.lines.iter().zip(&mut *lines) {
            let bin = usize::from(bins[line.feature]);
            *number = line.values[bin.min(line.values.len() - 1)];
        }
        for ((a, b), number) in self.products.iter().zip(products) {
            *number = lines[*a] * lines[*b];
        }
    }

    /// That a file's columns are of `n_features` features.
    pub(super) fn fit_to(&self, n_features: usize) -> bool {
        self.lines
            .iter()
            .all(|line| line.feature < n_features && !line.values.is_empty())
            && self
                .products
                .iter()
                .all(|(a, b)| *a.max(b) < self.lines.len())
    }

    /// Learns a correction an effect, and what it adds to the effects predicted out of bag, each row's
    /// by the other rows alone. `readings` and `effects` are of a row, `variance` the forest's.
    pub(super) fn learn(
        &self,
        priors: &[f64],
        bins: &Bins,
        (readings, effects): (impl Fn(usize) -> f64, impl Fn(usize) -> f64),
        n: usize,
        variance: f64,
    ) -> (Trend, Vec<f64>) {
        let d = self.len();
        let step = n.div_ceil(ROWS);
        let rows = || (0..n).step_by(step);
        let count = rows().count() as f64;
        let mean = rows().map(&effects).sum::<f64>() / count;
        let spread = rows().map(|row| (effects(row) - mean).powi(2)).sum::<f64>() / count;
        let by_spread = if spread > 0.0 {
            1.0 / spread.sqrt()
        } else {
            0.0
        };
        let scale = [mean, by_spread];
        // Scattered, so that an order or a rhythm of the rows is none of the folds.
        #[allow(clippy::cast_possible_truncation)] // 24 bits
        let fold = |row: usize| ((row as u64).wrapping_mul(SCATTER) >> 40) as usize % FOLDS;
        let mut folds = vec![Moments::zero(d); FOLDS];
        let mut numbers = vec![0.0; d];
        for row in rows() {
            numbers[0] = (effects(row) - mean) * by_spread;
            self.write(bins.row(row), &mut numbers);
            folds[fold(row)].add(&numbers, readings(row));
        }
        let mut all = Moments::zero(d);
        for fold in &folds {
            all.join(fold, 1.0);
        }
        let others = folds.iter().map(|fold| {
            let mut rest = all.clone();
            rest.join(fold, -1.0);
            rest.solve(priors, scale, variance)
        });
        let others: Vec<Trend> = others.collect();
        let added = (0..n).map(|row| {
            self.write(bins.row(row), &mut numbers);
            others[fold(row)].corrected(effects(row), &mut numbers) - effects(row)
        });
        let added = added.collect();
        (all.solve(priors, scale, variance), added)
    }

    /// A place for a row's numbers.
    pub(super) fn place(&self) -> Vec<f64> {
        vec![0.0; self.len()]
    }

    /// Fills a place with what a row has.
    #[inline]
    pub(super) fn read(&self, bins: &[u8], place: &mut [f64]) {
        self.write(bins, place);
    }
}

impl Trend {
    /// The corrected effect; `numbers` are the row's, as [`Columns::read`] left them.
    #[inline]
    pub(super) fn corrected(&self, effect: f64, numbers: &mut [f64]) -> f64 {
        numbers[0] = (effect - self.scale[0]) * self.scale[1];
        let terms = numbers.iter().zip(&self.centre).zip(&self.coefficients);
        effect + self.level[0] + terms.map(|((x, c), b)| (x - c) * b).sum::<f64>()
    }

    /// By how much the variance of the forest's effects counts in that of corrected ones.
    pub(super) fn stretch(&self) -> f64 {
        (1.0 + self.coefficients[0] * self.scale[1]).powi(2)
    }

    /// The variance of the correction, after [`Trend::corrected`].
    pub(super) fn variance(&self, numbers: &[f64]) -> f64 {
        let x: Vec<f64> = numbers
            .iter()
            .zip(&self.centre)
            .map(|(x, c)| x - c)
            .collect();
        let (mut sum, mut place) = (self.level[1], 0);
        for i in 0..x.len() {
            let row = &self.covariances[place..=place + i];
            let product: f64 = row[..i].iter().zip(&x).map(|(c, x)| c * x).sum();
            sum += x[i] * (2.0 * product + x[i] * row[i]);
            place += i + 1;
        }
        sum
    }

    /// That a file's numbers are as many as the columns, and finite.
    pub(super) fn fits(&self, columns: &Columns) -> bool {
        let d = columns.len();
        let lengths = [
            self.centre.len(),
            self.coefficients.len(),
            self.covariances.len(),
        ];
        lengths == [d, d, d * (d + 1) / 2]
    }
}

/// Sums of columns, readings, and their products.
#[derive(Debug, Clone)]
struct Moments {
    n: f64,
    x: DVector<f64>,
    xx: DMatrix<f64>,
    xr: DVector<f64>,
    r: f64,
    rr: f64,
}

impl Moments {
    fn zero(d: usize) -> Self {
        Self {
            n: 0.0,
            x: DVector::zeros(d),
            xx: DMatrix::zeros(d, d),
            xr: DVector::zeros(d),
            r: 0.0,
            rr: 0.0,
        }
    }

    fn add(&mut self, numbers: &[f64], reading: f64) {
        self.n += 1.0;
        self.r += reading;
        self.rr += reading * reading;
        for (i, x) in numbers.iter().enumerate() {
            self.x[i] += x;
            self.xr[i] += x * reading;
            // The upper triangle, column by column as it lies.
            for (sum, other) in self.xx.column_mut(i).iter_mut().zip(&numbers[..=i]) {
                *sum += x * other;
            }
        }
    }

    fn join(&mut self, other: &Self, sign: f64) {
        self.n += sign * other.n;
        self.x += &other.x * sign;
        self.xx += &other.xx * sign;
        self.xr += &other.xr * sign;
        self.r += sign * other.r;
        self.rr += sign * other.rr;
    }

    /// The mean of the coefficients and their covariances, over all sizes of corrections.
    fn solve(&self, priors: &[f64], scale: [f64; 2], variance: f64) -> Trend {
        let d = self.x.len();
        let n = self.n;
        let (centre, level) = (&self.x / n, self.r / n);
        let root = |place: usize| priors[place].sqrt();
        let weighed = DMatrix::from_fn(d, d, |i, j| {
            let own = self.xx[(i.min(j), i.max(j))] - n * centre[i] * centre[j];
            own * root(i) * root(j)
        });
        let pull = DVector::from_fn(d, |i, _| (self.xr[i] - n * centre[i] * level) * root(i));
        let eigen = SymmetricEigen::new(weighed);
        let values = eigen.eigenvalues.map(|value| value.max(0.0));
        let pull = eigen.eigenvectors.tr_mul(&pull);
        let noise = (self.rr - n * level * level).max(0.0) / (n - 1.0);
        let trace = values.sum();
        let mut trend = Trend {
            level: [level, noise / n],
            scale,
            centre: centre.iter().copied().collect(),
            coefficients: vec![0.0; d],
            covariances: vec![0.0; d * (d + 1) / 2],
        };
        if !(trace > 0.0 && noise > 0.0 && variance > 0.0) {
            return trend;
        }
        // The prior variance of the coefficients in units of the noise, a size each.
        let ratios: Vec<f64> = SIZES
            .map(|size| 2.0_f64.powi(size) * variance * n / (trace * noise))
            .collect();
        let fit = |t: f64| {
            let terms = values.iter().zip(pull.iter());
            let of = |(value, pull): (&f64, &f64)| {
                let shrunk = 1.0 + t * value;
                0.5 * (t * pull * pull / (noise * shrunk) - shrunk.ln())
            };
            terms.map(of).sum::<f64>()
        };
        let fits = ratios.iter().zip(SIZES);
        let fits: Vec<f64> = fits
            .map(|(t, size)| fit(*t) - RARE * 2.0_f64.powi(size))
            .collect();
        let best = fits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = fits.iter().map(|fit| (fit - best).exp()).collect();
        let total: f64 = weights.iter().sum();
        let solved = |t: f64| DVector::from_fn(d, |i, _| t * pull[i] / (1.0 + t * values[i]));
        let mut mean = DVector::zeros(d);
        for (t, weight) in ratios.iter().zip(&weights) {
            mean += solved(*t) * (weight / total);
        }
        let mut spread = DMatrix::zeros(d, d);
        for (t, weight) in ratios.iter().zip(&weights) {
            let share = weight / total;
            let off = solved(*t) - &mean;
            spread += &off * off.transpose() * share;
            for i in 0..d {
                spread[(i, i)] += share * noise * t / (1.0 + t * values[i]);
            }
        }
        let turned = &eigen.eigenvectors * &mean;
        let spread = &eigen.eigenvectors * spread * eigen.eigenvectors.transpose();
        let mut place = 0;
        for i in 0..d {
            trend.coefficients[i] = turned[i] * root(i);
            for j in 0..=i {
                trend.covariances[place] = spread[(i, j)] * root(i) * root(j);
                place += 1;
            }
        }
        trend
    }
}

/// The middle rank of each bin of values that are known, from -1 to 1; 0 for missing ones.
fn ranks(counts: &[usize; MOST_BINS]) -> Vec<f64> {
    let known: usize = counts.iter().skip(1).sum();
    let last = counts.iter().rposition(|n| *n > 0).unwrap_or(0);
    let mut below = 0;
    let rank = |(bin, count): (usize, &usize)| {
        if bin == usize::from(MISSING) || known == 0 {
            return 0.0;
        }
        let middle = below as f64 + 0.5 * *count as f64;
        below += count;
        2.0 * middle / known as f64 - 1.0
    };
    counts[..=last].iter().enumerate().map(rank).collect()
}

/// 1 in a bin, 0 elsewhere.
fn marked(bin: usize) -> Vec<f64> {
    let mut values = vec![0.0; bin + 2];
    values[bin] = 1.0;
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Design, Feature};
    use crate::observe::Phase;
    use crate::parallel::Gate;
    use crate::random::Seed;
    use crate::response::bins::Binning;
    use rand_distr::{Distribution, StandardNormal};

    /// Bins of two numbers and the numbers, the second missing at times.
    fn drawn(n: usize, seed: u64) -> (Bins, [Vec<f64>; 2], Vec<f64>) {
        let mut generator = Seed(seed).stream(0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let x: Vec<f64> = (0..n).map(|_| normal()).collect();
        let mut z: Vec<f64> = (0..n).map(|_| normal()).collect();
        let noise = (0..n).map(|_| 2.0 * normal()).collect();
        z.iter_mut().step_by(10).for_each(|z| *z = f64::NAN);
        let columns = [("x", &x), ("z", &z)];
        let columns = columns.map(|(name, x)| (name.to_owned(), Feature::Numbers(x)));
        let design = Design::new(columns.into()).unwrap();
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let bins = Binning::learn(&design, 100).encode(&design, &Gate::new(&mut phase));
        let bins = bins.unwrap();
        (bins, [x, z], noise)
    }

    fn square(errors: impl ExactSizeIterator<Item = f64>) -> f64 {
        let n = errors.len() as f64;
        errors.map(|error| error * error).sum::<f64>() / n
    }

    #[test]
    fn what_is_even_is_found_and_its_error_known() {
        let n = 10_000;
        let (bins, [x, z], noise) = drawn(n, 3);
        let importance = [0.6, 0.4];
        let (columns, priors) = Columns::new(&bins, n, &[false; 2], &importance);
        // Half of a trend is predicted; customers of an unknown second number gain more.
        let missing = |row: usize| if z[row].is_nan() { 0.4 } else { 0.0 };
        let truth = |row: usize| 0.3 * x[row] + missing(row);
        let effect = |row: usize| 0.15 * x[row];
        let reading = |row: usize| truth(row) - effect(row) + noise[row];
        let (trend, added) = columns.learn(&priors, &bins, (reading, effect), n, 0.02);
        let before = square((0..n).map(|row| truth(row) - effect(row)));
        let folds = square((0..n).map(|row| truth(row) - effect(row) - added[row]));
        let mut place = columns.place();
        let (mut after, mut told) = (0.0, 0.0);
        for row in 0..n {
            columns.read(bins.row(row), &mut place);
            after += (trend.corrected(effect(row), &mut place) - truth(row)).powi(2) / n as f64;
            told += trend.variance(&place) / n as f64;
        }
        assert!(
            after < 0.15 * before && folds < 0.2 * before,
            "{before} {folds} {after}"
        );
        assert!((0.5..2.0).contains(&(told / after)), "{told} {after}");
    }

    #[test]
    fn noise_alone_moves_little() {
        let n = 5_000;
        let sizes = (1..=8).map(|seed| {
            let (bins, _, noise) = drawn(n, seed);
            let (columns, priors) = Columns::new(&bins, n, &[false; 2], &[0.5, 0.5]);
            let reading = |row: usize| noise[row];
            let (_, added) = columns.learn(&priors, &bins, (reading, |_| 0.0), n, 0.004);
            square(added.into_iter())
        });
        // Least squares would move by 4 x 7 / 5,000 = 0.0056.
        let mean = sizes.sum::<f64>() / 8.0;
        assert!(mean < 0.002, "{mean}");
    }
}

//! Intervals of probabilities: what the uncertainty of the coefficients leaves open about them.

use super::fitted::{FittedPropensity, Uncertainty};
use super::score::Scorer;
use crate::data::Design;
use crate::error::Result;
use crate::math::interval::normal_quantile;
use crate::math::special::sigmoid;
use crate::observe::{Observer, Phase};

impl FittedPropensity {
    /// Intervals of the probability at confidence `level`, by the delta method on the log-odds: what
    /// the uncertainty of the coefficients leaves open about it, not whether it happens. Of an outcome
    /// of several classes, of every class against all others, row by row.
    ///
    /// The log-odds of class `k` are `η_k - ln Σ_{m≠k} e^η_m`; they move by 1 with `η_k`, and with each
    /// other `η_m` by minus the share of `m` among the others. So the variance needs the covariance of
    /// the classes' `η` only.
    ///
    /// # Errors
    /// Those of [`FittedPropensity::probabilities`]; [`InvalidParameter`](crate::Error::InvalidParameter)
    /// for a level outside 0 and 1, and for a model without standard errors.
    pub fn intervals(
        &self,
        customers: &Design<'_>,
        level: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        let z = normal_quantile(level)?;
        let uncertainty = self.uncertainty()?;
        let (width, dense) = (self.encoding.width(), self.encoding.dense);
        let lines: Vec<&[f64]> = self.coefficients.chunks_exact(width).collect();
        let scorer = Scorer::new(&self.encoding, lines[0], customers)?;
        let mut phase = Phase::new(observer, "scoring");
        scorer.map_tiles(lines.len(), &mut phase, |tile, found| {
            let mut present = Vec::new();
            let mut classes = Classes::new(lines.len());
            for row in 0..tile.len {
                tile.present(row, dense, &mut present);
                if let [line] = lines[..] {
                    let odds: f64 = present.iter().map(|(j, x)| line[*j] * x).sum();
                    let half = z * uncertainty.variance(&present).sqrt();
                    found.push([sigmoid(odds - half), sigmoid(odds + half)]);
                } else {
                    classes.look(&lines, uncertainty, &present);
                    found.extend((0..lines.len()).map(|class| classes.interval(class, z)));
                }
            }
        })
    }
}

/// The classes of a row: their `η`, and the covariance of these.
struct Classes {
    lines: Vec<f64>,
    covariance: Vec<f64>,
    /// How `η` enter the log-odds of a class.
    slopes: Vec<f64>,
}

impl Classes {
    fn new(n: usize) -> Self {
        Self {
            lines: vec![0.0; n],
            covariance: vec![0.0; n * n],
            slopes: vec![0.0; n],
        }
    }

    fn look(&mut self, lines: &[&[f64]], uncertainty: &Uncertainty, present: &[(usize, f64)]) {
        let (n, width) = (lines.len(), lines[0].len());
        for (value, line) in self.lines.iter_mut().zip(lines) {
            *value = present.iter().map(|(j, x)| line[*j] * x).sum();
        }
        for i in 0..n {
            for j in 0..=i {
                let value = uncertainty.between(present, i * width, j * width);
                self.covariance[i * n + j] = value;
                self.covariance[j * n + i] = value;
            }
        }
    }

    fn interval(&mut self, class: usize, z: f64) -> [f64; 2] {
        let n = self.lines.len();
        let others = || (0..n).filter(move |&other| other != class);
        // The largest of the others is taken off, so that nothing overflows.
        let largest = others()
            .map(|other| self.lines[other])
            .fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for other in others() {
            self.slopes[other] = (self.lines[other] - largest).exp();
            sum += self.slopes[other];
        }
        for other in others() {
            self.slopes[other] /= -sum;
        }
        self.slopes[class] = 1.0;
        let odds = self.lines[class] - largest - sum.ln();
        let rows = self.covariance.chunks_exact(n).zip(&self.slopes);
        let variance: f64 = rows
            .map(|(row, slope)| {
                let own = row.iter().zip(&self.slopes).map(|(v, other)| v * other);
                slope * own.sum::<f64>()
            })
            .sum();
        let half = z * variance.max(0.0).sqrt();
        [sigmoid(odds - half), sigmoid(odds + half)]
    }
}

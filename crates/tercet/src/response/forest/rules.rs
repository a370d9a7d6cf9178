//! The two things that trees look for: parts of a node whose means differ, and parts whose effects do.

use nalgebra::{SMatrix, SVector};

use super::growth::{Record, Rule};

/// Parts whose means of `w` differ: regression trees (Breiman et al. 1984).
pub(super) struct Means;

impl<const K: usize> Rule<K> for Means {
    fn label(&self, rows: &[Record<K>], rho: &mut [[f64; K]], _: &mut [u8]) -> bool {
        let mean = mean(rows);
        let mut spread = 0.0;
        for (row, rho) in rows.iter().zip(rho) {
            *rho = std::array::from_fn(|k| row.w[k] - mean.w[k]);
            spread += rho.iter().map(|x| x * x).sum::<f64>();
        }
        spread > 0.0
    }
}

/// Parts whose effects differ: the influence of each row on the effect in the node stands for the
/// effect itself, so that a cut costs an addition (Athey, Tibshirani & Wager 2019, section 2.3).
pub(super) struct Effects {
    /// Whether the treatment is an amount: a side then needs rows above and below the node's mean.
    pub(super) amount: bool,
}

impl<const K: usize> Rule<K> for Effects {
    fn label(&self, rows: &[Record<K>], rho: &mut [[f64; K]], arms: &mut [u8]) -> bool {
        let mean = mean(rows);
        let centred = |row: &Record<K>| {
            let w: SVector<f64, K> = SVector::from_fn(|k, _| row.w[k] - mean.w[k]);
            (w, row.y - mean.y)
        };
        let mut ww = SMatrix::<f64, K, K>::zeros();
        let mut wy = SVector::<f64, K>::zeros();
        for row in rows {
            let (w, y) = centred(row);
            for i in 0..K {
                wy[i] += w[i] * y;
                for j in 0..=i {
                    ww[(i, j)] += w[i] * w[j];
                }
            }
        }
        let scale = 1.0 / rows.len() as f64;
        // Only the lower triangle is read.
        let Some(factor) = (ww * scale).cholesky() else {
            return false;
        };
        let effect = factor.solve(&(wy * scale));
        let inverse = factor.inverse();
        for ((row, rho), arm) in rows.iter().zip(rho).zip(arms) {
            let (w, y) = centred(row);
            let influence = inverse * w * (y - w.dot(&effect));
            *rho = std::array::from_fn(|k| influence[k]);
            *arm = if self.amount {
                u8::from(w[0] >= 0.0)
            } else {
                row.arm
            };
        }
        true
    }
}

fn mean<const K: usize>(rows: &[Record<K>]) -> Record<K> {
    let mut sum = Record {
        y: 0.0,
        w: [0.0; K],
        arm: 0,
    };
    for row in rows {
        sum.y += row.y;
        for k in 0..K {
            sum.w[k] += row.w[k];
        }
    }
    let n = rows.len() as f64;
    sum.y /= n;
    sum.w = sum.w.map(|w| w / n);
    sum
}

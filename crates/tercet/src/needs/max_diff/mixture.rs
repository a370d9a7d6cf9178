//! Shares and utilities: the parameters, and the point that they are in their space.

use nalgebra::DVector;

/// A point in the space of parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixture {
    pub(super) log_shares: Vec<f64>,
    /// A row of `n_items` a segment; those of the first item are 0.
    pub(super) utilities: Vec<f64>,
    pub(super) n_items: usize,
}

impl Mixture {
    pub(super) fn n_segments(&self) -> usize {
        self.log_shares.len()
    }

    /// Free parameters: log-odds of the shares against the first, then the utilities, segment by
    /// segment, against the first item.
    pub(super) fn n_parameters(&self) -> usize {
        self.n_segments() - 1 + self.n_segments() * (self.n_items - 1)
    }

    /// Where the utilities of a segment begin among the parameters.
    pub(super) fn place(&self, segment: usize) -> usize {
        self.n_segments() - 1 + segment * (self.n_items - 1)
    }

    pub(super) fn segment(&self, segment: usize) -> &[f64] {
        &self.utilities[segment * self.n_items..(segment + 1) * self.n_items]
    }

    pub(super) fn to_point(&self) -> DVector<f64> {
        let odds = self.log_shares[1..]
            .iter()
            .map(|log| log - self.log_shares[0]);
        let rows = self.utilities.chunks_exact(self.n_items);
        let utilities = rows.flat_map(|row| row[1..].iter().map(move |u| u - row[0]));
        DVector::from_iterator(self.n_parameters(), odds.chain(utilities))
    }

    /// The mixture at a point of the same space.
    pub(super) fn at(&self, point: &DVector<f64>) -> Self {
        let (k, j) = (self.n_segments(), self.n_items);
        let mut log_shares = vec![0.0];
        log_shares.extend(&point.as_slice()[..k - 1]);
        let normaliser = log_sum_exp(&log_shares);
        for log in &mut log_shares {
            *log -= normaliser;
        }
        let mut utilities = vec![0.0; k * j];
        let rows = utilities.chunks_exact_mut(j);
        for (row, values) in rows.zip(point.as_slice()[k - 1..].chunks_exact(j - 1)) {
            row[1..].copy_from_slice(values);
        }
        Self {
            log_shares,
            utilities,
            n_items: j,
        }
    }

    pub(super) fn shares(&self) -> Vec<f64> {
        self.log_shares.iter().map(|log| log.exp()).collect()
    }

    /// The segments in order of size, largest first.
    pub(super) fn ordered(&self) -> Self {
        let mut order: Vec<usize> = (0..self.n_segments()).collect();
        order.sort_by(|&a, &b| self.log_shares[b].total_cmp(&self.log_shares[a]));
        Self {
            log_shares: order.iter().map(|&k| self.log_shares[k]).collect(),
            utilities: order
                .iter()
                .flat_map(|&k| self.segment(k))
                .copied()
                .collect(),
            n_items: self.n_items,
        }
    }

    /// The logarithm of the prior: half the precision times the squared distances of utilities from
    /// their mean.
    pub(super) fn log_prior(&self, precision: f64) -> f64 {
        let rows = self.utilities.chunks_exact(self.n_items);
        let squares = rows.map(|row| {
            let mean = row.iter().sum::<f64>() / self.n_items as f64;
            row.iter().map(|u| (u - mean).powi(2)).sum::<f64>()
        });
        -0.5 * precision * squares.sum::<f64>()
    }
}

/// The largest is taken off first: no exponential overflows, and the sum is at least 1.
pub(super) fn log_sum_exp(logs: &[f64]) -> f64 {
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest
        + logs
            .iter()
            .map(|log| (log - largest).exp())
            .sum::<f64>()
            .ln()
}

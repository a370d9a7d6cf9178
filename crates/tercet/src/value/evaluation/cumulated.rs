//! Profit along a ranking, run of equal values by run, and its highest point.

use super::ranking::Ranked;

/// Customers and profit after each run of equal values; the first entry is nobody.
pub(super) struct Cumulated {
    pub(super) contacted: Vec<f64>,
    pub(super) profit: Vec<f64>,
}

impl Cumulated {
    pub(super) fn new(ranked: &Ranked, weights: &[f64], profit: &[f64]) -> Self {
        let (mut contacted, mut earned) = (vec![0.0], vec![0.0]);
        let (mut all, mut sum) = (0.0, 0.0);
        for tie in ranked.ties() {
            for place in tie {
                all += weights[place];
                sum += weights[place] * profit[place];
            }
            contacted.push(all);
            earned.push(sum);
        }
        Self {
            contacted,
            profit: earned,
        }
    }

    pub(super) fn total(&self) -> f64 {
        self.contacted.last().copied().unwrap_or(0.0)
    }

    /// The profit of contacting the first so many runs, as far as the capacity goes.
    pub(super) fn profit_of(&self, ties: usize, capacity: f64) -> f64 {
        if self.contacted[ties] <= capacity {
            self.profit[ties]
        } else {
            self.profit_at(capacity)
        }
    }

    /// The profit of contacting a number of customers, on average over the order of equal values.
    pub(super) fn profit_at(&self, contacted: f64) -> f64 {
        let next = self.contacted.partition_point(|up_to| *up_to < contacted);
        if next == 0 || next >= self.contacted.len() {
            return self.profit[next.min(self.contacted.len() - 1)];
        }
        let (below, above) = (self.contacted[next - 1], self.contacted[next]);
        let part = (contacted - below) / (above - below);
        self.profit[next - 1] + part * (self.profit[next] - self.profit[next - 1])
    }

    /// How many runs to contact for the highest profit; of equally good ones the fewest.
    ///
    /// Within a run of equal values the profit is linear, so only its ends can be best, or the end of
    /// the capacity, for which the run that it ends in stands.
    pub(super) fn best(&self, capacity: f64) -> usize {
        let (mut best, mut most) = (0, 0.0);
        for ties in 1..self.contacted.len() {
            let profit = self.profit_of(ties, capacity);
            if profit > most {
                (best, most) = (ties, profit);
            }
            if self.contacted[ties] >= capacity {
                break;
            }
        }
        best
    }
}

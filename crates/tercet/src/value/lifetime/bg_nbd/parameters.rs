//! The four parameters, and what they say of one customer.

use nalgebra::{SMatrix, matrix};
use serde::{Deserialize, Serialize};

use super::outlook::Outlook;
use crate::data::Cell;
use crate::math::special::{sigmoid, softplus};

/// The four parameters under their names in the paper.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) r: f64,
    pub(crate) alpha: f64,
    pub(crate) a: f64,
    pub(crate) b: f64,
}

impl Parameters {
    /// From `[ln(r/alpha), ln r, logit(a/(a+b)), ln(a+b)]`.
    pub(super) fn from_working(point: &[f64; 4]) -> Self {
        let [log_rate, log_r, logit_mean, log_sum] = *point;
        let sum = log_sum.exp();
        Self {
            r: log_r.exp(),
            alpha: (log_r - log_rate).exp(),
            a: sum * sigmoid(logit_mean),
            b: sum * sigmoid(-logit_mean),
        }
    }

    pub(super) fn to_working(self) -> [f64; 4] {
        [
            (self.r / self.alpha).ln(),
            self.r.ln(),
            (self.a / self.b).ln(),
            (self.a + self.b).ln(),
        ]
    }

    /// Derivatives of (r, alpha, a, b) in the working parameters.
    pub(super) fn jacobian(self) -> SMatrix<f64, 4, 4> {
        let Self { r, alpha, a, b } = self;
        let spread = a * b / (a + b);
        matrix![
            0.0, r, 0.0, 0.0;
            -alpha, alpha, 0.0, 0.0;
            0.0, 0.0, spread, a;
            0.0, 0.0, -spread, b
        ]
    }

    /// Second derivatives of r, alpha, a and b in the working parameters.
    pub(super) fn curvatures(self) -> [SMatrix<f64, 4, 4>; 4] {
        let Self { r, alpha, a, b } = self;
        let spread = a * b / (a + b);
        let skew = spread * (b - a) / (a + b);
        let mut of_r = SMatrix::zeros();
        of_r[(1, 1)] = r;
        let mut of_alpha = SMatrix::zeros();
        (of_alpha[(0, 0)], of_alpha[(1, 1)]) = (alpha, alpha);
        (of_alpha[(0, 1)], of_alpha[(1, 0)]) = (-alpha, -alpha);
        let beta = |skew: f64, spread: f64, own: f64| {
            let mut of_own = SMatrix::zeros();
            of_own[(2, 2)] = skew;
            (of_own[(2, 3)], of_own[(3, 2)]) = (spread, spread);
            of_own[(3, 3)] = own;
            of_own
        };
        [
            of_r,
            of_alpha,
            beta(skew, spread, a),
            beta(-skew, -spread, b),
        ]
    }

    /// The log-odds of having dropped out, for a customer with x > 0.
    pub(super) fn dropout_log_odds(self, cell: &Cell) -> f64 {
        let Cell {
            frequency: x,
            recency: t_x,
            age: t,
            ..
        } = *cell;
        let silence = ((t - t_x) / (self.alpha + t_x)).ln_1p();
        (self.a / (self.b + x - 1.0)).ln() + (self.r + x) * silence
    }

    pub(crate) fn probability_alive(self, cell: &Cell) -> f64 {
        if cell.frequency == 0.0 {
            1.0
        } else {
            sigmoid(-self.dropout_log_odds(cell))
        }
    }

    /// `ln(P(alive))` without underflow.
    pub(crate) fn log_probability_alive(self, cell: &Cell) -> f64 {
        if cell.frequency == 0.0 {
            0.0
        } else {
            -softplus(self.dropout_log_odds(cell))
        }
    }

    /// What is to come from a customer with this history, given that he or she is alive.
    pub(crate) fn outlook(self, cell: &Cell) -> Outlook {
        Outlook {
            shape: self.r + cell.frequency,
            scale: self.alpha + cell.age,
            leave: self.a,
            stay: self.b + cell.frequency,
        }
    }

    pub(crate) fn expected_purchases(self, cell: &Cell, horizon: f64) -> f64 {
        self.probability_alive(cell) * self.outlook(cell).purchases(horizon)
    }

    pub(super) fn time_until(self, cell: &Cell, probability: f64) -> f64 {
        let Cell {
            frequency: x,
            recency: t_x,
            age: t,
            ..
        } = *cell;
        if x == 0.0 {
            return f64::INFINITY;
        }
        // Solve log-odds(T') = ln((1-p)/p) for T'.
        let log_odds = ((1.0 - probability) / probability).ln();
        let silence = (log_odds - (self.a / (self.b + x - 1.0)).ln()) / (self.r + x);
        // T' = (alpha + t_x) e^silence - alpha; counted from T, and not into the past.
        ((self.alpha + t_x) * silence.exp_m1() - (t - t_x)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CDNOW: Parameters = Parameters {
        r: 0.242_593,
        alpha: 4.413_532,
        a: 0.792_886,
        b: 2.425_754,
    };

    #[test]
    fn working_parameters_go_there_and_back() {
        let there = CDNOW.to_working();
        let back = Parameters::from_working(&there);
        for (found, expected) in [
            (back.r, 0.242_593),
            (back.alpha, 4.413_532),
            (back.a, 0.792_886),
            (back.b, 2.425_754),
        ] {
            assert!((found / expected - 1.0_f64).abs() < 1e-14);
        }
    }
}

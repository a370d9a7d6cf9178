//! What respondents are under a mixture, and the slopes and curvatures that follow.

use nalgebra::{DMatrix, DVector};

use super::mixture::Mixture;
use crate::math::ascent::Local;

/// What respondents are under a mixture.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) log_likelihood: f64,
    /// The sum of the weights.
    pub(super) total: f64,
    /// Expected members of each segment, by weight.
    pub(super) members: Vec<f64>,
    /// The slope in every utility, a row a segment.
    pub(super) scores: Vec<f64>,
    /// The curvature in the utilities of each segment, if memberships were known: lower triangles.
    pub(super) informations: Vec<f64>,
    /// What not knowing memberships takes from the curvature (its lower triangle), where asked for.
    pub(super) lost: Option<DMatrix<f64>>,
}

/// Whether second derivatives of the mixture are needed, or those of EM suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curvature {
    Complete,
    Observed,
}

impl Expected {
    pub(super) fn nothing(mixture: &Mixture, curvature: Curvature) -> Self {
        let (k, j, n) = (
            mixture.n_segments(),
            mixture.n_items,
            mixture.n_parameters(),
        );
        Self {
            log_likelihood: 0.0,
            total: 0.0,
            members: vec![0.0; k],
            scores: vec![0.0; k * j],
            informations: vec![0.0; k * j * j],
            lost: (curvature == Curvature::Observed).then(|| DMatrix::zeros(n, n)),
        }
    }

    /// The log-posterior in the utilities of one segment, memberships held as they are.
    pub(super) fn of_segment(&self, mixture: &Mixture, segment: usize, precision: f64) -> Local {
        let j = mixture.n_items;
        let utilities = mixture.segment(segment);
        let mean = utilities.iter().sum::<f64>() / j as f64;
        let scores = &self.scores[segment * j..(segment + 1) * j];
        let information = &self.informations[segment * j * j..(segment + 1) * j * j];
        Local {
            value: 0.0,
            gradient: DVector::from_fn(j - 1, |i, _| {
                scores[i + 1] - precision * (utilities[i + 1] - mean)
            }),
            information: DMatrix::from_fn(j - 1, j - 1, |a, b| {
                let (row, column) = (a.max(b) + 1, a.min(b) + 1);
                let same = f64::from(u8::from(a == b));
                information[row * j + column] + precision * (same - 1.0 / j as f64)
            }),
        }
    }

    /// The log-posterior in all parameters.
    pub(super) fn local(&self, mixture: &Mixture, precision: f64) -> Local {
        let (k, n) = (mixture.n_segments(), mixture.n_parameters());
        let shares = mixture.shares();
        let mut gradient = DVector::zeros(n);
        let mut information = DMatrix::zeros(n, n);
        for one in 1..k {
            gradient[one - 1] = self.members[one] - self.total * shares[one];
            for other in 1..k {
                let same = f64::from(u8::from(one == other));
                information[(one - 1, other - 1)] =
                    self.total * shares[one] * (same - shares[other]);
            }
        }
        for segment in 0..k {
            let (place, size) = (mixture.place(segment), mixture.n_items - 1);
            let own = self.of_segment(mixture, segment, precision);
            gradient.rows_mut(place, size).copy_from(&own.gradient);
            information
                .view_mut((place, place), (size, size))
                .copy_from(&own.information);
        }
        if let Some(lost) = &self.lost {
            let mut lost = lost.clone();
            lost.fill_upper_triangle_with_lower_triangle();
            information -= lost;
        }
        Local {
            value: self.log_likelihood + mixture.log_prior(precision),
            gradient,
            information,
        }
    }
}

//! Respondents in numbers: what is fitted, and what is tried.

use nalgebra::DVector;

use super::encoding::Encoding;
use super::{ProjectionData, SegmentProjection};
use crate::error::Result;
use crate::math::ascent::Ascent;
use crate::math::multinomial::{Multinomial, MultinomialFit, Targets, log_softmax};
use crate::parallel::Gate;

/// The respondents. Who is left out of a fit has weight 0 in it, so that nothing is copied.
pub(super) struct Sample<'a> {
    pub(super) settings: &'a SegmentProjection,
    pub(super) shares: &'a [f64],
    pub(super) width: usize,
    pub(super) design: Vec<f64>,
    /// Likelihoods with correction, memberships without.
    pub(super) targets: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

/// How far a fit goes: log-likelihood a respondent that may be left to be won when the last,
/// quadratic step is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Effort {
    /// After the last step, far less is left than cross-validation can tell.
    OnTheWay,
    Full,
}

impl Effort {
    fn still_to_win(self) -> f64 {
        match self {
            Self::OnTheWay => 1e-5,
            Self::Full => 1e-12,
        }
    }
}

impl<'a> Sample<'a> {
    pub(super) fn new(
        settings: &'a SegmentProjection,
        data: &'a ProjectionData<'_>,
        encoding: &Encoding,
    ) -> Result<Self> {
        let reader = encoding.reader(data.design())?;
        let prior = |segment: usize| {
            if settings.correction {
                data.shares()[segment]
            } else {
                1.0
            }
        };
        // Rounding of a printed posterior is no negative likelihood.
        let targets = (0..data.len()).flat_map(|row| {
            let posterior = data.posterior(row).iter().enumerate();
            posterior.map(move |(segment, p)| p.max(0.0) / prior(segment))
        });
        Ok(Self {
            settings,
            shares: data.shares(),
            width: encoding.width(),
            design: reader.matrix(data.len(), encoding.width()),
            targets: targets.collect(),
            weights: (0..data.len()).map(|row| data.weight(row)).collect(),
        })
    }

    pub(super) fn n_segments(&self) -> usize {
        self.shares.len()
    }

    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    pub(super) fn features(&self, row: usize) -> &[f64] {
        &self.design[row * self.width..(row + 1) * self.width]
    }

    /// The shares alone: where every path of penalties begins.
    fn start(&self) -> DVector<f64> {
        let mut point = DVector::zeros((self.n_segments() - 1) * self.width);
        for (segment, share) in self.shares.iter().enumerate().skip(1) {
            point[(segment - 1) * self.width] = (share / self.shares[0]).ln();
        }
        point
    }

    /// Fits the rows of positive weight: from a fit to the same rows, or from the shares alone.
    pub(super) fn climb(
        &self,
        weights: &[f64],
        penalty: f64,
        from: Option<&MultinomialFit>,
        effort: Effort,
        gate: &Gate<'_, '_>,
    ) -> Result<MultinomialFit> {
        let total: f64 = weights.iter().sum();
        let mut penalties = vec![penalty * total; self.width];
        penalties[0] = 0.0;
        let problem = Multinomial {
            design: &self.design,
            n_features: self.width,
            targets: if self.settings.correction {
                Targets::Likelihoods(&self.targets)
            } else {
                Targets::Memberships(&self.targets)
            },
            n_classes: self.n_segments(),
            weights: Some(weights),
            penalty: &penalties,
        };
        let ascent = Ascent {
            max_iterations: self.settings.max_iterations,
            still_to_win: total * effort.still_to_win(),
        };
        match from {
            Some(from) => problem.refit(from, ascent, gate),
            None => problem.fit(Some(&self.start()), ascent, gate),
        }
    }

    /// Fills in the log-probabilities of a row, and returns how much better than the shares alone
    /// they explain what is known of it.
    pub(super) fn gain(&self, point: &DVector<f64>, row: usize, logs: &mut [f64]) -> f64 {
        log_softmax(point.as_slice(), self.features(row), logs);
        let targets = &self.targets[row * self.n_segments()..(row + 1) * self.n_segments()];
        if self.settings.correction {
            // By the shares themselves it is explained with likelihood 1. In logarithms, so that a
            // probability that underflows costs much, but not everything.
            let terms = logs
                .iter()
                .zip(targets)
                .map(|(log, target)| log + target.ln());
            let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
            largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
        } else {
            let terms = logs.iter().zip(targets).zip(self.shares);
            let seen = terms.filter(|((_, target), _)| **target > 0.0);
            seen.map(|((log, target), share)| target * (log - share.ln()))
                .sum()
        }
    }
}

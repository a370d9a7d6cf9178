//! Adjusted means of arms with their variances, by segment: all that a comparison needs.

use super::moments::Moments;
use super::panel::Panel;
use super::regression::{ArmFit, SegmentDesign};
use super::roster::Roster;
use super::spread::{self, ClusterSpread, Fits};
use super::{Robust, Target};
use crate::error::Result;
use crate::observe::{Observer, Phase};

/// A variance below this share of the unadjusted one is rounding.
const NOTHING: f64 = 1e-20;

/// An arm in a segment, of one outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArmMean {
    pub(super) n: f64,
    /// Units that vary independently of each other: clusters, else rows.
    pub(super) units: f64,
    /// Adjusted to the segment's mean covariates.
    pub(super) mean: f64,
    /// Its variance given who is in the segment; `None` where too few units tell.
    pub(super) variance: Option<f64>,
    /// The same without adjustment.
    pub(super) plain_variance: Option<f64>,
    /// Degrees of freedom of the variance.
    pub(super) freedom: f64,
    /// Of a 0/1 outcome: how many there are of the rarer of the two.
    pub(super) rarer: Option<f64>,
}

/// The means of a panel.
#[derive(Debug)]
pub(super) struct Means<'a> {
    pub(super) panel: Panel<'a>,
    pub(super) moments: Moments,
    pub(super) designs: Vec<SegmentDesign>,
    fits: Vec<Option<ArmFit>>,
    variances: Variances,
    n_arms: usize,
    target: Target,
}

#[derive(Debug)]
enum Variances {
    /// In closed form: no covariates, every row a unit.
    Plain(Robust),
    /// By segment, arm and outcome.
    Rows(Vec<f64>, Robust),
    Clusters(ClusterSpread),
}

impl<'a> Means<'a> {
    /// Both passes over the rows. `heads` are the customers by segment and arm.
    pub(super) fn new(
        roster: &Roster<'_>,
        heads: &[usize],
        panel: Panel<'a>,
        (robust, target): (Robust, Target),
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let mut phase = Phase::new(observer, "adding up outcomes");
        let moments = Moments::add_up(roster, &panel, &mut phase)?;
        let (n_arms, q) = (roster.n_arms(), panel.n_coefficients());
        let designs: Vec<SegmentDesign> = (0..roster.n_segments())
            .map(|segment| {
                let own = &heads[segment * n_arms..(segment + 1) * n_arms];
                SegmentDesign::new(&moments, segment, own, q)
            })
            .collect();
        let fit = |cell: usize| {
            let (segment, arm) = (cell / n_arms, cell % n_arms);
            designs[segment].fit(&moments.cell(segment, arm), panel.outcomes.len())
        };
        let fits: Vec<Option<ArmFit>> = (0..designs.len() * n_arms).map(fit).collect();
        let mut phase = Phase::new(observer, "finding standard errors");
        let shared = Fits {
            designs: &designs,
            arms: &fits,
        };
        let variances = match &roster.clusters {
            Some(clusters) => Variances::Clusters(spread::of_clusters(
                roster, clusters, &panel, &shared, &mut phase,
            )?),
            None if q == 1 => Variances::Plain(robust),
            None => Variances::Rows(
                spread::of_rows(roster, &panel, &shared, robust, &mut phase)?,
                robust,
            ),
        };
        Ok(Self {
            panel,
            moments,
            designs,
            fits,
            variances,
            n_arms,
            target,
        })
    }

    /// An arm of a segment; `None` where nobody of the segment is in it.
    pub(super) fn of(&self, segment: usize, arm: usize, outcome: usize) -> Option<ArmMean> {
        let index = segment * self.n_arms + arm;
        let fit = self.fits[index].as_ref()?;
        let (cell, design) = (self.moments.cell(segment, arm), &self.designs[segment]);
        let (n, k) = (cell.n(), design.used.len() as f64);
        let prepared = &self.panel.outcomes[outcome];
        let mean = fit.coefficients.column(outcome).dot(&design.centre) + prepared.shift;
        let plain = |robust: Robust| match robust {
            Robust::Hc2 => cell.scatter(outcome) / (n * (n - 1.0)),
            Robust::Hc3 => cell.scatter(outcome) / ((n - 1.0) * (n - 1.0)),
        };
        let (units, variance, plain_variance) = match &self.variances {
            Variances::Plain(robust) => (n, plain(*robust), plain(*robust)),
            Variances::Rows(found, robust) => {
                let found = found[index * self.panel.outcomes.len() + outcome];
                (n, found, plain(*robust))
            }
            Variances::Clusters(spread) => {
                let g = spread.n(index);
                // The usual correction for few clusters.
                let factor = |k: f64| g / (g - 1.0) * (n - 1.0) / (n - k);
                let adjusted = spread.adjusted(index, outcome) * factor(k);
                let plain = spread.plain(index, outcome) / (n * n) * factor(1.0);
                (g, adjusted, plain)
            }
        };
        // What is left of rounding is no spread: an outcome that is the same for all of the arm, or that
        // covariates determine.
        let variance = if cell.scatter(outcome) == 0.0 || variance <= NOTHING * plain_variance {
            0.0
        } else {
            variance
        };
        // Of one unit, or of no more than there are coefficients, nothing is known of the spread.
        let known = |variance: f64, k: f64| (units > k && variance.is_finite()).then_some(variance);
        let ones = cell.with_outcome(outcome, 0) + prepared.shift * n;
        Some(ArmMean {
            n,
            units,
            mean,
            variance: known(variance, k),
            plain_variance: known(plain_variance, 1.0),
            freedom: units - k,
            rarer: prepared.binary.then(|| ones.min(n - ones).round()),
        })
    }

    /// What drawing the customers adds to the covariance of two adjusted means: `β_a' S β_b / n`, 0 where the
    /// question is about these customers only (Negi & Wooldridge 2021, Econometric Reviews 40, 504-534).
    pub(super) fn drawn(&self, segment: usize, (a, b): (usize, usize), outcome: usize) -> f64 {
        let design = &self.designs[segment];
        let fit = |arm: usize| self.fits[segment * self.n_arms + arm].as_ref();
        let (Some(a), Some(b)) = (fit(a), fit(b)) else {
            return 0.0;
        };
        if self.target == Target::Sample || design.used.len() == 1 || design.n < 2.0 {
            return 0.0;
        }
        let (a, b) = (
            a.coefficients.column(outcome),
            b.coefficients.column(outcome),
        );
        match &self.variances {
            Variances::Clusters(spread) => {
                let n = design.n * design.n;
                let along =
                    |beta: nalgebra::DVector<f64>| spread.along(segment, beta.as_slice()) / n;
                // A covariance from variances of sum and difference.
                0.25 * (along(a + b) - along(a - b))
            }
            _ => (&design.scatter * b).dot(&a) / (design.n * (design.n - 1.0)),
        }
    }
}

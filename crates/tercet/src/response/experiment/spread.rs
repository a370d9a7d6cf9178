//! The second pass: how far adjusted means vary, from the residuals of the rows or of the clusters.

use super::Robust;
use super::moments::{by_stripes, triangle};
use super::panel::Panel;
use super::regression::{ArmFit, SegmentDesign};
use super::roster::{Clusters, Roster};
use crate::error::Result;
use crate::observe::Phase;

/// What a segment and an arm are regressed by; `None` for an arm without rows.
#[derive(Debug)]
pub(super) struct Fits<'a> {
    pub(super) designs: &'a [SegmentDesign],
    /// By segment and arm.
    pub(super) arms: &'a [Option<ArmFit>],
}

/// Sums over the clusters of all segments and arms.
#[derive(Debug)]
pub(super) struct ClusterSpread {
    /// By segment and arm: the number of clusters, then by outcome the squares of the adjusted mean, then of
    /// the plain mean.
    cells: Vec<f64>,
    /// By segment: `Σ X X'` of the clusters' summed covariates about the segment's mean, lower half; then
    /// the number of clusters.
    covariates: Vec<f64>,
    outcomes: usize,
    q: usize,
}

impl ClusterSpread {
    pub(super) fn n(&self, cell: usize) -> f64 {
        self.cells[cell * (1 + 2 * self.outcomes)]
    }

    pub(super) fn adjusted(&self, cell: usize, outcome: usize) -> f64 {
        self.cells[cell * (1 + 2 * self.outcomes) + 1 + outcome]
    }

    pub(super) fn plain(&self, cell: usize, outcome: usize) -> f64 {
        self.cells[cell * (1 + 2 * self.outcomes) + 1 + self.outcomes + outcome]
    }

    /// `Σ_g (β' X_g)²` with the correction for few clusters.
    pub(super) fn along(&self, segment: usize, beta: &[f64]) -> f64 {
        let width = triangle(self.q) + 1;
        let own = &self.covariates[segment * width..(segment + 1) * width];
        let n = own[width - 1];
        let mut sum = 0.0;
        for i in 0..self.q {
            for k in 0..self.q {
                let (low, high) = (i.min(k), i.max(k));
                sum += beta[i] * beta[k] * own[high * (high + 1) / 2 + low];
            }
        }
        if n > 1.0 { sum * n / (n - 1.0) } else { sum }
    }
}

/// `Σ w² e² / (1 - h)` (HC2; or the square of the denominator, HC3) by segment, arm and outcome: the
/// variance of the adjusted means, whatever the residuals' own variances are (`MacKinnon` & White 1985,
/// Journal of Econometrics 29, 305-325).
pub(super) fn of_rows(
    roster: &Roster<'_>,
    panel: &Panel<'_>,
    fits: &Fits<'_>,
    robust: Robust,
    phase: &mut Phase<'_>,
) -> Result<Vec<f64>> {
    let (q, outcomes, n_arms) = (
        panel.n_coefficients(),
        panel.outcomes.len(),
        roster.n_arms(),
    );
    let size = roster.n_segments() * n_arms * outcomes;
    by_stripes(phase, roster.n_rows(), size, |rows, sums| {
        let mut z = vec![0.0; q];
        let mut y = vec![0.0; outcomes];
        for row in rows {
            if !panel.read(row, &mut z, &mut y) {
                continue;
            }
            let arm = roster.arm(row);
            roster.segments_of(row, |segment| {
                let cell = segment * n_arms + arm;
                let Some(fit) = &fits.arms[cell] else { return };
                let mut weight = 0.0;
                let mut leverage = 0.0;
                for i in 0..q {
                    weight += fit.influence[i] * z[i];
                    let along: f64 = (0..q).map(|k| fit.inverse[(i, k)] * z[k]).sum();
                    leverage += z[i] * along;
                }
                // A row that determines its own prediction has no residual, and no variance to give.
                let left = 1.0 - leverage;
                if left < 1e-9 {
                    return;
                }
                let factor = match robust {
                    Robust::Hc2 => weight * weight / left,
                    Robust::Hc3 => weight * weight / (left * left),
                };
                for outcome in 0..outcomes {
                    let residual = residual(fit, outcome, &z, y[outcome]);
                    sums[cell * outcomes + outcome] += factor * residual * residual;
                }
            });
        }
    })
}

/// The same from clusters: residuals of a cluster are added up before they are squared (Liang & Zeger
/// 1986, Biometrika 73, 13-22).
pub(super) fn of_clusters(
    roster: &Roster<'_>,
    clusters: &Clusters,
    panel: &Panel<'_>,
    fits: &Fits<'_>,
    phase: &mut Phase<'_>,
) -> Result<ClusterSpread> {
    let (q, outcomes, n_arms) = (
        panel.n_coefficients(),
        panel.outcomes.len(),
        roster.n_arms(),
    );
    let segments = roster.n_segments();
    let cell_width = 1 + 2 * outcomes;
    let segment_width = triangle(q) + 1;
    let split = segments * n_arms * cell_width;
    let size = split + segments * segment_width;
    let mut sums = by_stripes(phase, clusters.len(), size, |range, sums| {
        let mut scratch = Scratch::new(segments, q, outcomes);
        for cluster in range {
            let rows = clusters.rows_of(cluster);
            let Some(arm) = rows.first().map(|row| roster.arm(*row as usize)) else {
                continue;
            };
            scratch.add_up(roster, panel, fits, (rows, arm));
            for &segment in &scratch.touched {
                let own = scratch.own(segment);
                let at = (segment * n_arms + arm) * cell_width;
                sums[at] += 1.0;
                for (sum, total) in sums[at + 1..at + cell_width].iter_mut().zip(&own[q..]) {
                    *sum += total * total;
                }
                let at = split + segment * segment_width;
                for i in 0..q {
                    for k in 0..=i {
                        sums[at + i * (i + 1) / 2 + k] += own[i] * own[k];
                    }
                }
                sums[at + segment_width - 1] += 1.0;
            }
            scratch.clear();
        }
    })?;
    let covariates = sums.split_off(split);
    Ok(ClusterSpread {
        cells: sums,
        covariates,
        outcomes,
        q,
    })
}

/// Sums of one cluster by segment: covariates about their mean, then adjusted and plain residuals with
/// their weights, outcome by outcome.
struct Scratch {
    sums: Vec<f64>,
    width: usize,
    touched: Vec<usize>,
    is_touched: Vec<bool>,
    z: Vec<f64>,
    y: Vec<f64>,
}

impl Scratch {
    fn new(segments: usize, q: usize, outcomes: usize) -> Self {
        let width = q + 2 * outcomes;
        Self {
            sums: vec![0.0; segments * width],
            width,
            touched: Vec::new(),
            is_touched: vec![false; segments],
            z: vec![0.0; q],
            y: vec![0.0; outcomes],
        }
    }

    fn add_up(
        &mut self,
        roster: &Roster<'_>,
        panel: &Panel<'_>,
        fits: &Fits<'_>,
        (rows, arm): (&[u32], usize),
    ) {
        let (q, outcomes) = (self.z.len(), self.y.len());
        for row in rows {
            let row = *row as usize;
            if !panel.read(row, &mut self.z, &mut self.y) {
                continue;
            }
            roster.segments_of(row, |segment| {
                let Some(fit) = &fits.arms[segment * roster.n_arms() + arm] else {
                    return;
                };
                if !self.is_touched[segment] {
                    self.is_touched[segment] = true;
                    self.touched.push(segment);
                }
                let design = &fits.designs[segment];
                let own = &mut self.sums[segment * self.width..(segment + 1) * self.width];
                let weight: f64 = (0..q).map(|i| fit.influence[i] * self.z[i]).sum();
                // The constant's is 0.
                let away = self.z.iter().zip(design.centre.iter());
                for (sum, (z, centre)) in own.iter_mut().zip(away) {
                    *sum += z - centre;
                }
                for outcome in 0..outcomes {
                    let y = self.y[outcome];
                    own[q + outcome] += weight * residual(fit, outcome, &self.z, y);
                    own[q + outcomes + outcome] += y - fit.plain[outcome];
                }
            });
        }
    }

    fn own(&self, segment: usize) -> &[f64] {
        &self.sums[segment * self.width..(segment + 1) * self.width]
    }

    fn clear(&mut self) {
        for segment in self.touched.drain(..) {
            self.is_touched[segment] = false;
            self.sums[segment * self.width..(segment + 1) * self.width].fill(0.0);
        }
    }
}

fn residual(fit: &ArmFit, outcome: usize, z: &[f64], y: f64) -> f64 {
    let predicted: f64 = z
        .iter()
        .zip(fit.coefficients.column(outcome).iter())
        .map(|(z, beta)| z * beta)
        .sum();
    y - predicted
}

//! Gaussian densities in logarithms.

use linfa_clustering::GaussianMixtureModel;
use nalgebra::{DMatrix, DVector};

use crate::error::Result;
use crate::math::sum::Sums;
use crate::needs::baselines::columns::Columns;
use crate::parallel::{Gate, map_blocks_behind};

/// `ln sqrt(2 π)`.
const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// A segment, in the questions' own units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Component {
    pub(super) share: f64,
    pub(super) mean: Vec<f64>,
    pub(super) covariance: DMatrix<f64>,
    /// Lower triangular, times its transpose the covariance.
    factor: DMatrix<f64>,
    /// `ln share - p ln sqrt(2 π) - ln det factor`.
    constant: f64,
}

impl Component {
    /// `None` where the covariance is not positive definite.
    pub(super) fn new(share: f64, mean: Vec<f64>, covariance: DMatrix<f64>) -> Option<Self> {
        let factor = covariance.clone().cholesky()?.unpack();
        let log_root: f64 = factor.diagonal().iter().map(|l| l.ln()).sum();
        let constant = share.ln() - mean.len() as f64 * HALF_LN_TWO_PI - log_root;
        // A share of 0 has a constant of minus infinity, and never a member.
        (!constant.is_nan() && log_root.is_finite()).then_some(Self {
            share,
            mean,
            covariance,
            factor,
            constant,
        })
    }

    /// linfa's components, on whose scale questions have mean 0 and deviation 1, in natural units.
    pub(super) fn all(model: &GaussianMixtureModel<f64>, columns: &Columns) -> Option<Vec<Self>> {
        let width = columns.questions.len();
        let of = |k: usize| {
            let unit = |j: usize| columns.scales[j].deviation;
            let mean: Vec<f64> = model.means().row(k).iter().copied().collect();
            let covariance = DMatrix::from_fn(width, width, |i, j| {
                // linfa's sums need not be symmetric to the last bit.
                let pair = model.covariances()[[k, i, j]] + model.covariances()[[k, j, i]];
                0.5 * pair * unit(i) * unit(j)
            });
            Self::new(model.weights()[k], columns.natural(&mean), covariance)
        };
        (0..model.weights().len()).map(of).collect()
    }

    /// `ln(π N(x; μ, Σ))`; `room` is changed.
    fn log_joint(&self, x: &[f64], room: &mut DVector<f64>) -> f64 {
        for ((away, x), mean) in room.iter_mut().zip(x).zip(&self.mean) {
            *away = x - mean;
        }
        // The diagonal of the factor is positive.
        self.factor.solve_lower_triangular_unchecked_mut(room);
        self.constant - 0.5 * room.norm_squared()
    }
}

/// Posteriors of a point; its log-likelihood is returned. The largest term is taken off first, so that
/// none overflows and their sum is at least 1.
fn look(
    x: &[f64],
    components: &[Component],
    room: &mut DVector<f64>,
    posterior: &mut [f64],
) -> f64 {
    for (log, component) in posterior.iter_mut().zip(components) {
        *log = component.log_joint(x, room);
    }
    let largest = posterior.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for log in posterior.iter_mut() {
        *log = (*log - largest).exp();
        sum += *log;
    }
    for p in posterior.iter_mut() {
        *p /= sum;
    }
    largest + sum.ln()
}

/// Summed over points.
pub(super) fn log_likelihood(
    points: &[f64],
    components: &[Component],
    gate: &Gate<'_, '_>,
) -> Result<f64> {
    let width = components[0].mean.len();
    let blocks = map_blocks_behind(gate, points.len() / width, |rows| {
        let (mut room, mut posterior) = (DVector::zeros(width), vec![0.0; components.len()]);
        let mut sums = Sums::<1>::zero();
        for row in rows {
            let x = &points[row * width..(row + 1) * width];
            sums.add(&[look(x, components, &mut room, &mut posterior)]);
        }
        sums.total()
    })?;
    let mut all = Sums::<1>::zero();
    for block in &blocks {
        all.add(block);
    }
    Ok(all.total()[0])
}

/// Row by row.
pub(super) fn posteriors(
    points: &[f64],
    components: &[Component],
    gate: &Gate<'_, '_>,
) -> Result<Vec<f64>> {
    let (width, k) = (components[0].mean.len(), components.len());
    let blocks = map_blocks_behind(gate, points.len() / width, |rows| {
        let mut room = DVector::zeros(width);
        let mut posterior = vec![0.0; rows.len() * k];
        for (row, posterior) in rows.zip(posterior.chunks_exact_mut(k)) {
            look(
                &points[row * width..(row + 1) * width],
                components,
                &mut room,
                posterior,
            );
        }
        posterior
    })?;
    Ok(blocks.concat())
}

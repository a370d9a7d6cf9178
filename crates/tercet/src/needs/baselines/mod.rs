//! What segments are usually found by: k-means and mixtures of Gaussians, through linfa-clustering.
//!
//! They are here to be compared with. Both know distances between points only: no missing answers, no
//! weights, no levels without an order; [`LatentClass`](super::LatentClass) knows these. Questions with two
//! levels are 0 and 1, ordinal ones their scores, and every question is brought to mean 0 and deviation 1
//! unless told otherwise.

mod columns;
mod gaussian_mixture;
mod generator;
mod k_means;

use ndarray::Array2;

use crate::data::Question;
use crate::error::{Error, Result};
use crate::model::Parameter;
use crate::needs::latent_class::MOST_SEGMENTS;

pub use columns::ColumnScale;
pub use gaussian_mixture::{FittedGaussianMixtureSegments, GaussianMixtureSegments};
pub use k_means::{FittedKMeansSegments, KMeansSegments};

/// Settings that both methods have.
fn check_settings(
    n_segments: usize,
    starts: usize,
    max_iterations: usize,
    n_rows: usize,
) -> Result<()> {
    let within = |name: &str, value: usize, most: usize| {
        if (1..=most).contains(&value) {
            Ok(())
        } else {
            let expected = format!("a whole number from 1 to {most}");
            Err(Error::parameter(name, value, expected))
        }
    };
    within("n_segments", n_segments, MOST_SEGMENTS.min(n_rows))?;
    within("starts", starts, 100_000)?;
    within("max_iterations", max_iterations, 1_000_000)
}

/// Points as linfa takes them.
fn matrix(points: &[f64], width: usize) -> Result<Array2<f64>> {
    Array2::from_shape_vec((points.len() / width, width), points.to_vec()).map_err(|error| {
        Error::Numeric {
            during: format!("laying out the points ({error})"),
        }
    })
}

/// The segments by size, largest first; of equals the earlier.
fn by_size(sizes: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|one, other| sizes[*other].total_cmp(&sizes[*one]));
    order
}

/// Shares and centers without standard errors.
fn parameters(shares: &[f64], questions: &[Question], centers: &[Vec<f64>]) -> Vec<Parameter> {
    let parameter = |name: String, estimate: f64| Parameter {
        name,
        estimate,
        standard_error: None,
        lower: None,
        upper: None,
    };
    let shares = shares.iter().enumerate();
    let mut all: Vec<Parameter> = shares
        .map(|(k, share)| parameter(format!("share[{}]", k + 1), *share))
        .collect();
    for (place, question) in questions.iter().enumerate() {
        for (k, center) in centers.iter().enumerate() {
            all.push(parameter(
                format!("{} mean[{}]", question.name, k + 1),
                center[place],
            ));
        }
    }
    all
}

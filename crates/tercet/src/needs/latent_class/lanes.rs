//! The mixture's components: a lane is a segment, or a segment at one node of the response style.

use nalgebra::DMatrix;

/// Nodes of the response style: enough for scales of up to ten points (the error of the marginal
/// probability of a battery is below 1e-4).
const NODES: usize = 7;

/// Segments times nodes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lanes {
    pub(super) classes: usize,
    /// Position and weight of each node; one node at 0 without a response style.
    pub(super) nodes: Vec<(f64, f64)>,
}

impl Lanes {
    /// Segments alone.
    pub(super) fn plain(classes: usize) -> Self {
        Self {
            classes,
            nodes: vec![(0.0, 1.0)],
        }
    }

    /// Segments whose respondents differ by a standard normal style.
    pub(super) fn with_style(classes: usize) -> Self {
        Self {
            classes,
            nodes: gauss_hermite(NODES),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.classes * self.nodes.len()
    }

    pub(super) fn class(&self, lane: usize) -> usize {
        lane / self.nodes.len()
    }

    /// The position of a lane's node.
    pub(super) fn node(&self, lane: usize) -> f64 {
        self.nodes[lane % self.nodes.len()].0
    }

    /// The weight of a lane's node.
    pub(super) fn weight(&self, lane: usize) -> f64 {
        self.nodes[lane % self.nodes.len()].1
    }

    /// Sums over the nodes of each segment: a row of lanes becomes a row of segments.
    pub(super) fn by_class(&self, rows: &[f64]) -> Vec<f64> {
        rows.chunks_exact(self.nodes.len())
            .map(|nodes| nodes.iter().sum())
            .collect()
    }
}

/// Nodes and weights for the mean over a standard normal variable.
///
/// The nodes are the eigenvalues of the Jacobi matrix of the Hermite polynomials, the weights the
/// squared first components of its eigenvectors (Golub & Welsch 1969, Mathematics of Computation 23,
/// 221-230).
fn gauss_hermite(n: usize) -> Vec<(f64, f64)> {
    let jacobi = DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
        1 => (i.max(j) as f64).sqrt(),
        _ => 0.0,
    });
    let eigen = jacobi.symmetric_eigen();
    let mut nodes: Vec<(f64, f64)> = (0..n)
        .map(|k| (eigen.eigenvalues[k], eigen.eigenvectors[(0, k)].powi(2)))
        .collect();
    nodes.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_give_the_moments_of_a_standard_normal() {
        let nodes = gauss_hermite(NODES);
        let moment = |power: i32| -> f64 {
            nodes
                .iter()
                .map(|(node, weight)| weight * node.powi(power))
                .sum()
        };
        for (power, expected) in [
            (0, 1.0),
            (1, 0.0),
            (2, 1.0),
            (4, 3.0),
            (6, 15.0),
            (12, 10_395.0),
        ] {
            assert!(
                (moment(power) - expected).abs() < 1e-9 * expected.max(1.0),
                "{power}"
            );
        }
    }
}

//! The mixture's components: a lane is a segment, or a segment at one node of the response style.

/// How far the nodes of the response style reach to both sides: beyond lies 6e-5 of a normal variable.
const REACH: f64 = 4.0;

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

    /// Segments whose respondents differ by a standard normal style, which shows on `n_questions`.
    ///
    /// The more questions, the better is a respondent's style known, and the closer the nodes have to
    /// lie: at equal distances, since what is integrated is a narrow peak that may lie anywhere. The
    /// trapezoid rule's error is `exp(-2 π² d²)` for a peak `d` distances wide; it stays below 1% for
    /// batteries of 5-point questions as long as those named here.
    pub(super) fn with_style(classes: usize, n_questions: usize) -> Self {
        let n = match n_questions {
            0..=5 => 9,
            6..=10 => 13,
            _ => 17,
        };
        Self {
            classes,
            nodes: normal_grid(n),
        }
    }

    /// The same with few nodes, for replications: all of them integrate alike, so that what they are
    /// compared with is as rough as they are.
    pub(super) fn with_rough_style(classes: usize) -> Self {
        Self {
            classes,
            nodes: normal_grid(9),
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

/// Equidistant nodes and weights for the mean over a standard normal variable.
fn normal_grid(n: usize) -> Vec<(f64, f64)> {
    let node = |k: usize| REACH * (2.0 * k as f64 / (n - 1) as f64 - 1.0);
    let density = |k: usize| (-0.5 * node(k).powi(2)).exp();
    let total: f64 = (0..n).map(density).sum();
    (0..n).map(|k| (node(k), density(k) / total)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_give_the_moments_of_a_standard_normal() {
        for n in [9, 13, 17] {
            let nodes = normal_grid(n);
            let moment = |power: i32| -> f64 {
                let terms = nodes.iter().map(|(node, weight)| weight * node.powi(power));
                terms.sum()
            };
            for (power, expected) in [(0, 1.0), (1, 0.0), (2, 1.0), (4, 3.0)] {
                let tolerance = if power == 4 { 2e-2 } else { 2e-3 };
                assert!((moment(power) - expected).abs() < tolerance, "{n} {power}");
            }
        }
    }
}

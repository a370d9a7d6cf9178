//! Which segment of one solution is which of another.

use crate::data::{Question, QuestionKind};
use crate::math::assignment::assign;
use crate::needs::{FittedLatentClass, SegmentAnswers};

/// For every segment of `one` the segment of `other` that answers most alike: the pairing of least squared
/// Hellinger distance, summed over the questions (which both have in the same order).
///
/// That distance is `1 - ∫ sqrt(f g)` between two distributions of answers: it knows no scale, lies
/// between 0 and 1, and so no question outweighs the others (Hellinger 1909; Le Cam 1986, Asymptotic
/// Methods in Statistical Decision Theory).
pub(super) fn match_segments(one: &FittedLatentClass, other: &FittedLatentClass) -> Vec<usize> {
    let k = one.n_segments();
    let mut cost = vec![0.0; k * k];
    for ((question, left), right) in one
        .questions()
        .iter()
        .zip(one.answers())
        .zip(other.answers())
    {
        for (place, cost) in cost.iter_mut().enumerate() {
            *cost += distance(question, (left, place / k), (right, place % k));
        }
    }
    assign(&cost, k)
}

/// The squared Hellinger distance between what two segments answer.
fn distance(
    question: &Question,
    (left, a): (&SegmentAnswers, usize),
    (right, b): (&SegmentAnswers, usize),
) -> f64 {
    if let (Some(left), Some(right)) = (left.probabilities(), right.probabilities()) {
        let roots = left[a].iter().zip(&right[b]).map(|(p, q)| (p * q).sqrt());
        return 1.0 - roots.sum::<f64>();
    }
    match (left, right) {
        (
            SegmentAnswers::Continuous {
                means: m,
                deviations: s,
                ..
            },
            SegmentAnswers::Continuous {
                means: n,
                deviations: t,
                ..
            },
        ) => normal(m[a], n[b], s[a].powi(2), t[b].powi(2)),
        (
            SegmentAnswers::Count {
                means: m, size: u, ..
            },
            SegmentAnswers::Count {
                means: n, size: v, ..
            },
        ) => {
            if matches!(question.kind, QuestionKind::Count(_)) && u.is_none() && v.is_none() {
                return 1.0 - (-0.5 * (m[a].sqrt() - n[b].sqrt()).powi(2)).exp();
            }
            // No closed form: that of normal distributions with the same moments.
            let variance =
                |mean: f64, size: &Option<f64>| mean + size.map_or(0.0, |size| mean * mean / size);
            normal(m[a], n[b], variance(m[a], u), variance(n[b], v))
        }
        _ => 0.0, // the same question on both sides
    }
}

fn normal(m: f64, n: f64, variance: f64, other: f64) -> f64 {
    let both = (variance + other).max(f64::MIN_POSITIVE);
    let overlap = (2.0 * (variance * other).sqrt() / both).sqrt();
    1.0 - overlap * (-0.25 * (m - n).powi(2) / both).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_distributions() {
        assert_eq!(normal(1.0, 1.0, 4.0, 4.0), 0.0);
        // By a sum over a fine grid.
        let density = |x: f64, m: f64, s: f64| {
            (-0.5 * ((x - m) / s).powi(2)).exp() / (s * (2.0 * std::f64::consts::PI).sqrt())
        };
        let step = 1e-3;
        let grid = (-20_000..20_000).map(|i| f64::from(i) * step);
        let sum: f64 = grid
            .map(|x| (density(x, 0.5, 1.0) * density(x, -1.0, 2.0)).sqrt() * step)
            .sum();
        assert!((normal(0.5, -1.0, 1.0, 4.0) - (1.0 - sum)).abs() < 1e-9);
        let levels = SegmentAnswers::Nominal {
            probabilities: vec![vec![0.5, 0.5], vec![1.0, 0.0]],
            standard_errors: Vec::new(),
        };
        let question = Question::nominal("q", ["a", "b"]);
        let found = distance(&question, (&levels, 0), (&levels, 1));
        assert!((found - (1.0 - 0.5_f64.sqrt())).abs() < 1e-12);
    }
}

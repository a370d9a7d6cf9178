//! Which segment of one solution is which of another: across waves, samples and bootstraps.

use serde::{Deserialize, Serialize};

use super::latent_class::{FittedLatentClass, SegmentAnswers};
use crate::error::{Error, Result};
use crate::math::assignment::assign;

/// The segments of a second solution matched with those of a first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// For each segment of the second solution, its match in the first; `None` where the second has
    /// more segments.
    pub matches: Vec<Option<usize>>,
    /// For each segment of the second solution, how much it and its match have in common, from 0 to 1:
    /// Jaccard's index of their members, or the overlap of their answers.
    pub similarity: Vec<f64>,
    /// The adjusted Rand index of the two assignments of the same respondents (Hubert & Arabie 1985);
    /// `None` where solutions were compared by their answers.
    pub adjusted_rand: Option<f64>,
}

impl Alignment {
    /// Of two solutions for the same respondents: `first` and `second` assign each a segment (from 0),
    /// and `weight` says how many each stands for.
    ///
    /// ```
    /// use tercet::needs::Alignment;
    /// let alignment = Alignment::of_assignments(&[0, 0, 1, 1, 2], &[2, 2, 0, 0, 1], |_| 1.0)?;
    /// assert_eq!(alignment.matches, [Some(1), Some(2), Some(0)]);
    /// assert_eq!(alignment.adjusted_rand, Some(1.0));
    /// # Ok::<(), tercet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for different numbers of respondents.
    pub fn of_assignments(
        first: &[usize],
        second: &[usize],
        weight: impl Fn(usize) -> f64,
    ) -> Result<Self> {
        if first.len() != second.len() {
            return Err(Error::ShapeMismatch {
                column: "second".to_owned(),
                expected: first.len(),
                found: second.len(),
            });
        }
        let size = |segments: &[usize]| segments.iter().max().map_or(0, |most| most + 1);
        let (rows, columns) = (size(first), size(second));
        let mut joint = vec![0.0; rows * columns];
        for (row, (one, other)) in first.iter().zip(second).enumerate() {
            joint[one * columns + other] += weight(row);
        }
        let row_sums: Vec<f64> = joint
            .chunks_exact(columns.max(1))
            .map(|row| row.iter().sum())
            .collect();
        let column_sums: Vec<f64> = (0..columns)
            .map(|column| (0..rows).map(|row| joint[row * columns + column]).sum())
            .collect();
        let jaccard = |one: usize, other: usize| {
            let both = joint[one * columns + other];
            let either = row_sums[one] + column_sums[other] - both;
            if either > 0.0 { both / either } else { 0.0 }
        };
        let mut alignment = Self::best(rows, columns, jaccard);
        alignment.adjusted_rand = Some(adjusted_rand(&joint, &row_sums, &column_sums));
        Ok(alignment)
    }

    /// Of two models with questions in common, by how their segments answer: the overlap of two
    /// distributions (1 minus half the sum of absolute differences; for numbers that of two normal
    /// distributions, by Hellinger's affinity), averaged over the questions. A level that one of the
    /// models does not know, since nobody chose it there, has no overlap.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] where the models share no question; [`Error::InvalidData`] where a
    /// question has no level in common, or levels in one model and numbers in the other.
    pub fn of_models(first: &FittedLatentClass, second: &FittedLatentClass) -> Result<Self> {
        let mut pairs = Vec::new();
        for (question, answers) in second.questions().iter().zip(second.answers()) {
            let own = first
                .questions()
                .iter()
                .position(|one| one.name == question.name);
            let Some(own) = own else { continue };
            let Some(places) = places(first.questions()[own].levels(), question.levels()) else {
                let reason = "has other levels in the two models; code both by the same levels";
                return Err(Error::data(&question.name, None, reason));
            };
            pairs.push((&first.answers()[own], answers, places));
        }
        if pairs.is_empty() {
            return Err(Error::parameter(
                "models",
                "two without a question in common",
                "two models of the same questions",
            ));
        }
        let overlap = |one: usize, other: usize| {
            let each = pairs
                .iter()
                .map(|(a, b, places)| overlap((a, one), (b, other), places));
            each.sum::<f64>() / pairs.len() as f64
        };
        Ok(Self::best(first.n_segments(), second.n_segments(), overlap))
    }

    /// The matching of the greatest similarity in total.
    fn best(rows: usize, columns: usize, similarity: impl Fn(usize, usize) -> f64) -> Self {
        let n = rows.max(columns);
        let mut cost = vec![0.0; n * n];
        for row in 0..rows {
            for column in 0..columns {
                cost[row * n + column] = -similarity(row, column);
            }
        }
        let mut matches = vec![None; columns];
        for (row, column) in assign(&cost, n).into_iter().enumerate() {
            if row < rows && column < columns {
                matches[column] = Some(row);
            }
        }
        let similarity = matches
            .iter()
            .enumerate()
            .map(|(column, row)| row.map_or(0.0, |row| similarity(row, column)))
            .collect();
        Self {
            matches,
            similarity,
            adjusted_rand: None,
        }
    }
}

/// Pairs of places of the levels that two questions have in common; `None` where they cannot be
/// compared. None at all for two questions that are answered by numbers.
fn places(first: Option<&[String]>, second: Option<&[String]>) -> Option<Vec<(usize, usize)>> {
    match (first, second) {
        (None, None) => Some(Vec::new()),
        (Some(first), Some(second)) => {
            let of = |level| first.iter().position(|own| own == level);
            let pairs = second.iter().enumerate();
            let pairs: Vec<_> = pairs
                .filter_map(|(place, level)| of(level).map(|own| (own, place)))
                .collect();
            (!pairs.is_empty()).then_some(pairs)
        }
        _ => None,
    }
}

fn overlap(
    (one, k): (&SegmentAnswers, usize),
    (other, l): (&SegmentAnswers, usize),
    places: &[(usize, usize)],
) -> f64 {
    if let (Some(p), Some(q)) = (one.probabilities(), other.probabilities()) {
        return places.iter().map(|(i, j)| p[k][*i].min(q[l][*j])).sum();
    }
    let (Some((m1, s1)), Some((m2, s2))) = (moments(one, k), moments(other, l)) else {
        return 0.0;
    };
    // Hellinger's affinity of two normal distributions.
    let spread = s1 * s1 + s2 * s2;
    (2.0 * s1 * s2 / spread).sqrt() * (-0.25 * (m1 - m2).powi(2) / spread).exp()
}

/// Mean and deviation of a segment's numbers.
fn moments(answers: &SegmentAnswers, segment: usize) -> Option<(f64, f64)> {
    match answers {
        SegmentAnswers::Continuous {
            means, deviations, ..
        } => Some((means[segment], deviations[segment])),
        SegmentAnswers::Count { means, size, .. } => {
            let mean = means[segment];
            let variance = mean + size.map_or(0.0, |size| mean * mean / size);
            Some((mean, variance.max(1e-12).sqrt()))
        }
        SegmentAnswers::Nominal { .. } | SegmentAnswers::Ordinal { .. } => None,
    }
}

/// Hubert & Arabie (1985), Journal of Classification 2, 193-218; with weights for counts.
fn adjusted_rand(joint: &[f64], rows: &[f64], columns: &[f64]) -> f64 {
    let pairs = |counts: &[f64]| -> f64 { counts.iter().map(|n| 0.5 * n * (n - 1.0)).sum() };
    let total = pairs(&[rows.iter().sum()]);
    if total <= 0.0 {
        return 1.0;
    }
    let (both, first, second) = (pairs(joint), pairs(rows), pairs(columns));
    let by_chance = first * second / total;
    let most = 0.5 * (first + second);
    if most - by_chance <= 0.0 {
        1.0 // both put everybody into one segment
    } else {
        (both - by_chance) / (most - by_chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_of_the_adjusted_rand_index() {
        // Hubert & Arabie 1985, table 3 is not at hand; a case worked by hand: joint counts
        // [[2, 1], [0, 3]], pairs 1 + 3, rows 3 + 3, columns 1 + 6, of 15.
        let alignment =
            Alignment::of_assignments(&[0, 0, 0, 1, 1, 1], &[0, 0, 1, 1, 1, 1], |_| 1.0).unwrap();
        let by_chance = 6.0 * 7.0 / 15.0;
        let expected = (4.0 - by_chance) / (6.5 - by_chance);
        assert!((alignment.adjusted_rand.unwrap() - expected).abs() < 1e-12);
        assert_eq!(alignment.matches, [Some(0), Some(1)]);
        assert_eq!(alignment.similarity, [2.0 / 3.0, 0.75]);
    }

    #[test]
    fn levels_are_compared_by_their_names() {
        use crate::data::Question;
        let model = |levels: &[&str], rows: [Vec<f64>; 2]| {
            let question = Question::nominal("q", levels.iter().copied());
            let answers = SegmentAnswers::nominal(rows.to_vec());
            FittedLatentClass::from_parameters(&[0.6, 0.4], vec![(question, answers)])
        };
        let first = model(&["a", "b", "c"], [vec![0.7, 0.2, 0.1], vec![0.1, 0.2, 0.7]]).unwrap();
        // Nobody chose "b" in the second wave, and its largest segment is the other one.
        let second = model(&["c", "a"], [vec![0.8, 0.2], vec![0.3, 0.7]]).unwrap();
        let alignment = Alignment::of_models(&first, &second).unwrap();
        assert_eq!(alignment.matches, [Some(1), Some(0)]);
        assert!((alignment.similarity[0] - 0.8).abs() < 1e-15);
        assert!((alignment.similarity[1] - 0.8).abs() < 1e-15);
        let strange = model(&["x", "y"], [vec![0.5, 0.5], vec![0.4, 0.6]]).unwrap();
        assert!(Alignment::of_models(&first, &strange).is_err());
    }

    #[test]
    fn a_segment_more_has_no_match() {
        let alignment =
            Alignment::of_assignments(&[0, 0, 1, 1, 1], &[0, 0, 1, 1, 2], |_| 1.0).unwrap();
        assert_eq!(alignment.matches, [Some(0), Some(1), None]);
    }
}

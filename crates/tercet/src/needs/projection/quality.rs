//! How well a projection does, from respondents who were left out of the fit.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::ProjectionData;
use super::fit::modal;

/// What cross-validation says of a projection. Every number comes from respondents who were left out
/// of the fit that predicted them, and is weighted.
///
/// A respondent's true segment is not known, only the questionnaire's posterior, which classifies
/// with error. A projection with correction is judged with that undone: memberships are the posterior
/// times the inverse of the mean posterior in each segment (Bolck, Croon & Hagenaars 2004), right on
/// average though not for one respondent. Without correction, or where that inverse is too unsteady,
/// they are the posterior itself. The *ceiling* beside a number is what the questionnaire reaches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectionQuality {
    /// Log-likelihood that attributes win over the shares alone, per respondent (natural units): 0
    /// where they say nothing of the segments.
    pub log_likelihood_gain: f64,
    /// Its standard error over respondents.
    pub log_likelihood_gain_error: f64,
    /// Cross-entropy of the posterior with what the projection expects it to be.
    pub log_loss: f64,
    /// The same of the shares alone.
    pub log_loss_shares: f64,
    /// Expected share of respondents whose most probable segment by attributes is theirs.
    pub expected_accuracy: f64,
    /// The same, where everybody is counted in the largest segment.
    pub expected_accuracy_largest: f64,
    /// The same of the questionnaire's own most probable segment.
    pub expected_accuracy_ceiling: f64,
    /// Share of respondents whose most probable segments by attributes and by questionnaire agree.
    pub modal_agreement: f64,
    /// The same, where everybody is counted in the segment that is most often the most probable.
    pub modal_agreement_largest: f64,
    /// How well each segment's probability ranks its members before others: the area under the ROC
    /// curve. 0.5 is chance.
    pub auc: Vec<f64>,
    /// The weighted mean of these over segments, by their size.
    pub mean_auc: f64,
    /// The area that the questionnaire's own posterior reaches, a number a segment.
    pub auc_ceiling: Vec<f64>,
    /// The segments' sizes.
    pub shares: Vec<f64>,
    /// Sizes by adding up probabilities.
    pub shares_by_probability: Vec<f64>,
    /// Sizes by counting everybody in the most probable segment.
    pub shares_by_mode: Vec<f64>,
    /// Share of respondents who, on balance, are counted in a wrong segment by adding up
    /// probabilities: half the sum of the differences.
    pub share_error_by_probability: f64,
    /// The same by counting everybody in the most probable segment.
    pub share_error_by_mode: f64,
    /// Tenths of the respondents by predicted probability, for each segment.
    pub calibration: Vec<CalibrationRow>,
    /// What each penalty that was tried wins.
    pub penalties: Vec<PenaltyScore>,
}

/// A tenth of the respondents by the probability of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRow {
    /// The segment, from 1.
    pub segment: usize,
    /// The tenth, from 1: that of the lowest probabilities.
    pub decile: usize,
    /// The weight of its respondents.
    pub weight: f64,
    /// Mean of the predicted probability.
    pub predicted: f64,
    /// Mean of the posterior that is to be expected if the prediction is right: a posterior that
    /// classifies with error is drawn towards the shares. Without correction, the prediction itself.
    pub expected: f64,
    /// Mean of the posterior.
    pub observed: f64,
}

/// How well one penalty predicts respondents left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PenaltyScore {
    /// The penalty.
    pub penalty: f64,
    /// Log-likelihood won over the shares alone, per respondent.
    pub log_likelihood_gain: f64,
}

/// What was predicted of respondents left out.
pub(super) struct Held {
    /// `n x K`, row by row.
    pub(super) probabilities: Vec<f64>,
    /// The log-likelihood that each row wins over the shares alone.
    pub(super) gains: Vec<f64>,
    pub(super) corrected: bool,
}

const DECILES: usize = 10;

impl ProjectionQuality {
    pub(super) fn new(
        data: &ProjectionData<'_>,
        held: &Held,
        penalties: Vec<PenaltyScore>,
    ) -> Self {
        let n = data.n_segments();
        let errors = Errors::new(data, held.corrected);
        let rows = Rows {
            data,
            probabilities: &held.probabilities,
            expected: through(&held.probabilities, &errors.table),
            memberships: through(data.memberships(), &errors.inverse),
        };
        let (gain, gain_error) = rows.mean_and_error(&held.gains);
        let by_probability = rows.mean_of(|row, segment| rows.predicted(row)[segment]);
        let by_mode = rows.mean_of(|row, segment| indicator(modal(rows.predicted(row)) == segment));
        let posterior_modes =
            rows.mean_of(|row, segment| indicator(modal(data.posterior(row)) == segment));
        let auc: Vec<f64> = (0..n)
            .map(|segment| rows.auc(&held.probabilities, &rows.memberships, segment))
            .collect();
        let largest = |shares: &[f64]| shares.iter().copied().fold(0.0, f64::max);
        Self {
            log_likelihood_gain: gain,
            log_likelihood_gain_error: gain_error,
            log_loss: rows.log_loss(|row, segment| rows.expected[row * n + segment]),
            log_loss_shares: rows.log_loss(|_, segment| data.shares()[segment]),
            expected_accuracy: rows
                .mean(|row| rows.memberships[row * n + modal(rows.predicted(row))]),
            expected_accuracy_largest: rows
                .mean(|row| rows.memberships[row * n + modal(data.shares())]),
            expected_accuracy_ceiling: rows.mean(|row| largest(data.posterior(row))),
            modal_agreement: rows
                .mean(|row| indicator(modal(data.posterior(row)) == modal(rows.predicted(row)))),
            modal_agreement_largest: largest(&posterior_modes),
            mean_auc: auc
                .iter()
                .zip(data.shares())
                .map(|(auc, share)| auc * share)
                .sum(),
            auc,
            auc_ceiling: (0..n)
                .map(|segment| rows.auc(data.memberships(), data.memberships(), segment))
                .collect(),
            shares: data.shares().to_vec(),
            share_error_by_probability: distance(&by_probability, data.shares()),
            share_error_by_mode: distance(&by_mode, data.shares()),
            shares_by_probability: by_probability,
            shares_by_mode: by_mode,
            calibration: (0..n)
                .flat_map(|segment| rows.calibration(segment))
                .collect(),
            penalties,
        }
    }
}

/// Respondents, what was predicted of them, and the posterior that this lets expect.
struct Rows<'a> {
    data: &'a ProjectionData<'a>,
    probabilities: &'a [f64],
    expected: Vec<f64>,
    /// Membership in each segment, right on average; may lie outside of 0 to 1.
    memberships: Vec<f64>,
}

impl Rows<'_> {
    fn predicted(&self, row: usize) -> &[f64] {
        let n = self.data.n_segments();
        &self.probabilities[row * n..(row + 1) * n]
    }

    fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        let rows = 0..self.data.len();
        rows.map(|row| self.data.weight(row) * value(row))
            .sum::<f64>()
            / self.data.total_weight()
    }

    fn mean_of(&self, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let segments = 0..self.data.n_segments();
        segments
            .map(|segment| self.mean(|row| value(row, segment)))
            .collect()
    }

    /// A weighted mean and its standard error, rows being independent.
    fn mean_and_error(&self, values: &[f64]) -> (f64, f64) {
        let mean = self.mean(|row| values[row]);
        let squares: f64 = values
            .iter()
            .enumerate()
            .map(|(row, value)| (self.data.weight(row) * (value - mean)).powi(2))
            .sum();
        (mean, squares.sqrt() / self.data.total_weight())
    }

    fn log_loss(&self, probability: impl Fn(usize, usize) -> f64) -> f64 {
        self.mean(|row| {
            let posterior = self.data.posterior(row).iter().enumerate();
            let seen = posterior.filter(|(_, p)| **p > 0.0);
            // The smallest positive number stands for a probability that underflowed.
            let logs =
                seen.map(|(segment, p)| p * probability(row, segment).max(f64::MIN_POSITIVE).ln());
            -logs.sum::<f64>()
        })
    }

    /// The area under the ROC curve of one segment's scores under fractional memberships: the
    /// chance that a member drawn at random scores higher than a non-member, ties counting half.
    /// It is linear in the memberships of both, so that those that are right on average suffice.
    fn auc(&self, scores: &[f64], memberships: &[f64], segment: usize) -> f64 {
        let n = self.data.n_segments();
        let score = |row: usize| scores[row * n + segment];
        let mut order: Vec<usize> = (0..self.data.len()).collect();
        order.sort_unstable_by(|&a, &b| score(a).total_cmp(&score(b)));
        let (mut below, mut won, mut members) = (0.0, 0.0, 0.0);
        for equals in order.chunk_by(|&a, &b| score(a) == score(b)) {
            let (mut inside, mut outside) = (0.0, 0.0);
            for &row in equals {
                let member = memberships[row * n + segment];
                inside += self.data.weight(row) * member;
                outside += self.data.weight(row) * (1.0 - member);
            }
            won += inside * (below + 0.5 * outside);
            below += outside;
            members += inside;
        }
        // Every segment has members, so that none has them all; a chance lies between 0 and 1.
        (won / (members * below)).clamp(0.0, 1.0)
    }

    fn calibration(&self, segment: usize) -> Vec<CalibrationRow> {
        let n = self.data.n_segments();
        let mut order: Vec<usize> = (0..self.data.len()).collect();
        let score = |row: usize| self.probabilities[row * n + segment];
        order.sort_by(|&a, &b| score(a).total_cmp(&score(b)));
        let mut rows: Vec<CalibrationRow> = (1..=DECILES)
            .map(|decile| CalibrationRow {
                segment: segment + 1,
                decile,
                weight: 0.0,
                predicted: 0.0,
                expected: 0.0,
                observed: 0.0,
            })
            .collect();
        let (total, mut passed) = (self.data.total_weight(), 0.0);
        for row in order {
            let weight = self.data.weight(row);
            let middle = (passed + 0.5 * weight) / total;
            passed += weight;
            let bin = &mut rows[decile(middle)];
            bin.weight += weight;
            bin.predicted += weight * score(row);
            bin.expected += weight * self.expected[row * n + segment];
            bin.observed += weight * self.data.posterior(row)[segment];
        }
        rows.retain(|bin| bin.weight > 0.0);
        for bin in &mut rows {
            bin.predicted /= bin.weight;
            bin.expected /= bin.weight;
            bin.observed /= bin.weight;
        }
        rows
    }
}

/// The tenth, from 0, of a position between 0 and 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 10
fn decile(position: f64) -> usize {
    ((position * DECILES as f64) as usize).min(DECILES - 1)
}

/// How the questionnaire classifies members of each segment, and the way back.
struct Errors {
    /// Mean posterior (columns) of members of each segment (rows).
    table: DMatrix<f64>,
    inverse: DMatrix<f64>,
}

/// An inverse with larger entries multiplies chance more than it undoes errors.
const UNSTEADY: f64 = 20.0;

impl Errors {
    fn new(data: &ProjectionData<'_>, corrected: bool) -> Self {
        let n = data.n_segments();
        if corrected {
            let table = classification(data);
            let inverse = table.clone().try_inverse();
            if let Some(inverse) = inverse.filter(|inverse| inverse.amax() < UNSTEADY) {
                return Self { table, inverse };
            }
            return Self {
                table,
                inverse: DMatrix::identity(n, n),
            };
        }
        Self {
            table: DMatrix::identity(n, n),
            inverse: DMatrix::identity(n, n),
        }
    }
}

fn classification(data: &ProjectionData<'_>) -> DMatrix<f64> {
    let n = data.n_segments();
    let mut table = DMatrix::zeros(n, n);
    for row in 0..data.len() {
        let posterior = DVector::from_row_slice(data.posterior(row));
        table.ger(data.weight(row), &posterior, &posterior, 1.0);
    }
    for mut row in table.row_iter_mut() {
        // Every segment has members.
        let sum = row.sum();
        row /= sum;
    }
    table
}

/// Each row of probabilities times the table.
fn through(probabilities: &[f64], table: &DMatrix<f64>) -> Vec<f64> {
    let n = table.nrows();
    let rows = probabilities.chunks_exact(n);
    rows.flat_map(|row| (0..n).map(move |m| (0..n).map(|k| row[k] * table[(k, m)]).sum()))
        .collect()
}

fn distance(found: &[f64], shares: &[f64]) -> f64 {
    0.5 * found
        .iter()
        .zip(shares)
        .map(|(a, b)| (a - b).abs())
        .sum::<f64>()
}

fn indicator(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Design, Feature};

    fn quality(
        posterior: &[f64],
        predicted: &[f64],
        weights: &[f64],
        corrected: bool,
    ) -> ProjectionQuality {
        let ones: Vec<f64> = (0..weights.len()).map(|row| row as f64).collect();
        let design = Design::new(vec![("x".into(), Feature::Numbers(&ones))]).unwrap();
        let data = ProjectionData::new(design, posterior, 2)
            .unwrap()
            .with_weights("w", weights);
        let held = Held {
            probabilities: predicted.to_vec(),
            gains: vec![0.1; weights.len()],
            corrected,
        };
        ProjectionQuality::new(&data.unwrap(), &held, Vec::new())
    }

    #[test]
    fn certain_memberships_give_the_known_numbers() {
        let posterior = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0];
        let predicted = [0.8, 0.2, 0.4, 0.6, 0.6, 0.4, 0.3, 0.7];
        let found = quality(&posterior, &predicted, &[1.0; 4], true);
        // Of four pairs of a member and another, three are in order.
        assert_eq!((found.auc[0], found.auc[1]), (0.75, 0.75));
        assert_eq!((found.expected_accuracy, found.modal_agreement), (0.5, 0.5));
        assert_eq!(
            (found.expected_accuracy_ceiling, found.auc_ceiling[0]),
            (1.0, 1.0)
        );
        let loss = -(0.8_f64.ln() + 0.4_f64.ln() + 0.4_f64.ln() + 0.7_f64.ln()) / 4.0;
        assert!((found.log_loss - loss).abs() < 1e-12);
        assert!((found.log_loss_shares - 2.0_f64.ln()).abs() < 1e-12);
        assert!((found.shares_by_probability[0] - 0.525).abs() < 1e-12);
        assert_eq!(found.share_error_by_mode, 0.0);
        assert_eq!(
            (found.log_likelihood_gain, found.log_likelihood_gain_error),
            (0.1, 0.0)
        );
    }

    #[test]
    fn weights_count_as_rows() {
        let (a, b) = ([0.9, 0.1, 0.3, 0.7], [0.6, 0.4, 0.5, 0.5]);
        let twice = |rows: &[f64; 4]| [&rows[..2], &rows[..2], &rows[2..]].concat();
        let weighted = quality(&a, &b, &[2.0, 1.0], true);
        let repeated = quality(&twice(&a), &twice(&b), &[1.0; 3], true);
        assert!((weighted.auc[0] - repeated.auc[0]).abs() < 1e-12);
        assert!((weighted.log_loss - repeated.log_loss).abs() < 1e-12);
        assert!((weighted.expected_accuracy - repeated.expected_accuracy).abs() < 1e-12);
    }

    #[test]
    fn what_a_posterior_is_expected_to_be_allows_for_its_errors() {
        // The questionnaire is right in four of five cases; the prediction knows the truth.
        let posterior = [0.8, 0.2, 0.8, 0.2, 0.8, 0.2, 0.8, 0.2, 0.2, 0.8];
        let posterior = [
            &posterior[..],
            &[0.2, 0.8, 0.2, 0.8, 0.2, 0.8, 0.2, 0.8, 0.8, 0.2],
        ]
        .concat();
        let truth: Vec<f64> = [[1.0, 0.0]; 5]
            .into_iter()
            .chain([[0.0, 1.0]; 5])
            .flatten()
            .collect();
        let found = quality(&posterior, &truth, &[1.0; 10], true);
        let top = found
            .calibration
            .iter()
            .filter(|row| row.segment == 1 && row.predicted == 1.0);
        for row in top {
            assert!((row.expected - 0.68).abs() < 1e-12, "{row:?}");
        }
        let plain = quality(&posterior, &truth, &[1.0; 10], false);
        assert!(
            plain
                .calibration
                .iter()
                .all(|row| row.expected == row.predicted)
        );
    }
}

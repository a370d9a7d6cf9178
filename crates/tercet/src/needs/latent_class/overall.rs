//! What everybody answers: the model of one segment, around which starts are drawn.

use super::LatentClass;
use super::Variance;
use super::cells::Cells;
use super::continuous::Continuous;
use super::count::Count;
use super::measurement::{Measurement, Pseudo};
use super::nominal::Nominal;
use super::ordinal::Ordinal;
use super::sweep::{Tables, expect};
use crate::data::{CountFamily, Question, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::parallel::Gate;

/// What everybody answers, and how much of it the prior adds to each segment.
pub(super) struct Overall {
    pub(super) measurements: Vec<Measurement>,
    shares: Vec<Vec<f64>>,
}

impl Overall {
    /// The model of one segment.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a question that everybody answered alike.
    pub(super) fn new(
        settings: &LatentClass,
        survey: &Survey<'_>,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        let tables = Tables {
            lanes: 1,
            priors: vec![1.0; cells.n_designs()],
            groups: cells.sizes.iter().map(|n| vec![1.0; *n]).collect(),
            offsets: vec![Vec::new(); cells.coded.len()],
            normals: vec![vec![(0.0, 1.0)]; cells.dense.len()],
        };
        let expected = expect(cells, &tables, gate)?;
        let mut measurements = vec![None; survey.questions().len()];
        let mut shares = vec![Vec::new(); survey.questions().len()];
        for (coded, counts) in cells.coded.iter().zip(&expected.counts) {
            let question = &survey.questions()[coded.question];
            check_answers(
                question,
                counts.iter().filter(|count| **count > 0.0).count(),
            )?;
            let total: f64 = counts.iter().sum();
            let share: Vec<f64> = counts.iter().map(|count| count / total).collect();
            measurements[coded.question] = Some(everybody(question, &coded.values, &share));
            shares[coded.question] = share;
        }
        for (dense, sums) in cells.dense.iter().zip(&expected.numbers) {
            let [n, sum, square] = [sums[0], sums[1], sums[2]];
            let varies = n > 0.0 && square / n - (sum / n).powi(2) > 1e-12;
            check_answers(
                &survey.questions()[dense.question],
                if varies { 2 } else { 1 },
            )?;
            measurements[dense.question] = Some(Measurement::Continuous(Continuous {
                means: vec![0.0],
                deviations: vec![1.0],
                shared: settings.variance == Variance::Shared,
            }));
        }
        Ok(Self {
            measurements: measurements.into_iter().flatten().collect(),
            shares,
        })
    }

    pub(super) fn pseudo(&self, question: usize, weight: f64) -> Pseudo {
        match &self.measurements[question] {
            Measurement::Nominal(_) | Measurement::Ordinal(_) => Pseudo::Levels(
                self.shares[question]
                    .iter()
                    .map(|share| weight * share)
                    .collect(),
            ),
            Measurement::Count(one) => Pseudo::Mean(weight, one.means[0]),
            Measurement::Continuous(_) => Pseudo::Weight(weight),
        }
    }
}

fn check_answers(question: &Question, different: usize) -> Result<()> {
    if different >= 2 {
        return Ok(());
    }
    let reason = "was answered alike by everybody who answered (or by nobody), which tells no segments apart; leave the question out";
    Err(Error::data(&question.name, None, reason))
}

fn everybody(question: &Question, values: &[f64], shares: &[f64]) -> Measurement {
    match &question.kind {
        QuestionKind::Nominal { .. } => {
            Measurement::Nominal(Nominal::new(shares.len(), shares.to_vec()))
        }
        QuestionKind::Ordinal { scores, .. } => {
            let log = |share: &f64| share.max(1e-12).ln();
            Measurement::Ordinal(Ordinal {
                scores: scores.clone(),
                intercepts: shares
                    .iter()
                    .map(|share| log(share) - log(&shares[0]))
                    .collect(),
                slopes: vec![0.0],
            })
        }
        QuestionKind::Count(family) => {
            let mean: f64 = values.iter().zip(shares).map(|(x, p)| x * p).sum();
            let squares = values
                .iter()
                .zip(shares)
                .map(|(x, p)| p * (x - mean).powi(2));
            let excess = squares.sum::<f64>() - mean;
            Measurement::Count(Count {
                means: vec![mean],
                // By moments; within the segments counts vary less than overall.
                size: (*family == CountFamily::NegativeBinomial)
                    .then(|| (2.0 * mean * mean / excess.max(1e-2 * mean)).clamp(0.1, 100.0)),
            })
        }
        QuestionKind::Continuous => Measurement::Continuous(Continuous {
            means: vec![0.0],
            deviations: vec![1.0],
            shared: false,
        }),
    }
}

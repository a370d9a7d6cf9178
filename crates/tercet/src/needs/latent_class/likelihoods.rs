//! How likely each answer is in each segment, question by question: what choosing among questions needs.

use super::FittedLatentClass;
use super::cells::{Cells, Coded, Dense};
use super::fit;
use super::lanes::Lanes;
use super::measurement::{Measurement, Place};
use crate::data::{Survey, SurveyRows};
use crate::error::Result;
use crate::observe::{Observer, Phase};

/// The least factor of an answer: where there is no more than that, nothing is left of a segment.
const LEAST: f64 = 1e-150;

/// The answers of respondents as factors. Under local independence the posterior of a respondent who was
/// asked some of the questions is its prior times the factors of these, brought to a sum of 1.
#[derive(Debug, Clone)]
pub(crate) struct AnswerLikelihoods {
    lanes: Lanes,
    /// A row of lanes a distinct row of covariates.
    priors: Vec<f64>,
    design_of: Vec<usize>,
    questions: Vec<Factors>,
}

/// One question.
#[derive(Debug, Clone)]
struct Factors {
    /// Which row a respondent's answer has.
    codes: Vec<u32>,
    /// A row of lanes an answer, its largest 1.
    rows: Vec<f64>,
}

impl AnswerLikelihoods {
    /// Segments, or segments times nodes of the response style.
    pub(crate) fn n_lanes(&self) -> usize {
        self.lanes.len()
    }

    pub(crate) fn n_segments(&self) -> usize {
        self.lanes.classes
    }

    pub(crate) fn n_questions(&self) -> usize {
        self.questions.len()
    }

    /// Number of respondents.
    pub(crate) fn len(&self) -> usize {
        self.design_of.len()
    }

    /// The factors of a respondent's answer to a question, by lane.
    #[inline]
    pub(crate) fn factors(&self, question: usize, row: usize) -> &[f64] {
        let (one, n) = (&self.questions[question], self.lanes.len());
        let at = one.codes[row] as usize * n;
        &one.rows[at..at + n]
    }

    /// The posterior of a respondent by lane up to a factor, from the questions asked. The largest number
    /// is never 0, nor becomes 0 by the factors of one question more.
    pub(crate) fn joint(&self, asked: impl Iterator<Item = usize>, row: usize, joint: &mut [f64]) {
        let n = self.lanes.len();
        let at = self.design_of[row] * n;
        joint.copy_from_slice(&self.priors[at..at + n]);
        for question in asked {
            let mut most = 0.0_f64;
            for (value, factor) in joint.iter_mut().zip(self.factors(question, row)) {
                *value *= factor;
                most = most.max(*value);
            }
            // Every factor is at least 1e-150, and so is the largest number before it.
            if most < LEAST && most > 0.0 {
                for value in joint.iter_mut() {
                    *value /= most;
                }
            }
        }
    }

    /// Sums over the lanes of each segment, and over all.
    #[inline]
    pub(crate) fn segments(&self, joint: &[f64], segments: &mut [f64]) -> f64 {
        let each = self.lanes.nodes.len();
        let mut total = 0.0;
        for (sum, lanes) in segments.iter_mut().zip(joint.chunks_exact(each)) {
            *sum = lanes.iter().sum();
            total += *sum;
        }
        total
    }

    /// The lanes of a segment.
    pub(crate) fn lanes_of(&self, segment: usize) -> std::ops::Range<usize> {
        let each = self.lanes.nodes.len();
        segment * each..(segment + 1) * each
    }
}

impl FittedLatentClass {
    /// The factors of a survey's answers, in the order of its questions.
    pub(crate) fn answer_likelihoods(
        &self,
        survey: &Survey<'_>,
        phase: &mut Phase<'_>,
    ) -> Result<AnswerLikelihoods> {
        let (model, mixture, cells) = self.on(survey, phase)?;
        let tables = model.tables(&mixture, &cells);
        let factors = |(place, one): (&Place, &Measurement)| match (place, one) {
            (Place::Dense(index), Measurement::Continuous(one)) => {
                let normal = |lane: usize| {
                    let class = model.lanes.class(lane);
                    (one.means[class], one.deviations[class])
                };
                numbers(
                    &cells,
                    &cells.dense[*index],
                    &(0..model.lanes.len()).map(normal).collect::<Vec<_>>(),
                )
            }
            (Place::Coded(index), one) => {
                let coded = &cells.coded[*index];
                let rows = one
                    .rows(coded, &model.lanes, mixture.style)
                    .unwrap_or_default();
                levels(&cells, coded, rows.values, model.lanes.len())
            }
            // `places` makes the two of a kind.
            (Place::Dense(_), _) => Factors {
                codes: vec![0; cells.len()],
                rows: vec![1.0; model.lanes.len()],
            },
        };
        Ok(AnswerLikelihoods {
            questions: model
                .places
                .iter()
                .zip(&mixture.measurements)
                .map(factors)
                .collect(),
            priors: tables.priors,
            design_of: (0..cells.len()).map(|cell| cells.design_of(cell)).collect(),
            lanes: model.lanes,
        })
    }

    /// The model of some of its questions: local independence lets the others be left out.
    pub(crate) fn restricted(&self, places: &[usize]) -> Self {
        let questions: Vec<_> = places
            .iter()
            .map(|place| self.questions[*place].clone())
            .collect();
        let asked = |name: &str| questions.iter().any(|question| question.name == name);
        let residuals = self.residuals.iter();
        Self {
            answers: places
                .iter()
                .map(|place| self.answers[*place].clone())
                .collect(),
            residuals: residuals
                .filter(|pair| asked(&pair.first) && asked(&pair.second))
                .cloned()
                .collect(),
            questions,
            ..self.clone()
        }
    }

    /// The same model fitted to other respondents from where this one is, without standard errors.
    /// `rows` has the model's questions in the model's order.
    pub(crate) fn refitted(&self, rows: &SurveyRows, observer: &mut dyn Observer) -> Result<Self> {
        let settings = self.settings.clone().starts(1).standard_errors(false);
        fit::fit(
            &settings,
            &rows.survey()?,
            Some(self),
            fit::Effort::Quick,
            observer,
        )
    }
}

fn levels(cells: &Cells, coded: &Coded, mut rows: Vec<f64>, lanes: usize) -> Factors {
    for row in rows.chunks_exact_mut(lanes) {
        scale(row);
    }
    // The last row: no answer.
    let n_levels = rows.len() / lanes;
    rows.extend(std::iter::repeat_n(1.0, lanes));
    // A question has at most 65,535 levels.
    #[allow(clippy::cast_possible_truncation)]
    let code = |cell: usize| cells.level(cell, coded).unwrap_or(n_levels) as u32;
    Factors {
        codes: (0..cells.len()).map(code).collect(),
        rows,
    }
}

/// `normals`: mean and deviation of each lane.
fn numbers(cells: &Cells, dense: &Dense, normals: &[(f64, f64)]) -> Factors {
    let place = cells
        .dense
        .iter()
        .position(|one| one.question == dense.question);
    let mut rows = Vec::with_capacity(cells.len() * normals.len());
    for cell in 0..cells.len() {
        let x = place.map_or(f64::NAN, |place| cells.numbers(cell)[place]);
        let log = |(mean, deviation): &(f64, f64)| {
            if x.is_nan() {
                0.0
            } else {
                -deviation.ln() - 0.5 * ((x - mean) / deviation).powi(2)
            }
        };
        let most = normals.iter().map(log).fold(f64::NEG_INFINITY, f64::max);
        rows.extend(
            normals
                .iter()
                .map(|normal| (log(normal) - most).exp().max(LEAST)),
        );
    }
    // The number of rows was checked to fit 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    let codes = (0..cells.len() as u32).collect();
    Factors { codes, rows }
}

/// Brings the largest of a row to 1, and none below the least.
fn scale(row: &mut [f64]) {
    let most = row.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    for value in row {
        *value = (*value / most).max(LEAST);
    }
}

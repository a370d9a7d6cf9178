//! Answers as points in space: what methods that know distances only can be given.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::data::{Answers, Question, QuestionKind, Survey};
use crate::error::{Error, Result};

/// What a question's numbers are reduced by, and divided by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ColumnScale {
    /// The mean of the respondents of the fit; 0 where numbers were taken as they are.
    pub mean: f64,
    /// Their standard deviation (divided by n); 1 where numbers were taken as they are.
    pub deviation: f64,
}

/// Questions with the scales on which their answers are points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub(super) questions: Vec<Question>,
    pub(super) scales: Vec<ColumnScale>,
}

impl Columns {
    /// The questions of a survey that is fitted to, and its points, row by row in the order of their
    /// coordinates: starts that draw from them then do not depend on the order of the rows. `method` is what takes
    /// neither weights nor covariates.
    pub(super) fn of_fit(
        survey: &Survey<'_>,
        standardize: bool,
        method: &str,
    ) -> Result<(Self, Vec<f64>)> {
        if survey.weights().is_some() {
            let expected = format!(
                "none: {method} takes no weights; LatentClass does, with the same questions"
            );
            return Err(Error::parameter("weights", "given", expected));
        }
        if let Some((name, _)) = survey.covariates().first() {
            let expected = format!("none: {method} takes no covariates; LatentClass does");
            return Err(Error::parameter(
                "covariates",
                format!("{name:?}"),
                expected,
            ));
        }
        let mut columns = Self {
            questions: survey.questions().to_vec(),
            scales: Vec::new(),
        };
        for question in &columns.questions {
            check_kind(question, method)?;
        }
        let width = columns.questions.len();
        let points = sorted(&columns.raw(survey, method)?, width);
        for (place, question) in columns.questions.iter().enumerate() {
            let values = || points.iter().skip(place).step_by(width);
            let n = survey.len() as f64;
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            if values().all(|x| *x == points[place]) || !(variance > 0.0 && variance.is_finite()) {
                let reason = "was answered alike by everybody, which tells no segments apart; leave the question out";
                return Err(Error::data(&question.name, None, reason));
            }
            columns.scales.push(if standardize {
                let deviation = variance.sqrt();
                ColumnScale { mean, deviation }
            } else {
                ColumnScale {
                    mean: 0.0,
                    deviation: 1.0,
                }
            });
        }
        let points = columns.scaled(points);
        Ok((columns, points))
    }

    /// The points of a survey that is scored, on the scales of the fit.
    pub(super) fn points(&self, survey: &Survey<'_>, method: &str) -> Result<Vec<f64>> {
        Ok(self.scaled(self.answers(survey, method)?))
    }

    /// The answers of a survey as numbers, row by row; questions that the model does not have are not
    /// looked at.
    pub(super) fn answers(&self, survey: &Survey<'_>, method: &str) -> Result<Vec<f64>> {
        let place = |question: &Question| {
            let found = survey
                .questions()
                .iter()
                .position(|one| one.name == question.name);
            let Some(place) = found else {
                let reason = "is a question of the model and not in the survey; add its column";
                return Err(Error::data(&question.name, None, reason));
            };
            let other = &survey.questions()[place];
            let counts = matches!(
                (&question.kind, &other.kind),
                (QuestionKind::Count(_), QuestionKind::Count(_))
            );
            if counts || question.kind == other.kind {
                return Ok(place);
            }
            let reason = format!(
                "is {} with levels {:?}, and in the model {} with levels {:?}; code the answers by the model's levels",
                other.kind_word(),
                other.levels().unwrap_or_default(),
                question.kind_word(),
                question.levels().unwrap_or_default(),
            );
            Err(Error::data(&question.name, None, reason))
        };
        let places: Vec<usize> = self.questions.iter().map(place).collect::<Result<_>>()?;
        self.raw(&survey.only(&places), method)
    }

    /// The answers as numbers, row by row; the survey has the questions in their order.
    fn raw(&self, survey: &Survey<'_>, method: &str) -> Result<Vec<f64>> {
        let width = self.questions.len();
        let mut points = vec![0.0; survey.len() * width];
        for (place, (question, answers)) in self.questions.iter().zip(survey.answers()).enumerate()
        {
            for row in 0..survey.len() {
                if answers.is_missing(row) {
                    let reason = format!(
                        "is missing, and {method} knows no distance to what is not known; fill the gap or leave the row out, or take LatentClass, which uses what was answered"
                    );
                    return Err(Error::data(&question.name, row, reason));
                }
                points[row * width + place] = match (answers, &question.kind) {
                    (Answers::Numbers(numbers), _) => numbers[row],
                    (Answers::Codes(codes), QuestionKind::Ordinal { scores, .. }) => {
                        scores[usize::from(codes[row])]
                    }
                    (Answers::Codes(codes), _) => f64::from(codes[row]),
                };
            }
        }
        Ok(points)
    }

    fn scaled(&self, mut points: Vec<f64>) -> Vec<f64> {
        for row in points.chunks_exact_mut(self.scales.len()) {
            for (x, scale) in row.iter_mut().zip(&self.scales) {
                *x = (*x - scale.mean) / scale.deviation;
            }
        }
        points
    }

    /// A point in the questions' own units.
    pub(super) fn natural(&self, point: &[f64]) -> Vec<f64> {
        let back = |(x, scale): (&f64, &ColumnScale)| scale.mean + scale.deviation * x;
        point.iter().zip(&self.scales).map(back).collect()
    }

    /// The point of a place in the questions' own units.
    pub(super) fn standard(&self, place: &[f64]) -> Vec<f64> {
        self.scaled(place.to_vec())
    }

    /// That a file's scales belong to its questions.
    pub(super) fn fit_together(&self) -> bool {
        let possible = |scale: &ColumnScale| {
            scale.mean.is_finite() && scale.deviation > 0.0 && scale.deviation.is_finite()
        };
        self.scales.len() == self.questions.len() && self.scales.iter().all(possible)
    }
}

fn check_kind(question: &Question, method: &str) -> Result<()> {
    match &question.kind {
        QuestionKind::Nominal { levels } if levels.len() > 2 => {
            let reason = format!(
                "has {} levels without an order, between which {method} knows no distance; give one 0/1 column a level, declare it ordinal, or take LatentClass",
                levels.len()
            );
            Err(Error::data(&question.name, None, reason))
        }
        _ => Ok(()),
    }
}

fn sorted(points: &[f64], width: usize) -> Vec<f64> {
    let mut rows: Vec<&[f64]> = points.chunks_exact(width).collect();
    rows.sort_by(|one, other| {
        let coordinates = one.iter().zip(*other).map(|(a, b)| a.total_cmp(b));
        coordinates
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    rows.concat()
}

//! What the segments answer to a question, as the caller sees it.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::cells::Scale;
use super::continuous::Continuous;
use super::count::Count;
use super::measurement::Measurement;
use super::nominal::Nominal;
use super::ordinal::Ordinal;
use crate::data::{Question, QuestionKind};

/// What each segment answers to a question: a number (or a row of them) a segment, largest segment
/// first, each with its standard error; `None` where the estimate lies on a boundary, or standard errors
/// were not asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentAnswers {
    /// Any probabilities.
    Nominal {
        /// A row a segment, a column a level.
        probabilities: Vec<Vec<f64>>,
        /// Their standard errors.
        standard_errors: Vec<Vec<Option<f64>>>,
    },
    /// Probabilities by adjacent-category logits `a_m + b_k s_m`.
    Ordinal {
        /// `a`, by level; the first is 0.
        intercepts: Vec<f64>,
        /// `b`, by segment; the first is 0.
        slopes: Vec<f64>,
        /// The standard errors of the slopes.
        slope_errors: Vec<Option<f64>>,
        /// A row a segment, a column a level; for a respondent without a response style.
        probabilities: Vec<Vec<f64>>,
        /// Their standard errors.
        standard_errors: Vec<Vec<Option<f64>>>,
    },
    /// Normal distributions.
    Continuous {
        /// By segment.
        means: Vec<f64>,
        /// The standard errors of the means.
        mean_errors: Vec<Option<f64>>,
        /// Standard deviations, by segment.
        deviations: Vec<f64>,
        /// The standard errors of the deviations.
        deviation_errors: Vec<Option<f64>>,
    },
    /// Counts around a mean.
    Count {
        /// By segment.
        means: Vec<f64>,
        /// The standard errors of the means.
        mean_errors: Vec<Option<f64>>,
        /// The size of a negative binomial.
        size: Option<f64>,
        /// Its standard error.
        size_error: Option<f64>,
    },
}

impl SegmentAnswers {
    /// Given probabilities of the levels of a nominal question, a row a segment.
    pub fn nominal(probabilities: Vec<Vec<f64>>) -> Self {
        Self::Nominal {
            standard_errors: probabilities
                .iter()
                .map(|row| vec![None; row.len()])
                .collect(),
            probabilities,
        }
    }

    /// Given intercepts (a level each, the first 0) and slopes (a segment each) of an ordinal question
    /// whose levels have the scores 0, 1, 2, ...
    pub fn ordinal(intercepts: Vec<f64>, slopes: Vec<f64>) -> Self {
        let one = Ordinal {
            scores: (0..intercepts.len()).map(|level| level as f64).collect(),
            intercepts,
            slopes,
        };
        Self::new(
            &Measurement::Ordinal(one.clone()),
            one.slopes.len(),
            None,
            None,
        )
    }

    /// Given means and standard deviations of a continuous question, a segment each.
    pub fn continuous(means: Vec<f64>, deviations: Vec<f64>) -> Self {
        Self::Continuous {
            mean_errors: vec![None; means.len()],
            deviation_errors: vec![None; deviations.len()],
            means,
            deviations,
        }
    }

    /// Given means of counts, a segment each, and the size of a negative binomial.
    pub fn count(means: Vec<f64>, size: Option<f64>) -> Self {
        Self::Count {
            mean_errors: vec![None; means.len()],
            means,
            size,
            size_error: None,
        }
    }

    /// Number of segments.
    pub fn n_segments(&self) -> usize {
        match self {
            Self::Nominal { probabilities, .. } | Self::Ordinal { probabilities, .. } => {
                probabilities.len()
            }
            Self::Continuous { means, .. } | Self::Count { means, .. } => means.len(),
        }
    }

    /// The probabilities of the levels, where there are levels.
    pub fn probabilities(&self) -> Option<&[Vec<f64>]> {
        match self {
            Self::Nominal { probabilities, .. } | Self::Ordinal { probabilities, .. } => {
                Some(probabilities)
            }
            Self::Continuous { .. } | Self::Count { .. } => None,
        }
    }

    /// The means, where answers are numbers.
    pub fn means(&self) -> Option<&[f64]> {
        match self {
            Self::Continuous { means, .. } | Self::Count { means, .. } => Some(means),
            Self::Nominal { .. } | Self::Ordinal { .. } => None,
        }
    }

    /// From the parameters of a fit and the covariance of their coordinates.
    pub(super) fn new(
        measurement: &Measurement,
        classes: usize,
        scale: Option<Scale>,
        covariance: Option<&DMatrix<f64>>,
    ) -> Self {
        let errors = |jacobian: &DMatrix<f64>, held: &dyn Fn(usize) -> bool| {
            errors(jacobian, covariance, held)
        };
        match measurement {
            Measurement::Nominal(one) => {
                let levels = one.probabilities.len() / classes;
                let held = |row: usize| one.is_held(row / levels, row % levels);
                Self::Nominal {
                    probabilities: rows(&one.probabilities, levels),
                    standard_errors: rows(&errors(&one.jacobian(classes), &held), levels),
                }
            }
            Measurement::Ordinal(one) => {
                let levels = one.scores.len();
                let probabilities: Vec<f64> = one
                    .slopes
                    .iter()
                    .flat_map(|slope| one.probabilities(*slope))
                    .collect();
                let held = |row: usize| one.is_held(row / levels);
                let n = one.n_coordinates();
                let slopes = DMatrix::from_fn(classes, n, |class, column| {
                    f64::from(class > 0 && column == levels - 2 + class)
                });
                let held_slope = |class: usize| class == 0 || one.is_held(class);
                Self::Ordinal {
                    intercepts: one.intercepts.clone(),
                    slopes: one.slopes.clone(),
                    slope_errors: errors(&slopes, &held_slope),
                    probabilities: rows(&probabilities, levels),
                    standard_errors: rows(&errors(&one.jacobian(classes), &held), levels),
                }
            }
            Measurement::Continuous(one) => {
                let Scale { mean, deviation } = scale.unwrap_or(Scale {
                    mean: 0.0,
                    deviation: 1.0,
                });
                let held = |row: usize| row >= classes && one.is_held(row - classes);
                let all = errors(&one.jacobian(deviation), &held);
                Self::Continuous {
                    means: one.means.iter().map(|m| mean + deviation * m).collect(),
                    mean_errors: all[..classes].to_vec(),
                    deviations: one.deviations.iter().map(|d| deviation * d).collect(),
                    deviation_errors: all[classes..].to_vec(),
                }
            }
            Measurement::Count(one) => {
                let held = |row: usize| {
                    if row < classes {
                        one.is_held(row)
                    } else {
                        one.size_is_held()
                    }
                };
                let all = errors(&one.jacobian(), &held);
                Self::Count {
                    means: one.means.clone(),
                    mean_errors: all[..classes].to_vec(),
                    size: one.size,
                    size_error: all.get(classes).copied().flatten(),
                }
            }
        }
    }

    /// Whether no probability has a standard error above 1.
    pub(super) fn errors_are_possible(&self) -> bool {
        match self {
            Self::Nominal {
                standard_errors, ..
            }
            | Self::Ordinal {
                standard_errors, ..
            } => standard_errors
                .iter()
                .flatten()
                .flatten()
                .all(|error| *error < 1.0),
            Self::Continuous { .. } | Self::Count { .. } => true,
        }
    }

    /// The parameters as a sweep wants them, in natural units.
    pub(super) fn measurement(&self, question: &Question) -> Measurement {
        match self {
            Self::Nominal { probabilities, .. } => Measurement::Nominal(Nominal::new(
                probabilities.first().map_or(0, Vec::len),
                probabilities.concat(),
            )),
            Self::Ordinal {
                intercepts, slopes, ..
            } => Measurement::Ordinal(Ordinal {
                scores: match &question.kind {
                    QuestionKind::Ordinal { scores, .. } => scores.clone(),
                    _ => Vec::new(), // checked when the model was made
                },
                intercepts: intercepts.clone(),
                slopes: slopes.clone(),
            }),
            Self::Continuous {
                means, deviations, ..
            } => Measurement::Continuous(Continuous {
                means: means.clone(),
                deviations: deviations.clone(),
                shared: false,
            }),
            Self::Count { means, size, .. } => Measurement::Count(Count {
                means: means.clone(),
                size: *size,
            }),
        }
    }

    /// Whether it fits a question and a number of segments: what a file could get wrong.
    pub(super) fn fits(&self, question: &Question, classes: usize) -> bool {
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        let rows = |rows: &[Vec<f64>], levels: usize| {
            let row = |row: &Vec<f64>| {
                row.len() == levels
                    && row.iter().all(|p| (0.0..=1.0).contains(p))
                    && (row.iter().sum::<f64>() - 1.0).abs() < 1e-6
            };
            rows.len() == classes && rows.iter().all(row)
        };
        match (self, &question.kind) {
            (Self::Nominal { probabilities, .. }, QuestionKind::Nominal { levels }) => {
                rows(probabilities, levels.len())
            }
            (
                Self::Ordinal {
                    intercepts,
                    slopes,
                    probabilities,
                    ..
                },
                QuestionKind::Ordinal { levels, .. },
            ) => {
                rows(probabilities, levels.len())
                    && intercepts.len() == levels.len()
                    && slopes.len() == classes
                    && finite(intercepts)
                    && finite(slopes)
            }
            (
                Self::Continuous {
                    means, deviations, ..
                },
                QuestionKind::Continuous,
            ) => {
                means.len() == classes
                    && deviations.len() == classes
                    && finite(means)
                    && deviations.iter().all(|d| *d > 0.0 && d.is_finite())
            }
            (Self::Count { means, size, .. }, QuestionKind::Count(_)) => {
                means.len() == classes
                    && means.iter().all(|m| *m > 0.0 && m.is_finite())
                    && size.is_none_or(|size| size > 0.0 && size.is_finite())
            }
            _ => false,
        }
    }
}

fn rows<T: Clone>(values: &[T], width: usize) -> Vec<Vec<T>> {
    values.chunks_exact(width).map(<[T]>::to_vec).collect()
}

/// Standard errors of what has the rows of a Jacobian.
pub(super) fn errors(
    jacobian: &DMatrix<f64>,
    covariance: Option<&DMatrix<f64>>,
    held: &dyn Fn(usize) -> bool,
) -> Vec<Option<f64>> {
    let of = |row: usize| {
        let covariance = covariance?;
        let slope = jacobian.row(row);
        let variance = (slope * covariance * slope.transpose())[(0, 0)];
        (!held(row) && variance > 0.0 && variance.is_finite()).then(|| variance.sqrt())
    };
    (0..jacobian.nrows()).map(of).collect()
}

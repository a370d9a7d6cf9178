//! What each segment answers to each question: one interface over the kinds of question.

use nalgebra::DMatrix;

use super::cells::{Cells, Coded};
use super::continuous::{self, Continuous};
use super::count::Count;
use super::lanes::Lanes;
use super::nominal::Nominal;
use super::ordinal::Ordinal;
use crate::error::Result;

/// A table of probabilities: a row a level, a column a lane, each row relative to `exp(offset)`.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub(super) values: Vec<f64>,
    /// Empty where all are 0.
    pub(super) offsets: Vec<f64>,
}

impl Rows {
    pub(super) fn plain(values: Vec<f64>) -> Self {
        Self {
            values,
            offsets: Vec::new(),
        }
    }
}

/// How the log-probability of an answer in a lane changes with the question's coordinates: a column a
/// level (or 1, x, x² for a number), rows from coordinate `first` on; the others do not matter.
#[derive(Debug, Clone)]
pub(super) struct Loading {
    pub(super) first: usize,
    pub(super) matrix: DMatrix<f64>,
}

/// The prior's answers to a question in each segment.
///
/// As in Latent GOLD, a prior of strength `α` is `α` respondents, spread over the segments, who answer
/// like the whole sample (Vermunt & Magidson 2016, Technical Guide for Latent GOLD 5.1, section 7.3).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pseudo {
    /// By level.
    Levels(Vec<f64>),
    /// Weight, and the mean of the counts.
    Mean(f64, f64),
    /// Weight.
    Weight(f64),
}

/// A question's parameters in every segment, on the scale of the fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Measurement {
    Nominal(Nominal),
    Ordinal(Ordinal),
    Count(Count),
    Continuous(Continuous),
}

/// Where a question's answers are found among the expected counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    Coded(usize),
    Dense(usize),
}

impl Measurement {
    /// The table of a coded question; `None` for a dense one.
    pub(super) fn rows(&self, coded: &Coded, lanes: &Lanes, style: f64) -> Option<Rows> {
        match self {
            Self::Nominal(one) => Some(one.rows(lanes)),
            Self::Ordinal(one) => Some(one.rows(lanes, style)),
            Self::Count(one) => Some(one.rows(&coded.values, lanes)),
            Self::Continuous(_) => None,
        }
    }

    /// The best parameters for the expected answers, or better ones.
    pub(super) fn maximise(
        &mut self,
        answers: &[f64],
        coded: Option<&Coded>,
        lanes: &Lanes,
        pseudo: &Pseudo,
        style: f64,
    ) -> Result<()> {
        match (self, pseudo) {
            (Self::Nominal(one), Pseudo::Levels(pseudo)) => one.maximise(answers, lanes, pseudo),
            (Self::Ordinal(one), Pseudo::Levels(pseudo)) => {
                one.maximise(answers, lanes, pseudo, style)?;
            }
            (Self::Count(one), Pseudo::Mean(weight, mean)) => {
                one.maximise(answers, values(coded), lanes, (*weight, *mean));
            }
            (Self::Continuous(one), Pseudo::Weight(weight)) => {
                one.maximise(&continuous::lanes_to_classes(answers, lanes), *weight);
            }
            // `Model::new` makes the two of a kind.
            _ => {}
        }
        Ok(())
    }

    /// Holds what lies on the boundary where it is.
    pub(super) fn settle(&mut self, answers: &[f64], lanes: &Lanes, pseudo: &Pseudo) {
        if let (Self::Nominal(one), Pseudo::Levels(pseudo)) = (self, pseudo) {
            one.settle(answers, lanes, pseudo);
        }
    }

    pub(super) fn flatten(&self, out: &mut Vec<f64>) {
        match self {
            Self::Nominal(one) => one.flatten(out),
            Self::Ordinal(one) => one.flatten(out),
            Self::Count(one) => one.flatten(out),
            Self::Continuous(one) => one.flatten(out),
        }
    }

    pub(super) fn unflatten(&mut self, values: &mut impl Iterator<Item = f64>) {
        match self {
            Self::Nominal(one) => one.unflatten(values),
            Self::Ordinal(one) => one.unflatten(values),
            Self::Count(one) => one.unflatten(values),
            Self::Continuous(one) => one.unflatten(values),
        }
    }

    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        match self {
            Self::Nominal(one) => Self::Nominal(one.permuted(order)),
            Self::Ordinal(one) => Self::Ordinal(one.permuted(order)),
            Self::Count(one) => Self::Count(one.permuted(order)),
            Self::Continuous(one) => Self::Continuous(one.permuted(order)),
        }
    }

    pub(super) fn n_coordinates(&self, classes: usize) -> usize {
        match self {
            Self::Nominal(one) => one.n_coordinates(classes),
            Self::Ordinal(one) => one.n_coordinates(),
            Self::Count(one) => one.n_coordinates(),
            Self::Continuous(one) => one.n_coordinates(),
        }
    }

    pub(super) fn loading(
        &self,
        coded: Option<&Coded>,
        lane: usize,
        lanes: &Lanes,
        style: f64,
    ) -> Loading {
        match self {
            Self::Nominal(one) => one.loading(lane, lanes),
            Self::Ordinal(one) => one.loading(lane, lanes, style),
            Self::Count(one) => one.loading(values(coded), lane, lanes),
            Self::Continuous(one) => one.loading(lane, lanes),
        }
    }

    /// Second derivatives of the complete-data log-likelihood of the expected answers and the prior.
    pub(super) fn curvature(
        &self,
        answers: &[f64],
        coded: Option<&Coded>,
        lanes: &Lanes,
        pseudo: &Pseudo,
        style: f64,
    ) -> DMatrix<f64> {
        match (self, pseudo) {
            (Self::Nominal(one), Pseudo::Levels(pseudo)) => one.curvature(answers, lanes, pseudo),
            (Self::Ordinal(one), Pseudo::Levels(pseudo)) => {
                one.curvature(answers, lanes, pseudo, style)
            }
            (Self::Count(one), Pseudo::Mean(weight, mean)) => {
                one.curvature(answers, values(coded), lanes, (*weight, *mean))
            }
            (Self::Continuous(one), Pseudo::Weight(weight)) => {
                one.curvature(answers, lanes, *weight)
            }
            _ => DMatrix::zeros(0, 0), // `Model::new` makes the two of a kind
        }
    }

    pub(super) fn prior_slope(&self, lanes: &Lanes, pseudo: &Pseudo, style: f64) -> Vec<f64> {
        match (self, pseudo) {
            (Self::Nominal(one), Pseudo::Levels(pseudo)) => one.prior_slope(lanes, pseudo),
            (Self::Ordinal(one), Pseudo::Levels(pseudo)) => one.prior_slope(lanes, pseudo, style),
            (Self::Count(one), Pseudo::Mean(weight, mean)) => one.prior_slope((*weight, *mean)),
            (Self::Continuous(one), Pseudo::Weight(weight)) => one.prior_slope(*weight),
            _ => Vec::new(), // `Model::new` makes the two of a kind
        }
    }

    pub(super) fn log_prior(&self, lanes: &Lanes, pseudo: &Pseudo, style: f64) -> f64 {
        match (self, pseudo) {
            (Self::Nominal(one), Pseudo::Levels(pseudo)) => one.log_prior(pseudo),
            (Self::Ordinal(one), Pseudo::Levels(pseudo)) => one.log_prior(lanes, pseudo, style),
            (Self::Count(one), Pseudo::Mean(weight, mean)) => one.log_prior((*weight, *mean)),
            (Self::Continuous(one), Pseudo::Weight(weight)) => one.log_prior(*weight),
            _ => 0.0, // `Model::new` makes the two of a kind
        }
    }

    pub(super) fn moved(&self, step: &[f64], classes: usize) -> Self {
        match self {
            Self::Nominal(one) => Self::Nominal(one.moved(step, classes)),
            Self::Ordinal(one) => Self::Ordinal(one.moved(step)),
            Self::Count(one) => Self::Count(one.moved(step)),
            Self::Continuous(one) => Self::Continuous(one.moved(step)),
        }
    }

    /// The part of the style in the log-probability of each level; nothing where it has none.
    pub(super) fn style_loading(&self, lane: usize, lanes: &Lanes, style: f64) -> Option<Vec<f64>> {
        match self {
            Self::Ordinal(one) => Some(one.style_loading(lane, lanes, style)),
            _ => None,
        }
    }
}

fn values(coded: Option<&Coded>) -> &[f64] {
    coded.map_or(&[], |coded| &coded.values)
}

/// Where each question of a survey is found.
pub(super) fn places(cells: &Cells, n_questions: usize) -> Vec<Place> {
    let mut places = vec![Place::Coded(0); n_questions];
    for (index, coded) in cells.coded.iter().enumerate() {
        places[coded.question] = Place::Coded(index);
    }
    for (index, dense) in cells.dense.iter().enumerate() {
        places[dense.question] = Place::Dense(index);
    }
    places
}

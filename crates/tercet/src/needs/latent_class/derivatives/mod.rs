//! Exact first and second derivatives of the log-likelihood of a mixture.
//!
//! The log-likelihood of a respondent in a lane is linear in indicators of the answers: `s_ik = G_k
//! φ_i` is its slope, `φ_i` having a 1 for each level answered (1, x, x² for a number, the covariates
//! for the membership), `G_k` depending on parameters alone. Hence all that second derivatives need
//! from the respondents are the sums `M_kl = Σ_i w_i p_ik p_il φ_i φ_i'`, `p` the posteriors:
//!
//! ```text
//! H = C + Σ_k G_k M_k G_k' - Σ_kl G_k M_kl G_l',   M_k = Σ_l M_kl
//! ```
//!
//! with `C` the second derivatives of the complete-data log-likelihood (Louis 1982, Journal of the
//! Royal Statistical Society B 44, 226-233). A respondent costs additions only: as many as pairs of
//! answers times pairs of lanes.

mod scores;
mod sums;
#[cfg(test)]
mod tests;

use nalgebra::{DMatrix, DVector};

use super::cells::Cells;
use super::measurement::{Loading, Place};
use super::mixture::{Mixture, Model};
use super::sweep::Expected;
use crate::error::Result;
use crate::math::ascent::Local;
use crate::parallel::Gate;
use scores::score_variance;
use sums::Sums;

pub(super) use scores::squared_scores;
pub(super) use sums::Pairs;
/// The most numbers that the sums may take: 256 MiB.
const MOST_SUMS: usize = 1 << 25;

/// Where the coordinates and the indicators of each block are: the membership, each question, the
/// style.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// First coordinate of each question, after those of the membership.
    pub(super) first: Vec<usize>,
    pub(super) membership: usize,
    pub(super) style: Option<usize>,
    pub(super) size: usize,
    /// First indicator of each question, after the covariates.
    indicators: Vec<usize>,
    n_indicators: usize,
}

impl Layout {
    pub(super) fn new(model: &Model, mixture: &Mixture, cells: &Cells) -> Self {
        let classes = model.classes();
        let membership = (classes - 1) * model.n_features;
        let (mut size, mut n_indicators) = (membership, model.n_features);
        let (mut first, mut indicators) = (Vec::new(), Vec::new());
        for (place, measurement) in model.places.iter().zip(&mixture.measurements) {
            first.push(size);
            indicators.push(n_indicators);
            size += measurement.n_coordinates(classes);
            n_indicators += match place {
                Place::Coded(index) => cells.coded[*index].values.len(),
                Place::Dense(_) => 3,
            };
        }
        let style = model.has_style().then_some(size);
        Self {
            first,
            membership,
            style,
            size: size + usize::from(style.is_some()),
            indicators,
            n_indicators,
        }
    }

    /// Whether the sums fit the memory that they may take.
    pub(super) fn is_affordable(&self, model: &Model) -> bool {
        let n = model.lanes.len();
        let of_a_pair = if model.has_style() {
            1
        } else {
            n * (n + 1) / 2
        };
        self.n_indicators.pow(2) * of_a_pair <= MOST_SUMS
    }
}

/// Objective, slope and information at a mixture, in its own coordinates; and the pairs of answers.
pub(super) fn local(
    model: &Model,
    mixture: &Mixture,
    expected: &Expected,
    cells: &Cells,
    gate: &Gate<'_, '_>,
) -> Result<(Local, Pairs)> {
    let layout = Layout::new(model, mixture, cells);
    let loadings = Loadings::new(model, mixture, cells, &layout);
    let mut hessian = complete(model, mixture, expected, cells, &layout);
    let pairs = if model.has_style() {
        // Many lanes and few coordinates: the scores themselves cost less than pairs of lanes.
        let (variance, pairs) = score_variance(model, mixture, cells, (&layout, &loadings), gate)?;
        hessian += variance;
        pairs
    } else {
        let sums = Sums::new(model, mixture, cells, &layout, gate)?;
        sums.spread(&loadings, &layout, &mut hessian);
        sums.pairs(&layout)
    };
    let local = Local {
        value: expected.log_likelihood + model.log_prior(mixture, cells),
        gradient: gradient(model, mixture, expected, cells, &layout, &loadings),
        information: -hessian,
    };
    Ok((local, pairs))
}

/// How every lane's log-likelihood changes with every coordinate: by lane and question.
struct Loadings {
    /// `[lane][question]`.
    questions: Vec<Vec<Loading>>,
    /// `[lane][question]`: the style's row, where there is a style and the question has it.
    style: Vec<Vec<Option<Vec<f64>>>>,
}

impl Loadings {
    fn new(model: &Model, mixture: &Mixture, cells: &Cells, layout: &Layout) -> Self {
        let lanes = &model.lanes;
        let of_lane = |lane: usize| -> Vec<Loading> {
            let questions = mixture.measurements.iter().enumerate();
            questions
                .map(|(question, one)| {
                    one.loading(model.coded(question, cells), lane, lanes, mixture.style)
                })
                .collect()
        };
        let style = |lane: usize| -> Vec<Option<Vec<f64>>> {
            let of = |one: &super::measurement::Measurement| {
                layout
                    .style
                    .and_then(|_| one.style_loading(lane, lanes, mixture.style))
            };
            mixture.measurements.iter().map(of).collect()
        };
        Self {
            questions: (0..lanes.len()).map(of_lane).collect(),
            style: (0..lanes.len()).map(style).collect(),
        }
    }
}

/// The slope: the complete-data score of the expected answers, and the prior's.
fn gradient(
    model: &Model,
    mixture: &Mixture,
    expected: &Expected,
    cells: &Cells,
    layout: &Layout,
    loadings: &Loadings,
) -> DVector<f64> {
    let (n, classes) = (model.lanes.len(), model.classes());
    let mut gradient = DVector::zeros(layout.size);
    let members = model.members(expected);
    let probabilities = model.memberships(mixture, cells);
    let rows = members
        .chunks_exact(classes)
        .zip(probabilities.chunks_exact(classes));
    for (index, (members, probabilities)) in rows.enumerate() {
        let total: f64 = members.iter().sum();
        for class in 1..classes {
            let away = members[class] - total * probabilities[class];
            for (feature, x) in cells.design(index).iter().enumerate() {
                gradient[(class - 1) * model.n_features + feature] += away * x;
            }
        }
    }
    for (question, first) in layout.first.iter().enumerate() {
        let answers = model.answers(expected, question);
        for lane in 0..n {
            let loading = &loadings.questions[lane][question];
            for column in 0..loading.matrix.ncols() {
                let count = match model.places[question] {
                    Place::Coded(_) => answers[column * n + lane],
                    Place::Dense(_) => answers[lane * 3 + column],
                };
                for (row, slope) in loading.matrix.column(column).iter().enumerate() {
                    gradient[first + loading.first + row] += count * slope;
                }
            }
        }
        let pseudo = &model.pseudo[question];
        let measurement = &mixture.measurements[question];
        if model.prior > 0.0 {
            let slope = measurement.prior_slope(&model.lanes, pseudo, mixture.style);
            for (row, slope) in slope.into_iter().enumerate() {
                gradient[first + row] += slope;
            }
        }
        if let Some(at) = layout.style {
            gradient[at] += model
                .style_derivatives(measurement, question, expected, mixture.style)
                .0;
        }
    }
    gradient
}

/// Second derivatives of the complete-data log-likelihood and of the prior.
fn complete(
    model: &Model,
    mixture: &Mixture,
    expected: &Expected,
    cells: &Cells,
    layout: &Layout,
) -> DMatrix<f64> {
    let classes = model.classes();
    let mut hessian = DMatrix::zeros(layout.size, layout.size);
    let members = model.members(expected);
    let probabilities = model.memberships(mixture, cells);
    let rows = members
        .chunks_exact(classes)
        .zip(probabilities.chunks_exact(classes));
    for (index, (members, p)) in rows.enumerate() {
        let (total, x): (f64, &[f64]) = (members.iter().sum(), cells.design(index));
        for k in 1..classes {
            for l in 1..classes {
                let curvature = total * p[k] * (f64::from(k == l) - p[l]);
                for (a, xa) in x.iter().enumerate() {
                    for (b, xb) in x.iter().enumerate() {
                        let at = ((k - 1) * x.len() + a, (l - 1) * x.len() + b);
                        hessian[at] -= curvature * xa * xb;
                    }
                }
            }
        }
    }
    for (question, (first, one)) in layout.first.iter().zip(&mixture.measurements).enumerate() {
        let answers = model.answers(expected, question);
        let pseudo = &model.pseudo[question];
        let coded = model.coded(question, cells);
        let block = one.curvature(answers, coded, &model.lanes, pseudo, mixture.style);
        let mut own = hessian.view_mut((*first, *first), block.shape());
        own += &block;
        if let (Some(at), super::measurement::Measurement::Ordinal(one)) = (layout.style, one) {
            let answers = model.answers_with_pseudo(expected, question);
            let (own, shared) = one.style_curvature(&answers, &model.lanes, mixture.style);
            hessian[(at, at)] += own;
            for (row, value) in shared.iter().enumerate() {
                hessian[(at, first + row)] += value;
                hessian[(first + row, at)] += value;
            }
        }
    }
    hessian
}

//! What a fit leaves: estimates with their errors, criteria, and words.

use nalgebra::{DMatrix, DVector};

use super::cells::Cells;
use super::derivatives::{Layout, squared_scores};
use super::diagnostics::{Criteria, bivariate_residuals};
use super::fitted::{FittedLatentClass, Start};
use super::measurement::Measurement;
use super::mixture::{Mixture, Model};
use super::nominal::NOBODY;
use super::segment_answers::{SegmentAnswers, errors};
use super::starts::Ascended;
use super::top::{Top, shares};
use super::{LatentClass, WeightType};
use crate::data::{Question, Survey};
use crate::error::Result;
use crate::math::ascent::{Local, invert};
use crate::model::FitReport;
use crate::parallel::Gate;

/// A coordinate of which the others explain all but this share is not identified.
const UNEXPLAINED: f64 = 1e-7;

/// An ascent that ends within this of the best has found the same solution.
pub(super) const SAME: f64 = 0.1;

/// A fit at its end.
#[derive(Clone, Copy)]
pub(super) struct Outcome<'a> {
    pub(super) settings: &'a LatentClass,
    pub(super) survey: &'a Survey<'a>,
    pub(super) model: &'a Model,
    pub(super) cells: &'a Cells,
    pub(super) top: &'a Top,
    pub(super) n_parameters: usize,
}

impl Outcome<'_> {
    /// The fitted model.
    pub(super) fn fitted(
        self,
        ascended: &[Ascended],
        gate: &Gate<'_, '_>,
    ) -> Result<FittedLatentClass> {
        let Self {
            model, cells, top, ..
        } = self;
        let mixture = &top.mixture;
        let classes = model.classes();
        let covariance = match &top.local {
            Some((local, _)) if self.settings.standard_errors => self.covariance(local, gate)?,
            _ => None,
        };
        let layout = Layout::new(model, mixture, cells);
        let answers = |covariance: Option<&DMatrix<f64>>| -> Vec<SegmentAnswers> {
            let of = |(question, one): (usize, &Measurement)| {
                let (first, size) = (layout.first[question], one.n_coordinates(classes));
                let own = covariance.map(|all| all.view((first, first), (size, size)).into_owned());
                let dense = cells.dense.iter().find(|dense| dense.question == question);
                SegmentAnswers::new(one, classes, dense.map(|dense| dense.scale), own.as_ref())
            };
            mixture.measurements.iter().enumerate().map(of).collect()
        };
        // A ridge may be missed by a hair: then a probability has an error of more than all it can be.
        let covariance = covariance.filter(|all| {
            answers(Some(all))
                .iter()
                .all(SegmentAnswers::errors_are_possible)
        });
        let part = |first: usize, size: usize| {
            let all = covariance.as_ref()?;
            Some(all.view((first, first), (size, size)).into_owned())
        };
        let membership = part(0, layout.membership);
        let never = |_: usize| false;
        let share_errors = errors(
            &share_jacobian(model, mixture, cells),
            membership.as_ref(),
            &never,
        );
        let features = model.n_features;
        let natural = natural_scale(cells, classes - 1);
        let coefficient_errors = errors(&natural, membership.as_ref(), &never);
        let coefficients = &natural * DVector::from_column_slice(&mixture.coefficients[features..]);
        let best = top.objective - SAME;
        let starts = ascended.iter().map(|one| Start {
            log_likelihood: one.climber.expected.log_likelihood,
            dropped: one.dropped,
            reached_best: one.climber.objective > best,
        });
        let covariates = self
            .survey
            .covariates()
            .iter()
            .map(|(name, _)| name.clone());
        let log_likelihood = top.expected.log_likelihood;
        Ok(FittedLatentClass {
            settings: self.settings.clone(),
            questions: self.survey.questions().to_vec(),
            covariates: covariates.collect(),
            shares: shares(model, mixture, cells),
            share_errors,
            coefficients: std::iter::once(vec![0.0; features])
                .chain(
                    coefficients
                        .as_slice()
                        .chunks_exact(features)
                        .map(<[f64]>::to_vec),
                )
                .collect(),
            coefficient_errors: std::iter::once(vec![None; features])
                .chain(
                    coefficient_errors
                        .chunks_exact(features)
                        .map(<[Option<f64>]>::to_vec),
                )
                .collect(),
            answers: answers(covariance.as_ref()),
            style: model.has_style().then_some(mixture.style),
            style_error: layout.style.and_then(|at| {
                let variance = covariance.as_ref()?[(at, at)];
                (variance > 0.0).then(|| variance.sqrt())
            }),
            starts: starts.collect(),
            criteria: Some(Criteria::new(
                (
                    log_likelihood,
                    self.n_parameters,
                    self.cells.worth(self.settings.weight_type),
                ),
                model,
                mixture,
                cells,
                gate,
            )?),
            residuals: self.residuals(),
            n_unanswered: self.survey.unanswered(),
            note: serde_json::Value::Null,
            report: self.report(covariance.is_some()),
        })
    }

    /// The covariance of the coordinates; 0 in those that are held or not determined. `None` where the
    /// data do not identify the model.
    fn covariance(self, local: &Local, gate: &Gate<'_, '_>) -> Result<Option<DMatrix<f64>>> {
        let information = &local.information;
        let free: Vec<usize> = (0..information.nrows())
            .filter(|at| information[(*at, *at)] > NOBODY)
            .collect();
        let among_free = |of: &DMatrix<f64>| {
            DMatrix::from_fn(free.len(), free.len(), |i, j| of[(free[i], free[j])])
        };
        let part = among_free(information);
        let Some(mut inverse) = is_identified(&part).then(|| invert(&part)).flatten() else {
            return Ok(None);
        };
        let frequency = self.settings.weight_type == WeightType::Frequency;
        if self.survey.weights().is_some() && !frequency {
            let scores = squared_scores(self.model, &self.top.mixture, self.cells, gate)?;
            inverse = &inverse * among_free(&scores) * &inverse;
        }
        let mut whole = DMatrix::zeros(information.nrows(), information.nrows());
        for (i, row) in free.iter().enumerate() {
            for (j, column) in free.iter().enumerate() {
                whole[(*row, *column)] = inverse[(i, j)];
            }
        }
        Ok(Some(whole))
    }

    fn residuals(self) -> Vec<super::BivariateResidual> {
        match &self.top.local {
            Some((_, pairs)) if self.settings.standard_errors => bivariate_residuals(
                self.survey.questions(),
                self.model,
                &self.top.mixture,
                self.cells,
                pairs,
            ),
            _ => Vec::new(),
        }
    }

    fn report(self, identified: bool) -> FitReport {
        let Self { cells, top, .. } = self;
        let boundary = boundary(self.survey.questions(), &top.mixture, self.model.classes());
        let without_errors = match &top.local {
            _ if !self.settings.standard_errors => None,
            None => Some(TOO_LARGE),
            Some(_) => (!identified).then_some(FLAT),
        };
        FitReport {
            iterations: top.sweeps,
            log_likelihood: Some(top.expected.log_likelihood),
            converged: top.converged,
            how_it_ended: how_it_ended(top.converged, without_errors, boundary.as_deref()),
            n_observations: cells.total,
            n_rows: cells.n_rows,
            n_cells: cells.len(),
            n_parameters: self.n_parameters,
            boundary,
        }
    }
}

/// Whether no combination of coordinates is without information: the squared pivots of a Cholesky
/// factor of the information, each coordinate in units of its own curvature, are the shares of that
/// curvature which the others do not explain.
fn is_identified(information: &DMatrix<f64>) -> bool {
    let scale = information
        .diagonal()
        .map(|curvature| curvature.sqrt().recip());
    let n = information.nrows();
    let scaled = DMatrix::from_fn(n, n, |i, j| information[(i, j)] * scale[i] * scale[j]);
    scaled.cholesky().is_some_and(|factor| {
        factor
            .l_dirty()
            .diagonal()
            .iter()
            .all(|l| l * l > UNEXPLAINED)
    })
}

/// What takes coefficients of standardised covariates, a row a segment but the first, to those of the
/// covariates as they were given.
fn natural_scale(cells: &Cells, rows: usize) -> DMatrix<f64> {
    let p = cells.n_features;
    let mut matrix = DMatrix::zeros(rows * p, rows * p);
    for row in 0..rows {
        matrix[(row * p, row * p)] = 1.0;
        for (at, scale) in cells.covariate_scales.iter().enumerate() {
            let place = row * p + at + 1;
            matrix[(place, place)] = scale.deviation.recip();
            matrix[(row * p, place)] = -scale.mean / scale.deviation;
        }
    }
    matrix
}

/// Derivatives of the shares in the membership's coefficients, a row a segment.
fn share_jacobian(model: &Model, mixture: &Mixture, cells: &Cells) -> DMatrix<f64> {
    let (k, p) = (model.classes(), model.n_features);
    let mut jacobian = DMatrix::zeros(k, (k - 1) * p);
    let memberships = model.memberships(mixture, cells);
    let rows = memberships.chunks_exact(k).zip(cells.design_weights());
    for (index, (row, weight)) in rows.enumerate() {
        for (feature, x) in cells.design(index).iter().enumerate() {
            for class in 0..k {
                for other in 1..k {
                    let slope = row[class] * (f64::from(class == other) - row[other]);
                    jacobian[(class, (other - 1) * p + feature)] +=
                        weight / cells.total * slope * x;
                }
            }
        }
    }
    jacobian
}

/// What lies on the boundary, in words.
fn boundary(questions: &[Question], mixture: &Mixture, classes: usize) -> Option<String> {
    let (mut certain, mut equal) = (Vec::new(), Vec::new());
    for (question, one) in questions.iter().zip(&mixture.measurements) {
        let held = |class: usize| match one {
            Measurement::Nominal(one) => {
                let levels = one.probabilities.len() / classes;
                (0..levels).any(|level| one.is_held(class, level))
            }
            Measurement::Ordinal(one) => one.is_held(class),
            Measurement::Continuous(one) => one.is_held(class),
            Measurement::Count(one) => one.is_held(class),
        };
        let places = match one {
            Measurement::Continuous(_) => &mut equal,
            Measurement::Nominal(_) | Measurement::Ordinal(_) | Measurement::Count(_) => {
                &mut certain
            }
        };
        let held = (0..classes).filter(|class| held(*class));
        places.extend(held.map(|class| format!("'{}' in segment {}", question.name, class + 1)));
    }
    let certain = listed(&certain).map(|places| {
        format!(
            "answers that a segment always or never gives ({places}); their probabilities are 0 or 1 without a standard error, and prior=1 would keep them inside"
        )
    });
    let equal = listed(&equal).map(|places| {
        format!(
            "numbers that are all but equal in a segment ({places}), where the likelihood has no maximum; variance=\"shared\" or prior=1 avoids it"
        )
    });
    let words: Vec<String> = equal.into_iter().chain(certain).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// The first place, and how many others; `None` where there is none.
fn listed(places: &[String]) -> Option<String> {
    let first = places.first()?;
    Some(match places.len() - 1 {
        0 => first.clone(),
        1 => format!("{first} and 1 other"),
        others => format!("{first} and {others} others"),
    })
}

/// Why there are no standard errors although they were asked for.
const FLAT: &str = "the data do not identify all parameters (the likelihood is flat at the top): there are no standard errors, and fewer segments would do";
const TOO_LARGE: &str = "the model is too large for second derivatives: there are no standard errors and no bivariate residuals";

fn how_it_ended(converged: bool, without_errors: Option<&str>, boundary: Option<&str>) -> String {
    let mut words = if converged {
        "converged: less than the tolerance is left to win".to_owned()
    } else {
        "stopped before it converged; raise max_iterations, or take fewer segments".to_owned()
    };
    if let Some(reason) = without_errors {
        words += "; ";
        words += reason;
    }
    if let Some(boundary) = boundary {
        words += "; on a boundary: ";
        words += boundary;
    }
    words
}

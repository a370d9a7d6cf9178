//! Outcomes of several classes: the softmax of one line of log-odds a class.
//!
//! The regression is that of [`math::multinomial`](crate::math::multinomial), which also carries
//! segments to customers: Newton's method, and a penalty on distances from the classes' mean, so that
//! no class is the reference. It wants rows by coordinates as one matrix.

use nalgebra::{DMatrix, DVector};

use super::cross_validation::StrengthScore;
use super::fit::Table;
use super::fitted::{FittedPropensity, Uncertainty, softmax};
use super::left_out::OutOfFold;
use super::sample::Target;
use super::{Outcome, Penalty, Propensity, Solver, StandardErrors, Strength};
use crate::error::{Error, Result};
use crate::math::ascent::Ascent;
use crate::math::multinomial::{Ending, Multinomial, MultinomialFit, Targets, log_softmax};
use crate::model::FitReport;
use crate::observe::Phase;
use crate::parallel::{Gate, map_tasks};

/// The strengths that are tried, as shares of the rows' weight: thirds of a decade from one under which
/// hardly anything is left.
const STRENGTHS: i32 = 16;

/// The most coefficients, of which second derivatives are held for every pair.
const MOST_COEFFICIENTS: usize = 2_000;

/// That the settings are among those that several classes know.
pub(super) fn check(settings: &Propensity) -> Result<()> {
    let refuse = |name: &str, value: &str, expected: &str| {
        let expected = format!("{expected} for an outcome of several classes");
        Err(Error::parameter(name, format!("\"{value}\""), expected))
    };
    if settings.penalty != Penalty::L2 {
        return refuse("penalty", "elastic_net", "\"l2\"");
    }
    if settings.strength == Strength::Estimated {
        return refuse("strength", "estimated", "\"cv\" or a number");
    }
    if settings.solver != Solver::Newton {
        return refuse("solver", "linfa", "\"newton\"");
    }
    match settings.standard_errors {
        StandardErrors::None | StandardErrors::Model => Ok(()),
        _ => refuse("standard_errors", "robust", "\"none\" or \"model\""),
    }
}

/// The most coefficients of all columns and classes whose covariance is kept: 16 MB, and two or three times
/// that in a file.
const MOST_KEPT: usize = 2_000;

/// Rows by coordinates with their classes.
struct Rows<'s, 'a> {
    table: &'s Table<'s, 'a>,
    matrix: Vec<f64>,
    memberships: Vec<f64>,
    weights: Vec<f64>,
    n_classes: usize,
    width: usize,
}

pub(super) fn model(
    table: &Table<'_, '_>,
    phase: &mut Phase<'_>,
    left_out: bool,
) -> Result<(FittedPropensity, Option<OutOfFold>)> {
    let Outcome::Classes { classes, .. } = table.data.outcome() else {
        return Err(Error::parameter("outcome", "binary", "several classes"));
    };
    let (n, n_classes) = (table.data.len(), classes.len());
    let coordinates = &table.learning.coordinates;
    if (n_classes - 1) * coordinates.len() > MOST_COEFFICIENTS {
        return Err(Error::parameter(
            "features",
            format!("{} coordinates for {n_classes} classes", coordinates.len()),
            format!("at most {MOST_COEFFICIENTS} coefficients: fewer knots, levels or classes"),
        ));
    }
    let mut memberships = vec![0.0; n * n_classes];
    for row in 0..n {
        memberships[row * n_classes + table.data.class(row)] = 1.0;
    }
    let sample = table.sample(Target::of(table.data));
    let rows = Rows {
        matrix: sample.matrix(coordinates, n, &Gate::new(phase))?,
        memberships,
        weights: (0..n).map(|row| table.data.weight(row)).collect(),
        n_classes,
        width: coordinates.len(),
        table,
    };
    let (strength, scores) = match table.settings.strength {
        Strength::Fixed(strength) => (strength, Vec::new()),
        _ => rows.choose(phase)?,
    };
    let fit = rows.climb(&rows.weights, strength, None, &Gate::new(phase))?;
    if let Ending::Separated { feature, .. } = fit.ending {
        table.check_separation(super::newton::Ending::Separated(feature))?;
    }
    let left_out = if left_out {
        Some(rows.predict_left_out(strength, &fit, phase)?)
    } else {
        None
    };
    let penalty = table.same(strength);
    let none = table.same(0.0);
    // A binary model's effective parameters have no counterpart that is worth its computation.
    let counts: Vec<f64> = penalty.iter().map(|_| (n_classes - 1) as f64).collect();
    let fitted = FittedPropensity {
        settings: table.settings.clone(),
        outcome: table.data.outcome_name().to_owned(),
        classes: classes.clone(),
        encoding: table.learning.encoding.clone(),
        means: table.learning.means.clone(),
        coefficients: rows.columns(&fit.peak.point),
        uncertainty: rows.uncertainty(&fit),
        strengths: table.strengths(&penalty, &none),
        effective: table.by_feature(&counts),
        scores,
        note: serde_json::Value::Null,
        report: rows.report(&fit),
    };
    Ok((fitted, left_out))
}

impl Rows<'_, '_> {
    fn climb(
        &self,
        weights: &[f64],
        strength: f64,
        from: Option<&MultinomialFit>,
        gate: &Gate<'_, '_>,
    ) -> Result<MultinomialFit> {
        let penalty = self.table.same(strength);
        let problem = Multinomial {
            design: &self.matrix,
            n_features: self.width,
            targets: Targets::Memberships(&self.memberships),
            n_classes: self.n_classes,
            weights: Some(weights),
            penalty: &penalty,
        };
        let ascent = Ascent {
            max_iterations: self.table.settings.max_iterations,
            still_to_win: 1e-10,
        };
        problem.fit(from.map(|fit| &fit.peak.point), ascent, gate)
    }

    /// Columns of all classes.
    fn n_columns(&self) -> usize {
        self.n_classes * self.table.encoding().width()
    }

    /// Coefficients of all columns, class by class, their mean over the classes taken off.
    fn columns(&self, point: &DVector<f64>) -> Vec<f64> {
        let coordinates = &self.table.learning.coordinates;
        let mut classes = vec![coordinates.columns(&vec![0.0; self.width])];
        for theta in point.as_slice().chunks_exact(self.width) {
            classes.push(coordinates.columns(theta));
        }
        for column in 0..classes[0].len() {
            let sum: f64 = classes.iter().map(|class| class[column]).sum();
            for class in &mut classes {
                class[column] -= sum / self.n_classes as f64;
            }
        }
        classes.concat()
    }

    /// The covariance of the coefficients of all columns, class by class: the inverse of the curvature of
    /// loss and penalty (of a softmax, the expected and the observed one are the same), carried over to
    /// distances from the classes' mean. `None` where none is wanted, or a direction is undetermined.
    fn uncertainty(&self, fit: &MultinomialFit) -> Option<Uncertainty> {
        if self.table.settings.standard_errors == StandardErrors::None
            || self.n_columns() > MOST_KEPT
        {
            return None;
        }
        let covariance = fit.peak.covariance()?;
        let (k, m) = (self.n_classes, self.width);
        // The first class is the reference: its own are 0, without an error.
        let own = |a: usize, b: usize| {
            (a > 0 && b > 0).then(|| covariance.view(((a - 1) * m, (b - 1) * m), (m, m)))
        };
        // Sums over the second class, and over both.
        let mut sums = vec![DMatrix::<f64>::zeros(m, m); k];
        let mut total = DMatrix::<f64>::zeros(m, m);
        for (a, sum) in sums.iter_mut().enumerate() {
            for block in (0..k).filter_map(|b| own(a, b)) {
                *sum += block;
            }
            total += &*sum;
        }
        let n = k as f64;
        let coordinates = &self.table.learning.coordinates;
        let width = self.table.encoding().width();
        let mut whole = DMatrix::zeros(k * width, k * width);
        for a in 0..k {
            for b in 0..=a {
                let mut block = &total / (n * n) - (&sums[a] + sums[b].transpose()) / n;
                if let Some(own) = own(a, b) {
                    block += own;
                }
                // The map there and back transposes.
                let block = coordinates.covariance(&block.transpose());
                whole
                    .view_mut((a * width, b * width), (width, width))
                    .copy_from(&block);
            }
        }
        Some(Uncertainty::new(&whole))
    }

    fn logits(&self, point: &DVector<f64>, row: usize, logs: &mut [f64]) {
        let own = &self.matrix[row * self.width..(row + 1) * self.width];
        log_softmax(point.as_slice(), own, logs);
    }

    /// Weights that leave a fold out.
    fn without(&self, folds: &[u16], fold: usize) -> Vec<f64> {
        let pairs = self.weights.iter().zip(folds);
        pairs
            .map(|(weight, of)| {
                if usize::from(*of) == fold {
                    0.0
                } else {
                    *weight
                }
            })
            .collect()
    }

    /// The strength that predicts best who is left out, or the strongest within an error of it.
    fn choose(&self, phase: &mut Phase<'_>) -> Result<(f64, Vec<StrengthScore>)> {
        let folds = self.table.folds()?;
        let n_folds = self.table.settings.folds;
        let total: f64 = self.weights.iter().sum();
        let paths = map_tasks(n_folds, phase, |fold, gate| {
            let weights = self.without(&folds, fold);
            let mut last: Option<MultinomialFit> = None;
            let mut logs = vec![0.0; self.n_classes];
            let mut losses = Vec::new();
            for step in 0..STRENGTHS {
                let fit = self.climb(&weights, strength(total, step), last.as_ref(), gate)?;
                let (mut loss, mut weight) = (0.0, 0.0);
                for row in (0..folds.len()).filter(|&row| usize::from(folds[row]) == fold) {
                    self.logits(&fit.peak.point, row, &mut logs);
                    loss -= self.weights[row] * logs[self.table.data.class(row)];
                    weight += self.weights[row];
                }
                losses.push((loss, weight));
                last = Some(fit);
            }
            Ok(losses)
        })?;
        let scores: Vec<StrengthScore> = (0..STRENGTHS)
            .zip(0..)
            .map(|(step, place): (i32, usize)| {
                let parts: Vec<(f64, f64)> = paths.iter().map(|path| path[place]).collect();
                StrengthScore::of(strength(total, step), &parts)
            })
            .collect();
        let chosen = StrengthScore::choose(&scores, self.table.settings.one_standard_error);
        Ok((scores[chosen].strength, scores))
    }

    fn predict_left_out(
        &self,
        strength: f64,
        fit: &MultinomialFit,
        phase: &mut Phase<'_>,
    ) -> Result<OutOfFold> {
        let folds = self.table.folds()?;
        let fits = map_tasks(self.table.settings.folds, phase, |fold, gate| {
            self.climb(&self.without(&folds, fold), strength, Some(fit), gate)
        })?;
        let mut probabilities = vec![0.0; folds.len() * self.n_classes];
        for (row, own) in probabilities.chunks_exact_mut(self.n_classes).enumerate() {
            self.logits(&fits[usize::from(folds[row])].peak.point, row, own);
            softmax(own);
        }
        Ok(OutOfFold {
            probabilities,
            folds,
        })
    }

    fn report(&self, fit: &MultinomialFit) -> FitReport {
        let n_rows = self.weights.iter().filter(|weight| **weight > 0.0).count();
        let how = match fit.ending {
            Ending::Converged | Ending::Separated { .. } => "converged".to_owned(),
            Ending::Undetermined => "converged; some columns repeat others, so that their coefficients are not determined, but the probabilities are".to_owned(),
            Ending::Stopped => format!(
                "stopped after {} iterations without converging; raise max_iterations, or the strength of the penalty",
                fit.peak.iterations
            ),
        };
        let mut remarks = self.table.remarks(&[]);
        if self.n_columns() > MOST_KEPT {
            let n = self.n_columns();
            let told = format!(
                "; without standard errors: {n} coefficients are more than {MOST_KEPT}, take fewer knots or levels"
            );
            remarks += &told;
        }
        FitReport {
            iterations: fit.peak.iterations,
            log_likelihood: Some(fit.free.value),
            converged: fit.ending != Ending::Stopped,
            how_it_ended: how + &remarks,
            n_observations: self.weights.iter().sum(),
            n_rows,
            n_cells: n_rows,
            n_parameters: fit.peak.point.len(),
            boundary: None,
        }
    }
}

fn strength(total: f64, step: i32) -> f64 {
    0.1 * total * 10.0_f64.powf(-f64::from(step) / 3.0)
}

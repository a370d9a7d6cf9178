//! From settings and data to a fitted propensity.

use nalgebra::DMatrix;

use super::cross_validation::{self, StrengthScore};
use super::data::{Outcome, PropensityData};
use super::elastic_net;
use super::encoding::{Encoding, Learning, learn};
use super::errors::covariance;
use super::fitted::{FittedPropensity, Uncertainty};
use super::folds::folds;
use super::left_out::{OutOfFold, predict_left_out};
use super::multinomial;
use super::newton::{Control, Ending, Optimum, Problem};
use super::quadratic::Quadratic;
use super::reader::Reader;
use super::rows::Rows;
use super::sample::{Sample, Target};
use super::strength;
use super::with_linfa;
use super::{Penalty, Propensity, Solver, StandardErrors, Strength};
use crate::error::{Error, Result};
use crate::model::FitReport;
use crate::observe::Phase;
use crate::parallel::Gate;

/// What every model of a table shares.
pub(super) struct Table<'s, 'a> {
    pub(super) settings: &'s Propensity,
    pub(super) data: &'s PropensityData<'a>,
    pub(super) learning: &'s Learning,
    pub(super) reader: &'s Reader<'a>,
}

/// A fitted binary regression.
pub(super) struct BinaryFit {
    pub(super) optimum: Optimum,
    /// The squared penalty of every coordinate.
    pub(super) penalty: Vec<f64>,
    /// And the absolute one.
    pub(super) absolute: Vec<f64>,
    /// The covariance of the coordinates, where strengths were averaged over.
    pub(super) averaged: Option<DMatrix<f64>>,
    pub(super) iterations: usize,
    pub(super) scores: Vec<StrengthScore>,
}

pub(super) fn fit(
    settings: &Propensity,
    data: &PropensityData<'_>,
    phase: &mut Phase<'_>,
) -> Result<FittedPropensity> {
    Ok(run(settings, data, phase, false)?.0)
}

pub(super) fn fit_out_of_fold(
    settings: &Propensity,
    data: &PropensityData<'_>,
    phase: &mut Phase<'_>,
) -> Result<(FittedPropensity, OutOfFold)> {
    let (fitted, left_out) = run(settings, data, phase, true)?;
    let left_out = left_out.ok_or_else(|| Error::Numeric {
        during: "predictions of rows left out".to_owned(),
    })?;
    Ok((fitted, left_out))
}

fn run(
    settings: &Propensity,
    data: &PropensityData<'_>,
    phase: &mut Phase<'_>,
    left_out: bool,
) -> Result<(FittedPropensity, Option<OutOfFold>)> {
    let learning = learn(settings, data.design(), data.weights(), &Gate::new(phase))?;
    let reader = Reader::new(&learning.encoding, data.design(), false)?;
    let table = Table {
        settings,
        data,
        learning: &learning,
        reader: &reader,
    };
    match data.outcome() {
        Outcome::Binary(_) => binary_model(&table, phase, left_out),
        Outcome::Classes { .. } => multinomial::model(&table, phase, left_out),
    }
}

fn binary_model(
    table: &Table<'_, '_>,
    phase: &mut Phase<'_>,
    left_out: bool,
) -> Result<(FittedPropensity, Option<OutOfFold>)> {
    let sample = table.sample(Target::of(table.data));
    let rows = Rows::All(table.data.len());
    let fit = binary(table, &sample, rows, phase)?;
    let problem = table.problem(&sample, rows, &fit.penalty);
    let gate = Gate::new(phase);
    let covariance = covariance(
        table.settings.standard_errors,
        &problem,
        (&fit.optimum, fit.averaged.as_ref()),
        table.data.groups(),
        &gate,
    )?;
    drop(gate);
    let left_out = if left_out {
        Some(predict_left_out(table, &sample, &fit, phase)?)
    } else {
        None
    };
    let fitted = fitted_binary(table, &fit, covariance.as_ref());
    Ok((fitted, left_out))
}

/// A fit, with the covariance of its coordinates, as a model.
pub(super) fn fitted_binary(
    table: &Table<'_, '_>,
    fit: &BinaryFit,
    covariance: Option<&DMatrix<f64>>,
) -> FittedPropensity {
    let coordinates = &table.learning.coordinates;
    let effective = effective(fit);
    FittedPropensity {
        settings: table.settings.clone(),
        outcome: table.data.outcome_name().to_owned(),
        classes: Vec::new(),
        encoding: table.learning.encoding.clone(),
        means: table.learning.means.clone(),
        coefficients: coordinates.columns(fit.optimum.theta.as_slice()),
        uncertainty: covariance.map(|v| Uncertainty::new(&coordinates.covariance(v))),
        strengths: table.strengths(&fit.penalty, &fit.absolute),
        effective: table.by_feature(&effective),
        scores: fit.scores.clone(),
        note: serde_json::Value::Null,
        report: table.report(fit, effective.iter().sum()),
    }
}

impl<'s, 'a> Table<'s, 'a> {
    pub(super) fn encoding(&self) -> &'s Encoding {
        &self.learning.encoding
    }

    pub(super) fn sample(&self, target: Target<'a>) -> Sample<'s, 'a> {
        Sample::new(self.encoding(), self.reader, self.data, target)
    }

    pub(super) fn problem<'p>(
        &'p self,
        sample: &'p Sample<'p, 'p>,
        rows: Rows<'p>,
        penalty: &'p [f64],
    ) -> Problem<'p> {
        Problem {
            sample,
            coordinates: &self.learning.coordinates,
            rows,
            penalty,
            centre: None,
        }
    }

    pub(super) fn control(&self) -> Control {
        Control {
            max_iterations: self.settings.max_iterations,
            tolerance: self.settings.tolerance,
            exact: self.settings.standard_errors != StandardErrors::None,
        }
    }

    /// One strength for all coordinates but the intercept's.
    pub(super) fn same(&self, strength: f64) -> Vec<f64> {
        let mut penalty = vec![strength; self.learning.coordinates.len()];
        penalty[0] = 0.0;
        penalty
    }

    /// The share of the penalty that is absolute.
    pub(super) fn l1_ratio(&self) -> f64 {
        match self.settings.penalty {
            Penalty::L2 => 0.0,
            Penalty::ElasticNet { l1_ratio } => l1_ratio,
        }
    }

    /// Folds of the rows, as many as are wanted.
    pub(super) fn folds(&self) -> Result<Vec<u16>> {
        let n_folds = self.settings.folds;
        let found = folds(self.data, n_folds, self.settings.seed);
        let used = found.iter().max().map_or(0, |last| usize::from(*last) + 1);
        if used < n_folds {
            let expected = format!("at most the number of rows or groups, {used}");
            return Err(Error::parameter("folds", n_folds, expected));
        }
        Ok(found)
    }

    /// The strengths of the penalty by feature: squared and absolute, the mean over its coordinates.
    pub(super) fn strengths(&self, penalty: &[f64], absolute: &[f64]) -> Vec<[f64; 2]> {
        let mut sums = vec![[0.0; 3]; self.encoding().features.len()];
        let features = self.learning.coordinates.features.iter();
        for ((feature, squared), absolute) in features.zip(penalty).zip(absolute) {
            if let Some(feature) = *feature {
                sums[feature][0] += squared;
                sums[feature][1] += absolute;
                sums[feature][2] += 1.0;
            }
        }
        let mean = |[squared, absolute, n]: [f64; 3]| match n {
            0.0 => [0.0, 0.0],
            n => [squared / n, absolute / n],
        };
        sums.into_iter().map(mean).collect()
    }

    /// Sums of the coordinates of each feature.
    pub(super) fn by_feature(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.encoding().features.len()];
        for (feature, value) in self.learning.coordinates.features.iter().zip(values) {
            if let Some(feature) = *feature {
                sums[feature] += value;
            }
        }
        sums
    }

    /// What else is to be said of an ending.
    pub(super) fn remarks(&self, aliased: &[usize]) -> String {
        let mut remarks = String::new();
        if !self.learning.constant.is_empty() {
            remarks += "; without effect: ";
            remarks += &self.learning.constant.join(", ");
        }
        if !aliased.is_empty() {
            let name = |place: &usize| {
                let column = self.learning.coordinates.column_of(*place);
                format!("'{}'", self.encoding().column_name(column))
            };
            let mut names: Vec<String> = aliased.iter().map(name).collect();
            names.dedup();
            remarks += "; left out, as a combination of others: ";
            remarks += &names.join(", ");
        }
        remarks
    }

    fn report(&self, fit: &BinaryFit, effective: f64) -> FitReport {
        let optimum = &fit.optimum;
        let converged = optimum.ending != Ending::Stopped;
        let how = if converged {
            format!(
                "converged (largest slope {:.1e} standard errors)",
                optimum.slope
            )
        } else {
            format!(
                "stopped after {} iterations without converging; raise max_iterations, or the strength of the penalty",
                fit.iterations
            )
        };
        let n_rows = match self.data.weights() {
            Some(weights) => weights.iter().filter(|weight| **weight > 0.0).count(),
            None => self.data.len(),
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and positive
        let n_parameters = effective.round().max(0.0) as usize;
        FitReport {
            iterations: fit.iterations,
            log_likelihood: Some(-optimum.loss),
            converged,
            how_it_ended: how + &self.remarks(&optimum.aliased),
            n_observations: self.data.class_weights().iter().sum(),
            n_rows,
            n_cells: n_rows,
            n_parameters,
            boundary: None,
        }
    }
}

/// Fits one binary outcome to some rows.
pub(super) fn binary(
    table: &Table<'_, '_>,
    sample: &Sample<'_, '_>,
    rows: Rows<'_>,
    phase: &mut Phase<'_>,
) -> Result<BinaryFit> {
    let settings = table.settings;
    let l1_ratio = table.l1_ratio();
    let none = vec![0.0; table.learning.coordinates.len()];
    let (strength, scores) = match settings.strength {
        Strength::Fixed(strength) => (strength, Vec::new()),
        Strength::Auto | Strength::Estimated if settings.penalty == Penalty::L2 => {
            let gate = Gate::new(phase);
            let problem = table.problem(sample, rows, &none);
            let found = strength::estimate(&problem, settings.max_iterations, &gate)?;
            let problem = table.problem(sample, rows, &found.penalty);
            let known = found.information.as_ref();
            let mut optimum = problem.descend(found.theta, known, table.control(), true, &gate)?;
            let averaged = problem.average(&mut optimum, &gate)?;
            return Ok(BinaryFit {
                averaged,
                iterations: found.passes + optimum.iterations,
                optimum,
                penalty: found.penalty,
                absolute: none,
                scores: Vec::new(),
            });
        }
        _ => cross_validation::choose(table, sample, phase)?,
    };
    let gate = Gate::new(phase);
    let penalty = table.same((1.0 - l1_ratio) * strength);
    let absolute = table.same(l1_ratio * strength);
    let problem = table.problem(sample, rows, &penalty);
    let optimum = if settings.solver == Solver::Linfa {
        with_linfa::solve(table, &problem, strength, &gate)?
    } else if l1_ratio * strength > 0.0 {
        elastic_net::solve(&problem, &absolute, table.control(), &gate)?
    } else {
        problem.solve(table.control(), &gate)?
    };
    table.check_separation(optimum.ending)?;
    Ok(BinaryFit {
        iterations: optimum.iterations,
        optimum,
        penalty,
        absolute,
        averaged: None,
        scores,
    })
}

/// Effective parameters of every coordinate, the intercept's included.
fn effective(fit: &BinaryFit) -> Vec<f64> {
    let held: Vec<usize> = (0..fit.penalty.len())
        .filter(|&k| fit.absolute[k] > 0.0 && fit.optimum.theta[k] == 0.0)
        .chain(fit.optimum.aliased.iter().copied())
        .collect();
    let Some(model) = Quadratic::new(&fit.optimum.information, &fit.penalty, &held) else {
        return vec![1.0; fit.penalty.len()];
    };
    let variances = model.variances();
    (0..fit.penalty.len())
        .map(|k| {
            if held.contains(&k) {
                0.0
            } else {
                1.0 - fit.penalty[k] * variances[k]
            }
        })
        .collect()
}

//! Whether a later wave still has the segments of an earlier one: their shares, and what they answer.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

use super::WeightType;
use super::derivatives::{Layout, local, squared_scores};
use super::fitted::FittedLatentClass;
use super::sweep::expect;
use crate::data::Survey;
use crate::error::{Error, Result};
use crate::math::ascent::Ascent;
use crate::math::multinomial::{Multinomial, Targets};
use crate::model::Fitted;
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;

/// How far the shares of a wave are climbed: far below what a standard error shows.
const ASCENT: Ascent = Ascent {
    max_iterations: 200,
    still_to_win: 1e-10,
};

/// What has changed between the survey that a model was fitted to and a later wave.
///
/// The model is applied as it is. Its segments' shares are estimated anew in the wave (the measurement
/// held fixed, so that uncertain respondents do not pull them towards the old ones). Then every question
/// is asked whether its own part of the model still fits, by a score test: the slope of the wave's
/// log-likelihood in the question's parameters, in units of its variance, which includes that of the old
/// estimates (Rao 1948; for latent classes Oberski, van Kollenburg & Vermunt 2013, Advances in Data
/// Analysis and Classification 7, 267-279). The information is the mean of the curvature and of the
/// respondents' squared scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// A row a segment.
    pub shares: Vec<ShareDrift>,
    /// Chi-squared of all shares' changes together, its degrees of freedom and p-value; `None` where the
    /// model has no standard errors.
    pub shares_test: Option<ChangeTest>,
    /// A row a question that the wave asked.
    pub questions: Vec<QuestionDrift>,
}

/// A segment's share in both waves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShareDrift {
    /// The share in the model.
    pub before: f64,
    /// Its standard error.
    pub before_error: Option<f64>,
    /// The share in the wave.
    pub after: f64,
    /// Its standard error, given what the segments answer.
    pub after_error: Option<f64>,
    /// The standard error of the change. What the segments answer was estimated with error, and that error
    /// shifts both shares alike: the change is known better than either of them.
    pub change_error: Option<f64>,
    /// The two-sided p-value of the change.
    pub p_value: Option<f64>,
}

/// A test of a change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChangeTest {
    /// Chi-squared.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub degrees: usize,
    /// The probability of as large a one without a change.
    pub p_value: f64,
}

/// Whether a question's answers by segment have changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionDrift {
    /// The question.
    pub question: String,
    /// The score test.
    pub test: ChangeTest,
    /// Its p-value, adjusted for the number of questions (Holm 1979); NaN where there is no test.
    pub p_adjusted: f64,
}

impl Drift {
    /// Compares a model with a later wave of the same questions (or some of them).
    ///
    /// ```
    /// use tercet::data::Question;
    /// use tercet::needs::{Drift, FittedLatentClass, LatentClass, SegmentAnswers};
    /// use tercet::Estimator;
    ///
    /// let truth = |shares: [f64; 2]| {
    ///     let question = |i: usize| {
    ///         let answers = SegmentAnswers::nominal(vec![vec![0.85, 0.15], vec![0.2, 0.8]]);
    ///         (Question::nominal(format!("q{i}"), ["no", "yes"]), answers)
    ///     };
    ///     FittedLatentClass::from_parameters(&shares, (0..6).map(question).collect())
    /// };
    /// let first = truth([0.7, 0.3])?.simulate(1_000, 1)?;
    /// let later = truth([0.55, 0.45])?.simulate(1_000, 2)?;
    /// let model = LatentClass::new(2).fit(&first.survey()?)?;
    /// let drift = Drift::between(&model, &later.survey()?, &mut ())?;
    /// assert!(drift.shares_test.unwrap().p_value < 0.001);
    /// assert!(drift.questions.iter().all(|one| one.p_adjusted > 0.001));
    /// # Ok::<(), tercet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidData`] for questions other than the model's; [`Error::InvalidParameter`] for a model
    /// whose parameters were given.
    pub fn between(
        model: &FittedLatentClass,
        wave: &Survey<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let n_before = match model.criteria().and_then(|one| one.n_effective) {
            Some(n) => n,
            None => model.report().n_observations,
        };
        if n_before <= 0.0 {
            let expected = "a model that was fitted: given parameters have no earlier wave";
            return Err(Error::parameter("model", "given parameters", expected));
        }
        // Shares first: how much each respondent's answers speak for each segment.
        let plain = wave.clone().with_covariates(Vec::new())?;
        let likelihoods: Vec<f64> = model
            .posterior(&plain, observer)?
            .chunks_exact(model.n_segments())
            .flat_map(|row| row.iter().zip(model.shares()).map(|(p, share)| p / share))
            .collect();
        let mut phase = Phase::new(observer, "comparing");
        let after = shares(model, &plain, &likelihoods, &mut phase)?;
        let (shares, shares_test) = share_drift(model, &plain, &after, n_before);
        let after = after.shares;
        Ok(Self {
            shares,
            shares_test,
            questions: question_drift(model, &plain, &after, n_before, &mut phase)?,
        })
    }
}

/// Whether weights say how respondents were drawn, and not how often the same answers were given.
fn has_design(model: &FittedLatentClass, wave: &Survey<'_>) -> bool {
    wave.weights().is_some() && model.settings().weight_type != WeightType::Frequency
}

/// The shares in a wave.
struct After {
    shares: Vec<f64>,
    /// Given what the segments answer; `None` where there is none.
    covariance: Option<DMatrix<f64>>,
}

fn shares(
    model: &FittedLatentClass,
    wave: &Survey<'_>,
    likelihoods: &[f64],
    phase: &mut Phase<'_>,
) -> Result<After> {
    let k = model.n_segments();
    if k == 1 {
        return Ok(After {
            shares: vec![1.0],
            covariance: None,
        });
    }
    let ones = vec![1.0; wave.len()];
    let regression = Multinomial {
        design: &ones,
        n_features: 1,
        targets: Targets::Likelihoods(likelihoods),
        n_classes: k,
        weights: wave.weights(),
        penalty: &[],
    };
    let gate = Gate::new(phase);
    let start: Vec<f64> = model.shares()[1..]
        .iter()
        .map(|share| (share / model.shares()[0]).ln())
        .collect();
    let fit = regression.fit(Some(&DVector::from_vec(start)), ASCENT, &gate)?;
    let odds = fit.peak.point.iter().map(|logit| logit.exp());
    let odds: Vec<f64> = std::iter::once(1.0).chain(odds).collect();
    let total: f64 = odds.iter().sum();
    let after: Vec<f64> = odds.iter().map(|odds| odds / total).collect();
    let of_logits = if has_design(model, wave) {
        regression.sandwich(&fit.peak, &gate)?
    } else {
        fit.peak.covariance()
    };
    let jacobian = DMatrix::from_fn(k, k - 1, |row, column| {
        after[row] * (f64::from(row == column + 1) - after[column + 1])
    });
    Ok(After {
        shares: after,
        covariance: of_logits.map(|inner| &jacobian * inner * jacobian.transpose()),
    })
}

/// The respondents that a wave's weights are worth.
fn worth(model: &FittedLatentClass, wave: &Survey<'_>) -> f64 {
    let weights = (0..wave.len()).map(|row| wave.weight(row));
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), weight| {
        (sum + weight, squares + weight * weight)
    });
    model.settings().weight_type.worth(sum, squares)
}

/// The changes of the shares, and a test of all together.
///
/// With shares `π` and answers `θ`, both waves' shares solve `I_ππ (π - π₀) = S / n - I_πθ (θ - θ₀)`,
/// where `S` is the slope of each wave's own log-likelihood: the error of `θ` is the same in both, and the
/// difference has the covariance `I_ππ⁻¹ (1 / n_before + 1 / n_after)`. That needs the same questions; where
/// some were not asked again, the errors of both are added up, which is more than there is.
fn share_drift(
    model: &FittedLatentClass,
    wave: &Survey<'_>,
    after: &After,
    n_before: f64,
) -> (Vec<ShareDrift>, Option<ChangeTest>) {
    let of_change = after.covariance.as_ref().and_then(|now| {
        if wave.questions().len() == model.questions().len() {
            return Some(now * (1.0 + worth(model, wave) / n_before));
        }
        let errors: Option<Vec<f64>> = model.share_errors().iter().copied().collect();
        let errors = errors?;
        // Covariances of the old shares are taken to be those of the new, in proportion.
        let scale = |i: usize| errors[i] / now[(i, i)].sqrt();
        Some(DMatrix::from_fn(now.nrows(), now.ncols(), |i, j| {
            now[(i, j)] * (1.0 + scale(i) * scale(j))
        }))
    });
    let rows = after.shares.iter().enumerate().map(|(segment, share)| {
        let error = |of: &DMatrix<f64>| of[(segment, segment)].sqrt();
        let before = model.shares()[segment];
        let change_error = of_change.as_ref().map(error);
        ShareDrift {
            before,
            before_error: model.share_errors()[segment],
            after: *share,
            after_error: after.covariance.as_ref().map(error),
            change_error,
            p_value: change_error.map(|error| {
                let z = (share - before) / error;
                2.0 * Normal::standard().cdf(-z.abs())
            }),
        }
    });
    let test = || {
        let k = after.shares.len();
        let both = of_change.as_ref()?.view((1, 1), (k - 1, k - 1));
        let change = DVector::from_fn(k - 1, |i, _| after.shares[i + 1] - model.shares()[i + 1]);
        let statistic = change.dot(&both.into_owned().cholesky()?.solve(&change));
        Some(ChangeTest::new(statistic, k - 1))
    };
    (rows.collect(), test())
}

fn question_drift(
    model: &FittedLatentClass,
    wave: &Survey<'_>,
    after: &[f64],
    n_before: f64,
    phase: &mut Phase<'_>,
) -> Result<Vec<QuestionDrift>> {
    let (engine, mut mixture, mut cells) = model.on(wave, phase)?;
    if has_design(model, wave) {
        // Chi-squared tests want the number of respondents that the weights are worth.
        cells.scale_to_effective();
    } else {
        // A row that stands for twenty respondents has the squared scores of twenty.
        cells.squares.clone_from(&cells.weights);
    }
    mixture.set_shares(after);
    let gate = Gate::new(phase);
    let expected = expect(&cells, &engine.tables(&mixture, &cells), &gate)?;
    let layout = Layout::new(&engine, &mixture, &cells);
    if !layout.is_affordable(&engine) {
        let expected =
            "fewer questions or levels at a time: the tests of so many do not fit the memory";
        return Err(Error::parameter("items", wave.questions().len(), expected));
    }
    let (here, _) = local(&engine, &mixture, &expected, &cells, &gate)?;
    // The old estimates vary too: as if from as many respondents as the model was fitted to.
    let inflation = 1.0 + cells.total / n_before;
    // Curvature and squared scores both estimate the information. Their mean keeps the level of the
    // test; in simulated waves of 150 to 500 respondents the curvature alone rejects 7% instead of 5%,
    // and the squared scores alone 9% where levels are rare.
    let squares = squared_scores(&engine, &mixture, &cells, &gate)?;
    let information = (&here.information + &squares) * 0.5;
    let mut rows = Vec::new();
    for (place, question) in wave.questions().iter().enumerate() {
        let first = layout.first[place];
        let part = Part {
            own: first..first + mixture.measurements[place].n_coordinates(engine.classes()),
            membership: layout.membership,
            least: 1e-6 * cells.total,
        };
        // Far from the top the curvature may be no variance; the squared scores always are.
        let found = part
            .score_test(&here.gradient, &information)
            .or_else(|| part.score_test(&here.gradient, &squares));
        let (statistic, degrees) = found.unwrap_or((f64::NAN, 0));
        rows.push(QuestionDrift {
            question: question.name.clone(),
            test: ChangeTest::new(statistic / inflation, degrees),
            p_adjusted: f64::NAN,
        });
    }
    holm(&mut rows);
    Ok(rows)
}

/// The coordinates of a question, and what is known besides.
struct Part {
    own: Range<usize>,
    /// How many coordinates come first, those of the shares.
    membership: usize,
    /// Coordinates with less information are held.
    least: f64,
}

impl Part {
    /// The score statistic and its degrees of freedom; `None` where `information` is no variance.
    fn score_test(
        &self,
        gradient: &DVector<f64>,
        information: &DMatrix<f64>,
    ) -> Option<(f64, usize)> {
        let of = |at: usize| information[(at, at)];
        if self.own.clone().any(|at| of(at) < -self.least) {
            return None;
        }
        let own: Vec<usize> = self.own.clone().filter(|at| of(*at) > self.least).collect();
        let shares: Vec<usize> = (0..self.membership)
            .filter(|at| of(*at) > self.least)
            .collect();
        let part = |rows: &[usize], columns: &[usize]| {
            DMatrix::from_fn(rows.len(), columns.len(), |i, j| {
                information[(rows[i], columns[j])]
            })
        };
        let slope = DVector::from_fn(own.len(), |i, _| gradient[own[i]]);
        // The shares were estimated from the same answers; what they explain is taken off.
        let cross = part(&own, &shares);
        let explained = match part(&shares, &shares).cholesky() {
            Some(factor) if !shares.is_empty() => &cross * factor.solve(&cross.transpose()),
            _ => DMatrix::zeros(own.len(), own.len()),
        };
        let factor = (part(&own, &own) - explained).cholesky()?;
        Some((slope.dot(&factor.solve(&slope)), own.len()))
    }
}

impl ChangeTest {
    fn new(statistic: f64, degrees: usize) -> Self {
        let survival = |chi: ChiSquared| 1.0 - chi.cdf(statistic);
        let p_value = if statistic.is_finite() && degrees > 0 {
            ChiSquared::new(degrees as f64).map_or(f64::NAN, survival)
        } else {
            f64::NAN
        };
        Self {
            statistic,
            degrees,
            p_value,
        }
    }
}

/// Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
fn holm(rows: &mut [QuestionDrift]) {
    let mut order: Vec<usize> = (0..rows.len())
        .filter(|row| !rows[*row].test.p_value.is_nan())
        .collect();
    order.sort_by(|a, b| rows[*a].test.p_value.total_cmp(&rows[*b].test.p_value));
    let n = order.len();
    let mut most = 0.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        most = most
            .max(rows[index].test.p_value * (n - place) as f64)
            .min(1.0);
        rows[index].p_adjusted = most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Question;
    use crate::model::Estimator;
    use crate::needs::{LatentClass, SegmentAnswers};

    /// Two segments and five questions; `turned` is answered the other way round.
    fn truth(turned: Option<usize>) -> FittedLatentClass {
        let questions = (0..5).map(|i| {
            let (often, seldom) = (vec![0.15, 0.85], vec![0.85, 0.15]);
            let rows = if turned == Some(i) {
                vec![seldom, often]
            } else {
                vec![often, seldom]
            };
            (
                Question::nominal(format!("q{i}"), ["no", "yes"]),
                SegmentAnswers::nominal(rows),
            )
        });
        FittedLatentClass::from_parameters(&[0.6, 0.4], questions.collect()).unwrap()
    }

    #[test]
    fn a_question_that_is_turned_round_is_found() {
        let model = LatentClass::new(2)
            .fit(&truth(None).simulate(800, 1).unwrap().survey().unwrap())
            .unwrap();
        let wave = truth(Some(2)).simulate(600, 2).unwrap();
        let drift = Drift::between(&model, &wave.survey().unwrap(), &mut ()).unwrap();
        let worst = drift
            .questions
            .iter()
            .max_by(|a, b| a.test.statistic.total_cmp(&b.test.statistic))
            .unwrap();
        assert_eq!(worst.question, "q2");
        assert!(worst.p_adjusted < 1e-6);
    }

    #[test]
    fn without_drift_tests_reject_as_often_as_they_say() {
        let model = LatentClass::new(2)
            .fit(&truth(None).simulate(1_500, 1).unwrap().survey().unwrap())
            .unwrap();
        let p_values: Vec<f64> = (0..40)
            .flat_map(|seed| {
                let wave = truth(None).simulate(500, 100 + seed).unwrap();
                let drift = Drift::between(&model, &wave.survey().unwrap(), &mut ()).unwrap();
                drift.questions.into_iter().map(|one| one.test.p_value)
            })
            .collect();
        let rejected = p_values.iter().filter(|p| **p < 0.05).count();
        // Of 200 tests 10 are expected; they share a model, so the bound is wide.
        assert!(
            (2..=24).contains(&rejected),
            "{rejected} of {}",
            p_values.len()
        );
    }
}

//! How a projection's coefficients are found, and how it is tried on respondents left out.

use std::cmp::Ordering;

use nalgebra::DVector;
use rand::Rng;

use super::encoding::Encoding;
use super::fitted::FittedSegmentProjection;
use super::quality::{Held, PenaltyScore, ProjectionQuality};
use super::sample::{Effort, Sample};
use super::{Penalty, ProjectionData, SegmentProjection};
use crate::data::order_of_design;
use crate::error::{Error, Result};
use crate::math::multinomial::{Ending, MultinomialFit};
use crate::model::FitReport;
use crate::observe::Phase;
use crate::parallel::{Gate, map_tasks};

/// The penalties that are tried, from one under which nothing but the shares is left to one that
/// hardly draws at all: half-decades.
const PATH: [f64; 11] = [
    10.0,
    3.162,
    1.0,
    0.3162,
    0.1,
    0.03162,
    0.01,
    0.003_162,
    0.001,
    0.000_316_2,
    0.000_1,
];

/// The most coefficients: beyond, a fit would take hours, and no survey could determine them.
const MOST_COEFFICIENTS: usize = 2_000;

pub(super) fn fit(
    settings: &SegmentProjection,
    data: &ProjectionData<'_>,
    phase: &mut Phase<'_>,
) -> Result<FittedSegmentProjection> {
    let n_counted = data.n_counted();
    if settings.folds > n_counted {
        let expected = format!("at most the number of respondents, {n_counted}");
        return Err(Error::parameter("folds", settings.folds, expected));
    }
    let encoding = Encoding::learn(
        data.design(),
        |row| data.weight(row),
        settings.min_level_count,
    )?;
    let width = encoding.width();
    if width * (data.n_segments() - 1) > MOST_COEFFICIENTS {
        return Err(Error::parameter(
            "features",
            format!("{width} columns after encoding"),
            format!(
                "at most {} for {} segments: leave out columns with many levels, or raise min_level_count",
                MOST_COEFFICIENTS / (data.n_segments() - 1),
                data.n_segments()
            ),
        ));
    }
    let sample = Sample::new(settings, data, &encoding)?;
    let path = match settings.penalty {
        Penalty::Cv => PATH.to_vec(),
        // The likelihood has one summit under a strong penalty; that one is followed.
        Penalty::Fixed(last) => {
            let stronger = PATH.into_iter().filter(|penalty| *penalty > last);
            stronger.chain([last]).collect()
        }
    };
    let folds = folds(settings, data);
    let (trails, scores) = cross_validate(&sample, &folds, &path, phase)?;
    let best = match settings.penalty {
        Penalty::Cv => best(&scores),
        Penalty::Fixed(_) => path.len() - 1,
    };
    let held = predict_left_out(&sample, &folds, &trails, best)?;
    let gate = Gate::new(phase);
    let mut fit = sample.climb(&sample.weights, path[0], None, effort(0, best), &gate)?;
    let mut iterations = fit.peak.iterations;
    for (place, penalty) in path.iter().enumerate().take(best + 1).skip(1) {
        let effort = effort(place, best);
        fit = sample.climb(&sample.weights, *penalty, Some(&fit), effort, &gate)?;
        iterations += fit.peak.iterations;
    }
    let report = sample.report(&fit, path[best], iterations, &encoding);
    sample.shift(&sample.weights, &mut fit.peak.point)?;
    let tried = match settings.penalty {
        Penalty::Cv => scores,
        Penalty::Fixed(_) => scores[best..].to_vec(),
    };
    Ok(FittedSegmentProjection {
        settings: settings.clone(),
        encoding,
        shares: data.shares().to_vec(),
        penalty: path[best],
        coefficients: fit.peak.point.as_slice().to_vec(),
        quality: ProjectionQuality::new(data, &held, tried),
        note: serde_json::Value::Null,
        report,
    })
}

fn effort(place: usize, last: usize) -> Effort {
    if place == last {
        Effort::Full
    } else {
        Effort::OnTheWay
    }
}

/// A fold for each respondent: in turn after shuffling within each most probable segment, so that
/// every fold holds its part of every segment.
fn folds(settings: &SegmentProjection, data: &ProjectionData<'_>) -> Vec<usize> {
    let mut generator = settings.seed.stream(0);
    let rows = order_of_design(data.design(), |a, b| {
        let memberships = data.posterior(a).partial_cmp(data.posterior(b));
        memberships
            .unwrap_or(Ordering::Equal)
            .then(data.weight(a).total_cmp(&data.weight(b)))
    });
    let mut order: Vec<(usize, u64, usize)> = rows
        .into_iter()
        .map(|row| (modal(data.posterior(row)), generator.next_u64(), row))
        .collect();
    order.sort_unstable();
    let mut folds = vec![0; data.len()];
    for (turn, (_, _, row)) in order.into_iter().enumerate() {
        folds[row] = turn % settings.folds;
    }
    folds
}

/// The most probable segment: the first of equals.
pub(super) fn modal(probabilities: &[f64]) -> usize {
    let mut most = 0;
    for (segment, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[most] {
            most = segment;
        }
    }
    most
}

/// One fold: whom it is fitted to, the last fit, and the coefficients under each penalty so far.
struct Fold {
    weights: Vec<f64>,
    last: Option<MultinomialFit>,
    points: Vec<DVector<f64>>,
}

/// Walks all folds along the path together, and says what each penalty wins on those left out, a
/// respondent. Once two weaker penalties in a row predict worse than the best, the walk ends.
fn cross_validate(
    sample: &Sample<'_>,
    folds: &[usize],
    path: &[f64],
    phase: &mut Phase<'_>,
) -> Result<(Vec<Fold>, Vec<PenaltyScore>)> {
    let mut trails: Vec<Fold> = (0..sample.settings.folds)
        .map(|fold| Fold {
            weights: sample
                .weights
                .iter()
                .zip(folds)
                .map(|(weight, of)| if *of == fold { 0.0 } else { *weight })
                .collect(),
            last: None,
            points: Vec::new(),
        })
        .collect();
    let total: f64 = sample.weights.iter().sum();
    let mut scores: Vec<PenaltyScore> = Vec::new();
    for penalty in path {
        let fits = map_tasks(trails.len(), phase, |fold, gate| {
            let Fold { weights, last, .. } = &trails[fold];
            let fit = sample.climb(weights, *penalty, last.as_ref(), Effort::OnTheWay, gate)?;
            let mut logs = vec![0.0; sample.n_segments()];
            let left_out = (0..sample.len()).filter(|&row| folds[row] == fold);
            let gains = left_out
                .map(|row| sample.weights[row] * sample.gain(&fit.peak.point, row, &mut logs));
            let gain: f64 = gains.sum();
            Ok((fit, gain))
        })?;
        let mut gain = 0.0;
        for (trail, (fit, part)) in trails.iter_mut().zip(fits) {
            trail.points.push(fit.peak.point.clone());
            trail.last = Some(fit);
            gain += part;
        }
        scores.push(PenaltyScore {
            penalty: *penalty,
            log_likelihood_gain: gain / total,
        });
        let all = matches!(sample.settings.penalty, Penalty::Fixed(_));
        if !all && scores.len() > best(&scores) + 2 {
            break;
        }
    }
    Ok((trails, scores))
}

/// The strongest penalty of those that predict best.
fn best(scores: &[PenaltyScore]) -> usize {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if score.log_likelihood_gain > scores[best].log_likelihood_gain {
            best = place;
        }
    }
    best
}

/// The probabilities of every respondent by the fit that did not see it.
fn predict_left_out(
    sample: &Sample<'_>,
    folds: &[usize],
    trails: &[Fold],
    best: usize,
) -> Result<Held> {
    let n = sample.n_segments();
    let mut held = Held {
        probabilities: vec![0.0; sample.len() * n],
        gains: vec![0.0; sample.len()],
        corrected: sample.settings.correction,
    };
    for (fold, trail) in trails.iter().enumerate() {
        let mut point = trail.points[best].clone();
        sample.shift(&trail.weights, &mut point)?;
        for row in (0..sample.len()).filter(|&row| folds[row] == fold) {
            let logs = &mut held.probabilities[row * n..(row + 1) * n];
            held.gains[row] = sample.gain(&point, row, logs);
            for log in logs {
                *log = log.exp();
            }
        }
    }
    Ok(held)
}

impl Sample<'_> {
    fn report(
        &self,
        fit: &MultinomialFit,
        penalty: f64,
        iterations: usize,
        encoding: &Encoding,
    ) -> FitReport {
        let total: f64 = self.weights.iter().sum();
        let how_it_ended = match fit.ending {
            Ending::Converged => "converged".to_owned(),
            Ending::Undetermined => {
                "converged; without a penalty the coefficients of columns that repeat each other, as the levels of a category do, are not determined, but the probabilities are".to_owned()
            }
            Ending::Separated { class, feature } => format!(
                "converged with coefficients that run to infinity: '{}' tells segment {} from segment 1 without an error among these respondents; set a penalty above 0, and look whether the column was derived from the segments",
                encoding.labels()[feature],
                class + 1
            ),
            Ending::Stopped => format!(
                "stopped after {} iterations without converging; raise max_iterations, or the penalty",
                self.settings.max_iterations
            ),
        };
        let boundary = matches!(fit.ending, Ending::Separated { .. }).then(|| how_it_ended.clone());
        FitReport {
            iterations,
            log_likelihood: Some(fit.free.value),
            converged: fit.ending != Ending::Stopped,
            how_it_ended,
            n_observations: total,
            n_rows: self.weights.iter().filter(|weight| **weight > 0.0).count(),
            n_cells: self.len(),
            n_parameters: self.effective(fit, penalty * total),
            boundary,
        }
    }

    /// Effective parameters, rounded: those of the likelihood alone, less what the penalty holds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the count
    fn effective(&self, fit: &MultinomialFit, penalty: f64) -> usize {
        let n = fit.peak.point.len();
        let Some(covariance) = fit.peak.covariance() else {
            return n;
        };
        let k = self.n_segments() as f64;
        let mut held = 0.0;
        for i in (0..n).filter(|i| i % self.width != 0) {
            for j in (i % self.width..n).step_by(self.width) {
                let same = f64::from(u8::from(i == j));
                held += covariance[(i, j)] * penalty * (same - 1.0 / k);
            }
        }
        (n as f64 - held).round().clamp(0.0, n as f64) as usize
    }
}

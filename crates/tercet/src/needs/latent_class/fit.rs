//! The fit: many ascents, the best one polished, its segments in order of size.

use nalgebra::{DMatrix, DVector};

use super::cells::Cells;
use super::climb::Climber;
use super::continuous::Continuous;
use super::count::Count;
use super::derivatives::{Layout, Pairs, local, squared_scores};
use super::diagnostics::{Criteria, bivariate_residuals};
use super::fitted::{FittedLatentClass, Start};
use super::lanes::Lanes;
use super::measurement::{Measurement, Pseudo};
use super::mixture::{Mixture, Model};
use super::nominal::Nominal;
use super::ordinal::Ordinal;
use super::segment_answers::{SegmentAnswers, errors};
use super::starts::{Ascended, Plan, climb_all};
use super::sweep::{Expected, Tables, expect};
use super::{LatentClass, ResponseStyle, Variance, WeightType};
use crate::data::{CountFamily, Question, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::math::ascent::{Ascent, Local};
use crate::model::FitReport;
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;

/// Newton steps a round of polishing.
const STEPS: usize = 30;

/// Cycles of EM between two rounds of polishing: what Newton's method has not finished lies on a long
/// ridge, or not near the top yet.
const CYCLES: usize = 200;

/// A coordinate of which the others explain all but this share is not identified.
const UNEXPLAINED: f64 = 1e-7;

/// An ascent that ends within this of the best has found the same solution.
pub(super) const SAME: f64 = 0.1;

/// How much is done for a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::needs) enum Effort {
    /// All of it.
    Full,
    /// The ascents, unpolished: for the replications of a bootstrap.
    Quick,
}

/// Fits `settings`; the first start is `first` where it is given.
pub(in crate::needs) fn fit(
    settings: &LatentClass,
    survey: &Survey<'_>,
    first: Option<&FittedLatentClass>,
    effort: Effort,
    observer: &mut dyn Observer,
) -> Result<FittedLatentClass> {
    settings.check()?;
    let mut cells = Cells::new(survey, None, true, &mut Phase::new(observer, "grouping"))?;
    if settings.weight_type == WeightType::Expansion {
        cells.scale_to_effective();
    }
    let mut phase = Phase::new(observer, "fitting");
    let overall = overall(settings, survey, &cells, &Gate::new(&mut phase))?;
    let lanes = match settings.response_style {
        ResponseStyle::Ignore => Lanes::plain(settings.n_segments),
        ResponseStyle::RandomIntercept => {
            check_style(survey.questions())?;
            Lanes::with_style(settings.n_segments)
        }
    };
    let each = settings.prior / settings.n_segments as f64;
    let model = Model::new(lanes, &cells, each, &overall.measurements, |question| {
        overall.pseudo(question, each)
    });
    let n_parameters = n_parameters(&model, &overall.measurements);
    check_size(settings, survey, &model, n_parameters)?;
    let plan = Plan {
        starts: if settings.n_segments == 1 {
            1
        } else {
            settings.starts
        },
        seed: settings.seed,
        drop_early: settings.drop_early,
        max_cycles: settings.max_iterations,
    };
    let first = first.map(|fitted| fitted.mixture_on(&cells));
    let ascended = climb_all(
        plan,
        first.as_ref(),
        &overall.measurements,
        &model,
        &cells,
        &mut phase,
    )?;
    let gate = Gate::new(&mut phase);
    let top = Top::reach(settings, effort, &ascended, &model, &cells, &gate)?;
    assemble(
        settings,
        survey,
        &model,
        &cells,
        &ascended,
        top,
        n_parameters,
        &gate,
    )
}

/// What everybody answers, and how much of it the prior adds to each segment.
struct Overall {
    measurements: Vec<Measurement>,
    shares: Vec<Vec<f64>>,
}

impl Overall {
    fn pseudo(&self, question: usize, weight: f64) -> Pseudo {
        match &self.measurements[question] {
            Measurement::Nominal(_) | Measurement::Ordinal(_) => Pseudo::Levels(
                self.shares[question]
                    .iter()
                    .map(|share| weight * share)
                    .collect(),
            ),
            Measurement::Count(one) => Pseudo::Mean(weight, one.means[0]),
            Measurement::Continuous(_) => Pseudo::Weight(weight),
        }
    }
}

/// The model of one segment.
fn overall(
    settings: &LatentClass,
    survey: &Survey<'_>,
    cells: &Cells,
    gate: &Gate<'_, '_>,
) -> Result<Overall> {
    let tables = Tables {
        lanes: 1,
        priors: vec![1.0; cells.n_designs()],
        groups: cells.sizes.iter().map(|n| vec![1.0; *n]).collect(),
        offsets: vec![Vec::new(); cells.coded.len()],
        normals: vec![vec![(0.0, 1.0)]; cells.dense.len()],
    };
    let expected = expect(cells, &tables, gate)?;
    let mut measurements = vec![None; survey.questions().len()];
    let mut shares = vec![Vec::new(); survey.questions().len()];
    for (coded, counts) in cells.coded.iter().zip(&expected.counts) {
        let question = &survey.questions()[coded.question];
        check_answers(
            question,
            counts.iter().filter(|count| **count > 0.0).count(),
        )?;
        let total: f64 = counts.iter().sum();
        let share: Vec<f64> = counts.iter().map(|count| count / total).collect();
        measurements[coded.question] = Some(everybody(question, &coded.values, &share));
        shares[coded.question] = share;
    }
    for (dense, sums) in cells.dense.iter().zip(&expected.numbers) {
        let [n, sum, square] = [sums[0], sums[1], sums[2]];
        let varies = n > 0.0 && square / n - (sum / n).powi(2) > 1e-12;
        check_answers(
            &survey.questions()[dense.question],
            if varies { 2 } else { 1 },
        )?;
        measurements[dense.question] = Some(Measurement::Continuous(Continuous {
            means: vec![0.0],
            deviations: vec![1.0],
            shared: settings.variance == Variance::Shared,
        }));
    }
    Ok(Overall {
        measurements: measurements.into_iter().flatten().collect(),
        shares,
    })
}

fn check_answers(question: &Question, different: usize) -> Result<()> {
    if different >= 2 {
        return Ok(());
    }
    let reason = "was answered alike by everybody who answered (or by nobody), which tells no segments apart; leave the question out";
    Err(Error::data(&question.name, None, reason))
}

fn everybody(question: &Question, values: &[f64], shares: &[f64]) -> Measurement {
    match &question.kind {
        QuestionKind::Nominal { .. } => {
            Measurement::Nominal(Nominal::new(shares.len(), shares.to_vec()))
        }
        QuestionKind::Ordinal { scores, .. } => {
            let log = |share: &f64| share.max(1e-12).ln();
            Measurement::Ordinal(Ordinal {
                scores: scores.clone(),
                intercepts: shares
                    .iter()
                    .map(|share| log(share) - log(&shares[0]))
                    .collect(),
                slopes: vec![0.0],
            })
        }
        QuestionKind::Count(family) => {
            let mean: f64 = values.iter().zip(shares).map(|(x, p)| x * p).sum();
            let squares = values
                .iter()
                .zip(shares)
                .map(|(x, p)| p * (x - mean).powi(2));
            let excess = squares.sum::<f64>() - mean;
            Measurement::Count(Count {
                means: vec![mean],
                // By moments; within the segments counts vary less than overall.
                size: (*family == CountFamily::NegativeBinomial)
                    .then(|| (2.0 * mean * mean / excess.max(1e-2 * mean)).clamp(0.1, 100.0)),
            })
        }
        QuestionKind::Continuous => Measurement::Continuous(Continuous {
            means: vec![0.0],
            deviations: vec![1.0],
            shared: false,
        }),
    }
}

fn check_style(questions: &[Question]) -> Result<()> {
    let ordinal = |question: &&Question| matches!(question.kind, QuestionKind::Ordinal { .. });
    if questions.iter().filter(ordinal).count() >= 3 {
        return Ok(());
    }
    Err(Error::parameter(
        "response_style",
        "\"random_intercept\"",
        "\"ignore\" unless there are at least three ordinal questions, on which a respondent's style shows",
    ))
}

/// Free parameters, those on a boundary included.
fn n_parameters(model: &Model, overall: &[Measurement]) -> usize {
    let classes = model.classes();
    let of = |one: &Measurement| match one {
        Measurement::Nominal(one) => classes * (one.probabilities.len() - 1),
        Measurement::Ordinal(one) => one.scores.len() - 1 + classes - 1,
        Measurement::Count(one) => classes + usize::from(one.size.is_some()),
        Measurement::Continuous(one) => classes + if one.shared { 1 } else { classes },
    };
    (classes - 1) * model.n_features
        + overall.iter().map(of).sum::<usize>()
        + usize::from(model.has_style())
}

/// That the data can carry so many segments.
fn check_size(
    settings: &LatentClass,
    survey: &Survey<'_>,
    model: &Model,
    n_parameters: usize,
) -> Result<()> {
    let k = settings.n_segments;
    if k == 1 {
        return Ok(());
    }
    let n = survey.len() - survey.unanswered();
    let refuse = |reason: String| Err(Error::parameter("n_segments", k, reason));
    if n_parameters > n {
        return refuse(format!(
            "fewer: {k} segments have {n_parameters} parameters, more than the {n} respondents who answered; take fewer segments or questions, or declare rating questions ordinal"
        ));
    }
    if model.n_features == 1 && !model.has_style() {
        let levels = survey.questions().iter().map(|one| match one.levels() {
            Some(levels) => levels.len() as f64,
            None => f64::INFINITY,
        });
        let patterns = levels.product::<f64>();
        if n_parameters as f64 > patterns - 1.0 {
            return refuse(format!(
                "fewer: {k} segments have {n_parameters} parameters, and the questions can be answered in only {patterns} ways; take fewer segments or ask more questions"
            ));
        }
    }
    Ok(())
}

/// The solution.
struct Top {
    mixture: Mixture,
    expected: Expected,
    objective: f64,
    sweeps: usize,
    converged: bool,
    /// Slope, curvature and pairs of answers at the top; `None` where they were too large to compute.
    local: Option<(Local, Pairs)>,
}

impl Top {
    /// Polishes the best ascent, its segments in order of size.
    fn reach(
        settings: &LatentClass,
        effort: Effort,
        ascended: &[Ascended],
        model: &Model,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        // Of equals the earlier.
        let best = ascended.iter().reduce(|best, one| {
            if one.climber.objective > best.climber.objective {
                one
            } else {
                best
            }
        });
        let Some(best) = best else {
            return Err(Error::parameter("starts", 0, "at least 1"));
        };
        let sweeps = ascended.iter().map(|one| one.climber.sweeps).sum();
        let mut climber = best.climber.clone();
        let mut top = Self {
            mixture: climber.mixture.clone(),
            expected: climber.expected.clone(),
            objective: climber.objective,
            sweeps,
            converged: false,
            local: None,
        };
        let layout = Layout::new(model, &top.mixture, cells);
        if !layout.is_affordable(model) {
            climber.climb(
                settings.max_iterations,
                settings.tolerance,
                model,
                cells,
                gate,
            )?;
            top.converged = climber.gain < settings.tolerance;
            let order = order(model, &climber.mixture, cells);
            let mixture = climber.mixture.permuted(&order, model.n_features);
            let expected = expect(cells, &model.tables(&mixture, cells), gate)?;
            return Ok(Self {
                mixture,
                expected,
                objective: climber.objective,
                ..top
            });
        }
        let mut cycles = 0;
        loop {
            top.put_in_order(model, cells, gate)?;
            top.polish(settings, model, cells, gate)?;
            if top.converged && top.is_in_order(model, cells) {
                break;
            }
            if cycles >= settings.max_iterations {
                break;
            }
            cycles += CYCLES;
            if !top.converged {
                top.ascend(model, cells, gate)?;
            }
        }
        Ok(top)
    }

    fn is_in_order(&self, model: &Model, cells: &Cells) -> bool {
        let order = order(model, &self.mixture, cells);
        order
            .iter()
            .enumerate()
            .all(|(place, class)| place == *class)
    }

    fn put_in_order(&mut self, model: &Model, cells: &Cells, gate: &Gate<'_, '_>) -> Result<()> {
        if !self.is_in_order(model, cells) {
            let order = order(model, &self.mixture, cells);
            self.mixture = self.mixture.permuted(&order, model.n_features);
            self.expected = expect(cells, &model.tables(&self.mixture, cells), gate)?;
        }
        Ok(())
    }

    /// Some more cycles of EM.
    fn ascend(&mut self, model: &Model, cells: &Cells, gate: &Gate<'_, '_>) -> Result<()> {
        let mut climber = Climber::new(self.mixture.clone(), model, cells, gate)?;
        climber.climb(CYCLES, 0.0, model, cells, gate)?;
        self.sweeps += climber.sweeps;
        if climber.objective >= self.objective {
            self.objective = climber.objective;
            self.expected = climber.expected;
            self.mixture = climber.mixture;
        }
        Ok(())
    }

    /// Newton's method from where the mixture is.
    fn polish(
        &mut self,
        settings: &LatentClass,
        model: &Model,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<()> {
        model.settle(&mut self.mixture, &self.expected);
        let base = self.mixture.clone();
        let layout = Layout::new(model, &base, cells);
        let ascent = Ascent {
            max_iterations: STEPS,
            still_to_win: settings.tolerance,
        };
        let mut last: Option<(DVector<f64>, Mixture, Expected, Pairs)> = None;
        let origin = DVector::zeros(layout.size);
        let peak = ascent.climb(origin, |step| {
            let mixture = base.moved(step.as_slice(), &layout, model.classes());
            let expected = expect(cells, &model.tables(&mixture, cells), gate)?;
            let (local, pairs) = local(model, &mixture, &expected, cells, gate)?;
            let better = last.as_ref().is_none_or(|(_, _, before, _)| {
                local.value >= before.log_likelihood + model.log_prior(&mixture, cells)
            });
            if better {
                last = Some((step.clone(), mixture, expected, pairs));
            }
            Ok(local)
        })?;
        self.sweeps += peak.iterations;
        let mixture = base.moved(peak.point.as_slice(), &layout, model.classes());
        let (expected, pairs) = match last {
            Some((step, _, expected, pairs)) if step == peak.point => (expected, pairs),
            _ => {
                let expected = expect(cells, &model.tables(&mixture, cells), gate)?;
                let (_, pairs) = local(model, &mixture, &expected, cells, gate)?;
                (expected, pairs)
            }
        };
        self.objective = peak.local.value;
        self.converged = peak.converged;
        self.mixture = mixture;
        self.expected = expected;
        self.local = Some((peak.local, pairs));
        Ok(())
    }
}

/// The segments by size, largest first; of equals the earlier.
fn order(model: &Model, mixture: &Mixture, cells: &Cells) -> Vec<usize> {
    let shares = shares(model, mixture, cells);
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|one, other| shares[*other].total_cmp(&shares[*one]));
    order
}

/// The shares of the segments among the respondents.
fn shares(model: &Model, mixture: &Mixture, cells: &Cells) -> Vec<f64> {
    let k = model.classes();
    let mut shares = vec![0.0; k];
    let memberships = model.memberships(mixture, cells);
    for (row, weight) in memberships.chunks_exact(k).zip(cells.design_weights()) {
        for (share, p) in shares.iter_mut().zip(row) {
            *share += weight / cells.total * p;
        }
    }
    shares
}

/// The covariance of the coordinates; 0 in those that are held or not determined. `None` where the data
/// do not identify the model.
fn covariance(
    settings: &LatentClass,
    survey: &Survey<'_>,
    local: &Local,
    model: &Model,
    mixture: &Mixture,
    cells: &Cells,
    gate: &Gate<'_, '_>,
) -> Result<Option<DMatrix<f64>>> {
    let information = &local.information;
    let free: Vec<usize> = (0..information.nrows())
        .filter(|at| information[(*at, *at)] > super::nominal::NOBODY)
        .collect();
    let part = DMatrix::from_fn(free.len(), free.len(), |i, j| {
        information[(free[i], free[j])]
    });
    if !is_identified(&part) {
        return Ok(None);
    }
    let Some(inverse) = crate::math::ascent::invert(&part) else {
        return Ok(None);
    };
    let by_sandwich = survey.weights().is_some() && settings.weight_type != WeightType::Frequency;
    let inverse = if by_sandwich {
        let scores = squared_scores(model, mixture, cells, gate)?;
        let middle = DMatrix::from_fn(free.len(), free.len(), |i, j| scores[(free[i], free[j])]);
        &inverse * middle * &inverse
    } else {
        inverse
    };
    let mut whole = DMatrix::zeros(information.nrows(), information.nrows());
    for (i, row) in free.iter().enumerate() {
        for (j, column) in free.iter().enumerate() {
            whole[(*row, *column)] = inverse[(i, j)];
        }
    }
    Ok(Some(whole))
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

#[allow(clippy::too_many_arguments)] // the parts of a fit, put together once
fn assemble(
    settings: &LatentClass,
    survey: &Survey<'_>,
    model: &Model,
    cells: &Cells,
    ascended: &[Ascended],
    top: Top,
    n_parameters: usize,
    gate: &Gate<'_, '_>,
) -> Result<FittedLatentClass> {
    let classes = model.classes();
    let covariance = match &top.local {
        Some((local, _)) if settings.standard_errors => {
            covariance(settings, survey, local, model, &top.mixture, cells, gate)?
        }
        _ => None,
    };
    let layout = Layout::new(model, &top.mixture, cells);
    let part = |first: usize, size: usize| {
        covariance
            .as_ref()
            .map(|all| all.view((first, first), (size, size)).into_owned())
    };
    let scale = |question: usize| {
        cells
            .dense
            .iter()
            .find(|dense| dense.question == question)
            .map(|dense| dense.scale)
    };
    let answers: Vec<SegmentAnswers> = top
        .mixture
        .measurements
        .iter()
        .enumerate()
        .map(|(question, one)| {
            let own = part(layout.first[question], one.n_coordinates(classes));
            SegmentAnswers::new(one, classes, scale(question), own.as_ref())
        })
        .collect();
    let membership = part(0, layout.membership);
    let shares = shares(model, &top.mixture, cells);
    let never = |_: usize| false;
    let share_errors = errors(
        &share_jacobian(model, &top.mixture, cells),
        membership.as_ref(),
        &never,
    );
    let one_each = DMatrix::identity(layout.membership, layout.membership);
    let coefficient_errors = errors(&one_each, membership.as_ref(), &never);
    let criteria = Criteria::new(
        top.expected.log_likelihood,
        n_parameters,
        model,
        &top.mixture,
        cells,
        gate,
    )?;
    let residuals = match &top.local {
        Some((_, pairs)) if settings.standard_errors => {
            bivariate_residuals(survey.questions(), model, &top.mixture, cells, pairs)
        }
        _ => Vec::new(),
    };
    let boundary = boundary(survey.questions(), &top.mixture, classes);
    let starts = ascended.iter().map(|one| Start {
        log_likelihood: one.climber.expected.log_likelihood,
        dropped: one.dropped,
        reached_best: !one.dropped && one.climber.objective > top.objective - SAME,
    });
    let unidentified = settings.standard_errors && top.local.is_some() && covariance.is_none();
    let report = FitReport {
        iterations: top.sweeps,
        log_likelihood: Some(top.expected.log_likelihood),
        converged: top.converged,
        how_it_ended: how_it_ended(top.converged, unidentified, boundary.as_deref()),
        n_observations: cells.total,
        n_rows: cells.n_rows,
        n_cells: cells.len(),
        n_parameters,
        boundary,
    };
    let n_features = model.n_features;
    Ok(FittedLatentClass {
        settings: settings.clone(),
        questions: survey.questions().to_vec(),
        covariates: survey
            .covariates()
            .iter()
            .map(|(name, _)| name.clone())
            .collect(),
        shares,
        share_errors,
        coefficients: top
            .mixture
            .coefficients
            .chunks_exact(n_features)
            .map(<[f64]>::to_vec)
            .collect(),
        coefficient_errors: std::iter::repeat_n(vec![None; n_features], 1)
            .chain(
                coefficient_errors
                    .chunks_exact(n_features)
                    .map(<[Option<f64>]>::to_vec),
            )
            .collect(),
        answers,
        style: model.has_style().then_some(top.mixture.style),
        style_error: layout.style.and_then(|at| {
            let variance = covariance.as_ref()?[(at, at)];
            (variance > 0.0).then(|| variance.sqrt())
        }),
        starts: starts.collect(),
        criteria: Some(criteria),
        residuals,
        n_unanswered: survey.unanswered(),
        note: serde_json::Value::Null,
        report,
    })
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
    let mut places: Vec<String> = Vec::new();
    for (question, one) in questions.iter().zip(&mixture.measurements) {
        let name = &question.name;
        let held = |class: usize| match one {
            Measurement::Nominal(one) => {
                let levels = one.probabilities.len() / classes;
                (0..levels).any(|level| one.is_held(class, level))
            }
            Measurement::Ordinal(one) => one.is_held(class),
            Measurement::Continuous(one) => one.is_held(class),
            Measurement::Count(one) => one.is_held(class),
        };
        places.extend(
            (0..classes)
                .filter(|class| held(*class))
                .map(|class| format!("'{name}' in segment {}", class + 1)),
        );
    }
    let first = places.first()?;
    let others = match places.len() {
        1 => String::new(),
        n => format!(" and {} other{}", n - 1, if n == 2 { "" } else { "s" }),
    };
    Some(format!(
        "answers that a segment always or never gives ({first}{others}); their probabilities are 0 or 1 without a standard error, and prior=1 would keep them inside"
    ))
}

fn how_it_ended(converged: bool, unidentified: bool, boundary: Option<&str>) -> String {
    let mut words = if converged {
        "converged: less than the tolerance is left to win".to_owned()
    } else {
        "stopped before it converged; raise max_iterations, or take fewer segments".to_owned()
    };
    if unidentified {
        words += "; the data do not identify all parameters (the likelihood is flat at the top): there are no standard errors, and fewer segments would do";
    }
    if let Some(boundary) = boundary {
        words += "; on a boundary: ";
        words += boundary;
    }
    words
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The model, the cells and a first draw, as a fit has them.
    pub(in crate::needs::latent_class) fn begin(
        settings: &LatentClass,
        survey: &Survey<'_>,
        gate: &Gate<'_, '_>,
    ) -> (Model, Cells, Mixture) {
        let mut silent = ();
        let cells =
            Cells::new(survey, None, true, &mut Phase::new(&mut silent, "grouping")).unwrap();
        let overall = overall(settings, survey, &cells, gate).unwrap();
        let lanes = match settings.response_style {
            ResponseStyle::Ignore => Lanes::plain(settings.n_segments),
            ResponseStyle::RandomIntercept => Lanes::with_style(settings.n_segments),
        };
        let each = settings.prior / settings.n_segments as f64;
        let model = Model::new(lanes, &cells, each, &overall.measurements, |question| {
            overall.pseudo(question, each)
        });
        let mixture = super::super::starts::draw(settings.seed, 0, &overall.measurements, &model);
        (model, cells, mixture)
    }
}

//! The fit: many ascents, the best one polished, its segments in order of size.

use super::cells::Cells;
use super::fitted::FittedLatentClass;
use super::lanes::Lanes;
use super::measurement::Measurement;
use super::mixture::Model;
use super::outcome::Outcome;
use super::overall::Overall;
use super::starts::{Plan, climb_all};
use super::top::Top;
use super::{LatentClass, ResponseStyle, WeightType};
use crate::data::{Question, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;

/// How much is done for a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::needs) enum Effort {
    /// All of it.
    Full,
    /// The ascents, unpolished, to a hundredth of a log-likelihood, and with few nodes of the response
    /// style: for the replications of a bootstrap, whose statistics differ by whole units from one to
    /// the next.
    Quick,
}

impl Effort {
    /// How many starts are followed to the end at least, what a cycle must win to be followed by
    /// another, and how many starts have to agree on the best.
    pub(super) fn patience(self) -> (usize, f64, usize) {
        match self {
            Self::Full => (4, 1e-4, 2),
            Self::Quick => (2, 1e-3, 1),
        }
    }
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
    check_covariates(survey)?;
    let mut cells = Cells::new(survey, None, true, &mut Phase::new(observer, "grouping"))?;
    if settings.weight_type == WeightType::Expansion {
        cells.scale_to_effective();
    }
    let mut phase = Phase::new(observer, "fitting");
    let overall = Overall::new(settings, survey, &cells, &Gate::new(&mut phase))?;
    let lanes = match settings.response_style {
        ResponseStyle::Ignore => Lanes::plain(settings.n_segments),
        ResponseStyle::RandomIntercept => {
            check_style(survey.questions())?;
            match effort {
                Effort::Full => {
                    Lanes::with_style(settings.n_segments, n_ordinal(survey.questions()))
                }
                Effort::Quick => Lanes::with_rough_style(settings.n_segments),
            }
        }
    };
    let each = settings.prior / settings.n_segments as f64;
    let model = Model::new(lanes, &cells, each, &overall.measurements, |question| {
        overall.pseudo(question, each)
    });
    let n_parameters = n_parameters(&model, &overall.measurements);
    check_size(settings, survey, &cells, &model, n_parameters)?;
    let (fewest, settled, confirmed_by) = effort.patience();
    let plan = Plan {
        starts: if settings.n_segments == 1 {
            1
        } else {
            settings.starts
        },
        seed: settings.seed,
        drop_early: settings.drop_early,
        max_cycles: settings.max_iterations,
        fewest,
        settled,
        confirmed_by,
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
    let outcome = Outcome {
        settings,
        survey,
        model: &model,
        cells: &cells,
        top: &top,
        n_parameters,
    };
    outcome.fitted(&ascended, &gate)
}

/// That every covariate tells respondents apart.
fn check_covariates(survey: &Survey<'_>) -> Result<()> {
    for (name, values) in survey.covariates() {
        if values.iter().all(|value| *value == values[0]) {
            let reason = format!(
                "is {} for every respondent, which explains no membership; leave the covariate out",
                values[0]
            );
            return Err(Error::data(name, None, reason));
        }
    }
    Ok(())
}

/// How many questions show a respondent's style.
pub(super) fn n_ordinal(questions: &[Question]) -> usize {
    let ordinal = |question: &&Question| matches!(question.kind, QuestionKind::Ordinal { .. });
    questions.iter().filter(ordinal).count()
}

fn check_style(questions: &[Question]) -> Result<()> {
    if n_ordinal(questions) >= 3 {
        return Ok(());
    }
    Err(Error::parameter(
        "response_style",
        "\"random_intercept\"",
        "\"ignore\" unless there are at least three ordinal questions, on which a respondent's style shows; declare ratings, and yes and no, with kinds=\"ordinal\"",
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
    cells: &Cells,
    model: &Model,
    n_parameters: usize,
) -> Result<()> {
    let k = settings.n_segments;
    if k == 1 {
        return Ok(());
    }
    let n = match settings.weight_type {
        // A row may stand for many.
        WeightType::Frequency => cells.total,
        WeightType::Sampling | WeightType::Expansion => (survey.len() - survey.unanswered()) as f64,
    };
    let refuse = |reason: String| Err(Error::parameter("n_segments", k, reason));
    if n_parameters as f64 > n {
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::mixture::Mixture;
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
        let overall = Overall::new(settings, survey, &cells, gate).unwrap();
        let lanes = match settings.response_style {
            ResponseStyle::Ignore => Lanes::plain(settings.n_segments),
            ResponseStyle::RandomIntercept => {
                Lanes::with_style(settings.n_segments, n_ordinal(survey.questions()))
            }
        };
        let each = settings.prior / settings.n_segments as f64;
        let model = Model::new(lanes, &cells, each, &overall.measurements, |question| {
            overall.pseudo(question, each)
        });
        let mixture = super::super::starts::draw(settings.seed, 0, &overall.measurements, &model);
        (model, cells, mixture)
    }
}

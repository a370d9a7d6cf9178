//! How many segments: every criterion side by side, and a recommendation in words.

use serde::{Deserialize, Serialize};

use super::latent_class::fit::{Effort, fit};
use super::latent_class::{FittedLatentClass, LatentClass};
use super::stability::{Stability, replication_settings};
use crate::data::{Answers, Survey};
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_tasks};
use crate::random::Seed;

/// Replications of a bootstrap test between two looks at whether it is decided.
const BATCH: usize = 20;

/// So many replications above the observed statistic decide that it is nothing unusual (Besag &
/// Clifford 1991, Biometrika 78, 301-304).
const ENOUGH: usize = 10;

/// A test with a p-value below this prefers the larger model.
const SIGNIFICANT: f64 = 0.05;

/// How numbers of segments are compared, settings side.
///
/// ```
/// use tercet::data::Question;
/// use tercet::needs::{FittedLatentClass, LatentClass, SegmentAnswers, SelectSegments};
///
/// let yes_no = |p: [f64; 2]| SegmentAnswers::nominal(p.map(|p| vec![1.0 - p, p]).to_vec());
/// let questions = (0..8).map(|i| {
///     let p = if i % 2 == 0 { [0.9, 0.2] } else { [0.8, 0.1] };
///     (Question::nominal(format!("q{i}"), ["no", "yes"]), yes_no(p))
/// });
/// let truth = FittedLatentClass::from_parameters(&[0.6, 0.4], questions.collect())?;
/// let drawn = truth.simulate(400, 1)?;
/// let selection = SelectSegments::new(1..=4, LatentClass::new(1).starts(5))
///     .replications(20)
///     .stability(5)
///     .run(&drawn.survey()?, &mut ())?;
/// assert_eq!(selection.recommended, Some(2));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct SelectSegments {
    numbers: Vec<usize>,
    settings: LatentClass,
    replications: usize,
    stability: usize,
    smallest: f64,
    seed: Seed,
}

/// What was found for every number of segments.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentSelection {
    /// A row a number of segments, ascending.
    pub candidates: Vec<Candidate>,
    /// The number that is recommended; `None` where none could be fitted.
    pub recommended: Option<usize>,
    /// Why, in sentences.
    pub reasons: String,
}

/// One number of segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The number.
    pub n_segments: usize,
    /// The model, or why there is none.
    pub model: std::result::Result<FittedLatentClass, Error>,
    /// The bootstrap test against the next smaller number; `None` where it was not run.
    pub test: Option<LikelihoodRatio>,
    /// How stable the segments are; `None` where it was not asked for, and for one segment.
    pub stability: Option<Stability>,
}

/// A bootstrap likelihood-ratio test of K segments against K - 1 (McLachlan 1987, Applied Statistics
/// 36, 318-324; Nylund, Asparouhov & Muthén 2007, Structural Equation Modeling 14, 535-569).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodRatio {
    /// Twice the difference of the log-likelihoods.
    pub statistic: f64,
    /// `(exceedances + 1) / (replications + 1)`. What drawn surveys must exceed is found by the same
    /// short search as theirs: a longer one finds more, and only here, so that one test in twelve
    /// instead of one in twenty preferred segments that were not there.
    pub p_value: f64,
    /// Replications that were run: fewer than asked for where the answer was clear.
    pub replications: usize,
}

impl LikelihoodRatio {
    /// Whether the larger model was found needless: not where the test was too short to say.
    fn is_against(&self) -> bool {
        self.p_value > SIGNIFICANT && !self.is_too_short()
    }

    /// Whether no drawn survey came near the observed one, and there were too few of them for a small
    /// p-value.
    fn is_too_short(&self) -> bool {
        let least = 1.0 / (self.replications + 1) as f64;
        least > SIGNIFICANT && self.p_value <= least
    }
}

impl SelectSegments {
    /// Compares these numbers of segments, each fitted with these settings; 100 replications of the
    /// test, 20 of the stability.
    pub fn new(numbers: impl IntoIterator<Item = usize>, settings: LatentClass) -> Self {
        let mut numbers: Vec<usize> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self {
            numbers,
            settings,
            replications: 100,
            stability: 20,
            smallest: 0.05,
            seed: Seed(0),
        }
    }

    /// The most replications of each bootstrap test; 0 for no test.
    pub fn replications(mut self, replications: usize) -> Self {
        self.replications = replications;
        self
    }

    /// Bootstrap samples in which the segments are looked for again; 0 for none.
    pub fn stability(mut self, replications: usize) -> Self {
        self.stability = replications;
        self
    }

    /// The smallest share that a segment may have to be worth addressing.
    pub fn smallest(mut self, share: f64) -> Self {
        self.smallest = share;
        self
    }

    /// The seed of the replications.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// Fits every number, tests each against the one before, and recommends one.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no number at all, and for settings that cannot be used; what a
    /// survey is refused for by every number of segments. A number that the data cannot carry is a row
    /// that says so.
    pub fn run(
        &self,
        survey: &Survey<'_>,
        observer: &mut dyn Observer,
    ) -> Result<SegmentSelection> {
        if self.numbers.is_empty() || self.numbers.contains(&0) {
            let expected = "numbers of segments, from 1";
            return Err(Error::parameter(
                "n_segments",
                format!("{:?}", self.numbers),
                expected,
            ));
        }
        if !(0.0..1.0).contains(&self.smallest) {
            let expected = "a share, at least 0 and below 1";
            return Err(Error::parameter("smallest", self.smallest, expected));
        }
        // Before the first fit, not after the last.
        for &n_segments in &self.numbers {
            self.settings.clone().with_segments(n_segments).check()?;
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut unneeded = 0;
        for &n_segments in &self.numbers {
            let settings = self.settings.clone().with_segments(n_segments);
            let model = match settings.fit_observed(survey, observer) {
                Err(interrupted @ Error::Interrupted { .. }) => return Err(interrupted),
                // Not this number's fault: no other number would fare better.
                Err(data @ (Error::InvalidData { .. } | Error::ShapeMismatch { .. })) => {
                    return Err(data);
                }
                other => other,
            };
            let test = match (&model, candidates.last()) {
                // Two numbers in a row that added nothing: a third would not either.
                (
                    Ok(larger),
                    Some(Candidate {
                        model: Ok(smaller), ..
                    }),
                ) if unneeded < 2
                    && self.replications > 0
                    && smaller.n_segments() + 1 == n_segments =>
                {
                    Some(self.test(smaller, larger, survey, observer)?)
                }
                _ => None,
            };
            if let Some(test) = &test {
                unneeded = if test.is_against() { unneeded + 1 } else { 0 };
            }
            let stability = match &model {
                Ok(model) if n_segments > 1 && self.stability > 1 => Some(Stability::of(
                    model,
                    survey,
                    self.stability,
                    self.seed.0,
                    observer,
                )?),
                _ => None,
            };
            candidates.push(Candidate {
                n_segments,
                model,
                test,
                stability,
            });
        }
        Ok(self.recommend(candidates))
    }

    /// The bootstrap test: surveys like this one are drawn from the smaller model.
    fn test(
        &self,
        smaller: &FittedLatentClass,
        larger: &FittedLatentClass,
        survey: &Survey<'_>,
        observer: &mut dyn Observer,
    ) -> Result<LikelihoodRatio> {
        let own = {
            let mut phase = Phase::new(observer, "testing");
            let gate = Gate::new(&mut phase);
            let found = self.search(smaller, survey, self.replications, &gate)?;
            found.unwrap_or(f64::NEG_INFINITY)
        };
        let mut phase = Phase::new(observer, "testing").of(self.replications);
        let (mut done, mut exceedances) = (0, 0);
        while done < self.replications && exceedances < ENOUGH {
            let batch = BATCH.min(self.replications - done);
            let ratios = map_tasks(batch, &mut phase, |index, gate| {
                self.replicate(smaller, survey, done + index, gate)
            })?;
            done += batch;
            exceedances += ratios.iter().filter(|one| **one >= own).count();
        }
        Ok(LikelihoodRatio {
            statistic: ratio(smaller, larger),
            p_value: (exceedances + 1) as f64 / (done + 1) as f64,
            replications: done,
        })
    }

    /// The statistic of a survey that is drawn from the smaller model.
    fn replicate(
        &self,
        smaller: &FittedLatentClass,
        survey: &Survey<'_>,
        replication: usize,
        gate: &Gate<'_, '_>,
    ) -> Result<f64> {
        let stream = (smaller.n_segments() as u64 + 1) << 32 | replication as u64;
        let drawn = smaller.simulate_like(survey, self.seed.0 ^ stream.rotate_left(17))?;
        let columns = drawn.questions.iter().zip(&drawn.answers);
        let columns = columns.map(|(question, answers)| {
            let answers = match answers {
                super::SimulatedAnswers::Codes(codes) => Answers::Codes(codes),
                super::SimulatedAnswers::Numbers(numbers) => Answers::Numbers(numbers),
            };
            (question.clone(), answers)
        });
        let view = Survey::new(columns.collect())?.like(survey);
        let found = self.search(smaller, &view, replication, gate)?;
        Ok(found.unwrap_or(f64::INFINITY))
    }

    /// The statistic of a survey by a short search, which is the same for the observed and the drawn:
    /// as good a start as there is for the smaller model, and none for the larger. `None` for a survey
    /// that cannot be fitted (a question answered alike by all); such a one counts against the larger
    /// model, so that the test errs on the side of fewer segments.
    fn search(
        &self,
        smaller: &FittedLatentClass,
        survey: &Survey<'_>,
        replication: usize,
        gate: &Gate<'_, '_>,
    ) -> Result<Option<f64>> {
        let mut settings = replication_settings(&self.settings, self.seed, replication)
            .with_segments(smaller.n_segments() + 1);
        let mut silent = gate.observer();
        let mut of = |settings: &LatentClass, first| match fit(
            settings,
            survey,
            first,
            Effort::Quick,
            &mut silent,
        ) {
            Err(interrupted @ Error::Interrupted { .. }) => Err(interrupted),
            other => Ok(other.ok()),
        };
        let more = of(&settings, None)?;
        // From the truth, which is all but the top: few other starts are needed.
        settings = settings.with_segments(smaller.n_segments()).starts(3);
        let fewer = of(&settings, Some(smaller))?;
        Ok(fewer.zip(more).map(|(fewer, more)| ratio(&fewer, &more)))
    }

    fn recommend(&self, candidates: Vec<Candidate>) -> SegmentSelection {
        let fitted = || {
            candidates
                .iter()
                .filter_map(|one| one.model.as_ref().ok().map(|m| (one, m)))
        };
        let bic = |model: &FittedLatentClass| model.criteria().map_or(f64::INFINITY, |c| c.bic);
        let lowest = fitted().min_by(|one, other| bic(one.1).total_cmp(&bic(other.1)));
        let Some((best, model)) = lowest else {
            return SegmentSelection {
                candidates,
                recommended: None,
                reasons: "None of these numbers of segments can be fitted to the data.".to_owned(),
            };
        };
        let usable = |candidate: &Candidate, model: &FittedLatentClass| {
            let large = model
                .shares()
                .last()
                .is_some_and(|share| *share >= self.smallest);
            let stable = candidate.stability.as_ref().is_none_or(|stability| {
                stability
                    .mean_jaccard()
                    .iter()
                    .all(|jaccard| *jaccard >= DOUBTFUL)
            });
            // BIC asks for more than the test does; where it asks for less, the model's assumptions fail.
            let tested = candidate
                .test
                .as_ref()
                .is_none_or(|test| !test.is_against());
            large && stable && tested
        };
        let mut reasons = vec![format!(
            "The Bayesian information criterion is lowest for {} ({:.1}).",
            segments(best.n_segments),
            bic(model)
        )];
        let mut chosen = best;
        if !usable(best, model) {
            reasons.push(self.doubts(best, model));
            let fewer = fitted()
                .filter(|(one, model)| one.n_segments < best.n_segments && usable(one, model));
            if let Some((one, other)) = fewer.min_by(|a, b| bic(a.1).total_cmp(&bic(b.1))) {
                reasons.push(format!(
                    "With {} there are no such doubts; the criterion is {:.1} higher.",
                    segments(one.n_segments),
                    bic(other) - bic(model)
                ));
                chosen = one;
            }
        }
        reasons.extend(tests(&candidates, chosen.n_segments));
        if let Ok(model) = &chosen.model {
            reasons.extend(reached(model));
            reasons.extend(together(model));
        }
        SegmentSelection {
            recommended: Some(chosen.n_segments),
            reasons: reasons.join(" "),
            candidates,
        }
    }

    fn doubts(&self, candidate: &Candidate, model: &FittedLatentClass) -> String {
        let mut doubts = Vec::new();
        if let Some(share) = model
            .shares()
            .last()
            .filter(|share| **share < self.smallest)
        {
            doubts.push(format!(
                "its smallest has {:.1}% of the customers, below the {:.0}% that were asked for",
                100.0 * share,
                100.0 * self.smallest
            ));
        }
        if let Some(test) = candidate.test.as_ref().filter(|test| test.is_against()) {
            doubts.push(format!(
                "the bootstrap test finds one segment less as good (p = {:.3})",
                test.p_value
            ));
        }
        let jaccard = candidate
            .stability
            .as_ref()
            .map(Stability::mean_jaccard)
            .unwrap_or_default();
        let doubtful: Vec<String> = jaccard
            .iter()
            .enumerate()
            .filter(|(_, jaccard)| **jaccard < DOUBTFUL)
            .map(|(segment, _)| (segment + 1).to_string())
            .collect();
        match doubtful.as_slice() {
            [] => {}
            [one] => doubts.push(format!("segment {one} does not come back in other samples")),
            more => doubts.push(format!(
                "segments {} do not come back in other samples",
                more.join(", ")
            )),
        }
        format!("But {}.", doubts.join(", and "))
    }
}

/// A bivariate residual above this is more than chance.
const RESIDUAL: f64 = 4.0;

/// A mean Jaccard index below this makes a segment doubtful.
const DOUBTFUL: f64 = 0.6;

/// Twice the difference of two log-likelihoods.
fn ratio(smaller: &FittedLatentClass, larger: &FittedLatentClass) -> f64 {
    use crate::model::Fitted;
    let of = |model: &FittedLatentClass| model.report().log_likelihood.unwrap_or(f64::NAN);
    2.0 * (of(larger) - of(smaller))
}

fn segments(n: usize) -> String {
    if n == 1 {
        "1 segment".to_owned()
    } else {
        format!("{n} segments")
    }
}

/// What the bootstrap tests say of a choice.
fn tests(candidates: &[Candidate], chosen: usize) -> Vec<String> {
    let test = |n: usize| {
        let candidate = candidates.iter().find(|one| one.n_segments == n)?;
        candidate.test.as_ref()
    };
    let mut sentences = Vec::new();
    if let Some(own) = test(chosen) {
        let verdict = if own.is_against() {
            "does not prefer"
        } else {
            "prefers"
        };
        let p_value = if own.is_too_short() {
            format!("p below {:.3}, the least", own.p_value)
        } else {
            format!("p = {:.3}", own.p_value)
        };
        sentences.push(format!(
            "The bootstrap test {verdict} {} to {} ({p_value}, {} replications).",
            chosen,
            chosen - 1,
            own.replications
        ));
    }
    if let Some(next) = test(chosen + 1) {
        let verdict = if next.is_against() {
            "finds no need of one more"
        } else {
            "would add one more: the data hold finer differences than the criterion pays for"
        };
        sentences.push(format!("It {verdict} (p = {:.3}).", next.p_value));
    }
    sentences
}

/// A warning where answers go together within the segments.
fn together(model: &FittedLatentClass) -> Option<String> {
    let residuals = model.bivariate_residuals();
    let worst = residuals
        .iter()
        .max_by(|one, other| one.residual.total_cmp(&other.residual))?;
    let high = residuals
        .iter()
        .filter(|one| one.residual > RESIDUAL)
        .count();
    // A few of many are chance, or two questions that ask the same.
    (high * 20 > residuals.len()).then(|| {
        let styled = model.style().is_some();
        let remedy = if styled {
            "look at bivariate_residuals"
        } else {
            "where respondents who tick (or agree with) more of everything are the cause, response_style=\"random_intercept\" with kinds=\"ordinal\" takes that out"
        };
        format!(
            "But {high} of {} pairs of questions still go together within the segments (worst, {:.0} times what chance would do: '{}' and '{}'): {remedy}.",
            residuals.len(),
            worst.residual,
            worst.first,
            worst.second
        )
    })
}

/// A warning where the solution may not be the best there is.
fn reached(model: &FittedLatentClass) -> Option<String> {
    let starts = model.starts();
    let arrived = starts.iter().filter(|start| !start.dropped).count();
    let best = starts.iter().filter(|start| start.reached_best).count();
    (arrived > 1 && best < 2).then(|| {
        format!(
            "Only {best} of {arrived} starts that were followed to the end reached the best solution; fit it with more starts before relying on it."
        )
    })
}

//! Whether segments come back in other samples of the same customers.

use rand::distr::{Distribution, Uniform};
use serde::{Deserialize, Serialize};

use super::align::Alignment;
use super::latent_class::fit::{Effort, fit};
use super::latent_class::{FittedLatentClass, LatentClass};
use crate::data::{Survey, order_of_survey};
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_tasks};
use crate::random::Seed;

/// How stable segments are when respondents are drawn anew.
///
/// Respondents are drawn with replacement, the model is fitted to them from random starts, and both
/// models assign all respondents to segments. Hennig (2007, Computational Statistics & Data Analysis
/// 52, 258-271) calls a segment whose mean Jaccard index is 0.75 or more stable, from 0.6 a pattern,
/// below that doubtful.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// The adjusted Rand index of each replication.
    pub adjusted_rand: Vec<f64>,
    /// By segment: the Jaccard index with its match in each replication; 0 where it had none.
    pub jaccard: Vec<Vec<f64>>,
}

impl Stability {
    /// Fits `replications` bootstrap samples of a survey.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fewer than 2 replications; [`Error::Interrupted`].
    pub fn of(
        model: &FittedLatentClass,
        survey: &Survey<'_>,
        replications: usize,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        if replications < 2 {
            return Err(Error::parameter("replications", replications, "at least 2"));
        }
        let original = model.segments(survey, observer)?;
        let order = order_of_survey(survey);
        let mut phase = Phase::new(observer, "resampling").of(replications);
        let alignments = map_tasks(replications, &mut phase, |replication, gate| {
            replicate(
                model,
                survey,
                (&original, &order),
                Seed(seed),
                replication,
                gate,
            )
        })?;
        let alignments: Vec<Alignment> = alignments.into_iter().flatten().collect();
        if alignments.is_empty() {
            return Err(Error::Numeric {
                during: "fitting bootstrap samples".to_owned(),
            });
        }
        let k = model.n_segments();
        let jaccard = (0..k)
            .map(|segment| {
                alignments
                    .iter()
                    .map(|one| {
                        let place = one.matches.iter().position(|of| *of == Some(segment));
                        place.map_or(0.0, |place| one.similarity[place])
                    })
                    .collect()
            })
            .collect();
        Ok(Self {
            adjusted_rand: alignments
                .iter()
                .filter_map(|one| one.adjusted_rand)
                .collect(),
            jaccard,
        })
    }

    /// The mean adjusted Rand index.
    pub fn mean_adjusted_rand(&self) -> f64 {
        mean(&self.adjusted_rand)
    }

    /// The mean Jaccard index of each segment.
    pub fn mean_jaccard(&self) -> Vec<f64> {
        self.jaccard.iter().map(|one| mean(one)).collect()
    }

    /// What the mean Jaccard index of a segment says of it.
    pub fn verdict(jaccard: f64) -> &'static str {
        if jaccard >= 0.75 {
            "stable"
        } else if jaccard >= 0.6 {
            "a pattern"
        } else {
            "doubtful"
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One bootstrap sample; `None` where it cannot be fitted (a question that all drawn respondents
/// answered alike).
fn replicate(
    model: &FittedLatentClass,
    survey: &Survey<'_>,
    (original, order): (&[usize], &[usize]),
    seed: Seed,
    replication: usize,
    gate: &Gate<'_, '_>,
) -> Result<Option<Alignment>> {
    let n = survey.len();
    let mut random = seed.stream(replication as u64);
    let place = Uniform::new(0, n).map_err(|_| Error::Numeric {
        during: "drawing respondents".to_owned(),
    })?;
    let mut drawn = vec![0_u32; n];
    for _ in 0..n {
        drawn[order[place.sample(&mut random)]] += 1;
    }
    let weights: Vec<f64> = drawn
        .iter()
        .enumerate()
        .map(|(row, times)| f64::from(*times) * survey.weight(row))
        .collect();
    let sample = survey.reweighted(&weights);
    let settings = replication_settings(model.settings(), seed, replication);
    let mut silent = gate.observer();
    match fit(&settings, &sample, None, Effort::Quick, &mut silent) {
        Ok(other) => {
            let segments = other.segments(survey, &mut silent)?;
            Alignment::of_assignments(original, &segments, |row| survey.weight(row)).map(Some)
        }
        Err(interrupted @ Error::Interrupted { .. }) => Err(interrupted),
        Err(_) => Ok(None),
    }
}

/// The settings of a replication: starts of its own, and no more of them than it needs.
pub(super) fn replication_settings(
    settings: &LatentClass,
    seed: Seed,
    replication: usize,
) -> LatentClass {
    /// Replications are compared on average, so a start missed now and then matters less.
    const STARTS: usize = 5;
    let own = seed
        .0
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(replication as u64 + 1);
    settings
        .clone()
        .starts(settings.n_starts().min(STARTS))
        .seed(own)
        .drop_early(true)
        .standard_errors(false)
}

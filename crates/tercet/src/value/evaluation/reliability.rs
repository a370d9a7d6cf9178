//! Whether a tenth means one in ten: predictions and outcomes side by side.

use super::bins::equal_count_bins;
use super::logistic::{self, LogisticRow, log_odds};
use super::outcomes::Outcomes;
use super::ranking::Ranked;
use crate::error::Result;
use crate::math::ascent::Peak;
use crate::math::interval::normal_quantile;
use crate::observe::{Observer, Phase};

/// A group of rows with like predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliabilityBin {
    /// The lowest prediction in it.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// The weighted mean prediction.
    pub mean_predicted: f64,
    /// The weighted share of events.
    pub observed: f64,
    /// Lower end of the interval of that share (Wilson 1927, with the effective number of rows).
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Rows.
    pub n: usize,
    /// Rows with the event.
    pub n_events: usize,
    /// What the rows are worth: `(Σ w)² / Σ w²`.
    pub n_effective: f64,
}

impl ReliabilityBin {
    /// Whether the mean prediction lies within the interval.
    pub fn agrees(&self) -> bool {
        (self.lower..=self.upper).contains(&self.mean_predicted)
    }
}

/// Predictions and outcomes by group, and what they say.
///
/// ```
/// use tercet::value::evaluation::{Outcomes, Reliability};
///
/// let p: Vec<f64> = (0..1000).map(|i| if i < 500 { 0.2 } else { 0.4 }).collect();
/// let y: Vec<bool> = (0..1000).map(|i| i % 10 < 2).collect();
/// let reliability = Reliability::of(&Outcomes::new(&y, &p)?, 10, 0.95, &mut ())?;
/// let agree: Vec<bool> = reliability.bins.iter().map(|bin| bin.agrees()).collect();
/// assert_eq!(agree, [true, false]);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// The groups, lowest predictions first.
    pub bins: Vec<ReliabilityBin>,
    /// `Σ_b (W_b / W) |observed - predicted|`.
    pub calibration_error: f64,
    /// The weighted mean of all predictions.
    pub mean_predicted: f64,
    /// The weighted share of events.
    pub event_rate: f64,
    /// `b` of `logit q = a + b logit p`, with its standard error; NaN where all predictions are equal.
    pub slope: [f64; 2],
    /// `a` with the slope held at 1, with its standard error.
    pub intercept: [f64; 2],
    /// The level of the intervals.
    pub level: f64,
    /// What it says, in words.
    pub verdict: String,
}

impl Reliability {
    /// Compares predictions with outcomes in `bins` groups of equal weight; equal predictions stay in
    /// one group.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no group or a level outside
    /// (0, 1); [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn of(
        outcomes: &Outcomes<'_>,
        bins: usize,
        level: f64,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let z = normal_quantile(level)?;
        let mut phase = Phase::new(observer, "ranking");
        let ranked = Ranked::by_probability(outcomes, &mut phase)?;
        let groups = equal_count_bins(&ranked, bins)?;
        let bins: Vec<ReliabilityBin> = groups
            .iter()
            .rev()
            .map(|places| bin(&ranked, places.clone(), z))
            .collect();
        let total: f64 = ranked.weight.iter().sum();
        let mut calibration_error = 0.0;
        for (places, bin) in groups.iter().rev().zip(&bins) {
            let weight: f64 = ranked.weight[places.clone()].iter().sum();
            calibration_error += weight / total * (bin.observed - bin.mean_predicted).abs();
        }
        let predicted = ranked.weight.iter().zip(&ranked.score);
        let mean_predicted = predicted.map(|(w, p)| w * p).sum::<f64>() / total;
        let (slope, intercept) = line(&ranked, &mut phase)?;
        let event_rate = outcomes.event_rate();
        let verdict = verdict(&bins, (mean_predicted, event_rate), slope, intercept, z);
        Ok(Self {
            bins,
            calibration_error,
            mean_predicted,
            event_rate,
            slope,
            intercept,
            level,
            verdict,
        })
    }
}

fn bin(ranked: &Ranked, places: std::ops::Range<usize>, z: f64) -> ReliabilityBin {
    let (mut weight, mut squares, mut events, mut predicted) = (0.0, 0.0, 0.0, 0.0);
    for place in places.clone() {
        let w = ranked.weight[place];
        weight += w;
        squares += w * w;
        predicted += w * ranked.score[place];
        events += if ranked.happened[place] { w } else { 0.0 };
    }
    let observed = events / weight;
    let n_effective = weight * weight / squares;
    let [lower, upper] = wilson(observed, n_effective, z);
    let happened = ranked.happened[places.clone()].iter();
    ReliabilityBin {
        // Places run from the highest prediction down.
        lowest: ranked.score[places.end - 1],
        highest: ranked.score[places.start],
        mean_predicted: predicted / weight,
        observed,
        lower,
        upper,
        n: places.len(),
        n_events: happened.filter(|event| **event).count(),
        n_effective,
    }
}

/// Wilson's interval of a share (1927, Journal of the American Statistical Association 22, 209-212).
pub(super) fn wilson(share: f64, n: f64, z: f64) -> [f64; 2] {
    let zz = z * z / n;
    let centre = (share + 0.5 * zz) / (1.0 + zz);
    let half = z / (1.0 + zz) * (share * (1.0 - share) / n + 0.25 * zz / n).sqrt();
    // At 0 and 1 rounding would otherwise leave the ends a breath inside or outside.
    let lower = if share == 0.0 {
        0.0
    } else {
        (centre - half).max(0.0)
    };
    let upper = if share == 1.0 {
        1.0
    } else {
        (centre + half).min(1.0)
    };
    [lower, upper]
}

/// Slope and intercept with standard errors. Weights are scaled to the effective number of rows.
fn line(ranked: &Ranked, phase: &mut Phase<'_>) -> Result<([f64; 2], [f64; 2])> {
    let sum: f64 = ranked.weight.iter().sum();
    let squares: f64 = ranked.weight.iter().map(|w| w * w).sum();
    let scale = sum / squares;
    let odds: Vec<f64> = ranked.score.iter().map(|p| log_odds(*p)).collect();
    let row = |place: usize| LogisticRow {
        columns: [1.0, odds[place]],
        offset: 0.0,
        happened: ranked.happened[place],
        weight: scale * ranked.weight[place],
    };
    let both = logistic::fit(ranked.len(), row, [0.0, 1.0], 100, phase)?;
    let row = |place: usize| LogisticRow {
        columns: [1.0],
        offset: odds[place],
        happened: ranked.happened[place],
        weight: scale * ranked.weight[place],
    };
    let shift = logistic::fit(ranked.len(), row, [0.0], 100, phase)?;
    Ok((with_error(&both, 1), with_error(&shift, 0)))
}

fn with_error(peak: &Peak, k: usize) -> [f64; 2] {
    match peak.covariance() {
        Some(covariance) => [peak.point[k], covariance[(k, k)].sqrt()],
        None => [f64::NAN; 2],
    }
}

/// What the comparison says. Level first (are they too high?), then spread (are they too extreme?).
fn verdict(
    bins: &[ReliabilityBin],
    (predicted, observed): (f64, f64),
    slope: [f64; 2],
    intercept: [f64; 2],
    z: f64,
) -> String {
    let agree = bins.iter().filter(|bin| bin.agrees()).count();
    let mut words = vec![format!(
        "In {agree} of {} groups the mean prediction lies within the interval of what happened.",
        bins.len()
    )];
    let means = format!(
        "{} predicted, {} observed",
        per_cent(predicted),
        per_cent(observed)
    );
    let certain = |[value, error]: [f64; 2], of: f64| (value - of).abs() > z * error;
    if certain(intercept, 0.0) {
        let how = if intercept[0] < 0.0 { "high" } else { "low" };
        words.push(format!("Predictions are too {how} on the whole: {means}."));
    } else {
        words.push(format!("On the whole they are right: {means}."));
    }
    if certain(slope, 1.0) {
        words.push(if slope[0] < 1.0 {
            format!(
                "They are too extreme (slope {:.2}): high ones are too high and low ones too low, as those of a model that has learned its training data by heart.",
                slope[0]
            )
        } else {
            format!(
                "They are too timid (slope {:.2}): high ones could be higher and low ones lower.",
                slope[0]
            )
        });
    }
    if certain(slope, 1.0) || certain(intercept, 0.0) || 10 * agree < 8 * bins.len() {
        words.push("Calibrate them before money is decided by them.".to_owned());
    }
    words.join(" ")
}

fn per_cent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent < 10.0 {
        format!("{percent:.2}%")
    } else {
        format!("{percent:.1}%")
    }
}

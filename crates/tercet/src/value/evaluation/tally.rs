//! Every measure of a ranking in one pass over its places, for any weights.

use std::ops::Range;

use super::bins::equal_count_bins;
use super::curve;
use super::logistic::{self, LogisticRow, inside, log_odds};
use super::ranking::Ranked;
use crate::error::Result;
use crate::math::ascent::is_determined;
use crate::math::special::sigmoid;
use crate::observe::Phase;

/// Up to so many rows the recalibration line of a replication is found exactly. Beyond, one Newton
/// step from the line of all rows: what is left is of the order of one over the number of rows.
const EXACT_UP_TO: usize = 65_536;

/// Measures in the order in which they are told; the lifts, one a share, come last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    pub(super) event_rate: f64,
    pub(super) auc: f64,
    pub(super) average_precision: f64,
    pub(super) log_loss: f64,
    pub(super) brier: f64,
    pub(super) reliability: f64,
    pub(super) resolution: f64,
    pub(super) uncertainty: f64,
    pub(super) calibration_error: f64,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) lifts: Vec<f64>,
}

/// A ranking by probability with everything of a row that does not depend on its weight.
#[derive(Debug)]
pub(super) struct Tallied<'r> {
    ranked: &'r Ranked,
    shares: &'r [f64],
    bins: Vec<Range<usize>>,
    terms: Vec<Terms>,
    line: Line,
}

/// What a row adds to the sums when its weight is 1; laid out row by row, since a pass needs all.
#[derive(Debug, Clone, Copy)]
struct Terms {
    loss: f64,
    log_odds: f64,
    /// The slope and curvature of the log-likelihood at the line of all rows.
    residual: f64,
    curvature: f64,
    /// The same with the slope held at 1.
    shift_residual: f64,
    shift_curvature: f64,
}

/// Recalibration of all rows: `logit q = intercept + slope logit p`, and with the slope held at 1.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    intercept: f64,
    slope: f64,
    shift: f64,
}

impl<'r> Tallied<'r> {
    /// Prepares a ranking by probability.
    pub(super) fn new(
        ranked: &'r Ranked,
        shares: &'r [f64],
        bins: usize,
        phase: &mut Phase<'_>,
    ) -> Result<Self> {
        let bins = equal_count_bins(ranked, bins)?;
        let odds: Vec<f64> = ranked.score.iter().map(|p| log_odds(*p)).collect();
        let line = Line::of_all(ranked, &odds, phase)?;
        let terms = (0..ranked.len()).map(|place| {
            let (p, x) = (inside(ranked.score[place]), odds[place]);
            let happened = f64::from(u8::from(ranked.happened[place]));
            let q = sigmoid(line.intercept + line.slope * x);
            let shifted = sigmoid(line.shift + x);
            Terms {
                loss: -if ranked.happened[place] {
                    p.ln()
                } else {
                    (-p).ln_1p()
                },
                log_odds: x,
                residual: happened - q,
                curvature: q * (1.0 - q),
                shift_residual: happened - shifted,
                shift_curvature: shifted * (1.0 - shifted),
            }
        });
        let terms = terms.collect();
        Ok(Self {
            ranked,
            shares,
            bins,
            terms,
            line,
        })
    }

    /// The groups of the calibration error.
    pub(super) fn bins(&self) -> &[Range<usize>] {
        &self.bins
    }

    /// All measures under the ranking's own weights.
    pub(super) fn of_all(&self) -> Option<Tally> {
        let mut tally = self.tally(&self.ranked.weight)?;
        (tally.slope, tally.intercept) = (self.line.slope, self.line.shift);
        if tally.auc == 1.0 {
            // Nothing holds the slope where the predictions tell the events apart without a mistake.
            tally.slope = f64::INFINITY;
        }
        Some(tally)
    }

    /// All measures under some weights; `None` where only one class has any.
    pub(super) fn tally(&self, weights: &[f64]) -> Option<Tally> {
        let ranked = self.ranked;
        let (mut total, mut events) = (0.0, 0.0);
        for (weight, happened) in weights.iter().zip(&ranked.happened) {
            total += weight;
            events += if *happened { *weight } else { 0.0 };
        }
        let others = total - events;
        if !(events > 0.0 && others > 0.0) {
            return None;
        }
        let ranks = self.ranks(weights);
        let sums = self.sums(weights);
        let rate = events / total;
        let uncertainty = rate * (1.0 - rate);
        let brier = sums.square / total;
        // What is left of the Brier score after the best monotone recalibration of these rows.
        let recalibrated = ranks.recalibrated / total;
        let (slope, intercept) = self.line_of(weights, &sums);
        Some(Tally {
            event_rate: rate,
            auc: ranks.pairs / (events * others),
            average_precision: ranks.precision / events,
            log_loss: sums.loss / total,
            brier,
            reliability: brier - recalibrated,
            resolution: uncertainty - recalibrated,
            uncertainty,
            calibration_error: self.calibration_error(weights, total),
            slope,
            intercept,
            lifts: curve::at_shares(ranked, weights, None, self.shares, total)
                .iter()
                .zip(self.shares)
                .map(|(reached, share)| reached.events / events / share)
                .collect(),
        })
    }

    /// What depends on the order of the scores only.
    fn ranks(&self, weights: &[f64]) -> Ranks {
        let ranked = self.ranked;
        let (mut all, mut hits) = (0.0, 0.0);
        let mut ranks = Ranks::default();
        // Pools of neighbours whose shares of events would otherwise rise towards lower scores.
        let mut pools: Vec<[f64; 2]> = Vec::with_capacity(1024);
        for tie in ranked.ties() {
            let (mut own, mut own_hits) = (0.0, 0.0);
            for place in tie {
                own += weights[place];
                own_hits += if ranked.happened[place] {
                    weights[place]
                } else {
                    0.0
                };
            }
            if own == 0.0 {
                continue;
            }
            // Every row without the event is below all events so far, and beside those of its score.
            ranks.pairs += (own - own_hits) * (hits + 0.5 * own_hits);
            all += own;
            hits += own_hits;
            ranks.precision += own_hits * hits / all;
            let mut pool = [own, own_hits];
            while let Some(above) = pools.last().filter(|up| up[1] * pool[0] <= pool[1] * up[0]) {
                pool = [pool[0] + above[0], pool[1] + above[1]];
                pools.pop();
            }
            pools.push(pool);
        }
        // Σ w (y - m)² of a pool with mean m is its events times (1 - m).
        ranks.recalibrated = pools.iter().map(|[w, e]| e * (1.0 - e / w)).sum();
        ranks
    }

    /// What is a plain sum over rows.
    fn sums(&self, weights: &[f64]) -> Sums {
        let mut sums = Sums::default();
        let places = weights.iter().zip(&self.terms);
        let rows = self.ranked.score.iter().zip(&self.ranked.happened);
        for ((weight, terms), (p, happened)) in places.zip(rows) {
            let miss = if *happened { 1.0 - p } else { *p };
            sums.loss += weight * terms.loss;
            sums.square += weight * miss * miss;
            let (residual, curvature) = (weight * terms.residual, weight * terms.curvature);
            let x = terms.log_odds;
            sums.gradient[0] += residual;
            sums.gradient[1] += residual * x;
            sums.information[0] += curvature;
            sums.information[1] += curvature * x;
            sums.information[2] += curvature * x * x;
            sums.shift[0] += weight * terms.shift_residual;
            sums.shift[1] += weight * terms.shift_curvature;
        }
        sums
    }

    /// `Σ_b W_b / W |mean outcome - mean prediction|` over the groups.
    fn calibration_error(&self, weights: &[f64], total: f64) -> f64 {
        let gap = |bin: &Range<usize>| {
            let mut gap = 0.0;
            for place in bin.clone() {
                let outcome = f64::from(u8::from(self.ranked.happened[place]));
                gap += weights[place] * (outcome - self.ranked.score[place]);
            }
            f64::abs(gap)
        };
        self.bins.iter().map(gap).sum::<f64>() / total
    }

    /// Slope and shift of a replication.
    fn line_of(&self, weights: &[f64], sums: &Sums) -> (f64, f64) {
        if self.ranked.len() <= EXACT_UP_TO
            && let Some(line) = self.exact_line(weights)
        {
            return line;
        }
        self.one_step(sums)
    }

    /// The same by one Newton step from the line of all rows.
    fn one_step(&self, sums: &Sums) -> (f64, f64) {
        let [a, b, c] = sums.information;
        let [g, h] = sums.gradient;
        let determinant = a * c - b * b;
        let slope = if determinant > 1e-10 * a * c {
            self.line.slope + (a * h - b * g) / determinant
        } else {
            f64::NAN
        };
        (slope, self.line.shift + sums.shift[0] / sums.shift[1])
    }

    fn exact_line(&self, weights: &[f64]) -> Option<(f64, f64)> {
        let n = self.ranked.len();
        if !self.line.slope.is_finite() {
            return None;
        }
        let row = |place: usize| LogisticRow {
            columns: [1.0, self.terms[place].log_odds],
            offset: 0.0,
            happened: self.ranked.happened[place],
            weight: weights[place],
        };
        let line = logistic::fit_here(n, row, [self.line.intercept, self.line.slope]).ok()?;
        let row = |place: usize| LogisticRow {
            columns: [1.0],
            offset: self.terms[place].log_odds,
            happened: self.ranked.happened[place],
            weight: weights[place],
        };
        let shift = logistic::fit_here(n, row, [self.line.shift]).ok()?;
        Some((line.point[1], shift.point[0]))
    }

    /// What chance alone leaves of the calibration error of perfect predictions, on average.
    ///
    /// In a group the mean outcome of perfect predictions is about normal around the mean prediction
    /// with variance `Σ w² p (1 - p) / W_b²`; the mean distance of a normal is `σ sqrt(2/π)`.
    pub(super) fn chance_calibration_error(&self) -> f64 {
        let total: f64 = self.ranked.weight.iter().sum();
        let deviation = |bin: &Range<usize>| {
            let variance = bin.clone().map(|place| {
                let (w, p) = (self.ranked.weight[place], self.ranked.score[place]);
                w * w * p * (1.0 - p)
            });
            variance.sum::<f64>().sqrt()
        };
        let deviations: f64 = self.bins.iter().map(deviation).sum();
        std::f64::consts::FRAC_2_PI.sqrt() * deviations / total
    }
}

/// Sums that the order of scores decides.
#[derive(Debug, Default)]
struct Ranks {
    /// Pairs of an event and another row in which the event has the higher score; ties count half.
    pairs: f64,
    /// Σ events × precision down to them.
    precision: f64,
    /// Σ w (y - pooled share)².
    recalibrated: f64,
}

#[derive(Debug, Default)]
struct Sums {
    loss: f64,
    square: f64,
    gradient: [f64; 2],
    information: [f64; 3],
    shift: [f64; 2],
}

impl Line {
    fn of_all(ranked: &Ranked, odds: &[f64], phase: &mut Phase<'_>) -> Result<Self> {
        let row = |place: usize| LogisticRow {
            columns: [1.0, odds[place]],
            offset: 0.0,
            happened: ranked.happened[place],
            weight: ranked.weight[place],
        };
        let line = logistic::fit(ranked.len(), row, [0.0, 1.0], 100, phase)?;
        let row = |place: usize| LogisticRow {
            columns: [1.0],
            offset: odds[place],
            happened: ranked.happened[place],
            weight: ranked.weight[place],
        };
        let shift = logistic::fit(ranked.len(), row, [0.0], 100, phase)?;
        let determined = is_determined(&line.local.information);
        Ok(Self {
            intercept: line.point[0],
            // The same prediction for everybody: no slope.
            slope: if determined { line.point[1] } else { f64::NAN },
            shift: shift.point[0],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use crate::value::evaluation::Outcomes;
    use rand::RngExt;

    /// What large rankings use in place of a fit is that fit, but for terms of one over the rows.
    #[test]
    fn one_step_of_a_replication_is_as_good_as_its_own_line() {
        let n = 20_000;
        let mut random = Seed(3).stream(0);
        let p: Vec<f64> = (0..n).map(|_| random.random::<f64>().powi(2)).collect();
        let happened: Vec<bool> = p.iter().map(|p| random.random::<f64>() < *p).collect();
        let outcomes = Outcomes::new(&happened, &p).unwrap();
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let ranked = Ranked::by_probability(&outcomes, &mut phase).unwrap();
        let tallied = Tallied::new(&ranked, &[0.1], 10, &mut phase).unwrap();
        let draws: Vec<[f64; 4]> = (0..20)
            .map(|_| {
                let weights: Vec<f64> = (0..n)
                    .map(|_| -random.random::<f64>().max(1e-12).ln())
                    .collect();
                let exact = tallied.exact_line(&weights).unwrap();
                let step = tallied.one_step(&tallied.sums(&weights));
                [exact.0, step.0, exact.1, step.1]
            })
            .collect();
        let spread = |k: usize| {
            let mean = draws.iter().map(|draw| draw[k]).sum::<f64>() / 20.0;
            (draws
                .iter()
                .map(|draw| (draw[k] - mean).powi(2))
                .sum::<f64>()
                / 19.0)
                .sqrt()
        };
        for draw in &draws {
            assert!((draw[0] - draw[1]).abs() < 0.15 * spread(0), "{draw:?}");
            assert!((draw[2] - draw[3]).abs() < 0.15 * spread(2), "{draw:?}");
        }
    }
}

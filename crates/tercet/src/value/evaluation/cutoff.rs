//! Whom it pays to contact.

use super::amounts::Amounts;
use super::cumulated::Cumulated;
use super::curve::{profits, scores_at_shares};
use super::outcomes::Outcomes;
use super::ranking::Ranked;
use super::resampling::{Resampling, folds_of, quantile};
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::map_tasks;
use crate::random::Seed;

/// How many customers can be contacted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Capacity {
    /// A share of them, above 0 and at most 1.
    Share(f64),
    /// A number of them (by weight), above 0.
    Number(f64),
}

/// Settings of the search for the cut-off.
///
/// A contacted customer brings in `benefit` if the event happens, and costs `cost`. Customers are
/// contacted in order of probability; where amounts differ between them, in order of expected profit
/// `p · benefit - cost`. The cut-off is the lowest value contacted. Customers of equal value are
/// contacted together, except where the capacity ends among them.
///
/// # Optimism
/// The highest point of a curve that chance has a part in is too high. The cut-off is searched for among
/// nine tenths of the customers and its profit counted in the other tenth, for every tenth in turn, five
/// times; the difference from the profit in the data is taken off. The bootstrap is no help here: where
/// the highest point of a sum over customers lies, it cannot tell (Abrevaya & Huang 2005, Econometrica
/// 73, 1175-1204), and it takes off half of what it should. It serves for the interval of the profit with
/// a cut-off given.
///
/// Contacting everybody and contacting nobody are no search: whichever of the three is best without
/// optimism is the answer.
///
/// The cut-off of calibrated probabilities needs no search: contacting pays where `p > cost / benefit`
/// (Elkan 2001, IJCAI, 973-978). It is reported beside the one that was found.
///
/// ```
/// use tercet::value::evaluation::{Amounts, CutoffSettings, Outcomes};
///
/// let p: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
/// let y: Vec<bool> = (0..1000).map(|i| (i * 7919) % 1000 < i).collect();
/// let best = CutoffSettings::new(Amounts::Same(10.0), Amounts::Same(4.0))
///     .search(&Outcomes::new(&y, &p)?, &mut ())?;
/// assert_eq!(best.theoretical_cutoff, 0.4);
/// assert!((best.cutoff.unwrap() - 0.4).abs() < 0.1);
/// assert!(best.profit[0] < best.apparent_profit); // the optimism is taken off
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct CutoffSettings<'a> {
    benefit: Amounts<'a>,
    cost: Amounts<'a>,
    capacity: Option<Capacity>,
    points: usize,
    resampling: Resampling,
}

impl<'a> CutoffSettings<'a> {
    /// No limit of capacity, a curve of 101 points, 200 replications, intervals of 95 %.
    pub fn new(benefit: Amounts<'a>, cost: Amounts<'a>) -> Self {
        Self {
            benefit,
            cost,
            capacity: None,
            points: 101,
            resampling: Resampling::default(),
        }
    }

    /// How many can be contacted.
    pub fn capacity(mut self, capacity: Option<Capacity>) -> Self {
        self.capacity = capacity;
        self
    }

    /// Bootstrap replications; 0 for no intervals, and nothing taken off for optimism.
    pub fn replications(mut self, replications: usize) -> Self {
        self.resampling.replications = replications;
        self
    }

    /// Confidence level of the intervals.
    pub fn level(mut self, level: f64) -> Self {
        self.resampling.level = level;
        self
    }

    /// The seed of the replications.
    pub fn seed(mut self, seed: u64) -> Self {
        self.resampling.seed = seed;
        self
    }

    /// Searches for the cut-off of the highest profit.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] or [`Error::InvalidData`] for amounts or a capacity that cannot be;
    /// [`Error::Interrupted`].
    pub fn search(
        &self,
        outcomes: &Outcomes<'_>,
        observer: &mut dyn Observer,
    ) -> Result<BestCutoff> {
        self.resampling.check()?;
        self.benefit.check_benefit("benefit", outcomes.len())?;
        self.cost.check("cost", outcomes.len())?;
        let theory = self.benefit.same().zip(self.cost.same());
        let theoretical_cutoff = theory.map_or(0.0, |(benefit, cost)| cost / benefit);
        let mut phase = Phase::new(observer, "ranking");
        let p = outcomes.probabilities();
        let ranked = Ranked::by(
            outcomes,
            |row| match theory {
                Some(_) => p[row],
                None => p[row] * self.benefit.of(row) - self.cost.of(row),
            },
            &mut phase,
        )?;
        let profit = profits(&ranked, &self.benefit, &self.cost);
        let total: f64 = ranked.weight.iter().sum();
        let most = self.most(total)?;
        let sums = Cumulated::new(&ranked, &ranked.weight, &profit);
        let best = sums.best(most * total);
        let theoretical = ranked
            .ties()
            .take_while(|tie| {
                let score = ranked.score[tie.start];
                if theory.is_some() {
                    score >= theoretical_cutoff
                } else {
                    score > 0.0
                }
            })
            .count();
        let shares: Vec<f64> = (0..self.points)
            .map(|k| k as f64 / (self.points - 1) as f64)
            .collect();
        let mut phase = Phase::new(observer, "resampling").of(self.resampling.replications);
        let draws = self.resampling.run(&ranked, &mut phase, |weights| {
            let own = Cumulated::new(&ranked, weights, &profit);
            let own_total = own.total();
            let scale = total / own_total;
            let found = own.best(most * own_total);
            let at = |ties: usize| scale * own.profit_of(ties, most * own_total);
            Draw {
                best: at(best),
                everybody: scale * own.profit_of(own.profit.len() - 1, own_total),
                theoretical: at(theoretical),
                found,
                curve: shares
                    .iter()
                    .map(|share| scale * own.profit_at(share * own_total))
                    .collect(),
            }
        })?;
        let held_out = if self.resampling.replications > 0 {
            let mut phase = Phase::new(observer, "holding out").of(REPEATS * FOLDS);
            Some(self.held_out(&ranked, &profit, most, &mut phase)?)
        } else {
            None
        };
        let answer = Answer {
            settings: self,
            held_out,
            ranked: &ranked,
            sums: &sums,
            draws: &draws,
            shares: &shares,
            best,
            theoretical,
            most,
            total,
        };
        Ok(answer.put_together(theory.is_some(), theoretical_cutoff))
    }

    /// The profit of cut-offs in customers among whom they were not searched for, as a total of all.
    fn held_out(
        &self,
        ranked: &Ranked,
        profit: &[f64],
        most: f64,
        phase: &mut Phase<'_>,
    ) -> Result<f64> {
        let folds: Vec<Vec<usize>> = (0..REPEATS)
            // Far from the streams of the replications.
            .map(|repeat| {
                let stream = u64::MAX - repeat as u64;
                folds_of(ranked, FOLDS, Seed(self.resampling.seed).stream(stream))
            })
            .collect();
        let profits = map_tasks(REPEATS * FOLDS, phase, |task, gate| {
            let (fold, of) = (task % FOLDS, &folds[task / FOLDS]);
            let weights = |held: bool| -> Vec<f64> {
                let places = ranked.weight.iter().zip(of);
                let weight = |(w, own): (&f64, &usize)| {
                    if (*own == fold) == held { *w } else { 0.0 }
                };
                places.map(weight).collect()
            };
            let others = Cumulated::new(ranked, &weights(false), profit);
            gate.poll();
            let found = others.best(most * others.total());
            let held = Cumulated::new(ranked, &weights(true), profit);
            Ok(held.profit_of(found, most * held.total()))
        })?;
        Ok(profits.iter().sum::<f64>() / REPEATS as f64)
    }

    /// The largest share that can be contacted.
    fn most(&self, total: f64) -> Result<f64> {
        match self.capacity {
            None => Ok(1.0),
            Some(Capacity::Share(share)) if share > 0.0 && share <= 1.0 => Ok(share),
            Some(Capacity::Number(n)) if n > 0.0 && n.is_finite() => Ok((n / total).min(1.0)),
            Some(Capacity::Share(value) | Capacity::Number(value)) => Err(Error::parameter(
                "capacity",
                value,
                "a share of the customers, above 0 and at most 1, or a number of them, at least 1",
            )),
        }
    }
}

/// How often customers are divided into folds, and into how many.
const REPEATS: usize = 5;
const FOLDS: usize = 10;

/// What one replication gave.
struct Draw {
    best: f64,
    everybody: f64,
    theoretical: f64,
    /// The best number of runs of equal values there.
    found: usize,
    curve: Vec<f64>,
}

/// A point of the profit curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfitPoint {
    /// Share of the customers contacted.
    pub share: f64,
    /// The lowest value contacted; NaN where nobody is.
    pub cutoff: f64,
    /// Customers contacted, by weight.
    pub contacted: f64,
    /// Their profit.
    pub profit: f64,
    /// Its interval; NaN without one.
    pub interval: [f64; 2],
}

/// The cut-off of the highest profit, and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct BestCutoff {
    /// The lowest value contacted; `None` where contacting nobody is best.
    pub cutoff: Option<f64>,
    /// Where that share of the replications has it: an indication, no interval of exact level; NaN
    /// without any.
    pub cutoff_interval: [f64; 2],
    /// Whether cut-offs are probabilities; else they are expected profits of a customer.
    pub by_probability: bool,
    /// Share of the customers contacted.
    pub share: f64,
    /// Customers contacted, by weight.
    pub contacted: f64,
    /// The profit that it can be expected to have in other customers of the kind: optimism taken off,
    /// with its interval.
    pub profit: [f64; 3],
    /// The profit in these customers, among whom it was searched for.
    pub apparent_profit: f64,
    /// The difference of the two.
    pub optimism: f64,
    /// Cost over benefit; 0 where cut-offs are expected profits.
    pub theoretical_cutoff: f64,
    /// What that earns, with its interval.
    pub theoretical_profit: [f64; 3],
    /// Share of the customers that it contacts.
    pub theoretical_share: f64,
    /// Profit of contacting everybody, whatever the capacity.
    pub everybody: f64,
    /// The largest share that can be contacted.
    pub capacity: f64,
    /// Profit by share contacted.
    pub curve: Vec<ProfitPoint>,
    /// All customers, by weight.
    pub total: f64,
    /// What to do, in words.
    pub verdict: String,
}

struct Answer<'s> {
    settings: &'s CutoffSettings<'s>,
    held_out: Option<f64>,
    ranked: &'s Ranked,
    sums: &'s Cumulated,
    draws: &'s [Draw],
    shares: &'s [f64],
    best: usize,
    theoretical: usize,
    most: f64,
    total: f64,
}

const ANY: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

impl Answer<'_> {
    fn put_together(mut self, by_probability: bool, theoretical_cutoff: f64) -> BestCutoff {
        let capacity = self.most * self.total;
        let runs = self.sums.profit.len() - 1;
        let everybody = self.sums.profit[runs];
        let searched = self.held_out.unwrap_or(f64::INFINITY);
        let mut optimism = self.held_out.map_or(0.0, |held_out| {
            self.sums.profit_of(self.best, capacity) - held_out
        });
        // Whichever is best without optimism.
        if self.most >= 1.0 && everybody > 0.0 && everybody >= searched {
            (self.best, optimism) = (runs, 0.0);
        } else if searched <= 0.0 {
            (self.best, optimism) = (0, 0.0);
        }
        let apparent = self.sums.profit_of(self.best, capacity);
        let contacted = self.sums.contacted[self.best].min(capacity);
        let drawn = |draw: &Draw| {
            if self.best == runs {
                draw.everybody
            } else if self.best == 0 {
                0.0
            } else {
                draw.best
            }
        };
        let [lower, upper] = self.interval(apparent, drawn);
        let theoretical = self.sums.profit_of(self.theoretical, capacity);
        let theory = self.interval(theoretical, |draw| draw.theoretical);
        let difference = self.interval(apparent - theoretical - optimism, |draw| {
            drawn(draw) - draw.theoretical
        });
        let mut best = BestCutoff {
            cutoff: (self.best > 0).then(|| self.value_of(self.best)),
            cutoff_interval: self.cutoff_interval(),
            by_probability,
            share: contacted / self.total,
            contacted,
            profit: [apparent - optimism, lower - optimism, upper - optimism],
            apparent_profit: apparent,
            optimism,
            theoretical_cutoff,
            theoretical_profit: [theoretical, theory[0], theory[1]],
            theoretical_share: self.sums.contacted[self.theoretical].min(capacity) / self.total,
            everybody,
            capacity: self.most,
            curve: self.curve(),
            total: self.total,
            verdict: String::new(),
        };
        best.verdict = verdict(&best, difference);
        best
    }

    /// The interval of a profit, from that of the replications.
    fn interval(&self, value: f64, of: impl Fn(&Draw) -> f64) -> [f64; 2] {
        let draws: Vec<f64> = self.draws.iter().map(of).collect();
        self.settings.resampling.interval(value, &draws, ANY)
    }

    /// The value of the last of so many runs.
    fn value_of(&self, ties: usize) -> f64 {
        let runs = self.ranked.ties().nth(ties - 1);
        runs.map_or(f64::NAN, |tie| self.ranked.score[tie.start])
    }

    fn cutoff_interval(&self) -> [f64; 2] {
        if self.draws.is_empty() {
            return [f64::NAN; 2];
        }
        let values: Vec<f64> = self
            .ranked
            .ties()
            .map(|tie| self.ranked.score[tie.start])
            .collect();
        // A replication in which nobody is best puts the cut-off above all values.
        let highest = values.first().copied().unwrap_or(f64::NAN);
        let mut found: Vec<f64> = self
            .draws
            .iter()
            .map(|draw| {
                if draw.found == 0 {
                    highest
                } else {
                    values[draw.found - 1]
                }
            })
            .collect();
        found.sort_unstable_by(f64::total_cmp);
        let tail = 0.5 * (1.0 - self.settings.resampling.level);
        [quantile(&found, tail), quantile(&found, 1.0 - tail)]
    }

    fn curve(&self) -> Vec<ProfitPoint> {
        let cutoffs = scores_at_shares(self.ranked, self.shares, self.total);
        let points = self.shares.iter().zip(cutoffs).enumerate();
        points
            .map(|(k, (&share, cutoff))| {
                let profit = self.sums.profit_at(share * self.total);
                let draws: Vec<f64> = self.draws.iter().map(|draw| draw.curve[k]).collect();
                ProfitPoint {
                    share,
                    cutoff: if k == 0 { f64::NAN } else { cutoff },
                    contacted: share * self.total,
                    profit,
                    interval: self.settings.resampling.interval(profit, &draws, ANY),
                }
            })
            .collect()
    }
}

fn verdict(best: &BestCutoff, difference: [f64; 2]) -> String {
    let Some(cutoff) = best.cutoff else {
        return "Contacting nobody is best: even the best customers do not surely bring in what contacting them costs.".to_owned();
    };
    let rule = if best.by_probability {
        format!("a probability of {} or more", figure(cutoff))
    } else {
        format!("an expected profit of {} or more", figure(cutoff))
    };
    let mut words = Vec::new();
    if best.share >= 1.0 {
        words.push("Contacting everybody is best: leaving out the last customers does not surely save more than they bring in.".to_owned());
    } else if best.capacity < 1.0 && best.share >= best.capacity * (1.0 - 1e-9) {
        words.push(format!(
            "Contact as many as can be, {:.1}% of the customers ({rule}): more would pay.",
            100.0 * best.share
        ));
    } else {
        words.push(format!(
            "Contact the {:.1}% of the customers with {rule}.",
            100.0 * best.share
        ));
    }
    if best.profit[1] <= 0.0 {
        words.push(
            "Whether it pays at all is not certain: the interval of the profit reaches 0."
                .to_owned(),
        );
    }
    let theory = if best.by_probability {
        format!("cost over benefit, {}", figure(best.theoretical_cutoff))
    } else {
        "0".to_owned()
    };
    if difference[0].is_finite() {
        words.push(if difference[0] > 0.0 {
            format!(
                "It earns more than the cut-off of calibrated probabilities ({theory}) on these customers, by more than chance at this level: look at the reliability, and calibrate where that is off."
            )
        } else {
            format!(
                "It is not surely better than the cut-off of calibrated probabilities ({theory}), which needs no search."
            )
        });
    }
    words.join(" ")
}

fn figure(value: f64) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { 4 };
    let text = format!("{value:.digits$}");
    if digits == 0 {
        text
    } else {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

//! From settings and data to a fitted forest.

use super::CausalForest;
use super::fitted::FittedCausalForest;
use super::growth::{Growth, Record, grow};
use super::little_bags::{Factor, Shape, spreads};
use super::moments::{Solved, width, write};
use super::nuisance::{Expectation, Expected, mean};
use super::rules::Effects;
use super::sampling::{RowSet, divide};
use super::scores::{self, AverageEffect};
use super::smoothing::Smooth;
use super::tree::Tree;
use super::trees::{Bag, add, out_of_bag};
use super::trend::{Columns, Trend};
use super::validation::{Slope, Validation};
use crate::error::{Error, Result};
use crate::model::FitReport;
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_tasks};
use crate::response::bins::{Binning, Bins};
use crate::response::data::{EffectData, Propensities, Treatment};

/// Streams of the generator: the bags' come first, then those of what is expected.
const OUTCOME_STREAM: u64 = 1 << 40;
const TREATMENT_STREAM: u64 = 2 << 40;
const SPREAD_STREAM: u64 = 3 << 40;
const VALIDATION_STREAM: u64 = 4 << 40;
/// The share of the trees that each of the forests has which say whether effects differ.
const VALIDATED_BY: f64 = 0.15;
/// Rows from which the factor of the little bags is learned.
const LEARNED_FROM: usize = 1000;
/// The share of rows without overlap that is no error.
const TOLERATED: f64 = 0.05;

/// What the forest says of the rows that it was fitted to, by trees that did not see them.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfBag {
    /// The effect of every arm but the control a row, row by row, by trees and trends that did not see it.
    /// A row that all bags saw, as happens with few trees, is told the mean of the others.
    pub effects: Vec<f64>,
    /// Doubly robust scores, in the same order: a noisy effect each, whose mean over any customers
    /// chosen by their features is the mean effect on them.
    pub scores: Vec<f64>,
    /// The outcome that the features predict.
    pub outcome: Vec<f64>,
    /// The probability of every arm a row, the control's first; of an amount its expectation.
    pub propensities: Vec<f64>,
}

/// Runs a block with the number of effects as a constant.
macro_rules! with_effects {
    ($n:expr, $k:ident => $body:expr) => {
        match $n {
            1 => {
                const $k: usize = 1;
                $body
            }
            2 => {
                const $k: usize = 2;
                $body
            }
            3 => {
                const $k: usize = 3;
                $body
            }
            4 => {
                const $k: usize = 4;
                $body
            }
            5 => {
                const $k: usize = 5;
                $body
            }
            6 => {
                const $k: usize = 6;
                $body
            }
            // The data's view refuses more than eight arms.
            _ => {
                const $k: usize = 7;
                $body
            }
        }
    };
}
pub(super) use with_effects;

pub(super) fn fit(
    settings: &CausalForest,
    data: &EffectData<'_>,
    observer: &mut dyn Observer,
) -> Result<(FittedCausalForest, OutOfBag)> {
    let binning = Binning::learn(data.design(), settings.bins);
    let bins = binning.encode(
        data.design(),
        &Gate::new(&mut Phase::new(observer, "binning")),
    )?;
    let unordered = binning.unordered();
    let job = Job {
        settings,
        data,
        binning: &binning,
        bins: &bins,
        unordered: &unordered,
    };
    with_effects!(data.n_effects(), K => job.run::<K>(observer))
}

struct Job<'j, 'a> {
    settings: &'j CausalForest,
    data: &'j EffectData<'a>,
    binning: &'j Binning,
    bins: &'j Bins,
    unordered: &'j [bool],
}

/// Outcome and treatment without what features predict, and what these predict.
struct Centred<const K: usize> {
    records: Vec<Record<K>>,
    outcome: Vec<[f64; 1]>,
    treatment: Vec<[f64; K]>,
    /// What is left of the variance of an amount a row; empty for arms.
    variances: Vec<[f64; 1]>,
}

impl Job<'_, '_> {
    fn run<const K: usize>(
        &self,
        observer: &mut dyn Observer,
    ) -> Result<(FittedCausalForest, OutOfBag)> {
        let n = self.data.len();
        let centred = self.centre::<K>(observer)?;
        let shape = self.shape();
        let bags = self.bags(&centred.records, observer)?;
        let mut phase = Phase::new(observer, "judging");
        let gate = Gate::new(&mut phase);
        let effects = out_of_bag(&bags, self.bins, n, width(K), &gate, |_, mean, trees| {
            let solved = if trees > 0 {
                Solved::<K>::new(mean)
            } else {
                None
            };
            solved.map(|solved| solved.effects)
        })?;
        let mut effects = filled(effects);
        drop(gate);
        let propensities = self.propensities(&centred.treatment);
        let scores = self.scores(&centred, |row| effects[row], &propensities);
        let slopes = self.slopes(&centred, &effects, &propensities, observer)?;
        let trees: Vec<_> = bags.into_iter().flat_map(|bag| bag.trees).collect();
        let importance = self.importance(&trees);
        let (factors, variances) = self.factors::<K>(&trees);
        let smooth = Smooth::new(self.bins, n, self.unordered, &importance);
        let (columns, priors) = Columns::new(self.bins, n, self.unordered, &importance);
        let (mut trends, mut missed) = (Vec::with_capacity(K), Vec::with_capacity(K));
        for (k, &variance) in variances.iter().enumerate() {
            let reading = |row: usize| scores[row][k] - effects[row][k];
            let effect = |row: usize| effects[row][k];
            let (trend, added) = columns.learn(&priors, self.bins, (reading, effect), n, variance);
            let variance = variance * trend.stretch() + self.variance_of(&columns, &trend, effect);
            for (effects, added) in effects.iter_mut().zip(added) {
                effects[k] += added;
            }
            missed.push(smooth.missed(|row| scores[row][k], |row| effects[row][k], variance));
            trends.push(trend);
        }
        let averages = self.averages(&scores, &slopes);
        let leaves: usize = trees.iter().map(Tree::n_leaves).sum();
        let fitted = FittedCausalForest {
            settings: self.settings.clone(),
            treatment: self.data.treatment_name().to_owned(),
            arms: self.data.arms().to_vec(),
            outcome: self.data.outcome_name().to_owned(),
            binning: self.binning.clone(),
            report: self.report(leaves),
            trees,
            shape,
            factors,
            columns,
            trends,
            missed,
            averages,
            importance,
            note: serde_json::Value::Null,
        };
        let told = OutOfBag {
            effects: effects.into_flattened(),
            scores: scores.into_flattened(),
            outcome: centred.outcome.into_flattened(),
            propensities,
        };
        Ok((fitted, told))
    }

    fn shape(&self) -> Shape {
        Shape {
            bags: self.settings.n_trees / self.settings.bag_size,
            trees: self.settings.bag_size,
        }
    }

    fn report(&self, leaves: usize) -> FitReport {
        let n = self.data.len();
        let n_trees = self.settings.n_trees;
        FitReport {
            iterations: n_trees,
            log_likelihood: None,
            converged: true,
            how_it_ended: format!(
                "grew {n_trees} trees of {} leaves on average",
                leaves / n_trees
            ),
            n_observations: n as f64,
            n_rows: n,
            n_cells: n,
            n_parameters: leaves,
            boundary: None,
        }
    }

    fn growth(&self, least: usize, by_arm: bool) -> Growth<'_> {
        Growth {
            least,
            by_arm,
            imbalance: self.settings.imbalance,
            max_depth: self.settings.max_depth.unwrap_or(usize::MAX),
            features: self.settings.features_of(self.bins.width()),
            unordered: self.unordered,
        }
    }

    fn expectation(&self, stream: u64) -> Expectation<'_> {
        let n_trees = self.settings.nuisance_trees;
        Expectation {
            growth: self.growth(2 * self.settings.leaf_of(self.data.len()), false),
            n_trees: n_trees.unwrap_or(50.max(self.settings.n_trees / 4)),
            seed: self.settings.seed,
            stream,
        }
    }

    /// Takes off what the features predict of outcome and treatment.
    fn centre<const K: usize>(&self, observer: &mut dyn Observer) -> Result<Centred<K>> {
        let (data, n) = (self.data, self.data.len());
        let y = data.outcome();
        let all: Vec<u32> = (0..u32::try_from(n).unwrap_or(u32::MAX)).collect();
        let mut phase = Phase::new(observer, "centring the outcome");
        let expectation = self.expectation(OUTCOME_STREAM);
        let outcome = expectation.of(self.bins, (n, &all), |row| [y[row]], &mut phase)?;
        let treated = |row: usize| data.treated::<K>(row);
        let (treatment, first) = match data.propensities() {
            Propensities::Observed => (vec![mean(n, treated); n], None),
            Propensities::Shares(shares) => (vec![std::array::from_fn(|k| shares[k + 1]); n], None),
            Propensities::Rows(rows) => {
                let of = |row: &[f64]| std::array::from_fn(|k| row[k + 1]);
                (rows.chunks_exact(K + 1).map(of).collect(), None)
            }
            Propensities::Estimated => {
                let mut phase = Phase::new(observer, "centring the treatment");
                let expectation = self.expectation(TREATMENT_STREAM);
                let Expected { values, first } =
                    expectation.of(self.bins, (n, &all), treated, &mut phase)?;
                (values, first)
            }
        };
        let records = (0..n).map(|row| {
            let w = treated(row);
            Record {
                y: y[row] - outcome.values[row][0],
                w: std::array::from_fn(|k| w[k] - treatment[row][k]),
                // At most seven.
                arm: u8::try_from(data.arm(row)).unwrap_or(u8::MAX),
            }
        });
        let records: Vec<Record<K>> = records.collect();
        let variances = if matches!(data.treatment(), Treatment::Amount(_)) {
            let mut phase = Phase::new(observer, "centring the treatment");
            let square = |row: usize| [records[row].w[0].powi(2)];
            let expectation = self.expectation(SPREAD_STREAM);
            expectation
                .of(self.bins, (n, &all), square, &mut phase)?
                .values
        } else {
            Vec::new()
        };
        let centred = Centred {
            records,
            outcome: outcome.values,
            treatment,
            variances,
        };
        self.check_overlap(&centred, first)?;
        Ok(centred)
    }

    /// That nearly all customers could have been in every arm, or given another amount.
    fn check_overlap<const K: usize>(
        &self,
        centred: &Centred<K>,
        first: Option<usize>,
    ) -> Result<()> {
        let (n, least) = (self.data.len(), self.settings.min_propensity);
        let names = self.binning.names();
        let blame = blame(&names, first);
        if centred.variances.is_empty() {
            if *self.data.propensities() != Propensities::Estimated {
                return Ok(());
            }
            let all = self.propensities(&centred.treatment);
            return check_arms(self.data, &all, least, &blame);
        }
        let floor = self.least_variance();
        let few = centred.variances.iter().filter(|v| v[0] < floor).count();
        if few as f64 > TOLERATED * n as f64 {
            let reason = format!(
                "leaves no overlap: for {few} of {n} rows the features{blame} all but tell the amount; {REMEDY}"
            );
            return Err(Error::data(self.data.treatment_name(), None, reason));
        }
        Ok(())
    }

    /// The least variance of an amount that leaves something to compare.
    fn least_variance(&self) -> f64 {
        let n = self.data.len();
        let treated = |row: usize| self.data.treated::<1>(row)[0];
        let [centre] = mean(n, |row| [treated(row)]);
        let [variance] = mean(n, |row| [(treated(row) - centre).powi(2)]);
        self.settings.min_propensity * variance
    }

    /// The probability of every arm a row, the control's first; of an amount its expectation.
    fn propensities<const K: usize>(&self, treatment: &[[f64; K]]) -> Vec<f64> {
        if matches!(self.data.treatment(), Treatment::Amount(_)) {
            return treatment.iter().map(|expected| expected[0]).collect();
        }
        let row = |p: &[f64; K]| {
            let control = 1.0 - p.iter().sum::<f64>();
            std::iter::once(control).chain(*p).collect::<Vec<f64>>()
        };
        treatment.iter().flat_map(row).collect()
    }

    fn bags<const K: usize>(
        &self,
        records: &[Record<K>],
        observer: &mut dyn Observer,
    ) -> Result<Vec<Bag>> {
        let n = self.data.len();
        let amount = matches!(self.data.treatment(), Treatment::Amount(_));
        let growth = self.growth(self.settings.leaf_of(n), true);
        let rule = Effects { amount };
        let shape = self.shape();
        let mut phase = Phase::new(observer, "growing").of(shape.bags);
        map_tasks(shape.bags, &mut phase, |bag, gate| {
            let mut generator = self.settings.seed.stream(bag as u64);
            let all = 0..u32::try_from(n).unwrap_or(u32::MAX);
            let (half, _) = divide(all, n / 2, &mut generator);
            let mut trees = Vec::with_capacity(shape.trees);
            for _ in 0..shape.trees {
                let rows = half.iter().copied();
                let (grown, told) = divide(rows, half.len() / 2, &mut generator);
                let record = |row: usize| records[row];
                let mut tree = grow(
                    growth,
                    &rule,
                    self.bins,
                    (&grown, record),
                    &mut generator,
                    gate,
                );
                gate.check()?;
                tree.fill(self.bins, &told, width(K), |row, numbers| {
                    write(&records[row].w, records[row].y, numbers);
                });
                trees.push(tree);
            }
            Ok(Bag {
                trees,
                rows: RowSet::new(n, &half),
            })
        })
    }

    fn scores<const K: usize>(
        &self,
        centred: &Centred<K>,
        effects: impl Fn(usize) -> [f64; K],
        propensities: &[f64],
    ) -> Vec<[f64; K]> {
        let least = self.settings.min_propensity;
        let amount = !centred.variances.is_empty();
        let floor = if amount { self.least_variance() } else { 0.0 };
        let score = |(row, record): (usize, &Record<K>)| {
            let effects = effects(row);
            if amount {
                let variance = centred.variances[row][0].max(floor);
                return [scores::of_amount(record.w[0], record.y, effects[0], variance); K];
            }
            let own = &propensities[row * (K + 1)..][..=K];
            let own = own.iter().map(|p| p.max(least)).collect::<Vec<f64>>();
            let y = self.data.outcome()[row];
            let outcome = (y, centred.outcome[row][0]);
            scores::of_arms(self.data.arm(row), outcome, &effects, &own)
        };
        centred.records.iter().enumerate().map(score).collect()
    }

    /// Whether effects differ, an effect each.
    fn slopes<const K: usize>(
        &self,
        centred: &Centred<K>,
        effects: &[[f64; K]],
        propensities: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<Slope>> {
        // Scores about the mean effect, so that none knows of the others' trees.
        let centre = mean(effects.len(), |row| effects[row]);
        let scores = self.scores(centred, |_| centre, propensities);
        let growth = |n: usize| self.growth(self.settings.leaf_of(n), true);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of a count
        let n_trees = (VALIDATED_BY * self.settings.n_trees as f64).ceil() as usize;
        let validation = Validation {
            growth: &growth,
            rule: Effects {
                amount: matches!(self.data.treatment(), Treatment::Amount(_)),
            },
            n_trees,
            seed: self.settings.seed,
            stream: VALIDATION_STREAM,
        };
        let mut phase = Phase::new(observer, "validating").of(1);
        validation.of(self.bins, &centred.records, &scores, &mut phase)
    }

    fn averages<const K: usize>(
        &self,
        scores: &[[f64; K]],
        slopes: &[Slope],
    ) -> Vec<AverageEffect> {
        let names: Vec<&str> = match self.data.treatment() {
            Treatment::Arms { arms, .. } => arms[1..].iter().map(String::as_str).collect(),
            Treatment::Amount(_) => vec![self.data.treatment_name()],
        };
        let of = |(k, name): (usize, &&str)| {
            AverageEffect::of(name, scores.iter().map(|score| score[k]), slopes[k])
        };
        names.iter().enumerate().map(of).collect()
    }

    /// How much of the splits each feature has.
    fn importance(&self, trees: &[Tree]) -> Vec<f64> {
        let mut weights = vec![0.0; self.bins.width()];
        for tree in trees {
            tree.add_splits(&mut weights);
        }
        let total: f64 = weights.iter().sum();
        if total > 0.0 {
            for weight in &mut weights {
                *weight /= total;
            }
        }
        weights
    }

    /// The mean variance of a correction, over some rows at equal distances.
    fn variance_of(&self, columns: &Columns, trend: &Trend, effect: impl Fn(usize) -> f64) -> f64 {
        let n = self.data.len();
        let mut place = columns.place();
        let rows = (0..n).step_by(n.div_ceil(LEARNED_FROM));
        let (mut sum, mut count) = (0.0, 0.0);
        for row in rows {
            columns.read(self.bins.row(row), &mut place);
            trend.corrected(effect(row), &mut place);
            sum += trend.variance(&place);
            count += 1.0;
        }
        sum / count
    }

    /// The factors of the little bags, from some rows at equal distances, and the mean variance there.
    fn factors<const K: usize>(&self, trees: &[Tree]) -> (Vec<Factor>, Vec<f64>) {
        let n = self.data.len();
        let shape = self.shape();
        let mut found = vec![Vec::new(); K];
        for row in (0..n).step_by(n.div_ceil(LEARNED_FROM)) {
            let row = self.bins.row(row);
            let leaves = || trees.iter().map(|tree| tree.leaf(row));
            let mut mean = vec![0.0; width(K)];
            leaves().for_each(|leaf| add(&mut mean, leaf));
            for sum in &mut mean {
                *sum /= trees.len() as f64;
            }
            if let Some(solved) = Solved::<K>::new(&mean) {
                let own = spreads(&solved, leaves(), shape);
                found
                    .iter_mut()
                    .zip(own)
                    .for_each(|(found, own)| found.push(own));
            }
        }
        let learned = found.iter().map(|spreads| {
            let factor = Factor::learn(spreads, shape);
            let variances = spreads.iter().map(|one| factor.variance_of(*one, shape));
            (factor, variances.sum::<f64>() / spreads.len() as f64)
        });
        learned.unzip()
    }
}

const REMEDY: &str = "such customers cannot be compared: leave them out, leave out columns that were made by the treatment, or pass the probabilities that were used";

/// Which column tells most of the treatment, as an aside.
pub(super) fn blame(names: &[String], first: Option<usize>) -> String {
    first.map_or(String::new(), |feature| {
        format!(" (column '{}' tells most of it)", names[feature])
    })
}

/// That nearly all customers could have been in every arm: `propensities` are the arms', row by row.
pub(super) fn check_arms(
    data: &EffectData<'_>,
    propensities: &[f64],
    least: f64,
    blame: &str,
) -> Result<()> {
    let (n, arms) = (data.len(), data.arms());
    let mut worst = (0, 0);
    for arm in 0..arms.len() {
        let of_arm = propensities[arm..].iter().step_by(arms.len());
        worst = worst.max((of_arm.filter(|p| **p < least).count(), arm));
    }
    let (few, arm) = worst;
    if few as f64 > TOLERATED * n as f64 {
        let reason = format!(
            "leaves no overlap: for {few} of {n} rows the features{blame} give arm '{}' a probability below {least}; {REMEDY}",
            arms[arm]
        );
        return Err(Error::data(data.treatment_name(), None, reason));
    }
    Ok(())
}

/// Effects where all are known: a row that every bag saw is told the mean of the others.
fn filled<const K: usize>(effects: Vec<Option<[f64; K]>>) -> Vec<[f64; K]> {
    let (mut sums, mut n) = ([0.0; K], 0.0_f64);
    for effects in effects.iter().flatten() {
        (0..K).for_each(|k| sums[k] += effects[k]);
        n += 1.0;
    }
    let mean = sums.map(|sum| sum / n.max(1.0));
    effects
        .into_iter()
        .map(|effects| effects.unwrap_or(mean))
        .collect()
}

//! A fitted forest and what it says of customers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CausalForest;
use super::fit::with_effects;
use super::little_bags::{Factor, Shape, spreads};
use super::moments::{Solved, width};
use super::scores::AverageEffect;
use super::tree::Tree;
use super::trees::add;
use super::trend::{Columns, Trend};
use crate::data::Design;
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_blocks};
use crate::persist::{Parts, Persist, read_part};
use crate::response::bins::{Binning, Bins};

/// A fitted forest: immutable; see [`CausalForest`] for the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedCausalForest {
    pub(super) settings: CausalForest,
    pub(super) treatment: String,
    /// The arms, the control first; none for an amount.
    pub(super) arms: Vec<String>,
    pub(super) outcome: String,
    pub(super) binning: Binning,
    /// Bag by bag.
    pub(super) trees: Vec<Tree>,
    pub(super) shape: Shape,
    /// An effect each.
    pub(super) factors: Vec<Factor>,
    pub(super) columns: Columns,
    /// What is added to the trees' effects, an effect each.
    pub(super) trends: Vec<Trend>,
    /// The mean square of what is smoothed away, an effect each.
    pub(super) missed: Vec<f64>,
    pub(super) averages: Vec<AverageEffect>,
    /// A feature each.
    pub(super) importance: Vec<f64>,
    pub(super) note: Value,
    pub(super) report: FitReport,
}

impl FittedCausalForest {
    /// The settings that it was fitted with.
    pub fn settings(&self) -> &CausalForest {
        &self.settings
    }

    /// The features that it needs, by name.
    pub fn features(&self) -> Vec<String> {
        self.binning.names()
    }

    /// What the treatment is called.
    pub fn treatment_name(&self) -> &str {
        &self.treatment
    }

    /// The arms' names, the control's first; none for an amount.
    pub fn arms(&self) -> &[String] {
        &self.arms
    }

    /// What the outcome is called.
    pub fn outcome_name(&self) -> &str {
        &self.outcome
    }

    /// Number of effects a customer: one an arm but the control, or that of an amount.
    pub fn n_effects(&self) -> usize {
        self.factors.len()
    }

    /// The mean effects over the customers of the fit, and whether effects differ.
    pub fn average_effects(&self) -> &[AverageEffect] {
        &self.averages
    }

    /// How much of the splits each feature has, those at the top counting most: shares.
    pub fn importance(&self) -> &[f64] {
        &self.importance
    }

    /// What the caller keeps with the model; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The model with a note that is saved and loaded with it and not looked at otherwise.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// The effect of every arm but the control for every row, row by row: how much higher the outcome is
    /// expected with it than with the control (or with one unit more of an amount).
    ///
    /// Columns are found by their names; others are not looked at. NaN where no tree tells the arms
    /// apart, which takes an arm that hardly occurs.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column that is not there or of another kind;
    /// [`Error::Interrupted`].
    pub fn effects(&self, customers: &Design<'_>, observer: &mut dyn Observer) -> Result<Vec<f64>> {
        with_effects!(self.n_effects(), K => self.effects_of::<K>(customers, observer))
    }

    /// Standard errors of [`FittedCausalForest::effects`], in the same order.
    ///
    /// They hold how far the estimates would move with other customers, and by how much the forest draws
    /// effects together, on average over customers.
    ///
    /// # Errors
    /// Those of [`FittedCausalForest::effects`].
    pub fn standard_errors(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let both = self.with_errors(customers, observer)?;
        Ok(both.into_iter().map(|[_, error]| error).collect())
    }

    /// Intervals of [`FittedCausalForest::effects`] at confidence `level`, in the same order.
    ///
    /// # Errors
    /// Those of [`FittedCausalForest::effects`]; [`Error::InvalidParameter`] for a level outside 0 and 1.
    pub fn intervals(
        &self,
        customers: &Design<'_>,
        level: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        let z = normal_quantile(level)?;
        let both = self.with_errors(customers, observer)?;
        let ends = both
            .into_iter()
            .map(|[effect, error]| [effect - z * error, effect + z * error]);
        Ok(ends.collect())
    }

    fn with_errors(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        with_effects!(self.n_effects(), K => self.errors_of::<K>(customers, observer))
    }

    fn bins(&self, customers: &Design<'_>, observer: &mut dyn Observer) -> Result<Bins> {
        let mut phase = Phase::new(observer, "binning");
        self.binning.encode(customers, &Gate::new(&mut phase))
    }

    fn effects_of<const K: usize>(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let bins = self.bins(customers, observer)?;
        let mut phase = Phase::new(observer, "scoring");
        let blocks = map_blocks(customers.len(), &mut phase, |rows| {
            let mut found = Vec::with_capacity(rows.len() * K);
            // Tree by tree, so that each stays near while the rows go through it.
            let mut sums = vec![0.0; rows.len() * width(K)];
            for tree in &self.trees {
                let places = sums.chunks_exact_mut(width(K));
                for (row, sums) in rows.clone().zip(places) {
                    add(sums, tree.leaf(bins.row(row)));
                }
            }
            let mut place = self.columns.place();
            for (row, sums) in rows.zip(sums.chunks_exact_mut(width(K))) {
                let Some(solved) = self.solved::<K>(sums) else {
                    found.extend([f64::NAN; K]);
                    continue;
                };
                self.columns.read(bins.row(row), &mut place);
                let all = self.trends.iter().zip(solved.effects);
                found.extend(all.map(|(trend, effect)| trend.corrected(effect, &mut place)));
            }
            found
        })?;
        Ok(blocks.into_iter().flatten().collect())
    }

    fn errors_of<const K: usize>(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        let bins = self.bins(customers, observer)?;
        let mut phase = Phase::new(observer, "scoring");
        let blocks = map_blocks(customers.len(), &mut phase, |rows| {
            let mut found = Vec::with_capacity(rows.len() * K);
            let start = rows.start;
            for tile in (start..rows.end).step_by(TILE) {
                let tile = tile..(tile + TILE).min(rows.end);
                self.errors_of_tile::<K>(&bins, tile, &mut found);
            }
            found
        })?;
        Ok(blocks.into_iter().flatten().collect())
    }

    /// The leaves of a few rows are remembered, since influences are known once the effect is.
    fn errors_of_tile<const K: usize>(
        &self,
        bins: &Bins,
        rows: std::ops::Range<usize>,
        found: &mut Vec<[f64; 2]>,
    ) {
        let n_trees = self.trees.len();
        let mut leaves: Vec<&[f32]> = vec![&[]; rows.len() * n_trees];
        for (place, tree) in self.trees.iter().enumerate() {
            let places = leaves[place..].iter_mut().step_by(n_trees);
            for (row, leaf) in rows.clone().zip(places) {
                *leaf = tree.leaf(bins.row(row));
            }
        }
        let mut place = self.columns.place();
        for (row, leaves) in rows.zip(leaves.chunks_exact(n_trees)) {
            let mut sums = vec![0.0; width(K)];
            for leaf in leaves {
                add(&mut sums, leaf);
            }
            let Some(solved) = self.solved::<K>(&mut sums) else {
                found.extend([[f64::NAN; 2]; K]);
                continue;
            };
            let spreads = spreads(&solved, leaves.iter().copied(), self.shape);
            self.columns.read(bins.row(row), &mut place);
            for (k, trend) in self.trends.iter().enumerate() {
                let effect = trend.corrected(solved.effects[k], &mut place);
                let of_trees = self.factors[k].variance_of(spreads[k], self.shape);
                let of_trend = trend.variance(&place);
                let variance = of_trees * trend.stretch() + of_trend + self.missed[k];
                found.push([effect, variance.sqrt()]);
            }
        }
    }

    /// The effects from the sums over all trees.
    fn solved<const K: usize>(&self, sums: &mut [f64]) -> Option<Solved<K>> {
        let n = self.trees.len() as f64;
        for sum in sums.iter_mut() {
            *sum /= n;
        }
        Solved::new(sums)
    }
}

/// Rows whose leaves are remembered at once.
const TILE: usize = 64;

impl Fitted for FittedCausalForest {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// The mean effects over the customers of the fit.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let z = normal_quantile(level)?;
        let parameter = |one: &AverageEffect| Parameter {
            name: one.arm.clone(),
            estimate: one.estimate,
            standard_error: Some(one.standard_error),
            lower: Some(one.estimate - z * one.standard_error),
            upper: Some(one.estimate + z * one.standard_error),
        };
        Ok(self.averages.iter().map(parameter).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    treatment: String,
    arms: Vec<String>,
    outcome: String,
    binning: Binning,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    averages: Vec<AverageEffect>,
    importance: Vec<f64>,
    factors: Vec<Factor>,
    columns: Columns,
    trends: Vec<Trend>,
    missed: Vec<f64>,
    trees: Vec<Tree>,
}

impl Persist for FittedCausalForest {
    const KIND: &'static str = "causal_forest";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                treatment: self.treatment.clone(),
                arms: self.arms.clone(),
                outcome: self.outcome.clone(),
                binning: self.binning.clone(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                averages: self.averages.clone(),
                importance: self.importance.clone(),
                factors: self.factors.clone(),
                columns: self.columns.clone(),
                trends: self.trends.clone(),
                missed: self.missed.clone(),
                trees: self.trees.clone(),
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let settings: CausalForest = read_part("settings", parts.settings)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let corrupt = |reason: &str| {
            Err(Error::Corrupt {
                reason: reason.to_owned(),
            })
        };
        schema.binning.check()?;
        let n_features = schema.binning.names().len();
        let n_effects = schema.arms.len().max(2) - 1;
        if schema.arms.len() == 1 || schema.arms.len() > crate::response::data::MOST_ARMS {
            return corrupt("in \"schema\": an experiment has two to eight arms");
        }
        let bag = settings.bag_size;
        if bag < 2 || fitted.trees.len() < 2 * bag || !fitted.trees.len().is_multiple_of(bag) {
            return corrupt("in \"fitted\": the trees do not fill the bags");
        }
        let lengths = [
            fitted.factors.len(),
            fitted.missed.len(),
            fitted.averages.len(),
            fitted.trends.len(),
        ];
        if lengths != [n_effects; 4] || fitted.importance.len() != n_features {
            return corrupt("in \"fitted\": the numbers do not belong to the schema's arms");
        }
        let of_columns = |trend: &Trend| trend.fits(&fitted.columns);
        if !(fitted.columns.fit_to(n_features) && fitted.trends.iter().all(of_columns)) {
            return corrupt("in \"fitted\": the trends do not belong to the schema's features");
        }
        for tree in &fitted.trees {
            tree.check(n_features, width(n_effects))?;
        }
        Ok(Self {
            shape: Shape {
                bags: fitted.trees.len() / bag,
                trees: bag,
            },
            treatment: schema.treatment,
            arms: schema.arms,
            outcome: schema.outcome,
            binning: schema.binning,
            note: schema.note,
            averages: fitted.averages,
            importance: fitted.importance,
            factors: fitted.factors,
            columns: fitted.columns,
            trends: fitted.trends,
            missed: fitted.missed,
            trees: fitted.trees,
            settings,
            report: read_part("report", parts.report)?,
        })
    }
}

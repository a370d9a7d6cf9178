//! From settings and customers to segments with their effects.

use super::result::{ArmSegments, DiscoveredSegment, Discovery};
use super::stability::stability;
use super::{Objective, SegmentDiscovery};
use crate::error::Result;
use crate::math::multiplicity::holm;
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;
use crate::response::bins::{Binning, Bins};
use crate::response::data::EffectData;
use crate::response::experiment::{
    adjusted, equality, satterthwaite, shrink, student_quantile, two_sided,
};
use crate::response::forest::robust::Nuisances;
use crate::response::halves::{Average, Halves};
use crate::response::policy::of_arms;
use crate::response::search::{Found, Search, Space, condition};

pub(super) fn find(
    settings: &SegmentDiscovery,
    data: &EffectData<'_>,
    observer: &mut dyn Observer,
) -> Result<Discovery> {
    let binning = Binning::learn_round(data.design(), settings.bins);
    let bins = {
        let mut phase = Phase::new(observer, "binning");
        binning.encode(data.design(), &Gate::new(&mut phase))?
    };
    let halves = Halves::of(&of_arms(data), settings.seed);
    let how = Nuisances {
        bins: &bins,
        unordered: &binning.unordered(),
        names: &binning.names(),
        trees: settings.nuisance_trees,
        min_propensity: settings.min_propensity,
        seed: settings.seed,
    };
    let rewards = how.rewards(data, &halves.searching, observer)?;
    let job = Job {
        settings,
        binning: &binning,
        bins: &bins,
        space: &Space::new(&binning),
        halves: &halves,
        min_leaf: settings
            .min_leaf
            .unwrap_or((halves.searching.len() / 100).max(50)),
    };
    let k = data.arms().len();
    let mut arms = Vec::with_capacity(k - 1);
    for arm in 1..k {
        let score = |row: u32| {
            let own = &rewards[row as usize * k..][..k];
            own[arm] - own[0]
        };
        let cost = settings.cost.get(arm - 1).copied().unwrap_or(0.0);
        arms.push(job.arm(&data.arms()[arm], score, cost, observer)?);
    }
    adjust(&mut arms, settings);
    Ok(Discovery {
        arms,
        n_searched: halves.searching.len(),
        n_estimated: halves.estimating.len(),
        min_leaf: job.min_leaf,
    })
}

struct Job<'j> {
    settings: &'j SegmentDiscovery,
    binning: &'j Binning,
    bins: &'j Bins,
    space: &'j Space,
    halves: &'j Halves,
    min_leaf: usize,
}

impl Job<'_> {
    /// The best tree of the searching half, and how stable its leaves are.
    fn searched(
        &self,
        score: impl Fn(u32) -> f64 + Sync,
        cost: f64,
        observer: &mut dyn Observer,
    ) -> Result<(Found, Option<Vec<f64>>)> {
        // What the search of a policy chooses among: nothing, or the effect less the cost.
        let rewards: Vec<f64> = match self.settings.objective {
            Objective::Effect => Vec::new(),
            Objective::Policy => (0..u32::try_from(self.bins.len()).unwrap_or(u32::MAX))
                .flat_map(|row| [0.0, score(row) - cost])
                .collect(),
        };
        let mut phase = Phase::new(observer, "searching");
        let gate = Gate::new(&mut phase);
        let of = |min_leaf: usize| Search {
            bins: self.bins,
            space: self.space,
            depth: self.settings.depth,
            min_leaf,
            shortlist: self.settings.shortlist,
        };
        let searching = &self.halves.searching;
        // What a leaf costs in variances: the luck of the search, and the error of the half that tells effects.
        let cost_of_leaf = match self.settings.objective {
            Objective::Effect => {
                let luck = of(self.min_leaf).luck(searching, &score, self.settings.seed, &gate)?;
                luck + searching.len() as f64 / self.halves.estimating.len() as f64
            }
            Objective::Policy => 0.0,
        };
        let search = |rows: &[u32], min_leaf: usize| -> Result<Found> {
            match self.settings.objective {
                Objective::Effect => of(min_leaf).effects(rows, (&score, cost_of_leaf), &gate),
                Objective::Policy => of(min_leaf).policy(rows, (&rewards, 2), &gate),
            }
        };
        let found = search(searching, self.min_leaf)?;
        let samples = self.settings.resamples;
        if samples == 0 {
            return Ok((found, None));
        }
        // Half of the rows, so half of the fewest.
        let again = |rows: &[u32]| Ok(search(rows, self.min_leaf.div_ceil(2))?.tree);
        let field = (self.bins, &searching[..]);
        let drawn = (samples, self.settings.seed);
        let stability = stability(&found.tree, field, drawn, &gate, again)?;
        Ok((found, Some(stability)))
    }

    fn arm(
        &self,
        name: &str,
        score: impl Fn(u32) -> f64 + Sync,
        cost: f64,
        observer: &mut dyn Observer,
    ) -> Result<ArmSegments> {
        let (Found { tree, exact }, stability) = self.searched(&score, cost, observer)?;
        let k = tree.n_leaves();
        let leaf = |row: u32| tree.leaf(self.bins.row(row as usize));
        let by_leaf = |rows: &[u32]| {
            let mut scores = vec![Vec::new(); k];
            for &row in rows {
                scores[leaf(row)].push(score(row));
            }
            scores
        };
        let pays: Vec<bool> = by_leaf(&self.halves.searching)
            .iter()
            .map(|scores| Average::of(scores.iter().copied()).mean > cost)
            .collect();
        let told = by_leaf(&self.halves.estimating);
        let means: Vec<Average> = told
            .iter()
            .map(|scores| Average::of(scores.iter().copied()))
            .collect();
        let all = Average::of(told.iter().flatten().copied());
        let ends = |mean: &Average| -> Result<Option<[f64; 2]>> {
            let Some(error) = mean.error() else {
                return Ok(None);
            };
            let reach = error * student_quantile(self.settings.level, mean.n as f64 - 1.0)?;
            Ok(Some([mean.mean - reach, mean.mean + reach]))
        };
        let paths = tree.paths(&self.binning.counts());
        let mut segments = Vec::with_capacity(k);
        for (leaf, mean) in means.iter().enumerate() {
            let others = told.iter().enumerate().filter(|(other, _)| *other != leaf);
            let others = Average::of(others.flat_map(|(_, scores)| scores.iter().copied()));
            let (difference, p) = compared(mean, &others).unzip();
            let own = ends(mean)?;
            segments.push(DiscoveredSegment {
                condition: condition(self.binning, &paths[leaf]),
                n: mean.n,
                share: mean.n as f64 / all.n as f64,
                effect: mean.mean,
                standard_error: mean.error(),
                ends: own,
                difference,
                p,
                p_adjusted: None,
                effect_shrunken: mean.mean,
                shrunken_ends: own,
                stability: stability.as_ref().map(|each| each[leaf]),
                found: false,
                pays: pays[leaf],
            });
        }
        let mut found = ArmSegments {
            arm: name.to_owned(),
            effect: all.mean,
            standard_error: all.error(),
            ends: ends(&all)?,
            differ_p: None,
            differ_p_adjusted: None,
            tau: None,
            segments,
            exact,
        };
        self.draw_together(&means, &mut found)?;
        found.segments.sort_by(|a, b| b.effect.total_cmp(&a.effect));
        Ok(found)
    }

    /// Draws the effects towards each other; those without an error stay as they are.
    fn draw_together(&self, means: &[Average], found: &mut ArmSegments) -> Result<()> {
        let known = |place: &usize| means[*place].error().is_some_and(|error| error > 0.0);
        let places: Vec<usize> = (0..means.len()).filter(known).collect();
        let effects: Vec<f64> = places.iter().map(|&place| means[place].mean).collect();
        let variances: Vec<f64> = places.iter().map(|&place| means[place].variance).collect();
        let weights: Vec<f64> = places.iter().map(|&place| means[place].n as f64).collect();
        let freedoms: Vec<f64> = weights.iter().map(|n| n - 1.0).collect();
        found.differ_p = equality(&effects, &weights, &variances, &freedoms)?.map(|test| test.p);
        if let Some((pool, drawn)) = shrink(&effects, &variances, self.settings.level)? {
            found.tau = Some(pool.tau);
            for (place, drawn) in places.into_iter().zip(drawn) {
                found.segments[place].effect_shrunken = drawn.effect;
                found.segments[place].shrunken_ends = Some(drawn.ends);
            }
        }
        Ok(())
    }
}

/// The difference of two means of different customers, and the probability of one as large by chance
/// (Welch's test).
fn compared(mean: &Average, others: &Average) -> Option<(f64, f64)> {
    let variances = [mean.error()?.powi(2), others.error()?.powi(2)];
    let error = (variances[0] + variances[1]).sqrt();
    let difference = mean.mean - others.mean;
    if error <= 0.0 {
        return Some((difference, 1.0));
    }
    let freedom = satterthwaite(variances, [mean.n as f64 - 1.0, others.n as f64 - 1.0]);
    Some((difference, two_sided(difference / error, freedom)))
}

/// Adjusts p-values for the number of segments of all arms.
fn adjust(arms: &mut [ArmSegments], settings: &SegmentDiscovery) {
    // Both segments of one split are compared with each other: one question, not two.
    let asked = |arm: &ArmSegments| {
        let all = arm.segments.iter().map(|segment| segment.p);
        if arm.segments.len() == 2 {
            all.take(1).collect()
        } else {
            all.collect::<Vec<_>>()
        }
    };
    let questions: Vec<Vec<Option<f64>>> = arms.iter().map(asked).collect();
    let told = adjusted(questions.concat(), settings.adjustment);
    let mut next = 0;
    for (arm, questions) in arms.iter_mut().zip(&questions) {
        let own = &told[next..][..questions.len()];
        next += questions.len();
        for (segment, p) in arm.segments.iter_mut().zip(own.iter().cycle()) {
            segment.p_adjusted = *p;
            segment.found = p.is_some_and(|p| p < 1.0 - settings.level);
        }
    }
    let differ: Vec<Option<f64>> = arms.iter().map(|arm| arm.differ_p).collect();
    for (arm, p) in arms.iter_mut().zip(holm(&differ)) {
        arm.differ_p_adjusted = p;
    }
}

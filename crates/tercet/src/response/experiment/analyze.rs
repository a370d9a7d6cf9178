//! How a result is put together: means, comparisons, shrinkage, adjustment, words.

use super::comparison::{Comparison, Rule, compare};
use super::data::{ExperimentData, Outcome};
use super::heterogeneity::{self, EffectSpread, Pooled, Spread};
use super::means::{ArmMean, Means};
use super::panel::{Panel, Prepared, Scaled, scaled};
use super::result::{Caution, EffectRow, ExperimentResult, Heterogeneity, OutcomeNote, Reading};
use super::roster::{EVERYONE, Roster, head_count};
use super::sample_ratio;
use super::sequence::Sequence;
use super::{Adjustment, ExperimentAnalysis, Family, MissingOutcome, balance, shrinkage, verdict};
use crate::error::{Error, Result};
use crate::math::multiplicity::{benjamini_hochberg, holm};
use crate::observe::{Observer, Phase};
use crate::parallel::map_tasks;

/// Fewer customers than this in an arm, and the normal approximation is a hope.
const FEW_CUSTOMERS: f64 = 30.0;
/// Fewer events, or fewer non-events, than this in an arm likewise.
const FEW_EVENTS: f64 = 5.0;

/// Runs an analysis whose settings have been checked.
pub(super) fn analyze(
    settings: &ExperimentAnalysis,
    data: &ExperimentData<'_>,
    observer: &mut dyn Observer,
) -> Result<ExperimentResult> {
    let n_arms = data.arms.names.len();
    let shares = sample_ratio::shares(settings.shares.as_deref(), n_arms)?;
    let rule = match settings.sequential {
        None => Rule::Fixed(settings.level),
        Some(planned) => Rule::Sequential(settings.level, Sequence::new(planned, settings.level)?),
    };
    let gaps = check_gaps(data, settings.missing)?;
    let roster = Roster::new(data, observer)?;
    let covariates = scaled(&data.covariates);
    let heads = head_count(&roster, observer)?;
    let input = (data, &roster, heads.as_slice());
    let means = all_means(settings, input, (&covariates, gaps), observer)?;
    let (rows, spreads) = compare_all(&roster, &means, rule)?;
    let mut result = ExperimentResult {
        settings: settings.clone(),
        arms: data.arms.names.clone(),
        control: data.arms.control,
        outcomes: notes(&roster, data, &means),
        segments: std::iter::once("everyone".to_owned())
            .chain(roster.names.iter().cloned())
            .collect(),
        families: roster.family_names.clone(),
        covariates: readings(&roster, &means[0], &covariates),
        n_rows: data.len(),
        n_clusters: roster.clusters.as_ref().map(super::roster::Clusters::len),
        sample_ratio: sample_ratio::compare(&heads, &shares),
        rows,
        heterogeneity: Vec::new(),
        n_unadjusted: unadjusted(&means),
        warnings: Vec::new(),
        verdict: Vec::new(),
    };
    shrink_all(&mut result, &spreads, &roster.families, observer)?;
    adjust(&mut result);
    result.warnings = verdict::warnings(&result);
    result.verdict = verdict::words(&result);
    Ok(result)
}

/// Whether an outcome has gaps; refuses them unless they are to be left out.
fn check_gaps(data: &ExperimentData<'_>, missing: MissingOutcome) -> Result<bool> {
    let mut gaps = false;
    for outcome in &data.outcomes {
        let Some(row) = outcome.values.iter().position(|value| value.is_nan()) else {
            continue;
        };
        if missing == MissingOutcome::Error {
            let reason = "is missing; a customer who did nothing has the outcome 0: fill the gap, or leave such rows out with missing=\"skip\" (they are counted, and arms compared by them)";
            return Err(Error::data(&outcome.name, row, reason));
        }
        gaps = true;
    }
    Ok(gaps)
}

/// The means of all outcomes: in one panel, or where rows are missing in one panel an outcome.
fn all_means<'a>(
    settings: &ExperimentAnalysis,
    (data, roster, heads): (&ExperimentData<'a>, &Roster<'_>, &[usize]),
    (covariates, gaps): (&'a [Scaled<'a>], bool),
    observer: &mut dyn Observer,
) -> Result<Vec<Means<'a>>> {
    let places: Vec<usize> = (0..data.outcomes.len()).collect();
    let panels = if gaps {
        places.chunks(1).map(<[usize]>::to_vec).collect()
    } else {
        vec![places]
    };
    let mut means = Vec::new();
    for places in panels {
        let prepare = |place: &usize| Prepared::new(&data.outcomes[*place]);
        let panel = Panel {
            outcomes: places.iter().map(prepare).collect::<Result<_>>()?,
            places,
            covariates,
            gaps,
        };
        let how = (settings.robust, settings.target);
        means.push(Means::new(roster, heads, panel, how, observer)?);
    }
    Ok(means)
}

fn notes(roster: &Roster<'_>, data: &ExperimentData<'_>, means: &[Means<'_>]) -> Vec<OutcomeNote> {
    let prepared = means.iter().flat_map(|one| &one.panel.outcomes);
    let note = |(outcome, prepared): (&Outcome<'_>, &Prepared<'_>)| {
        let (n_missing, missing_p) = balance::of_gaps(roster, outcome);
        OutcomeNote {
            name: outcome.name.clone(),
            binary: prepared.binary,
            cap: prepared.cap.is_finite().then_some(prepared.cap),
            n_capped: prepared.n_capped,
            n_missing,
            missing_p,
        }
    };
    data.outcomes.iter().zip(prepared).map(note).collect()
}

fn readings(roster: &Roster<'_>, means: &Means<'_>, covariates: &[Scaled<'_>]) -> Vec<Reading> {
    let p = if roster.clusters.is_some() {
        vec![None; covariates.len()]
    } else {
        balance::of_covariates(&means.moments, roster.n_arms(), covariates.len())
    };
    let reading = |(covariate, p): (&Scaled<'_>, Option<f64>)| Reading {
        name: covariate.name.clone(),
        p,
    };
    covariates.iter().zip(p).map(reading).collect()
}

fn unadjusted(means: &[Means<'_>]) -> usize {
    let of = |one: &Means<'_>| {
        one.designs
            .iter()
            .filter(|design| design.left_unadjusted)
            .count()
    };
    means.iter().map(of).max().unwrap_or(0)
}

/// Rows of the result, and how far the effect of each varies.
type Compared = (Vec<EffectRow>, Vec<Option<EffectSpread>>);

fn compare_all(roster: &Roster<'_>, means: &[Means<'_>], rule: Rule) -> Result<Compared> {
    let control = roster.arms.control;
    let (mut rows, mut spreads) = (Vec::new(), Vec::new());
    for segment in 0..roster.n_segments() {
        for arm in (0..roster.n_arms()).filter(|arm| *arm != control) {
            for panel in means {
                for (own, outcome) in panel.panel.places.iter().enumerate() {
                    let (mut row, spread) = one_row(panel, segment, (arm, control), own, rule)?;
                    row.outcome = *outcome;
                    rows.push(row);
                    spreads.push(spread);
                }
            }
        }
    }
    Ok((rows, spreads))
}

fn one_row(
    means: &Means<'_>,
    segment: usize,
    (arm, control): (usize, usize),
    outcome: usize,
    rule: Rule,
) -> Result<(EffectRow, Option<EffectSpread>)> {
    let (a, b) = (
        means.of(segment, arm, outcome),
        means.of(segment, control, outcome),
    );
    let drawn = |one, other| means.drawn(segment, (one, other), outcome);
    let drawn = [
        drawn(arm, arm),
        drawn(control, control),
        drawn(arm, control),
    ];
    let found = match (&a, &b) {
        (Some(a), Some(b)) => Some(compare(a, b, drawn, rule)?),
        _ => None,
    };
    // Counts of rows, which are whole and far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let n = |one: &Option<ArmMean>| one.map_or(0, |one| one.n as usize);
    let mean = |one: &Option<ArmMean>| one.map_or(f64::NAN, |one| one.mean);
    let of = |what: fn(&Comparison) -> Option<f64>| found.as_ref().and_then(what);
    let effect = found.map_or(f64::NAN, |found| found.effect);
    let row = EffectRow {
        arm,
        outcome,
        segment,
        n: n(&a),
        n_control: n(&b),
        mean: mean(&a),
        mean_control: mean(&b),
        effect,
        standard_error: of(|found| found.standard_error),
        ends: found.and_then(|found| found.ends),
        lift: of(|found| found.lift),
        lift_ends: found.and_then(|found| found.lift_ends),
        p: of(|found| found.p),
        p_adjusted: None,
        effect_shrunken: effect,
        shrunken_ends: found.and_then(|found| found.ends),
        variance_reduction: of(|found| found.variance_reduction),
        caution: caution(a.as_ref(), b.as_ref(), found.as_ref()),
    };
    let drawn = drawn[0] + drawn[1] - 2.0 * drawn[2];
    let spread = a.zip(b).and_then(|(a, b)| {
        Some(EffectSpread {
            arms: [spread(&a)?, spread(&b)?],
            drawn,
        })
    });
    Ok((row, spread))
}

fn spread(one: &ArmMean) -> Option<Spread> {
    Some(Spread {
        units: one.units,
        variance: one.variance?,
        freedom: one.freedom,
    })
}

fn caution(
    a: Option<&ArmMean>,
    b: Option<&ArmMean>,
    found: Option<&Comparison>,
) -> Option<Caution> {
    let (Some(a), Some(b), Some(found)) = (a, b, found) else {
        return Some(Caution::TooFew);
    };
    if a.variance.is_none() || b.variance.is_none() {
        return Some(Caution::TooFew);
    }
    if found.standard_error.is_none() {
        return Some(Caution::Constant);
    }
    if a.units.min(b.units) < FEW_CUSTOMERS {
        return Some(Caution::FewCustomers);
    }
    let few = |one: &ArmMean| one.rarer.is_some_and(|rarer| rarer < FEW_EVENTS);
    (few(a) || few(b)).then_some(Caution::FewEvents)
}

/// Draws effects of segments towards each other: for every arm, outcome and family of segments.
fn shrink_all(
    result: &mut ExperimentResult,
    spreads: &[Option<EffectSpread>],
    families: &[usize],
    observer: &mut dyn Observer,
) -> Result<()> {
    let Some(last) = families.iter().max() else {
        return Ok(());
    };
    let mut pools: Vec<(usize, usize, usize)> = Vec::new();
    for arm in (0..result.arms.len()).filter(|arm| *arm != result.control) {
        for outcome in 0..result.outcomes.len() {
            pools.extend((0..=*last).map(|family| (arm, outcome, family)));
        }
    }
    let level = result.settings.level;
    let places: Vec<Vec<usize>> = pools
        .iter()
        .map(|(arm, outcome, family)| {
            let belongs = |row: &EffectRow| {
                row.arm == *arm
                    && row.outcome == *outcome
                    && row.segment != EVERYONE
                    && families[row.segment - 1] == *family
                    && row.standard_error.is_some()
            };
            let rows = result.rows.iter().enumerate();
            rows.filter(|(_, row)| belongs(row))
                .map(|(place, _)| place)
                .collect()
        })
        .collect();
    let rows = &result.rows;
    let mut phase = Phase::new(observer, "shrinking").of(pools.len());
    let found = map_tasks(pools.len(), &mut phase, |task, _| {
        let own = || places[task].iter().copied();
        let effects: Vec<f64> = own().map(|place| rows[place].effect).collect();
        let spreads: Vec<EffectSpread> = own().filter_map(|place| spreads[place]).collect();
        let test = heterogeneity::of_segments(&effects, &spreads)?;
        let pooled = Pooled::of(&spreads);
        let variances: Vec<f64> = spreads.iter().map(|one| pooled.variance(one)).collect();
        Ok(test.zip(shrinkage::shrink(&effects, &variances, level)?))
    })?;
    for (((arm, outcome, family), places), found) in pools.into_iter().zip(places).zip(found) {
        let Some((test, (pool, shrunken))) = found else {
            continue;
        };
        for (place, one) in places.into_iter().zip(shrunken) {
            result.rows[place].effect_shrunken = one.effect;
            result.rows[place].shrunken_ends = Some(one.ends);
        }
        result.heterogeneity.push(Heterogeneity {
            arm,
            outcome,
            family,
            segments: pool.segments,
            mean: pool.mean,
            mean_ends: pool.mean_ends,
            tau: pool.tau,
            tau_ends: pool.tau_ends,
            f: test.f,
            p: test.p,
            p_adjusted: f64::NAN,
        });
    }
    Ok(())
}

fn adjust(result: &mut ExperimentResult) {
    let first_of_segments = result.rows.iter().position(|row| row.segment != EVERYONE);
    let end = result.rows.len();
    let split = match result.settings.family {
        Family::Separate => first_of_segments.unwrap_or(end),
        Family::All => end,
    };
    for range in [0..split, split..end] {
        let rows = &mut result.rows[range];
        let p: Vec<Option<f64>> = rows.iter().map(|row| row.p).collect();
        let adjusted = adjusted(p, result.settings.adjustment);
        for (row, adjusted) in rows.iter_mut().zip(adjusted) {
            row.p_adjusted = adjusted;
        }
    }
    let p = result.heterogeneity.iter().map(|one| Some(one.p)).collect();
    let found = adjusted(p, result.settings.adjustment);
    for (one, adjusted) in result.heterogeneity.iter_mut().zip(found) {
        one.p_adjusted = adjusted.unwrap_or(f64::NAN);
    }
}

/// P-values adjusted for their number.
pub(in crate::response) fn adjusted(
    p: Vec<Option<f64>>,
    adjustment: Adjustment,
) -> Vec<Option<f64>> {
    match adjustment {
        Adjustment::Fdr => benjamini_hochberg(&p),
        Adjustment::Holm => holm(&p),
        Adjustment::None => p,
    }
}

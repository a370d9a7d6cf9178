//! What an experiment means, in words.

use super::Adjustment;
use super::result::{Caution, EffectRow, ExperimentResult};
use super::roster::EVERYONE;

/// Below this a covariate differs between arms, or missing outcomes do, by more than chance.
const UNLIKELY: f64 = 0.001;
/// More effects on everyone than this are counted, not told one by one.
const MOST_TOLD: usize = 8;

/// What a difference of shares is in.
const POINTS: &str = " points";

/// What to be warned of before anything is believed.
pub(super) fn warnings(result: &ExperimentResult) -> Vec<String> {
    let mut words = Vec::new();
    let limit = result.settings.ratio_level;
    let off = |p: Option<f64>| p.is_some_and(|p| p < limit);
    for ratio in &result.sample_ratio {
        let whole = ratio.segment == EVERYONE;
        if off(ratio.p_adjusted) && (whole || !off(result.sample_ratio[0].p)) {
            let arms = result
                .arms
                .iter()
                .zip(ratio.counts.iter().zip(&ratio.expected));
            let told: Vec<String> = arms
                .map(|(arm, (n, expected))| {
                    format!(
                        "'{arm}' has {} (planned {})",
                        count(*n as f64),
                        count(*expected)
                    )
                })
                .collect();
            let place = if whole {
                String::new()
            } else {
                format!(" in the segment '{}'", result.segments[ratio.segment])
            };
            words.push(format!(
                "Sample ratio mismatch{place}: {} customers, {}. Customers were lost or added after they were assigned, so that the arms are no longer alike: find out why before any effect is believed",
                told.join(", "),
                p_value(ratio.p_adjusted),
            ));
        }
    }
    for outcome in &result.outcomes {
        if outcome.missing_p.is_some_and(|p| p < UNLIKELY) {
            words.push(format!(
                "'{}' is missing more often in one arm than in another ({}): whose outcomes are known depends on the treatment, and the comparison is of different customers",
                outcome.name,
                p_value(outcome.missing_p),
            ));
        }
    }
    for covariate in &result.covariates {
        if covariate.p.is_some_and(|p| p < UNLIKELY) {
            words.push(format!(
                "The covariate '{}' differs between arms ({}): if it was recorded after the experiment began, adjusting by it takes away a part of the effect; leave it out",
                covariate.name,
                p_value(covariate.p),
            ));
        }
    }
    words
}

/// The verdict, a sentence or two each.
pub(super) fn words(result: &ExperimentResult) -> Vec<String> {
    let mut words = Vec::new();
    let ratio = &result.sample_ratio[0];
    if result.warnings.is_empty() {
        words.push(match ratio.p {
            Some(p) => format!("The arms are as large as planned ({}).", p_value(Some(p))),
            None => "There are too few customers to tell whether the arms are as large as planned."
                .to_owned(),
        });
    } else {
        words.push("Do not rely on these effects before the warnings are dealt with.".to_owned());
    }
    let everyone: Vec<&EffectRow> = result
        .rows
        .iter()
        .filter(|row| row.segment == EVERYONE)
        .collect();
    if everyone.len() <= MOST_TOLD {
        words.extend(everyone.iter().map(|row| effect(result, row)));
    } else {
        let clear = everyone.iter().filter(|row| stands(result, row)).count();
        words.push(format!(
            "{clear} of {} effects on everyone are clear of chance.",
            everyone.len()
        ));
    }
    words.extend(segments(result));
    words.extend(cautions(result));
    words
}

/// What an arm did to an outcome among everyone.
fn effect(result: &ExperimentResult, row: &EffectRow) -> String {
    let (arm, outcome) = (&result.arms[row.arm], &result.outcomes[row.outcome]);
    let show = |value: f64| amount(value, outcome.binary);
    let Some([lower, upper]) = row.ends else {
        return format!("'{arm}': nothing can be said of '{}'.", outcome.name);
    };
    if !stands(result, row) {
        return format!(
            "'{arm}': no clear effect on '{}'; it lies between {} and {}.",
            outcome.name,
            difference(lower, outcome.binary).trim_end_matches(POINTS),
            difference(upper, outcome.binary),
        );
    }
    let lift = match (row.lift, row.lift_ends) {
        (Some(lift), Some(ends)) => format!(
            ", a lift of {} ({} to {})",
            share(lift),
            share(ends[0]),
            share(ends[1])
        ),
        _ => String::new(),
    };
    format!(
        "'{arm}' {} '{}' from {} to {}: by {} ({} to {}){lift}.",
        if row.effect > 0.0 {
            "raised"
        } else {
            "lowered"
        },
        outcome.name,
        show(row.mean_control),
        show(row.mean),
        difference(row.effect, outcome.binary),
        difference(lower, outcome.binary).trim_end_matches(POINTS),
        difference(upper, outcome.binary).trim_end_matches(POINTS),
    )
}

fn segments(result: &ExperimentResult) -> Vec<String> {
    let mut words = Vec::new();
    let own: Vec<&EffectRow> = result
        .rows
        .iter()
        .filter(|row| row.segment != EVERYONE && row.p.is_some())
        .collect();
    if own.is_empty() {
        return words;
    }
    let clear = own.iter().filter(|row| stands(result, row)).count();
    let rule = match result.settings.adjustment {
        Adjustment::Fdr => "after correction for looking at all of them (false discovery rate)",
        Adjustment::Holm => "after correction for looking at all of them (Holm)",
        Adjustment::None => "without any correction for looking at all of them",
    };
    words.push(format!(
        "{clear} of {} effects in segments are clear of chance {rule}.",
        own.len()
    ));
    let alpha = 1.0 - result.settings.level;
    let differ: Vec<String> = result
        .heterogeneity
        .iter()
        .filter(|one| one.p_adjusted < alpha)
        .map(|one| {
            format!(
                "'{}' on '{}' by {} (about {} from segment to segment)",
                result.arms[one.arm],
                result.outcomes[one.outcome].name,
                match result.families[one.family].as_str() {
                    "memberships" => "membership".to_owned(),
                    column => format!("'{column}'"),
                },
                difference(one.tau, result.outcomes[one.outcome].binary).trim_start_matches('+'),
            )
        })
        .collect();
    if result.heterogeneity.is_empty() {
        return words;
    }
    words.push(if differ.is_empty() {
        "Nothing says that effects differ between these segments: choosing among them would be choosing noise. Shrunken effects are the better guess for each.".to_owned()
    } else {
        let told = differ.len().min(4);
        let more = if differ.len() > told {
            format!(", and {} more", differ.len() - told)
        } else {
            String::new()
        };
        format!(
            "Effects differ between segments by more than chance: {}{more}. Choose by the shrunken effects; raw ones flatter the winners.",
            differ[..told].join(", ")
        )
    });
    words
}

fn cautions(result: &ExperimentResult) -> Vec<String> {
    let mut words = Vec::new();
    for caution in [
        Caution::TooFew,
        Caution::Constant,
        Caution::FewCustomers,
        Caution::FewEvents,
    ] {
        let n = result
            .rows
            .iter()
            .filter(|row| row.caution == Some(caution))
            .count();
        if n > 0 {
            let consequence = match caution {
                Caution::TooFew | Caution::Constant => "they have no interval",
                _ => "take their intervals and p-values as rough",
            };
            words.push(format!(
                "In {n} of {} rows {}: {consequence}.",
                result.rows.len(),
                caution.words()
            ));
        }
    }
    if result.n_unadjusted > 0 {
        words.push(format!(
            "{} of {} segments have too few customers to adjust for covariates (ten a coefficient and arm) and are not adjusted.",
            result.n_unadjusted,
            result.segments.len(),
        ));
    }
    for outcome in &result.outcomes {
        if let Some(cap) = outcome.cap {
            words.push(format!(
                "Values of '{}' above {} count as {}: {} rows.",
                outcome.name,
                plain(cap),
                plain(cap),
                count(outcome.n_capped as f64),
            ));
        }
        let missing: usize = outcome.n_missing.iter().sum();
        if missing > 0 {
            words.push(format!(
                "{} rows without '{}' count for nothing there.",
                count(missing as f64),
                outcome.name
            ));
        }
    }
    words
}

/// Whether an effect is clear of chance after adjustment.
fn stands(result: &ExperimentResult, row: &EffectRow) -> bool {
    row.p_adjusted
        .is_some_and(|p| p < 1.0 - result.settings.level)
}

/// A mean: a share in per cent, or a number.
fn amount(value: f64, binary: bool) -> String {
    // What rounding leaves of 0 is 0, without a sign.
    let value = if value.abs() < 1e-12 { 0.0 } else { value };
    if binary {
        format!("{}%", plain(100.0 * value))
    } else {
        plain(value)
    }
}

/// A difference of means, with its sign: of shares in percentage points.
fn difference(value: f64, binary: bool) -> String {
    let sign = if value < 0.0 { "\u{2212}" } else { "+" };
    if binary {
        format!("{sign}{}{POINTS}", plain(100.0 * value.abs()))
    } else {
        format!("{sign}{}", plain(value.abs()))
    }
}

fn share(value: f64) -> String {
    let sign = if value < 0.0 { "\u{2212}" } else { "+" };
    format!("{sign}{:.0}%", 100.0 * value.abs())
}

/// Three significant digits, and all before the point.
fn plain(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let before = value.abs().log10().floor();
    // Between -12 and 2, whatever the value.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let decimals = (2.0 - before).clamp(0.0, 12.0) as usize;
    if decimals == 0 {
        count(value)
    } else {
        format!("{value:.decimals$}")
    }
}

/// A whole number with its thousands set apart.
fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 {
        format!("\u{2212}{text}")
    } else {
        text
    }
}

fn p_value(p: Option<f64>) -> String {
    match p {
        None => "p unknown".to_owned(),
        Some(p) if p < 0.001 => "p < 0.001".to_owned(),
        Some(p) => format!("p = {p:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(plain(0.045_23), "0.0452");
        assert_eq!(plain(1_234.5), "1,234");
        assert_eq!(difference(-0.0123, true), "\u{2212}1.23 points");
        assert_eq!(count(-1_234_567.0), "\u{2212}1,234,567");
        assert_eq!(p_value(Some(1e-9)), "p < 0.001");
    }
}

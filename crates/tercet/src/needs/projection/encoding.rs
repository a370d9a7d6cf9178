//! How attributes become columns of numbers: learned from the respondents, the same for customers.

use serde::{Deserialize, Serialize};

use super::reader::{Reader, source};
use crate::data::{Design, FeatureView, NO_LEVEL, Numbers};
use crate::error::{Error, Result};

/// What was learned of every attribute, in the order of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Encoding {
    attributes: Vec<Attribute>,
}

/// What was learned of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Attribute {
    name: String,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// One column in standard deviations from the mean, which is also what a missing value becomes.
    Numbers {
        mean: f64,
        standard_deviation: f64,
        /// What lies beyond the respondents' range is taken for its end: a straight line through the
        /// log-odds says nothing of where nobody was asked.
        lowest: f64,
        highest: f64,
        /// Whether missing values have a column of their own.
        missing: bool,
    },
    /// One column a level.
    Levels {
        levels: Vec<String>,
        /// Whether the rare levels together have a column; levels never seen join them.
        other: bool,
        missing: bool,
    },
}

impl Kind {
    fn width(&self) -> usize {
        match self {
            Self::Numbers { missing, .. } => 1 + usize::from(*missing),
            Self::Levels {
                levels,
                other,
                missing,
            } => levels.len() + usize::from(*other) + usize::from(*missing),
        }
    }
}

impl Encoding {
    /// Learns from rows of positive weight.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for an attribute that is missing or the same in all of them.
    pub(super) fn learn(
        design: &Design<'_>,
        weight: impl Fn(usize) -> f64,
        min_level_count: usize,
    ) -> Result<Self> {
        let rows: Vec<(usize, f64)> = (0..design.len())
            .map(|row| (row, weight(row)))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        let columns = design.names().iter().zip(design.features());
        let attributes = columns.map(|(name, feature)| {
            let kind = match feature.view() {
                FeatureView::Numbers(values) => learn_numbers(name, values, &rows),
                FeatureView::Levels { codes, levels } => {
                    learn_levels(name, codes, levels, &rows, min_level_count)
                }
            };
            Ok(Attribute {
                name: name.clone(),
                kind: kind?,
            })
        });
        Ok(Self {
            attributes: attributes.collect::<Result<_>>()?,
        })
    }

    /// Number of columns, the intercept's included.
    pub(super) fn width(&self) -> usize {
        1 + self
            .attributes
            .iter()
            .map(|one| one.kind.width())
            .sum::<usize>()
    }

    /// The names of the attributes.
    pub(super) fn names(&self) -> Vec<String> {
        self.attributes.iter().map(|one| one.name.clone()).collect()
    }

    /// The names of the columns, the intercept's first.
    pub(super) fn labels(&self) -> Vec<String> {
        let mut labels = vec!["intercept".to_owned()];
        for Attribute { name, kind } in &self.attributes {
            let (other, missing) = match kind {
                Kind::Numbers { missing, .. } => {
                    labels.push(name.clone());
                    (false, *missing)
                }
                Kind::Levels {
                    levels,
                    other,
                    missing,
                } => {
                    labels.extend(levels.iter().map(|level| format!("{name} = {level}")));
                    (*other, *missing)
                }
            };
            if other {
                labels.push(format!("{name}: other levels"));
            }
            if missing {
                labels.push(format!("{name}: missing"));
            }
        }
        labels
    }

    /// That a file's encoding could have been learned.
    pub(super) fn check(&self) -> Result<()> {
        for Attribute { name, kind } in &self.attributes {
            if let Kind::Numbers {
                mean,
                standard_deviation,
                lowest,
                highest,
                ..
            } = kind
            {
                let finite = [mean, lowest, highest]
                    .iter()
                    .all(|value| value.is_finite());
                // "not above 0" as "not greater": a NaN must not pass.
                if !(finite && *standard_deviation > 0.0 && lowest < highest) {
                    return Err(Error::Corrupt {
                        reason: format!("in \"schema\": '{name}' has an impossible mean or range"),
                    });
                }
            }
        }
        Ok(())
    }

    /// Ties the encoding to a table, by the names of its columns; columns that were not learned are
    /// not looked at.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column that is not there or of another kind.
    pub(super) fn reader<'a>(&self, design: &Design<'a>) -> Result<Reader<'a>> {
        let mut sources = Vec::with_capacity(self.attributes.len());
        let mut place = 1;
        for Attribute { name, kind } in &self.attributes {
            let Some(feature) = design.feature(name) else {
                let reason = "is not in the table; the projection was fitted with it";
                return Err(Error::data(name, None, reason));
            };
            sources.push(source(name, kind, feature, place)?);
            place += kind.width();
        }
        Ok(Reader { sources })
    }
}

fn learn_numbers(name: &str, values: Numbers<'_>, rows: &[(usize, f64)]) -> Result<Kind> {
    let known = || rows.iter().filter(|(row, _)| !values.get(*row).is_nan());
    let range = known().fold((f64::INFINITY, f64::NEG_INFINITY), |range, (row, _)| {
        (range.0.min(values.get(*row)), range.1.max(values.get(*row)))
    });
    let (lowest, highest) = range;
    let refuse = |reason: String| Err(Error::data(name, None, reason));
    if lowest > highest {
        return refuse("is missing in every row; leave it out".to_owned());
    }
    let constant = || {
        refuse(format!(
            "is {lowest} wherever it is known, which tells nobody apart; leave it out (where the gap itself tells, pass whether it is known)"
        ))
    };
    if lowest == highest {
        return constant();
    }
    // In units of the range, so that no square overflows.
    let unit = 0.5 * highest - 0.5 * lowest;
    let centred = |row: usize| (values.get(row) - (0.5 * highest + 0.5 * lowest)) / unit;
    let (mut total, mut sum) = (0.0, 0.0);
    for (row, weight) in known() {
        total += weight;
        sum += weight * centred(*row);
    }
    let mean = sum / total;
    let squares = known().map(|(row, weight)| weight * (centred(*row) - mean).powi(2));
    let standard_deviation = (squares.sum::<f64>() / total).sqrt() * unit;
    // All but all of the weight may lie on one value.
    if standard_deviation == 0.0 {
        return constant();
    }
    Ok(Kind::Numbers {
        mean: 0.5 * highest + 0.5 * lowest + mean * unit,
        standard_deviation,
        lowest,
        highest,
        missing: known().count() < rows.len(),
    })
}

fn learn_levels(
    name: &str,
    codes: &[u16],
    levels: &[String],
    rows: &[(usize, f64)],
    min_level_count: usize,
) -> Result<Kind> {
    let mut counts = vec![0; levels.len()];
    let mut n_missing = 0;
    for (row, _) in rows {
        match codes[*row] {
            NO_LEVEL => n_missing += 1,
            code => counts[usize::from(code)] += 1,
        }
    }
    let refuse = |reason: String| Err(Error::data(name, None, reason));
    if n_missing == rows.len() {
        return refuse("is missing in every row; leave it out".to_owned());
    }
    let rare: usize = counts
        .iter()
        .filter(|count| **count < min_level_count)
        .sum();
    let frequent = levels
        .iter()
        .zip(&counts)
        .filter(|(_, count)| **count >= min_level_count);
    let kind = Kind::Levels {
        levels: frequent.map(|(level, _)| level.clone()).collect(),
        // Too few even together: without a column of their own they get the average level's effect.
        other: rare > 0 && rare >= min_level_count,
        missing: n_missing > 0,
    };
    if kind.width() < 2 {
        return refuse(format!(
            "has no two levels of {min_level_count} rows or more, which tells nobody apart; merge levels, lower min_level_count, or leave it out"
        ));
    }
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Feature;

    fn levels<'a>(codes: &'a [u16], names: &[&str]) -> Feature<'a> {
        Feature::Levels {
            codes,
            levels: names.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn one(feature: Feature<'_>) -> Design<'_> {
        Design::new(vec![("x".to_owned(), feature)]).unwrap()
    }

    fn learn(feature: Feature<'_>, min_level_count: usize) -> Result<Encoding> {
        Encoding::learn(&one(feature), |_| 1.0, min_level_count)
    }

    fn encode(encoding: &Encoding, feature: Feature<'_>) -> Vec<f64> {
        let design = one(feature);
        let reader = encoding.reader(&design).unwrap();
        reader.matrix(design.len(), encoding.width())
    }

    #[test]
    fn numbers_are_standardised_clamped_and_marked_where_missing() {
        let learned = learn(Feature::Numbers(&[1.0, 3.0, f64::NAN]), 1).unwrap();
        assert_eq!(learned.labels(), ["intercept", "x", "x: missing"]);
        let found = encode(&learned, Feature::Numbers(&[3.0, f64::NAN, 1e9]));
        assert_eq!(found, [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
        // Without a missing value among the respondents, a missing one is the mean.
        let learned = learn(Feature::Numbers(&[1.0, 3.0]), 1).unwrap();
        assert_eq!(encode(&learned, Feature::Numbers(&[f64::NAN])), [1.0, 0.0]);
    }

    #[test]
    fn numbers_near_the_limits_are_standardised_too() {
        let far = [-1.5e308, 1.5e308, 0.0, 0.0];
        let learned = learn(Feature::Numbers(&far), 1).unwrap();
        let found = encode(&learned, Feature::Numbers(&far[..1]));
        assert!((found[1] + 2.0_f64.sqrt()).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn levels_go_by_name_and_rare_ones_together() {
        let codes = [0, 0, 0, 1, 1, 2, 3, NO_LEVEL];
        let learned = learn(levels(&codes, &["a", "b", "c", "d", "e"]), 2).unwrap();
        let labels = [
            "intercept",
            "x = a",
            "x = b",
            "x: other levels",
            "x: missing",
        ];
        assert_eq!(learned.labels(), labels);
        // Another table, another order of levels, and one that nobody has seen.
        let found = encode(&learned, levels(&[0, 1, 2, NO_LEVEL], &["new", "b", "c"]));
        let other = [1.0, 0.0, 0.0, 1.0, 0.0];
        let rows = [
            other,
            [1.0, 0.0, 1.0, 0.0, 0.0],
            other,
            [1.0, 0.0, 0.0, 0.0, 1.0],
        ];
        assert_eq!(found, rows.concat());
        // Where rare levels are too few even together, they get no column.
        let learned = learn(levels(&[0, 0, 1, 1, 2], &["a", "b", "c"]), 2).unwrap();
        assert_eq!(
            encode(&learned, levels(&[2], &["a", "b", "c"])),
            [1.0, 0.0, 0.0]
        );
    }

    #[test]
    fn what_tells_nobody_apart_is_refused() {
        let refused = |feature, least| learn(feature, least).unwrap_err().to_string();
        let known = "is 2 wherever it is known";
        assert!(refused(Feature::Numbers(&[2.0, f64::NAN]), 1).contains(known));
        assert!(refused(Feature::Numbers(&[f64::NAN]), 1).contains("missing in every row"));
        assert!(refused(levels(&[NO_LEVEL], &["a"]), 1).contains("missing in every row"));
        assert!(refused(levels(&[0, 0, 1], &["a", "b"]), 2).contains("no two levels of 2 rows"));
        // A row of weight 0 is not looked at.
        let design = one(Feature::Numbers(&[1.0, 2.0]));
        assert!(Encoding::learn(&design, |row| row as f64, 1).is_err());
    }

    #[test]
    fn tables_that_do_not_match_are_refused() {
        let learned = learn(Feature::Numbers(&[1.0, 3.0]), 1).unwrap();
        let other = Design::new(vec![("y".into(), Feature::Numbers(&[1.0]))]).unwrap();
        let error = learned.reader(&other).unwrap_err().to_string();
        assert!(
            error.starts_with("column 'x': is not in the table"),
            "{error}"
        );
        let error = learned
            .reader(&one(levels(&[0], &["a"])))
            .unwrap_err()
            .to_string();
        assert!(error.contains("holds levels"), "{error}");
    }
}

//! Attributes read as columns of numbers, a row at a time.

use std::collections::HashMap;

use super::encoding::Kind;
use crate::data::{Feature, FeatureView, NO_LEVEL, Numbers};
use crate::error::{Error, Result};

/// An encoding tied to a table.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) sources: Vec<Source<'a>>,
}

/// Where the columns of one attribute come from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Numbers {
        values: Numbers<'a>,
        mean: f64,
        per_deviation: f64,
        lowest: f64,
        highest: f64,
        place: usize,
        missing: Option<usize>,
    },
    Levels {
        codes: &'a [u16],
        /// The column of each of the table's levels.
        places: Vec<Option<usize>>,
        missing: Option<usize>,
    },
}

pub(super) fn source<'a>(
    name: &str,
    kind: &Kind,
    feature: &Feature<'a>,
    place: usize,
) -> Result<Source<'a>> {
    match (kind, feature.view()) {
        (
            Kind::Numbers {
                mean,
                standard_deviation,
                lowest,
                highest,
                missing,
            },
            FeatureView::Numbers(values),
        ) => Ok(Source::Numbers {
            values,
            mean: *mean,
            per_deviation: standard_deviation.recip(),
            lowest: *lowest,
            highest: *highest,
            place,
            missing: missing.then_some(place + 1),
        }),
        (
            Kind::Levels {
                levels,
                other,
                missing,
            },
            FeatureView::Levels {
                codes,
                levels: found,
            },
        ) => {
            let learned: HashMap<&str, usize> =
                levels.iter().map(String::as_str).zip(place..).collect();
            let other = other.then_some(place + levels.len());
            let after = place + levels.len() + usize::from(other.is_some());
            let column = |level: &String| learned.get(level.as_str()).copied().or(other);
            Ok(Source::Levels {
                codes,
                places: found.iter().map(column).collect(),
                missing: missing.then_some(after),
            })
        }
        (Kind::Numbers { .. }, _) => Err(mismatch(name, "numbers", feature)),
        (Kind::Levels { .. }, _) => Err(mismatch(name, "levels", feature)),
    }
}

fn mismatch(name: &str, fitted: &str, feature: &Feature<'_>) -> Error {
    let found = feature.kind_word();
    let reason =
        format!("holds {found}; the projection was fitted with {fitted} in it: convert the column");
    Error::data(name, None, reason)
}

impl Reader<'_> {
    /// Calls `visit(column, value)` for every column but the intercept's that is not 0 in a row.
    #[inline]
    pub(super) fn visit(&self, row: usize, mut visit: impl FnMut(usize, f64)) {
        for source in &self.sources {
            match source {
                Source::Numbers {
                    values,
                    mean,
                    per_deviation,
                    lowest,
                    highest,
                    place,
                    missing,
                } => {
                    let value = values.get(row);
                    if !value.is_nan() {
                        visit(
                            *place,
                            (value.clamp(*lowest, *highest) - mean) * per_deviation,
                        );
                    } else if let Some(missing) = missing {
                        visit(*missing, 1.0);
                    }
                }
                Source::Levels {
                    codes,
                    places,
                    missing,
                } => {
                    let place = match codes[row] {
                        NO_LEVEL => *missing,
                        code => places[usize::from(code)],
                    };
                    if let Some(place) = place {
                        visit(place, 1.0);
                    }
                }
            }
        }
    }

    /// Rows of `width` numbers, a 1 for the intercept first.
    pub(super) fn matrix(&self, n_rows: usize, width: usize) -> Vec<f64> {
        let mut matrix = vec![0.0; n_rows * width];
        for (row, values) in matrix.chunks_exact_mut(width).enumerate() {
            values[0] = 1.0;
            self.visit(row, |place, value| values[place] = value);
        }
        matrix
    }
}

//! What is known of customers: numbers and categories, a column each.

use std::collections::HashSet;

use super::purchases::check_size;
use crate::error::{Error, Result};

/// The code of a category that is not known.
pub const NO_LEVEL: u16 = u16::MAX;

/// A column of attributes, borrowed.
#[derive(Debug, Clone, PartialEq)]
pub enum Feature<'a> {
    /// Numbers; NaN where one is not known.
    Numbers(&'a [f64]),
    /// Categories: codes of levels from 0, [`NO_LEVEL`] where one is not known.
    Levels {
        /// A code a row.
        codes: &'a [u16],
        /// The levels' names, in the order of their codes; models know levels by their names.
        levels: Vec<String>,
    },
}

impl Feature<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Levels { codes, .. } => codes.len(),
        }
    }

    /// What the column holds, in a word.
    pub(crate) fn kind_word(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numbers",
            Self::Levels { .. } => "levels",
        }
    }
}

/// The view of customers that models of their attributes take.
///
/// ```
/// use tercet::data::{Design, Feature, NO_LEVEL};
///
/// let region = Feature::Levels {
///     codes: &[0, 1, NO_LEVEL],
///     levels: vec!["north".into(), "south".into()],
/// };
/// let design = Design::new(vec![
///     ("age".into(), Feature::Numbers(&[31.0, f64::NAN, 64.0])),
///     ("region".into(), region),
/// ])?;
/// assert_eq!((design.len(), design.names().len()), (3, 2));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Design<'a> {
    names: Vec<String>,
    features: Vec<Feature<'a>>,
    n_rows: usize,
}

impl<'a> Design<'a> {
    /// Checks every column.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no column at all; [`Error::InvalidData`] for two columns of
    /// one name, a table without rows, an infinite number, a code beyond the levels, two levels of
    /// one name; [`Error::ShapeMismatch`] for columns of different lengths.
    pub fn new(columns: Vec<(String, Feature<'a>)>) -> Result<Self> {
        let (names, features): (Vec<String>, Vec<Feature<'a>>) = columns.into_iter().unzip();
        let Some((first, column)) = names.first().zip(features.first()) else {
            return Err(Error::parameter("features", "[]", "at least one column"));
        };
        let n_rows = column.len();
        check_size(first, n_rows)?;
        let mut seen = HashSet::new();
        for (name, feature) in names.iter().zip(&features) {
            if !seen.insert(name.as_str()) {
                let reason = "occurs twice among the features; name each once";
                return Err(Error::data(name, None, reason));
            }
            if feature.len() != n_rows {
                return Err(Error::ShapeMismatch {
                    column: name.clone(),
                    expected: n_rows,
                    found: feature.len(),
                });
            }
            check_feature(name, feature)?;
        }
        Ok(Self {
            names,
            features,
            n_rows,
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.n_rows
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// The columns' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns, in the order of their names.
    pub fn features(&self) -> &[Feature<'a>] {
        &self.features
    }

    /// The column of a name.
    pub fn feature(&self, name: &str) -> Option<&Feature<'a>> {
        let place = self.names.iter().position(|one| one == name)?;
        self.features.get(place)
    }
}

fn check_feature(name: &str, feature: &Feature<'_>) -> Result<()> {
    match feature {
        Feature::Numbers(values) => match values.iter().position(|x| x.is_infinite()) {
            Some(row) => {
                let reason = "is infinite; give a number, or leave it missing";
                Err(Error::data(name, row, reason))
            }
            None => Ok(()),
        },
        Feature::Levels { codes, levels } => {
            if levels.len() >= usize::from(NO_LEVEL) {
                let reason = format!(
                    "has {} levels, as an identifier would; leave it out, or group it into fewer than {NO_LEVEL}",
                    levels.len()
                );
                return Err(Error::data(name, None, reason));
            }
            let mut seen = HashSet::new();
            if let Some(twice) = levels.iter().find(|level| !seen.insert(level.as_str())) {
                let reason = format!("has two levels named '{twice}'; name each once");
                return Err(Error::data(name, None, reason));
            }
            let beyond = |code: &u16| *code != NO_LEVEL && usize::from(*code) >= levels.len();
            match codes.iter().position(beyond) {
                Some(row) => {
                    let reason = format!(
                        "has code {}, and the column has {} levels",
                        codes[row],
                        levels.len()
                    );
                    Err(Error::data(name, row, reason))
                }
                None => Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(columns: Vec<(String, Feature<'_>)>) -> String {
        Design::new(columns).unwrap_err().to_string()
    }

    #[test]
    fn refuses_what_cannot_be() {
        let numbers = |name: &str, values| (name.to_owned(), Feature::Numbers(values));
        let levels = |codes, levels: &[&str]| {
            let levels = levels.iter().map(|&level| level.to_owned()).collect();
            ("region".to_owned(), Feature::Levels { codes, levels })
        };
        let two = &[1.0, 2.0][..];
        assert!(refused(vec![]).contains("at least one column"));
        assert!(refused(vec![numbers("age", &[])]).contains("has no rows"));
        assert!(refused(vec![numbers("age", two), numbers("age", two)]).contains("occurs twice"));
        assert!(
            refused(vec![numbers("age", &[1.0, f64::INFINITY])])
                .starts_with("column 'age', row 1: is infinite")
        );
        assert!(
            refused(vec![numbers("age", two), levels(&[0], &["a"])]).contains("expected 2 rows")
        );
        assert!(
            refused(vec![levels(&[0, 2], &["a", "b"])])
                .starts_with("column 'region', row 1: has code 2")
        );
        assert!(refused(vec![levels(&[0, 1], &["a", "a"])]).contains("two levels named 'a'"));
    }
}

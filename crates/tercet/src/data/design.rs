//! What is known of customers: numbers and categories, a column each.

use std::collections::HashSet;

use super::numbers::Numbers;
use super::purchases::check_size;
use crate::error::{Error, Result};
use crate::math::lanes::Lanes;

/// The code of a category that is not known.
pub const NO_LEVEL: u16 = u16::MAX;

/// A column of attributes, borrowed.
#[derive(Debug, Clone, PartialEq)]
pub enum Feature<'a> {
    /// Numbers; NaN where one is not known.
    Numbers(&'a [f64]),
    /// Numbers that do not lie side by side, such as a column of a matrix; NaN where one is not known.
    Strided(Numbers<'a>),
    /// Categories: codes of levels from 0, [`NO_LEVEL`] where one is not known.
    Levels {
        /// A code a row.
        codes: &'a [u16],
        /// The levels' names, in the order of their codes; models know levels by their names.
        levels: Vec<String>,
    },
}

impl<'a> Feature<'a> {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Strided(values) => values.len(),
            Self::Levels { codes, .. } => codes.len(),
        }
    }

    /// What the column holds, in a word.
    pub(crate) fn kind_word(&self) -> &'static str {
        match self {
            Self::Numbers(_) | Self::Strided(_) => "numbers",
            Self::Levels { .. } => "levels",
        }
    }

    /// What the column holds, however it lies in memory.
    pub(crate) fn view(&self) -> FeatureView<'a, '_> {
        match self {
            Self::Numbers(values) => FeatureView::Numbers(Numbers::new(values)),
            Self::Strided(values) => FeatureView::Numbers(*values),
            Self::Levels { codes, levels } => FeatureView::Levels { codes, levels },
        }
    }
}

/// A column's contents: what models of attributes read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FeatureView<'a, 'f> {
    Numbers(Numbers<'a>),
    Levels {
        codes: &'a [u16],
        levels: &'f [String],
    },
}

/// How a matrix lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatrixOrder {
    /// Row by row, as C and NumPy have it.
    Rows,
    /// Column by column, as Fortran and most tables have it.
    Columns,
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
            if let Feature::Levels { codes, levels } = feature {
                check_levels(name, codes, levels)?;
            }
        }
        check_numbers(&names, &features, n_rows)?;
        Ok(Self {
            names,
            features,
            n_rows,
        })
    }

    /// The columns of a matrix of numbers, which lies row by row or column by column; nothing is
    /// copied.
    ///
    /// ```
    /// use tercet::data::{Design, MatrixOrder};
    ///
    /// let names = ["age".to_owned(), "visits".to_owned()];
    /// let rows = [31.0, 4.0, 64.0, 1.0, 45.0, 0.0];
    /// let design = Design::from_matrix(&names, &rows, MatrixOrder::Rows)?;
    /// assert_eq!(design.len(), 3);
    /// # Ok::<(), tercet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Design::new`]; [`Error::InvalidData`] where the numbers do not fill all columns.
    pub fn from_matrix(names: &[String], values: &'a [f64], order: MatrixOrder) -> Result<Self> {
        let p = names.len();
        if p > 0 && !values.len().is_multiple_of(p) {
            let reason = format!(
                "has {} numbers, which do not fill {p} columns",
                values.len()
            );
            return Err(Error::data("matrix", None, reason));
        }
        let n = values.len().checked_div(p).unwrap_or(0);
        let column = |place: usize| match order {
            MatrixOrder::Rows => Numbers::strided(values, place, p, n),
            MatrixOrder::Columns => Numbers::strided(values, place * n, 1, n),
        };
        let columns = names.iter().enumerate();
        let columns =
            columns.map(|(place, name)| Ok((name.clone(), Feature::Strided(column(place)?))));
        Self::new(columns.collect::<Result<_>>()?)
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

/// Rows that are looked at together: a block of a matrix stays near while its columns are read.
const BLOCK: usize = 1024;

/// No number is infinite.
///
/// By blocks of rows, so that a matrix whose rows lie together is read from memory once and not once
/// a column.
fn check_numbers(names: &[String], features: &[Feature<'_>], n_rows: usize) -> Result<()> {
    let columns: Vec<(&String, Numbers<'_>)> = names
        .iter()
        .zip(features)
        .filter_map(|(name, feature)| match feature.view() {
            FeatureView::Numbers(numbers) => Some((name, numbers)),
            FeatureView::Levels { .. } => None,
        })
        .collect();
    let lanes = Lanes::new();
    let numbers: Vec<Numbers<'_>> = columns.iter().map(|(_, numbers)| *numbers).collect();
    let flat = Numbers::side_by_side(&numbers);
    for start in (0..n_rows).step_by(BLOCK) {
        let end = (start + BLOCK).min(n_rows);
        if let Some(flat) = flat
            && !lanes.any_infinite(&flat[start * numbers.len()..end * numbers.len()])
        {
            continue;
        }
        for (name, column) in &columns {
            let part = column.part(start, end);
            let found = match part.as_slice() {
                Some(values) => lanes.any_infinite(values),
                None => part.iter().fold(false, |found, x| found | x.is_infinite()),
            };
            if found {
                let row = part.iter().position(f64::is_infinite);
                let row = row.map(|row| start + row);
                let reason = "is infinite; give a number, or leave it missing";
                return Err(Error::data(*name, row, reason));
            }
        }
    }
    Ok(())
}

fn check_levels(name: &str, codes: &[u16], levels: &[String]) -> Result<()> {
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

    #[test]
    fn a_matrix_is_read_in_either_order() {
        let names = ["a".to_owned(), "b".to_owned()];
        let rows = [1.0, 10.0, 2.0, 20.0, 3.0, f64::INFINITY];
        let refused = Design::from_matrix(&names, &rows, MatrixOrder::Rows).unwrap_err();
        assert!(refused.to_string().starts_with("column 'b', row 2"));
        let design = Design::from_matrix(&names, &rows[..4], MatrixOrder::Columns).unwrap();
        let Some(Feature::Strided(second)) = design.feature("b") else {
            panic!("a matrix has numbers");
        };
        assert_eq!(second.iter().collect::<Vec<_>>(), [2.0, 20.0]);
        assert!(Design::from_matrix(&names, &rows[..3], MatrixOrder::Rows).is_err());
        assert!(Design::from_matrix(&names, &[], MatrixOrder::Rows).is_err());
    }
}

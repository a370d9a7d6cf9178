//! The columns of a table of customers, as rules read them.

use std::collections::HashMap;

use super::condition::Kind;
use crate::data::{Ids, check_size};
use crate::error::{Error, Result};

/// A column, borrowed. Where there is a mask, `true` means missing.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// Numbers; NaN is missing.
    Numbers(&'a [f64]),
    /// Whole numbers, compared exactly.
    Whole {
        /// The numbers.
        values: &'a [i64],
        /// Which are missing.
        missing: Option<&'a [bool]>,
    },
    /// True or false.
    Truths {
        /// The values.
        values: &'a [bool],
        /// Which are missing.
        missing: Option<&'a [bool]>,
    },
    /// Dates or times, in microseconds of the local clock since 1970.
    Times {
        /// The times.
        ticks: &'a [i64],
        /// Which are missing.
        missing: Option<&'a [bool]>,
    },
    /// Text, as codes of distinct texts.
    Text {
        /// A code a row, from 0; missing where negative.
        codes: &'a [i32],
        /// The texts, in the order of their codes.
        levels: Ids<'a>,
    },
    /// Nothing but missing values, of whatever kind.
    Missing(usize),
}

impl<'a> Column<'a> {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Whole { values, .. } => values.len(),
            Self::Truths { values, .. } => values.len(),
            Self::Times { ticks, .. } => ticks.len(),
            Self::Text { codes, .. } => codes.len(),
            Self::Missing(rows) => *rows,
        }
    }

    /// What it holds; `None` where nothing says it.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Numbers(_) | Self::Whole { .. } => Some(Kind::Number),
            Self::Truths { .. } => Some(Kind::Truth),
            Self::Times { .. } => Some(Kind::Time),
            Self::Text { .. } => Some(Kind::Text),
            Self::Missing(_) => None,
        }
    }

    fn mask(&self) -> Option<&'a [bool]> {
        match self {
            Self::Whole { missing, .. }
            | Self::Truths { missing, .. }
            | Self::Times { missing, .. } => *missing,
            Self::Numbers(_) | Self::Text { .. } | Self::Missing(_) => None,
        }
    }
}

/// The view of a table of customers that rules take: one row a customer.
///
/// See the [module](super) for an example.
#[derive(Debug, Clone)]
pub struct Customers<'a> {
    names: Vec<String>,
    columns: Vec<Column<'a>>,
    places: HashMap<String, usize>,
    ids: Option<(String, Ids<'a>)>,
    n_rows: usize,
}

impl<'a> Customers<'a> {
    /// Checks every column.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no column at all; [`Error::InvalidData`] for two columns of one
    /// name, no rows, and a code without a text; [`Error::ShapeMismatch`].
    pub fn new(columns: Vec<(String, Column<'a>)>) -> Result<Self> {
        let Some((first, column)) = columns.first() else {
            return Err(Error::parameter("columns", "[]", "at least one column"));
        };
        let n_rows = column.len();
        check_size(first, n_rows)?;
        let mut places = HashMap::new();
        for (place, (name, column)) in columns.iter().enumerate() {
            if places.insert(name.clone(), place).is_some() {
                return Err(Error::data(
                    name,
                    None,
                    "occurs twice; name each column once",
                ));
            }
            let masked = column.mask().map_or(n_rows, <[bool]>::len);
            check_rows(name, n_rows, column.len())?;
            check_rows(name, n_rows, masked)?;
            if let Column::Text { codes, levels } = column {
                check_codes(name, codes, levels)?;
            }
        }
        let (names, columns) = columns.into_iter().unzip();
        Ok(Self {
            names,
            columns,
            places,
            ids: None,
            n_rows,
        })
    }

    /// A table of which nothing is asked but how many rows it has, and perhaps its ids.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for no rows.
    pub fn of_rows(n_rows: usize) -> Result<Self> {
        check_size("customers", n_rows)?;
        Ok(Self {
            names: Vec::new(),
            columns: Vec::new(),
            places: HashMap::new(),
            ids: None,
            n_rows,
        })
    }

    /// Adds the customers' ids, by which frozen segments know them.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`].
    pub fn with_ids(mut self, name: &str, ids: Ids<'a>) -> Result<Self> {
        check_rows(name, self.n_rows, ids.len())?;
        ids.check_layout(name)?;
        self.ids = Some((name.to_owned(), ids));
        Ok(self)
    }

    /// Number of customers.
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

    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(crate) fn column(&self, place: usize) -> &Column<'a> {
        &self.columns[place]
    }

    pub(crate) fn ids(&self) -> Option<&(String, Ids<'a>)> {
        self.ids.as_ref()
    }
}

fn check_rows(name: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        column: name.to_owned(),
        expected,
        found,
    })
}

fn check_codes(name: &str, codes: &[i32], levels: &Ids<'_>) -> Result<()> {
    levels.check_layout(name)?;
    let beyond = |code: &i32| usize::try_from(*code).is_ok_and(|code| code >= levels.len());
    match codes.iter().position(beyond) {
        None => Ok(()),
        Some(row) => {
            let reason = format!("has code {} of {} texts", codes[row], levels.len());
            Err(Error::data(name, row, reason))
        }
    }
}

//! One error type for the whole crate; each arm is named by what the caller can change.

use std::fmt;

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
///
/// Not converging is *not* an error: see [`FitReport::converged`](crate::model::FitReport).
///
/// ```
/// use tercet::data::Purchases;
///
/// let error = Purchases::new(&[2.0, -1.0], &[3.0, 1.0], &[10.0, 10.0]).unwrap_err();
/// assert!(error.to_string().starts_with("column 'frequency', row 1:"));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting or an argument lies outside what it may be.
    #[error("{name} = {value}: expected {expected}")]
    InvalidParameter {
        /// The parameter's name, as the caller writes it.
        name: String,
        /// What was given.
        value: String,
        /// What would have been accepted.
        expected: String,
    },
    /// A value in a table cannot be what it says.
    #[error("column '{column}'{}: {reason}", At(*row))]
    InvalidData {
        /// The column's name, as the caller writes it.
        column: String,
        /// The first row at fault, counted from 0; `None` where the column as a whole is at fault.
        row: Option<usize>,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// Columns tell the outcomes apart without an error, so that their coefficients run to infinity.
    #[error(
        "column '{column}' tells the outcomes of '{outcome}' apart without an error, and its coefficient runs to infinity: look whether it was recorded after the outcome; otherwise set a penalty's strength above 0, join a level with others, or leave it out"
    )]
    Separation {
        /// The first such column, with its level where it has levels.
        column: String,
        /// The outcome.
        outcome: String,
    },
    /// Two inputs that belong together differ in length.
    #[error("column '{column}': expected {expected} rows, found {found}")]
    ShapeMismatch {
        /// The column whose length is wrong.
        column: String,
        /// The length it should have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// The observer asked to stop.
    #[error("interrupted after {iterations} iterations")]
    Interrupted {
        /// Iterations completed before the stop.
        iterations: usize,
    },
    /// The file was written by a newer tercet.
    #[error(
        "a '{kind}' file of version {found}; this tercet reads up to version {newest}: upgrade tercet, or save the model again with this version"
    )]
    UnsupportedVersion {
        /// The model's kind.
        kind: String,
        /// The version in the file.
        found: u32,
        /// The newest version that this build reads.
        newest: u32,
    },
    /// The file holds another kind of model.
    #[error("this file holds a '{found}', not a '{expected}': load it as what it is")]
    WrongKind {
        /// The kind in the file.
        found: String,
        /// The kind that was asked for.
        expected: String,
    },
    /// The file is not a whole tercet model.
    #[error("not a whole tercet model file: {reason}")]
    Corrupt {
        /// Where reading failed.
        reason: String,
    },
    /// The file could not be read or written.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// What kind of failure it was.
        kind: std::io::ErrorKind,
        /// The operating system's words.
        reason: String,
    },
    /// Arithmetic left the finite numbers where the method says that it cannot.
    #[error("{during}: the result is not a finite number; please report the data that led here")]
    Numeric {
        /// What was being computed.
        during: String,
    },
}

/// Prints ", row 7" where a row is known.
struct At(Option<usize>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(row) => write!(f, ", row {row}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// Shorthand for [`Error::InvalidParameter`].
    pub fn parameter(
        name: impl Into<String>,
        value: impl fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::InvalidParameter {
            name: name.into(),
            value: value.to_string(),
            expected: expected.into(),
        }
    }

    /// Shorthand for [`Error::InvalidData`].
    pub fn data(
        column: impl Into<String>,
        row: impl Into<Option<usize>>,
        reason: impl Into<String>,
    ) -> Self {
        Self::InvalidData {
            column: column.into(),
            row: row.into(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send_and_sync<T: Send + Sync + 'static>() {}

    #[test]
    fn crosses_threads() {
        send_and_sync::<Error>();
    }

    #[test]
    fn names_the_row_only_where_there_is_one() {
        let whole = Error::data("T", None, "is empty");
        assert_eq!(whole.to_string(), "column 'T': is empty");
        let row = Error::data("T", 3, "is negative");
        assert_eq!(row.to_string(), "column 'T', row 3: is negative");
    }
}

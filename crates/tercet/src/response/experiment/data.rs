//! A table of an experiment: who got what, what came of it, and which segments they belong to.

use crate::data::{Ids, check_size};
use crate::error::{Error, Result};
use crate::response::data::check_magnitude;

/// More arms than any campaign has: beyond it the column is something else.
pub const MOST_ARMS: usize = 100;

/// The code of a row without a label: it belongs to no segment of its grouping.
pub const NO_SEGMENT: u32 = u32::MAX;

/// Who got what.
#[derive(Debug, Clone)]
pub struct Arms<'a> {
    /// What the caller calls the column.
    pub column: String,
    /// The arms' names.
    pub names: Vec<String>,
    /// Every row's arm, as a place in `names`.
    pub codes: &'a [u16],
    /// The arm that the others are compared with, as a place in `names`.
    pub control: usize,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome<'a> {
    /// What the caller calls the column.
    pub name: String,
    /// A number a row; NaN where it is not known.
    pub values: &'a [f64],
    /// Values above this quantile (of all arms together) count as the quantile; `None` for as they are. An
    /// outcome of 0 and 1 stays as it is.
    pub winsorize: Option<f64>,
}

impl<'a> Outcome<'a> {
    /// An outcome as it is.
    pub fn new(name: impl Into<String>, values: &'a [f64]) -> Self {
        Self {
            name: name.into(),
            values,
            winsorize: None,
        }
    }

    /// The same with the values above a quantile drawn in to it.
    #[must_use]
    pub fn winsorized(mut self, quantile: f64) -> Self {
        self.winsorize = Some(quantile);
        self
    }
}

/// A number that was known of every customer before the experiment began.
#[derive(Debug, Clone)]
pub struct Covariate<'a> {
    /// What the caller calls the column.
    pub name: String,
    /// A number a row; NaN where it is not known.
    pub values: &'a [f64],
}

/// Which rows belong to which segment.
#[derive(Debug, Clone)]
pub enum Membership<'a> {
    /// A column of labels: every row belongs to one segment, or to none.
    Labels {
        /// What the caller calls the column.
        column: String,
        /// The segments' names.
        names: Vec<String>,
        /// Every row's segment, as a place in `names`; [`NO_SEGMENT`] for none.
        codes: &'a [u32],
    },
    /// One segment, which others may overlap.
    Flags {
        /// The segment's name.
        name: String,
        /// Whether each row belongs to it.
        flags: &'a [bool],
    },
}

/// The table of an experiment, a row a customer (or several, with [`ExperimentData::with_clusters`]).
///
/// ```
/// use tercet::response::experiment::{Arms, ExperimentData, Outcome};
///
/// let arms = Arms {
///     column: "group".to_owned(),
///     names: vec!["none".to_owned(), "e-mail".to_owned()],
///     codes: &[0, 1, 0, 1],
///     control: 0,
/// };
/// let data = ExperimentData::new(arms, vec![Outcome::new("orders", &[1.0, 2.0, 0.0, 3.0])])?;
/// assert_eq!(data.len(), 4);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ExperimentData<'a> {
    pub(super) arms: Arms<'a>,
    pub(super) outcomes: Vec<Outcome<'a>>,
    pub(super) covariates: Vec<Covariate<'a>>,
    pub(super) memberships: Vec<Membership<'a>>,
    pub(super) clusters: Option<(String, Ids<'a>)>,
    pub(super) customers: Option<(String, Ids<'a>)>,
}

impl<'a> ExperimentData<'a> {
    /// Checks arms and outcomes.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column of one arm or of more than [`MOST_ARMS`], an arm without a
    /// row, an outcome that is infinite or the same in every row, and no outcome at all;
    /// [`Error::ShapeMismatch`].
    pub fn new(arms: Arms<'a>, outcomes: Vec<Outcome<'a>>) -> Result<Self> {
        check_size(&arms.column, arms.codes.len())?;
        check_arms(&arms)?;
        if outcomes.is_empty() {
            return Err(Error::parameter("outcomes", "[]", "at least one column"));
        }
        for outcome in &outcomes {
            check_outcome(outcome, arms.codes.len())?;
        }
        Ok(Self {
            arms,
            outcomes,
            covariates: Vec::new(),
            memberships: Vec::new(),
            clusters: None,
            customers: None,
        })
    }

    /// Adds what was known of the customers before the experiment.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for an infinite number, or a column that says the same of everybody;
    /// [`Error::ShapeMismatch`].
    pub fn with_covariates(mut self, covariates: Vec<Covariate<'a>>) -> Result<Self> {
        for covariate in &covariates {
            let (name, values) = (&covariate.name, covariate.values);
            check_length(name, self.len(), values.len())?;
            check_finite(name, values, "correct it, or leave it missing")?;
            let missing = values.iter().any(|value| value.is_nan());
            if !varies(values) && !missing {
                let reason = "is the same in every row and explains nothing; leave it out";
                return Err(Error::data(name, None, reason));
            }
            if values.iter().all(|value| value.is_nan()) {
                let reason = "is missing in every row; leave it out";
                return Err(Error::data(name, None, reason));
            }
        }
        self.covariates = covariates;
        Ok(self)
    }

    /// Adds segments; they may overlap.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a segment without a row, or two of one name; [`Error::ShapeMismatch`].
    pub fn with_segments(mut self, memberships: Vec<Membership<'a>>) -> Result<Self> {
        let mut names: Vec<&str> = Vec::new();
        for membership in &memberships {
            check_membership(membership, self.len())?;
            match membership {
                Membership::Labels { names: own, .. } => {
                    names.extend(own.iter().map(String::as_str));
                }
                Membership::Flags { name, .. } => names.push(name),
            }
        }
        names.sort_unstable();
        if let Some(twin) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let reason = "is the name of two segments; rename one of them";
            return Err(Error::data(twin[0], None, reason));
        }
        self.memberships = memberships;
        Ok(self)
    }

    /// Adds whose row each is, where a customer (a shop, a household) has several: rows of one cluster
    /// were given the same, and their errors may hang together.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`]. That a cluster is in one arm only is checked by the analysis.
    pub fn with_clusters(mut self, column: impl Into<String>, ids: Ids<'a>) -> Result<Self> {
        let column = column.into();
        check_length(&column, self.len(), ids.len())?;
        self.clusters = Some((column, ids));
        Ok(self)
    }

    /// Adds whose row each is, where every customer has one: the analysis then refuses a customer who has
    /// several.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`].
    pub fn with_customers(mut self, column: impl Into<String>, ids: Ids<'a>) -> Result<Self> {
        let column = column.into();
        check_length(&column, self.len(), ids.len())?;
        self.customers = Some((column, ids));
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.arms.codes.len()
    }

    /// Whether there is no row (there always is one).
    pub fn is_empty(&self) -> bool {
        self.arms.codes.is_empty()
    }
}

fn check_arms(arms: &Arms<'_>) -> Result<()> {
    let (column, n) = (&arms.column, arms.names.len());
    let remedy = "an experiment compares at least two arms, one of them the control";
    if n < 2 {
        let found = arms.names.first().map_or("nothing", String::as_str);
        let reason = format!("is '{found}' in every row; {remedy}");
        return Err(Error::data(column, None, reason));
    }
    if n > MOST_ARMS {
        let reason = format!(
            "has {n} different values, more than the {MOST_ARMS} arms that an experiment may have; name the column that says who got what"
        );
        return Err(Error::data(column, None, reason));
    }
    if arms.control >= n {
        let expected = format!("one of the {n} arms");
        return Err(Error::parameter("control", arms.control, expected));
    }
    let mut rows = vec![0_usize; n];
    for (row, code) in arms.codes.iter().enumerate() {
        let Some(count) = rows.get_mut(usize::from(*code)) else {
            let reason = format!("has the code {code}, and there are {n} arms");
            return Err(Error::data(column, row, reason));
        };
        *count += 1;
    }
    match rows.iter().position(|count| *count == 0) {
        Some(empty) => {
            let reason = format!("has no row of the arm '{}'; {remedy}", arms.names[empty]);
            Err(Error::data(column, None, reason))
        }
        None => Ok(()),
    }
}

fn check_outcome(outcome: &Outcome<'_>, n: usize) -> Result<()> {
    let (name, values) = (&outcome.name, outcome.values);
    check_length(name, n, values.len())?;
    check_finite(name, values, "correct it, or leave it missing")?;
    if !varies(values) {
        let reason = "is the same in every row (or missing), so that no arm can differ; look whether the outcome was joined to the customers";
        return Err(Error::data(name, None, reason));
    }
    match outcome.winsorize {
        Some(quantile) if !(quantile > 0.5 && quantile < 1.0) => Err(Error::parameter(
            "winsorize",
            quantile,
            "a quantile above 0.5 and below 1, such as 0.999",
        )),
        _ => Ok(()),
    }
}

fn check_membership(membership: &Membership<'_>, n: usize) -> Result<()> {
    match membership {
        Membership::Labels {
            column,
            names,
            codes,
        } => {
            check_length(column, n, codes.len())?;
            let mut rows = vec![false; names.len()];
            for (row, code) in codes.iter().enumerate() {
                if *code != NO_SEGMENT {
                    let place = usize::try_from(*code).unwrap_or(usize::MAX);
                    let Some(seen) = rows.get_mut(place) else {
                        let reason = format!("has the code {code}: there is no such segment");
                        return Err(Error::data(column, row, reason));
                    };
                    *seen = true;
                }
            }
            match rows.iter().position(|seen| !seen) {
                Some(place) => Err(empty(&names[place])),
                None => Ok(()),
            }
        }
        Membership::Flags { name, flags } => {
            check_length(name, n, flags.len())?;
            if flags.contains(&true) {
                Ok(())
            } else {
                Err(empty(name))
            }
        }
    }
}

fn empty(segment: &str) -> Error {
    let reason = "is a segment without a customer in the table; leave it out";
    Error::data(segment, None, reason)
}

fn check_length(column: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        column: column.to_owned(),
        expected,
        found,
    })
}

fn check_finite(column: &str, values: &[f64], remedy: &str) -> Result<()> {
    match values.iter().position(|value| value.is_infinite()) {
        Some(row) => Err(Error::data(column, row, format!("is infinite; {remedy}"))),
        None => check_magnitude(column, values),
    }
}

/// Whether two values differ; missing ones are none.
fn varies(values: &[f64]) -> bool {
    let mut known = values.iter().filter(|value| !value.is_nan());
    known
        .next()
        .is_some_and(|first| known.any(|value| value != first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arms<'a>(codes: &'a [u16], names: &[&str]) -> Arms<'a> {
        Arms {
            column: "arm".to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            codes,
            control: 0,
        }
    }

    fn refusal(codes: &[u16], names: &[&str], y: &[f64]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let arms = Arms {
            column: "arm".to_owned(),
            names,
            codes,
            control: 0,
        };
        let made = ExperimentData::new(arms, vec![Outcome::new("y", y)]);
        made.unwrap_err().to_string()
    }

    #[test]
    fn bad_arms_and_outcomes_are_refused_in_words() {
        assert!(refusal(&[0, 0], &["a"], &[0.0, 1.0]).contains("'a' in every row"));
        assert!(refusal(&[0, 0], &["a", "b"], &[0.0, 1.0]).contains("no row of the arm 'b'"));
        assert!(refusal(&[0, 1], &["a", "b"], &[1.0, 1.0]).contains("the same in every row"));
        let infinite = refusal(&[0, 1], &["a", "b"], &[1.0, f64::INFINITY]);
        assert!(infinite.starts_with("column 'y', row 1: is infinite"));
        assert!(refusal(&[0, 1], &["a", "b"], &[1.0]).contains("expected 2 rows"));
    }

    #[test]
    fn an_empty_segment_is_refused() {
        let data = || {
            let outcome = Outcome::new("y", &[0.0, 1.0]);
            ExperimentData::new(arms(&[0, 1], &["a", "b"]), vec![outcome]).unwrap()
        };
        let nobody = Membership::Flags {
            name: "nobody".to_owned(),
            flags: &[false, false],
        };
        let error = data().with_segments(vec![nobody.clone()]).unwrap_err();
        assert!(error.to_string().contains("without a customer"));
        let all = Membership::Flags {
            name: "all".to_owned(),
            flags: &[true, true],
        };
        let error = data().with_segments(vec![all.clone(), all]).unwrap_err();
        assert!(error.to_string().contains("two segments"));
    }
}

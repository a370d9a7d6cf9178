//! What a propensity is fitted to: features of customers, and what became of them.

use super::sample::Target;
use crate::data::{Design, check_length, check_weights};
use crate::error::{Error, Result};

/// Customers with their features and an outcome: whether something happened, or which of several
/// things did.
///
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::value::propensity::PropensityData;
///
/// let design = Design::new(vec![("visits".into(), Feature::Numbers(&[4.0, 0.0, 1.0]))])?;
/// let data = PropensityData::binary(design, "bought", &[true, false, false])?;
/// assert_eq!((data.len(), data.n_classes()), (3, 2));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PropensityData<'a> {
    design: Design<'a>,
    outcome_name: String,
    outcome: Outcome<'a>,
    weights: Option<&'a [f64]>,
    offset: Option<&'a [f64]>,
    groups: Option<&'a [u32]>,
}

/// What became of each customer.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'a> {
    /// Whether it happened.
    Binary(&'a [bool]),
    /// One of several classes.
    Classes {
        /// The class of each row, from 0.
        codes: &'a [u16],
        /// The classes' names, in the order of their codes.
        classes: Vec<String>,
    },
}

impl<'a> PropensityData<'a> {
    /// Customers of whom something is true or not.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where the outcome has not one value a row; [`Error::InvalidData`] where
    /// it is the same for all.
    pub fn binary(design: Design<'a>, name: &str, outcome: &'a [bool]) -> Result<Self> {
        Self::new(design, name, Outcome::Binary(outcome))
    }

    /// Customers of whom one of several things is true.
    ///
    /// # Errors
    /// Those of [`PropensityData::binary`], and [`Error::InvalidData`] for a code without a class and a
    /// class without a row.
    pub fn classes(
        design: Design<'a>,
        name: &str,
        codes: &'a [u16],
        classes: Vec<String>,
    ) -> Result<Self> {
        Self::new(design, name, Outcome::Classes { codes, classes })
    }

    fn new(design: Design<'a>, name: &str, outcome: Outcome<'a>) -> Result<Self> {
        let found = match &outcome {
            Outcome::Binary(values) => values.len(),
            Outcome::Classes { codes, .. } => codes.len(),
        };
        if found != design.len() {
            return Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected: design.len(),
                found,
            });
        }
        let data = Self {
            design,
            outcome_name: name.to_owned(),
            outcome,
            weights: None,
            offset: None,
            groups: None,
        };
        data.check_outcome()?;
        Ok(data)
    }

    /// Adds weights: a row of weight 3 counts as three equal rows, one of weight 0 not at all.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a weight that is negative or not finite, and where the rows of
    /// positive weight all have the same outcome.
    pub fn with_weights(mut self, name: &str, weights: &'a [f64]) -> Result<Self> {
        check_weights(name, self.len(), weights)?;
        self.weights = Some(weights);
        self.check_outcome()?;
        Ok(self)
    }

    /// Adds what is known of each row's log-odds beforehand; no coefficient is fitted to it. For a
    /// binary outcome only.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for an offset that is not finite; [`Error::InvalidParameter`] for an
    /// outcome of several classes.
    pub fn with_offset(mut self, name: &str, offset: &'a [f64]) -> Result<Self> {
        if !matches!(self.outcome, Outcome::Binary(_)) {
            let expected = "no offset for an outcome of several classes: whose log-odds it should be added to is not said";
            return Err(Error::parameter("offset", format!("'{name}'"), expected));
        }
        check_length(name, self.len(), offset)?;
        if let Some(row) = offset.iter().position(|value| !value.is_finite()) {
            let reason = format!("is {}; an offset is a finite number", offset[row]);
            return Err(Error::data(name, row, reason));
        }
        self.offset = Some(offset);
        Ok(self)
    }

    /// Says which rows belong together, the snapshots of one customer, say: they share a fold of the
    /// cross-validation, and errors by cluster treat them as one observation.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where there is not one code a row.
    pub fn with_groups(mut self, name: &str, groups: &'a [u32]) -> Result<Self> {
        if groups.len() != self.len() {
            return Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected: self.len(),
                found: groups.len(),
            });
        }
        self.groups = Some(groups);
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.design.len()
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.design.is_empty()
    }

    /// The features.
    pub fn design(&self) -> &Design<'a> {
        &self.design
    }

    /// What the outcome is called.
    pub fn outcome_name(&self) -> &str {
        &self.outcome_name
    }

    /// The outcome.
    pub fn outcome(&self) -> &Outcome<'a> {
        &self.outcome
    }

    /// Number of classes: 2 for a binary outcome.
    pub fn n_classes(&self) -> usize {
        match &self.outcome {
            Outcome::Binary(_) => 2,
            Outcome::Classes { classes, .. } => classes.len(),
        }
    }

    /// A class against all others.
    pub(super) fn target(&self, class: u16) -> Target<'a> {
        match &self.outcome {
            Outcome::Binary(values) => Target::Happened(values),
            Outcome::Classes { codes, .. } => Target::Class(codes, class),
        }
    }

    /// The class of a row.
    #[inline]
    pub(crate) fn class(&self, row: usize) -> usize {
        match &self.outcome {
            Outcome::Binary(values) => usize::from(values[row]),
            Outcome::Classes { codes, .. } => usize::from(codes[row]),
        }
    }

    /// The weights, where there are weights.
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The weight of a row: 1 where none were given.
    #[inline]
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The offset, where there is one.
    pub fn offset(&self) -> Option<&'a [f64]> {
        self.offset
    }

    /// The codes of the groups, where there are groups.
    pub fn groups(&self) -> Option<&'a [u32]> {
        self.groups
    }

    /// The weight of each class.
    pub(crate) fn class_weights(&self) -> Vec<f64> {
        if let (Outcome::Binary(values), None) = (&self.outcome, self.weights) {
            let happened = values.iter().filter(|value| **value).count();
            return vec![(values.len() - happened) as f64, happened as f64];
        }
        let mut sums = vec![0.0; self.n_classes()];
        for row in 0..self.len() {
            sums[self.class(row)] += self.weight(row);
        }
        sums
    }

    fn check_outcome(&self) -> Result<()> {
        let name = &self.outcome_name;
        let refuse = |row: Option<usize>, reason: String| Err(Error::data(name, row, reason));
        if let Outcome::Classes { codes, classes } = &self.outcome {
            if classes.len() < 2 {
                return refuse(None, "has fewer than two classes".to_owned());
            }
            let beyond = |code: &u16| usize::from(*code) >= classes.len();
            if let Some(row) = codes.iter().position(beyond) {
                let reason = format!(
                    "has code {}, and there are {} classes; leave rows without an outcome out",
                    codes[row],
                    classes.len()
                );
                return refuse(Some(row), reason);
            }
        }
        let sums = self.class_weights();
        let Some(empty) = sums.iter().position(|sum| *sum <= 0.0) else {
            return Ok(());
        };
        match &self.outcome {
            Outcome::Binary(_) => refuse(
                None,
                format!(
                    "is {} in every row that counts; a model needs both outcomes",
                    empty == 0
                ),
            ),
            Outcome::Classes { classes, .. } => refuse(
                None,
                format!(
                    "has no row of class '{}' that counts; leave the class out",
                    classes[empty]
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Feature;

    fn design(x: &[f64]) -> Design<'_> {
        Design::new(vec![("x".to_owned(), Feature::Numbers(x))]).unwrap()
    }

    #[test]
    fn refuses_what_cannot_be() {
        let x = [1.0, 2.0, 3.0];
        let binary = |outcome| PropensityData::binary(design(&x), "churned", outcome);
        let told = |result: Result<PropensityData<'_>>| result.unwrap_err().to_string();
        assert!(told(binary(&[true, false])).contains("expected 3 rows, found 2"));
        assert!(told(binary(&[true; 3])).contains("is true in every row"));
        assert!(told(binary(&[false; 3])).contains("is false in every row"));
        let good = || binary(&[true, false, true]).unwrap();
        assert!(told(good().with_weights("w", &[1.0, 0.0, 1.0])).contains("both outcomes"));
        let negative = told(good().with_weights("w", &[1.0, -1.0, 1.0]));
        assert!(negative.starts_with("column 'w', row 1"), "{negative}");
        assert!(told(good().with_weights("w", &[1.0, f64::NAN, 1.0])).contains("row 1"));
        let offset = told(good().with_offset("o", &[0.0, 1.0, f64::INFINITY]));
        assert!(offset.starts_with("column 'o', row 2"), "{offset}");
        assert!(told(good().with_groups("id", &[1, 2])).contains("expected 3 rows"));
        let classes = |codes, names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            PropensityData::classes(design(&x), "next", codes, names)
        };
        assert!(told(classes(&[0, 1, 2], &["a", "b"])).contains("row 2: has code 2"));
        assert!(told(classes(&[0, 1, 1], &["a", "b", "c"])).contains("no row of class 'c'"));
        assert!(told(classes(&[0, 0, 0], &["a"])).contains("fewer than two"));
        let three = classes(&[0, 1, 1], &["a", "b"]).unwrap();
        assert!(told(three.with_offset("o", &x)).contains("several classes"));
    }
}

//! Who belongs to which segment, as far as it is known.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::needs::latent_class::{MOST_SEGMENTS, modal};

/// How respondents are assigned to segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignment {
    /// Each to the likeliest.
    #[default]
    Modal,
    /// Each to every segment, with its probability.
    Proportional,
}

from_words!(Assignment, "assignment", "modal" => Modal, "proportional" => Proportional);

/// A misassignment whose inverse has entries beyond this makes one respondent count like so many.
const OVERLAP: f64 = 4.0;

/// Below this the misassignment has no inverse that could be trusted.
const SINGULAR: f64 = 1e-6;

/// The respondents' probabilities of belonging to the segments, borrowed, with their weights.
///
/// ```
/// use tercet::needs::Memberships;
///
/// let members = Memberships::new(&[0.8, 0.2, 0.3, 0.7], 2)?.with_weights("w", &[1.5, 0.5])?;
/// assert_eq!((members.len(), members.n_segments()), (2, 2));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Memberships<'a> {
    posterior: &'a [f64],
    n_segments: usize,
    weights: Option<&'a [f64]>,
    misassignment: Option<Vec<Vec<f64>>>,
}

impl<'a> Memberships<'a> {
    /// Checks the probabilities: `n x K` numbers, row by row.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a row that does not hold probabilities that add up to 1.
    pub fn new(posterior: &'a [f64], n_segments: usize) -> Result<Self> {
        if !(2..=MOST_SEGMENTS).contains(&n_segments) {
            let expected = format!("a whole number from 2 to {MOST_SEGMENTS}");
            return Err(Error::parameter("n_segments", n_segments, expected));
        }
        if posterior.is_empty() || !posterior.len().is_multiple_of(n_segments) {
            let expected = format!("one row of {n_segments} probabilities a respondent");
            return Err(Error::parameter("posterior", posterior.len(), expected));
        }
        let wrong = |row: &[f64]| {
            !row.iter().all(|p| (0.0..=1.0).contains(p))
                || (row.iter().sum::<f64>() - 1.0).abs() > 1e-4
        };
        if let Some(row) = posterior.chunks_exact(n_segments).position(wrong) {
            let found = &posterior[row * n_segments..(row + 1) * n_segments];
            let reason = format!(
                "is {found:?}; the probabilities of a respondent lie between 0 and 1 and add up to 1: give a model's posterior"
            );
            return Err(Error::data("posterior", row, reason));
        }
        Ok(Self {
            posterior,
            n_segments,
            weights: None,
            misassignment: None,
        })
    }

    /// Adds weights: a respondent of weight 3 counts as three.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a weight that is not a positive, finite number.
    pub fn with_weights(mut self, name: &str, weights: &'a [f64]) -> Result<Self> {
        if weights.len() != self.len() {
            return Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected: self.len(),
                found: weights.len(),
            });
        }
        if let Some(row) = weights.iter().position(|w| !(*w > 0.0 && w.is_finite())) {
            let reason = format!(
                "is {}; a respondent's weight is a positive number: drop the row, or give it its weight",
                weights[row]
            );
            return Err(Error::data(name, row, reason));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// Takes the misassignment from elsewhere, where these respondents are not all on whom the segments
    /// were found: a row a segment, with which probability its members are assigned to each (such as
    /// [`Criteria::classification`](crate::needs::latent_class::Criteria::classification), for modal
    /// assignment). Otherwise it is that of these respondents.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for rows that are not probabilities that add up to 1.
    pub fn with_misassignment(mut self, table: Vec<Vec<f64>>) -> Result<Self> {
        let probabilities = |row: &Vec<f64>| {
            row.len() == self.n_segments
                && row.iter().all(|p| (0.0..=1.0).contains(p))
                && (row.iter().sum::<f64>() - 1.0).abs() < 1e-4
        };
        if table.len() != self.n_segments || !table.iter().all(probabilities) {
            let expected = format!(
                "{0} rows of {0} probabilities that add up to 1, a row a segment",
                self.n_segments
            );
            return Err(Error::parameter(
                "misassignment",
                format!("{table:?}"),
                expected,
            ));
        }
        self.misassignment = Some(table);
        Ok(self)
    }

    /// Number of respondents.
    pub fn len(&self) -> usize {
        self.posterior.len() / self.n_segments
    }

    /// Never true: nobody is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.posterior.is_empty()
    }

    /// Number of segments.
    pub fn n_segments(&self) -> usize {
        self.n_segments
    }

    /// The probabilities of a respondent.
    pub fn row(&self, row: usize) -> &'a [f64] {
        &self.posterior[row * self.n_segments..(row + 1) * self.n_segments]
    }

    /// The weight of a respondent: 1 where none were given.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Whether there are weights.
    pub(crate) fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }
}

/// Assignment, and how far it goes wrong.
#[derive(Debug, Clone)]
pub(crate) struct Misassignment {
    assignment: Assignment,
    /// `D`: a row a segment, a column the segment assigned to.
    pub(crate) table: DMatrix<f64>,
}

impl Misassignment {
    pub(crate) fn new(members: &Memberships<'_>, assignment: Assignment) -> Result<Self> {
        let k = members.n_segments;
        let mut one = Self {
            assignment,
            table: DMatrix::zeros(k, k),
        };
        match &members.misassignment {
            Some(table) => {
                one.table = DMatrix::from_fn(k, k, |t, s| table[t][s]);
                one.check_possible(members)?;
            }
            None => one.count(members),
        }
        let belongs = |t: usize| one.table.row(t).sum() > 0.0;
        if let Some(t) = (0..k).find(|t| !belongs(*t)) {
            let reason = format!("nobody belongs to segment {}; leave its column out", t + 1);
            return Err(Error::data("posterior", None, reason));
        }
        Ok(one)
    }

    /// That a table from elsewhere lets everybody be assigned as they are.
    fn check_possible(&self, members: &Memberships<'_>) -> Result<()> {
        let k = members.n_segments;
        let mut assigned = vec![0.0; k];
        for row in 0..members.len() {
            self.assign(members, row, &mut assigned);
            let never = |s: &usize| assigned[*s] > 0.0 && self.table.column(*s).sum() == 0.0;
            if let Some(s) = (0..k).find(never) {
                let reason = format!(
                    "is assigned to segment {0}, to which by the given misassignment nobody is; take the misassignment of these respondents",
                    s + 1
                );
                return Err(Error::data("posterior", row, reason));
            }
        }
        Ok(())
    }

    fn count(&mut self, members: &Memberships<'_>) {
        let k = members.n_segments;
        let mut assigned = vec![0.0; k];
        for row in 0..members.len() {
            self.assign(members, row, &mut assigned);
            for (t, p) in members.row(row).iter().enumerate() {
                for (s, a) in assigned.iter().enumerate() {
                    self.table[(t, s)] += members.weight(row) * p * a;
                }
            }
        }
        for mut row in self.table.row_iter_mut() {
            let total = row.sum();
            if total > 0.0 {
                row /= total;
            }
        }
    }

    /// The segments that a respondent is assigned to: shares that add up to 1.
    pub(crate) fn assign(&self, members: &Memberships<'_>, row: usize, assigned: &mut [f64]) {
        let posterior = members.row(row);
        match self.assignment {
            Assignment::Proportional => assigned.copy_from_slice(posterior),
            Assignment::Modal => {
                assigned.fill(0.0);
                assigned[modal(posterior)] = 1.0;
            }
        }
    }

    /// `D⁻¹`: a row the segment assigned to, a column the segment that is counted for.
    pub(crate) fn inverse(&self) -> Result<DMatrix<f64>> {
        let k = self.table.nrows();
        if let Some(s) = (0..k).find(|s| self.table.column(*s).sum() <= 0.0) {
            let reason = format!(
                "nobody is assigned to segment {}, so that its members cannot be told from the others'; assign proportionally, or take fewer segments",
                s + 1
            );
            return Err(Error::data("posterior", None, reason));
        }
        let smallest = self.table.clone().svd(false, false).singular_values.min();
        let inverse = self.table.clone().try_inverse();
        match inverse {
            Some(inverse) if smallest > SINGULAR => Ok(inverse),
            _ => {
                let reason = "two segments are assigned alike, so that their outcomes cannot be told apart; take fewer segments, or ask more questions";
                Err(Error::data("posterior", None, reason))
            }
        }
    }

    /// What stands for the inverse where nothing is corrected.
    pub(crate) fn identity(&self) -> DMatrix<f64> {
        DMatrix::identity(self.table.nrows(), self.table.nrows())
    }

    /// Words on segments that overlap so far that respondents of one count many times for another.
    pub(crate) fn overlap_note(&self, inverse: &DMatrix<f64>) -> Option<String> {
        let largest = inverse.amax();
        (largest > OVERLAP).then(|| {
            let right = (0..self.table.nrows()).map(|t| self.table[(t, t)]);
            format!(
                "the segments overlap: a respondent counts up to {largest:.1} times, since only {:.0}% of a segment's members are assigned to it; differences are uncertain, and more questions would help more than more respondents",
                100.0 * right.fold(f64::INFINITY, f64::min)
            )
        })
    }

    /// The table as rows.
    pub(crate) fn rows(&self) -> Vec<Vec<f64>> {
        self.table
            .row_iter()
            .map(|row| row.iter().copied().collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_are_no_probabilities() {
        let words = |posterior: &[f64]| Memberships::new(posterior, 2).unwrap_err().to_string();
        assert!(words(&[0.5, 0.5, 0.5, 0.6]).starts_with("column 'posterior', row 1:"));
        assert!(words(&[0.5, f64::NAN]).starts_with("column 'posterior', row 0:"));
        assert!(words(&[0.5]).starts_with("posterior = 1:"));
        let members = Memberships::new(&[0.5, 0.5], 2).unwrap();
        let error = members.clone().with_weights("w", &[0.0]).unwrap_err();
        assert!(error.to_string().starts_with("column 'w', row 0:"));
        assert!(members.with_misassignment(vec![vec![0.5, 0.5]]).is_err());
        assert!(Memberships::new(&[1.0], 1).is_err());
    }

    #[test]
    fn the_misassignment_is_that_of_the_posteriors() {
        let posterior = [0.8, 0.2, 0.6, 0.4, 0.1, 0.9];
        let members = Memberships::new(&posterior, 2).unwrap();
        let modal = Misassignment::new(&members, Assignment::Modal).unwrap();
        assert!((modal.table[(0, 0)] - 1.4 / 1.5).abs() < 1e-12);
        assert!((modal.table[(1, 0)] - 0.6 / 1.5).abs() < 1e-12);
        let proportional = Misassignment::new(&members, Assignment::Proportional).unwrap();
        assert!((proportional.table[(0, 0)] - (0.64 + 0.36 + 0.01) / 1.5).abs() < 1e-12);
        assert!((modal.inverse().unwrap() * &modal.table - modal.identity()).amax() < 1e-12);
    }

    #[test]
    fn segments_that_are_not_told_apart_are_named() {
        let empty = [0.6, 0.4, 0.7, 0.3];
        let members = Memberships::new(&empty, 2).unwrap();
        let modal = Misassignment::new(&members, Assignment::Modal).unwrap();
        assert!(
            modal
                .inverse()
                .unwrap_err()
                .to_string()
                .contains("assigned to segment 2")
        );
        let table = vec![vec![1.0, 0.0], vec![1.0, 0.0]];
        let members = Memberships::new(&[0.6, 0.4, 0.3, 0.7], 2).unwrap();
        let members = members.with_misassignment(table).unwrap();
        let error = Misassignment::new(&members, Assignment::Modal).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("column 'posterior', row 1: is assigned to segment 2")
        );
        let alike = [0.5, 0.5, 0.5, 0.5];
        let members = Memberships::new(&alike, 2).unwrap();
        let one = Misassignment::new(&members, Assignment::Proportional).unwrap();
        assert!(
            one.inverse()
                .unwrap_err()
                .to_string()
                .contains("assigned alike")
        );
    }
}

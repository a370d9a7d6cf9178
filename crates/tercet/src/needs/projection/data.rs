//! What a projection is fitted to: attributes of respondents, and what a survey says of them.

use crate::data::{Design, check_weights};
use crate::error::{Error, Result};

/// Respondents with their attributes and their posterior membership in each segment.
///
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::needs::ProjectionData;
///
/// let design = Design::new(vec![("age".into(), Feature::Numbers(&[25.0, 61.0, 33.0]))])?;
/// let data = ProjectionData::new(design, &[0.9, 0.1, 0.2, 0.8, 0.7, 0.3], 2)?;
/// assert!((data.shares()[0] - 0.6).abs() < 1e-12);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProjectionData<'a> {
    design: Design<'a>,
    memberships: &'a [f64],
    shares: Vec<f64>,
    given_shares: bool,
    weights: Option<&'a [f64]>,
}

/// How far a respondent's posterior may be from adding up to 1: the rounding of a printed table.
const SLACK: f64 = 1e-6;

impl<'a> ProjectionData<'a> {
    /// Checks the posterior: `n x K` probabilities, row by row.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fewer than two segments; [`Error::ShapeMismatch`] where the
    /// posterior has not one row a respondent; [`Error::InvalidData`] for a row that is no
    /// probability distribution and for a segment that nobody belongs to.
    pub fn new(design: Design<'a>, memberships: &'a [f64], n_segments: usize) -> Result<Self> {
        if n_segments < 2 {
            let expected = "at least 2 segments; with one there is nothing to project";
            return Err(Error::parameter("n_segments", n_segments, expected));
        }
        if memberships.len() != design.len() * n_segments {
            if !memberships.len().is_multiple_of(n_segments) {
                let reason = format!(
                    "has {} numbers, which is not a whole number of rows of {n_segments} segments",
                    memberships.len()
                );
                return Err(Error::data("posterior", None, reason));
            }
            return Err(Error::ShapeMismatch {
                column: "posterior".to_owned(),
                expected: design.len(),
                found: memberships.len() / n_segments,
            });
        }
        for (row, posterior) in memberships.chunks_exact(n_segments).enumerate() {
            check_posterior(row, posterior)?;
        }
        let mut data = Self {
            design,
            memberships,
            shares: vec![0.0; n_segments],
            given_shares: false,
            weights: None,
        };
        data.shares = data.mean_membership()?;
        Ok(data)
    }

    /// Adds weights: a respondent of weight 3 counts as three, one of weight 0 not at all.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a weight that is negative or not finite, and where nobody of
    /// positive weight belongs to a segment.
    pub fn with_weights(mut self, name: &str, weights: &'a [f64]) -> Result<Self> {
        check_weights(name, self.len(), weights)?;
        self.weights = Some(weights);
        let shares = self.mean_membership()?;
        if !self.given_shares {
            self.shares = shares;
        }
        Ok(self)
    }

    /// The sizes of the segments as the survey's model has them; without them, the weighted mean of
    /// the posterior, which is the same for a model that was fitted to these respondents.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless there is one positive share a segment and all add up to 1.
    pub fn with_shares(mut self, shares: &[f64]) -> Result<Self> {
        let n = self.n_segments();
        let sum: f64 = shares.iter().sum();
        // "not above 0" as "not greater": a NaN must not pass.
        let fits = shares.len() == n && shares.iter().all(|share| *share > 0.0);
        if !fits || (sum - 1.0).abs() > SLACK {
            return Err(Error::parameter(
                "shares",
                format!("{shares:?}"),
                format!("{n} positive numbers that add up to 1, in the order of the segments"),
            ));
        }
        self.shares = shares.iter().map(|share| share / sum).collect();
        self.given_shares = true;
        Ok(self)
    }

    /// Number of respondents.
    pub fn len(&self) -> usize {
        self.design.len()
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.design.is_empty()
    }

    /// Number of segments.
    pub fn n_segments(&self) -> usize {
        self.shares.len()
    }

    /// The attributes.
    pub fn design(&self) -> &Design<'a> {
        &self.design
    }

    /// The posterior, row by row.
    pub fn memberships(&self) -> &'a [f64] {
        self.memberships
    }

    /// The posterior of one respondent.
    pub(super) fn posterior(&self, row: usize) -> &'a [f64] {
        let n = self.n_segments();
        &self.memberships[row * n..(row + 1) * n]
    }

    /// The segments' sizes.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The weights, where there are weights.
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The weight of a respondent: 1 where none were given.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The sum of the weights.
    pub fn total_weight(&self) -> f64 {
        (0..self.len()).map(|row| self.weight(row)).sum()
    }

    /// Respondents of positive weight.
    pub(super) fn n_counted(&self) -> usize {
        (0..self.len())
            .filter(|&row| self.weight(row) > 0.0)
            .count()
    }

    /// The weighted mean of the posterior; every segment must have some.
    fn mean_membership(&self) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; self.n_segments()];
        for row in 0..self.len() {
            for (sum, probability) in sums.iter_mut().zip(self.posterior(row)) {
                *sum += self.weight(row) * probability;
            }
        }
        let total: f64 = sums.iter().sum();
        if let Some(empty) = sums.iter().position(|sum| *sum <= 0.0) {
            let reason = format!(
                "gives segment {} to no respondent; leave the segment out, or pass the respondents who belong to it",
                empty + 1
            );
            return Err(Error::data("posterior", None, reason));
        }
        Ok(sums.iter().map(|sum| sum / total).collect())
    }
}

pub(super) fn check_posterior(row: usize, posterior: &[f64]) -> Result<()> {
    let refuse = |reason: String| Err(Error::data("posterior", row, reason));
    // "not within": a NaN must not pass.
    if let Some(wrong) = posterior
        .iter()
        .find(|p| !(-SLACK..=1.0 + SLACK).contains(*p))
    {
        return refuse(format!(
            "holds {wrong}; a membership is a probability: pass what the segment model's predict_proba returns"
        ));
    }
    let sum: f64 = posterior.iter().sum();
    if (sum - 1.0).abs() > SLACK {
        return refuse(format!(
            "adds up to {sum}; a respondent's memberships add up to 1: pass what the segment model's predict_proba returns"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Feature;

    fn data(memberships: &[f64], n_segments: usize) -> Result<ProjectionData<'_>> {
        let design = Design::new(vec![("x".into(), Feature::Numbers(&[1.0, 2.0]))])?;
        ProjectionData::new(design, memberships, n_segments)
    }

    #[test]
    fn refuses_what_is_no_posterior() {
        let refused = |memberships: &[f64], n| data(memberships, n).unwrap_err().to_string();
        assert!(refused(&[1.0, 1.0], 1).contains("at least 2 segments"));
        assert!(refused(&[0.5; 6], 2).contains("expected 2 rows, found 3"));
        assert!(refused(&[0.5; 5], 2).contains("not a whole number of rows"));
        assert!(
            refused(&[0.5, 0.5, 0.5, 0.4], 2)
                .starts_with("column 'posterior', row 1: adds up to 0.9")
        );
        for wrong in [-0.5, f64::NAN, f64::INFINITY] {
            let found = refused(&[0.5, 0.5, wrong, 1.5], 2);
            assert!(
                found.starts_with("column 'posterior', row 1: holds"),
                "{found}"
            );
        }
        assert!(refused(&[1.0, 0.0, 1.0, 0.0], 2).contains("segment 2 to no respondent"));
    }

    #[test]
    fn shares_follow_the_weights_unless_given() {
        let posterior = [0.9, 0.1, 0.2, 0.8];
        let shares = |data: ProjectionData<'_>| data.shares().to_vec();
        let weighted = data(&posterior, 2)
            .unwrap()
            .with_weights("w", &[1.0, 0.0])
            .unwrap();
        assert_eq!(shares(weighted.clone()), [0.9, 0.1]);
        assert_eq!(
            shares(weighted.with_shares(&[0.3, 0.7]).unwrap()),
            [0.3, 0.7]
        );
        let given = data(&posterior, 2)
            .unwrap()
            .with_shares(&[0.3, 0.7])
            .unwrap();
        assert_eq!(
            shares(given.with_weights("w", &[1.0, 2.0]).unwrap()),
            [0.3, 0.7]
        );
        for wrong in [&[1.0][..], &[0.5, 0.6], &[1.0, 0.0], &[f64::NAN, 0.5]] {
            assert!(data(&posterior, 2).unwrap().with_shares(wrong).is_err());
        }
        for wrong in [&[1.0][..], &[-1.0, 1.0], &[0.0, 0.0]] {
            assert!(
                data(&posterior, 2)
                    .unwrap()
                    .with_weights("w", wrong)
                    .is_err()
            );
        }
    }
}

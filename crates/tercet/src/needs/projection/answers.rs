//! Customers who answered the questionnaire themselves.

use super::FittedSegmentProjection;
use super::data::check_posterior;
use crate::error::{Error, Result};

impl FittedSegmentProjection {
    /// What attributes and own answers say together: `π_k(x) p_k / s_k`, brought to a sum of 1.
    ///
    /// `projected` are [`probabilities`](Self::probabilities) of customers, `posterior` what the segments'
    /// own model says of the same customers by their answers, both row by row. The posterior holds the
    /// shares `s_k` as its prior; the projected probabilities take their place. Whoever answered
    /// nothing has the shares for a posterior and keeps what is projected; where answers and attributes
    /// exclude each other, the answers count.
    ///
    /// ```
    /// use tercet::data::{Design, Feature};
    /// use tercet::needs::{ProjectionData, SegmentProjection};
    /// use tercet::Estimator;
    ///
    /// let age: Vec<f64> = (0..100).map(|row| f64::from(20 + row % 50)).collect();
    /// let posterior: Vec<f64> = age.iter().flat_map(|age| {
    ///     let second = if *age > 45.0 { 0.8 } else { 0.2 };
    ///     [1.0 - second, second]
    /// }).collect();
    /// let respondents = Design::new(vec![("age".into(), Feature::Numbers(&age))])?;
    /// let data = ProjectionData::new(respondents, &posterior, 2)?;
    /// let model = SegmentProjection::new().correction(false).fit(&data)?;
    ///
    /// let customers = Design::new(vec![("age".into(), Feature::Numbers(&[68.0, 68.0]))])?;
    /// let projected = model.probabilities(&customers, &mut ())?;
    /// // The first answered like a member of segment 1, the second not at all.
    /// let answers = [0.95, 0.05, model.shares()[0], model.shares()[1]];
    /// let known = model.with_answers(&projected, &answers)?;
    /// assert!(known[0] > 0.5 && projected[0] < 0.5);
    /// assert!((known[2] - projected[2]).abs() < 1e-12);
    /// # Ok::<(), tercet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless both have the same number of rows of K numbers;
    /// [`Error::InvalidData`] for a row that is no probability distribution.
    pub fn with_answers(&self, projected: &[f64], posterior: &[f64]) -> Result<Vec<f64>> {
        let n = self.n_segments();
        if projected.len() != posterior.len() || !projected.len().is_multiple_of(n) {
            return Err(Error::ShapeMismatch {
                column: "posterior".to_owned(),
                expected: projected.len() / n,
                found: posterior.len() / n,
            });
        }
        let mut known = projected.to_vec();
        let rows = known.chunks_exact_mut(n).zip(posterior.chunks_exact(n));
        for (row, (known, posterior)) in rows.enumerate() {
            check_posterior(row, posterior)?;
            let terms = known.iter_mut().zip(posterior).zip(&self.shares);
            for ((known, p), share) in terms {
                *known *= p.max(0.0) / share;
            }
            let sum: f64 = known.iter().sum();
            if sum > 0.0 {
                for value in known.iter_mut() {
                    *value /= sum;
                }
            } else {
                known.copy_from_slice(posterior);
            }
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{Design, Feature};
    use crate::model::Estimator;
    use crate::needs::{FittedSegmentProjection, ProjectionData, SegmentProjection};

    fn fitted() -> FittedSegmentProjection {
        let x: Vec<f64> = (0..60).map(|row| f64::from(row % 6)).collect();
        let second = |x: &f64| 0.1 + 0.1 * x;
        let posterior: Vec<f64> = x
            .iter()
            .flat_map(|x| [1.0 - second(x), second(x)])
            .collect();
        let design = Design::new(vec![("x".into(), Feature::Numbers(&x))]).unwrap();
        let data = ProjectionData::new(design, &posterior, 2).unwrap();
        SegmentProjection::new().fit(&data).unwrap()
    }

    #[test]
    fn answers_and_attributes_are_one_bayes_theorem() {
        let model = fitted();
        let shares = model.shares();
        let found = model.with_answers(&[0.7, 0.3], &[0.4, 0.6]).unwrap();
        let terms = [0.7 * 0.4 / shares[0], 0.3 * 0.6 / shares[1]];
        assert!((found[0] - terms[0] / (terms[0] + terms[1])).abs() < 1e-15);
        // Certain answers leave nothing to the attributes, and contradictions are theirs.
        assert_eq!(
            model.with_answers(&[0.9, 0.1], &[0.0, 1.0]).unwrap(),
            [0.0, 1.0]
        );
        assert_eq!(
            model.with_answers(&[1.0, 0.0], &[0.0, 1.0]).unwrap(),
            [0.0, 1.0]
        );
        assert!(model.with_answers(&[], &[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_posterior_is_refused() {
        let model = fitted();
        let refused = |a: &[f64], b: &[f64]| model.with_answers(a, b).unwrap_err().to_string();
        assert!(refused(&[0.5; 4], &[0.5; 2]).contains("expected 2 rows, found 1"));
        let wrong = refused(&[0.5; 4], &[0.5, 0.5, 0.5, 0.6]);
        assert!(
            wrong.starts_with("column 'posterior', row 1: adds up to"),
            "{wrong}"
        );
    }
}

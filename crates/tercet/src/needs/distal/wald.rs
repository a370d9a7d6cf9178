//! Tests that segments are equal.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// A direction of the contrasts that varies by less than this share of the largest does not vary.
const FLAT: f64 = 1e-10;

/// A test that differences are all 0: the differences, squared, in units of their covariance
/// (Wald 1943, Transactions of the American Mathematical Society 54, 426-482).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WaldTest {
    /// The statistic; chi-squared where the differences are all 0.
    pub chi_squared: f64,
    /// Its degrees of freedom: as many as there are differences that vary.
    pub degrees_of_freedom: usize,
    /// The probability of so large a statistic without a difference; `None` where nothing varies.
    pub p_value: Option<f64>,
}

/// A pair of segments.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// One segment, from 0.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// The first's mean less the second's; `None` where there are levels.
    pub difference: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// That the two are equal.
    pub test: WaldTest,
    /// The p-value, adjusted for looking at all pairs (Holm 1979, Scandinavian Journal of Statistics 6,
    /// 65-70): below 5% in one pair or more of all that are equal in at most 5% of surveys.
    pub adjusted_p_value: Option<f64>,
}

/// Tests `contrasts * values = 0`, a contrast a row.
///
/// Every contrast is brought to a variance of 1; those that have none (two probabilities of 0) and
/// those that follow from others (probabilities that add up to 1) take no degree of freedom.
pub(crate) fn wald(
    values: &DVector<f64>,
    covariance: &DMatrix<f64>,
    contrasts: &DMatrix<f64>,
) -> WaldTest {
    let differences = contrasts * values;
    let variances = contrasts * covariance * contrasts.transpose();
    let largest = variances.diagonal().amax();
    let varies = |i: &usize| variances[(*i, *i)] > FLAT * FLAT * largest;
    let rows: Vec<usize> = (0..differences.len()).filter(varies).collect();
    let unit = |i: usize| variances[(rows[i], rows[i])].sqrt();
    let scaled = DMatrix::from_fn(rows.len(), rows.len(), |i, j| {
        variances[(rows[i], rows[j])] / (unit(i) * unit(j))
    });
    let away = DVector::from_fn(rows.len(), |i, _| differences[rows[i]] / unit(i));
    let mut test = WaldTest {
        chi_squared: 0.0,
        degrees_of_freedom: 0,
        p_value: None,
    };
    if rows.is_empty() {
        return test;
    }
    let eigen = scaled.symmetric_eigen();
    let most = eigen.eigenvalues.amax();
    for (value, direction) in eigen
        .eigenvalues
        .iter()
        .zip(eigen.eigenvectors.column_iter())
    {
        if *value > FLAT * most {
            test.chi_squared += direction.dot(&away).powi(2) / value;
            test.degrees_of_freedom += 1;
        }
    }
    test.p_value = ChiSquared::new(test.degrees_of_freedom as f64)
        .ok()
        .map(|distribution| distribution.sf(test.chi_squared));
    test
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{dmatrix, dvector};

    #[test]
    fn one_difference_is_a_squared_z() {
        let covariance = dmatrix![0.04, 0.01; 0.01, 0.05];
        let test = wald(&dvector![1.0, 0.5], &covariance, &dmatrix![1.0, -1.0]);
        assert!((test.chi_squared - 0.25 / 0.07).abs() < 1e-12);
        assert_eq!(test.degrees_of_freedom, 1);
        // Twice the upper tail of a standard normal at sqrt(0.25 / 0.07), by Python's math.erfc.
        assert!(
            (test.p_value.unwrap() - 0.058_781_721_355_358_91).abs() < 1e-12,
            "{test:?}"
        );
    }

    #[test]
    fn what_follows_or_does_not_vary_takes_no_degree() {
        let covariance = dmatrix![1.0, -1.0, 0.0; -1.0, 1.0, 0.0; 0.0, 0.0, 0.0];
        let test = wald(
            &dvector![2.0, -2.0, 0.0],
            &covariance,
            &DMatrix::identity(3, 3),
        );
        assert_eq!(test.degrees_of_freedom, 1);
        assert!((test.chi_squared - 4.0).abs() < 1e-9, "{test:?}");
        let nothing = wald(&dvector![0.0], &dmatrix![0.0], &dmatrix![1.0]);
        assert_eq!((nothing.degrees_of_freedom, nothing.p_value), (0, None));
    }
}

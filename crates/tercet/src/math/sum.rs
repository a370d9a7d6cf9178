//! Compensated summation of likelihood contributions.

/// `K` running sums, each with the error that plain addition would have lost.
///
/// Neumaier's variant of Kahan's summation (Neumaier 1974, ZAMM 54, 39-51): a million terms leave an
/// error of a few ulps instead of `1e-16 * sqrt(n) * |sum|`. That noise is what makes line searches
/// thrash near the optimum of a large log-likelihood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums<const K: usize> {
    sum: [f64; K],
    lost: [f64; K],
}

impl<const K: usize> Sums<K> {
    pub(crate) fn zero() -> Self {
        Self {
            sum: [0.0; K],
            lost: [0.0; K],
        }
    }

    pub(crate) fn add(&mut self, terms: &[f64; K]) {
        for ((sum, lost), &term) in self.sum.iter_mut().zip(&mut self.lost).zip(terms) {
            let total = *sum + term;
            // The smaller of the two lost its low bits; recover them from what `total` did take.
            *lost += if sum.abs() >= term.abs() {
                (*sum - total) + term
            } else {
                (term - total) + *sum
            };
            *sum = total;
        }
    }

    pub(crate) fn total(&self) -> [f64; K] {
        std::array::from_fn(|k| self.sum[k] + self.lost[k])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_plain_addition_loses() {
        let mut sums = Sums::<1>::zero();
        for term in [1.0, 1e100, 1.0, -1e100] {
            sums.add(&[term]);
        }
        assert_eq!(sums.total(), [2.0]);
    }
}

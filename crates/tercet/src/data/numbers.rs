//! A column of numbers as it lies in the caller's memory.

use crate::error::{Error, Result};

/// Numbers at equal distances in a slice: a column of its own, or a column of a matrix in either
/// order. Nothing is copied.
///
/// ```
/// use tercet::data::Numbers;
///
/// // Two columns, row by row.
/// let matrix = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
/// let second = Numbers::strided(&matrix, 1, 2, 3)?;
/// assert_eq!(second.iter().collect::<Vec<_>>(), [10.0, 20.0, 30.0]);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numbers<'a> {
    /// From the first number on.
    values: &'a [f64],
    stride: usize,
    n: usize,
}

impl<'a> Numbers<'a> {
    /// All numbers of a slice.
    pub fn new(values: &'a [f64]) -> Self {
        Self {
            values,
            stride: 1,
            n: values.len(),
        }
    }

    /// `n` numbers, the first at `first`, each `stride` places after the one before.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a stride of 0 and for numbers beyond the slice.
    pub fn strided(values: &'a [f64], first: usize, stride: usize, n: usize) -> Result<Self> {
        if stride == 0 {
            return Err(Error::parameter("stride", 0, "at least 1"));
        }
        let last = n
            .checked_sub(1)
            .and_then(|steps| steps.checked_mul(stride))
            .and_then(|steps| steps.checked_add(first));
        let fits = n == 0 || last.is_some_and(|last| last < values.len());
        match values.get(first..) {
            Some(values) if fits => Ok(Self { values, stride, n }),
            _ => Err(Error::parameter(
                "n",
                n,
                format!("a column that ends within its {} numbers", values.len()),
            )),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The number in a row.
    ///
    /// # Panics
    /// Beyond the last row, as a slice does.
    #[inline]
    pub fn get(&self, row: usize) -> f64 {
        self.values[row * self.stride]
    }

    /// The numbers in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = f64> + use<'a> {
        // The first of every run of a stride: faster than stepping by a number known at run time.
        let runs = self.values.chunks(self.stride).take(self.n);
        runs.map(|run| run[0])
    }

    /// The rows `start..end` in order.
    #[inline]
    pub(crate) fn part(&self, start: usize, end: usize) -> Numbers<'a> {
        Self {
            values: &self.values[(start * self.stride).min(self.values.len())..],
            stride: self.stride,
            n: end - start,
        }
    }

    /// Whether every number lies right after that of `other` in the same row, as columns of a matrix do
    /// whose rows lie together.
    pub(crate) fn follows(&self, other: &Numbers<'_>) -> bool {
        let next = other.values.as_ptr().wrapping_add(1);
        self.stride > 1
            && (self.stride, self.n) == (other.stride, other.n)
            && std::ptr::eq(self.values.as_ptr(), next)
    }

    /// The matrix, row by row, of which these are all columns in their order; of several only.
    pub(crate) fn side_by_side(columns: &[Self]) -> Option<&'a [f64]> {
        let first = columns.first()?;
        let together = columns.windows(2).all(|pair| pair[1].follows(&pair[0]));
        let whole = together && first.stride == columns.len() && columns.len() > 1;
        whole.then(|| first.values.get(..first.n * first.stride))?
    }

    /// What the numbers lie in from a row on, and how far apart they are.
    pub(crate) fn lying(&self, row: usize) -> (&'a [f64], usize) {
        (&self.values[row * self.stride..], self.stride)
    }

    /// The numbers as a slice, where they lie side by side.
    #[inline]
    pub(crate) fn as_slice(&self) -> Option<&'a [f64]> {
        (self.stride == 1).then(|| &self.values[..self.n])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_matrix_in_either_order() {
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let column = |first, stride, n| {
            let numbers = Numbers::strided(&rows, first, stride, n).unwrap();
            assert!((0..n).map(|row| numbers.get(row)).eq(numbers.iter()));
            numbers.iter().collect::<Vec<_>>()
        };
        assert_eq!(column(1, 2, 3), [2.0, 4.0, 6.0]);
        assert_eq!(column(3, 1, 3), [4.0, 5.0, 6.0]);
        assert!(Numbers::strided(&rows, 1, 2, 4).is_err());
        assert!(Numbers::strided(&rows, 0, 0, 1).is_err());
        assert!(Numbers::strided(&rows, usize::MAX, 2, 3).is_err());
        assert!(Numbers::strided(&rows, 9, 1, 0).is_err());
        let of = |first| Numbers::strided(&rows, first, 2, 3).unwrap();
        assert!(of(1).follows(&of(0)) && !of(0).follows(&of(1)) && !of(0).follows(&of(0)));
        assert_eq!(of(1).lying(1), (&rows[3..], 2));
        assert_eq!(Numbers::side_by_side(&[of(0), of(1)]), Some(&rows[..]));
        assert_eq!(Numbers::side_by_side(&[of(1), of(0)]), None);
        assert_eq!(Numbers::side_by_side(&[Numbers::new(&rows)]), None);
        assert_eq!(Numbers::new(&rows).part(2, 4).as_slice(), Some(&rows[2..4]));
    }
}

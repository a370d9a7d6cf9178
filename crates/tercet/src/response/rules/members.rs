//! Who is in which segment: a bit a customer and segment.

use std::ops::Range;

use pulp::Arch;

use super::bits;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_stripes_behind};

/// Words of each segment that are compared with those of all others before the next ones are looked at: so
/// many of 500 segments stay in the processor's second cache.
const NEAR: usize = 256;
/// Parts of the rows whose overlaps are counted at once; each has a table of its own.
const PARTS: usize = 4;

/// A set of rows, 64 a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    n_rows: usize,
}

impl Bitmap {
    /// The set of words; bits beyond the rows are cleared.
    pub(crate) fn new(mut words: Vec<u64>, n_rows: usize) -> Self {
        words.resize(n_rows.div_ceil(64), 0);
        if let (Some(last), 1..) = (words.last_mut(), n_rows % 64) {
            *last &= u64::MAX >> (64 - n_rows % 64);
        }
        Self { words, n_rows }
    }

    /// The rows for which `is` says so.
    pub fn of(n_rows: usize, is: impl Fn(usize) -> bool) -> Self {
        let mut words = vec![0; n_rows.div_ceil(64)];
        for row in (0..n_rows).filter(|row| is(*row)) {
            words[row / 64] |= 1 << (row % 64);
        }
        Self { words, n_rows }
    }

    /// Number of rows, in the set or not.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Whether a row is in the set; beyond the rows none is.
    pub fn contains(&self, row: usize) -> bool {
        let word = self.words.get(row / 64);
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Whether each row is in the set.
    pub fn flags(&self) -> Vec<bool> {
        (0..self.n_rows).map(|row| self.contains(row)).collect()
    }

    /// How many rows are in the set.
    pub fn count(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// How many rows are in both sets.
    pub fn count_shared(&self, other: &Self) -> usize {
        shared_bits(&self.words, &other.words)
    }

    /// The rows of the set, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    place * 64 + bit
                })
            })
        })
    }

    /// The words of so many rows from a row on that begins a word.
    pub(crate) fn block(&self, start: usize, words: usize) -> &[u64] {
        let first = start / 64;
        &self.words[first..(first + words).min(self.words.len())]
    }
}

/// Who is in which of some segments.
///
/// Rows are those of the table of customers, segments are in the order of their book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memberships {
    sets: Vec<Bitmap>,
    n_rows: usize,
}

impl Memberships {
    pub(crate) fn new(sets: Vec<Bitmap>, n_rows: usize) -> Self {
        Self { sets, n_rows }
    }

    /// Members of some segments, given by the rows of each.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a row that there is not.
    pub fn from_rows(segments: &[&[i64]], n_rows: usize) -> Result<Self> {
        let set = |rows: &&[i64]| {
            let mut words = vec![0; n_rows.div_ceil(64)];
            for (place, row) in rows.iter().enumerate() {
                let row = usize::try_from(*row).ok().filter(|row| *row < n_rows);
                let row = row.ok_or_else(|| beyond(rows[place], place, n_rows))?;
                words[row / 64] |= 1 << (row % 64);
            }
            Ok(Bitmap::new(words, n_rows))
        };
        let sets = segments.iter().map(set).collect::<Result<_>>()?;
        Ok(Self::new(sets, n_rows))
    }

    /// Number of customers.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// A set of customers a segment.
    pub fn sets(&self) -> &[Bitmap] {
        &self.sets
    }

    /// The number of members of each segment.
    pub fn sizes(&self) -> Vec<usize> {
        self.sets.iter().map(Bitmap::count).collect()
    }

    /// In how many segments each customer is.
    pub fn segments_of_each(&self) -> Vec<u32> {
        let mut found = vec![0; self.n_rows];
        for row in self.sets.iter().flat_map(Bitmap::rows) {
            found[row] += 1;
        }
        found
    }

    /// How many customers each two segments share, a row a segment; the diagonal has the sizes.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn overlap(&self, observer: &mut dyn Observer) -> Result<Vec<Vec<usize>>> {
        let n = self.sets.len();
        let words = self.n_rows.div_ceil(64);
        let mut phase = Phase::new(observer, "counting overlaps");
        let gate = Gate::new(&mut phase);
        // The processor's own counting of bits, where it has one.
        let processor = Arch::new();
        let parts = map_stripes_behind(&gate, words, NEAR, PARTS, |range| {
            let mut counts = vec![0; n * n];
            for start in range.clone().step_by(NEAR) {
                if gate.is_closed() {
                    break;
                }
                let near = start..(start + NEAR).min(range.end);
                processor.dispatch(|| self.add_overlap(&near, &mut counts));
                gate.poll();
            }
            counts
        })?;
        let entry =
            |a: usize, b: usize| parts.iter().map(|part| part[a.min(b) * n + a.max(b)]).sum();
        Ok((0..n)
            .map(|a| (0..n).map(|b| entry(a, b)).collect())
            .collect())
    }

    /// Adds what each two segments share within some words, on and above the diagonal.
    #[allow(clippy::inline_always)] // what is not inlined has not the processor's instructions
    #[inline(always)]
    fn add_overlap(&self, words: &Range<usize>, counts: &mut [usize]) {
        let n = self.sets.len();
        for (a, first) in self.sets.iter().enumerate() {
            let first = &first.words[words.clone()];
            for (b, second) in self.sets.iter().enumerate().skip(a) {
                counts[a * n + b] += shared_bits(first, &second.words[words.clone()]);
            }
        }
    }

    /// The same memberships for a table with other rows: `rows` has for each of its rows the row here, or
    /// a negative number for a customer who is not known here and is in no segment.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a row that there is not.
    pub fn at(&self, rows: &[i64]) -> Result<Self> {
        let n_rows = self.n_rows;
        let outside = |row: &i64| usize::try_from(*row).is_ok_and(|row| row >= n_rows);
        if let Some(place) = rows.iter().position(outside) {
            return Err(beyond(rows[place], place, n_rows));
        }
        let same = rows.len() == n_rows && (0_i64..).zip(rows).all(|(place, row)| place == *row);
        if same {
            return Ok(self.clone());
        }
        let set = |set: &Bitmap| {
            let mut words = vec![0; rows.len().div_ceil(64)];
            bits::fill(&mut words, rows, |row| {
                usize::try_from(row).is_ok_and(|row| set.contains(row))
            });
            Bitmap::new(words, rows.len())
        };
        Ok(Self::new(self.sets.iter().map(set).collect(), rows.len()))
    }

    /// For some segments here and as many there, in pairs, the members here who are no members there.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for tables of different lengths; [`Error::InvalidParameter`] for a segment
    /// that there is not.
    pub fn without(&self, other: &Self, pairs: &[(usize, usize)]) -> Result<Self> {
        if self.n_rows != other.n_rows {
            return Err(Error::ShapeMismatch {
                column: "customers".to_owned(),
                expected: self.n_rows,
                found: other.n_rows,
            });
        }
        let difference = |(here, there): &(usize, usize)| {
            let expected = "a segment of both";
            let pair = self.sets.get(*here).zip(other.sets.get(*there));
            let (here, there) = pair.ok_or_else(|| Error::parameter("segment", here, expected))?;
            let words = here.words.iter().zip(&there.words).map(|(a, b)| a & !b);
            Ok(Bitmap::new(words.collect(), self.n_rows))
        };
        let sets = pairs.iter().map(difference).collect::<Result<_>>()?;
        Ok(Self::new(sets, self.n_rows))
    }
}

#[allow(clippy::inline_always)] // what is not inlined has not the processor's instructions
#[inline(always)]
fn shared_bits(first: &[u64], second: &[u64]) -> usize {
    let both = first.iter().zip(second).map(|(a, b)| a & b);
    both.map(|word| word.count_ones() as usize).sum()
}

fn beyond(row: i64, place: usize, n_rows: usize) -> Error {
    let reason = format!("is {row}, but there are {n_rows} customers");
    Error::data("rows", place, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_rows() {
        for n in [1, 63, 64, 65, 200] {
            let set = Bitmap::of(n, |row| row % 3 == 0);
            assert!(set.rows().eq((0..n).filter(|row| row % 3 == 0)));
            assert_eq!(set.count(), n.div_ceil(3));
            assert!(!set.contains(n));
            assert_eq!(Bitmap::new(vec![u64::MAX; n.div_ceil(64)], n).count(), n);
        }
    }

    #[test]
    fn other_rows_and_differences() {
        let here = Memberships::new(vec![Bitmap::of(4, |row| row < 2)], 4);
        let moved = here.at(&[3, 1, -1, 0, 2]).unwrap();
        assert_eq!(moved.sets()[0].flags(), [false, true, false, true, false]);
        assert!(here.at(&[4]).is_err());
        assert_eq!(here.at(&[0, 1, 2, 3]).unwrap(), here);
        let other = Memberships::new(vec![Bitmap::of(5, |row| row == 1)], 5);
        let left = moved.without(&other, &[(0, 0)]).unwrap();
        assert!(left.sets()[0].rows().eq([3]));
        assert!(moved.without(&here, &[(0, 0)]).is_err());
        assert!(moved.without(&other, &[(0, 1)]).is_err());
    }
}

//! Customer ids: whole numbers or strings, turned into dense codes in the order of the ids.

use std::hash::Hash;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::check_size;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::{BLOCK, sort_unstable_by};

/// A column of customer ids, borrowed.
///
/// Strings come as Arrow lays them out: `bytes[offsets[row]..offsets[row + 1]]` is the id of a row.
///
/// ```
/// use tercet::data::Ids;
///
/// let ids = Ids::Strings { offsets: &[0, 3, 6, 9], bytes: b"annbobann" };
/// assert_eq!(ids.len(), 3);
/// let error = ids.check_unique("customer_id", &mut ()).unwrap_err();
/// assert!(error.to_string().contains("row 2"));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Ids<'a> {
    /// Whole numbers.
    Integers(&'a [i64]),
    /// Strings of any encoding; compared byte by byte.
    Strings {
        /// `n + 1` ascending positions in `bytes`.
        offsets: &'a [i64],
        /// The text of all ids, one after the other.
        bytes: &'a [u8],
    },
}

/// Every row's customer as a dense number; customers are numbered in the order of their ids.
#[derive(Debug)]
pub(crate) struct Codes {
    pub(crate) code_of_row: Vec<u32>,
    /// The first row of each customer.
    pub(crate) first_row: Vec<u32>,
}

impl Ids<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(ids) => ids.len(),
            Self::Strings { offsets, .. } => offsets.len().saturating_sub(1),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// That no customer has two rows.
    ///
    /// # Errors
    /// [`Error::InvalidData`] naming the first row whose id was seen before.
    pub fn check_unique(&self, column: &str, observer: &mut dyn Observer) -> Result<()> {
        self.check_layout(column)?;
        let ascending = match self {
            Self::Integers(ids) => ids.is_sorted_by(|a, b| a < b),
            Self::Strings { .. } => (1..self.len()).all(|row| self.text(row - 1) < self.text(row)),
        };
        if ascending {
            return Ok(());
        }
        let mut duplicate = None;
        let see = |row: usize, new: bool, _: u32| {
            if !new && duplicate.is_none() {
                duplicate = Some(row);
            }
        };
        let mut phase = Phase::new(observer, "checking ids");
        match self {
            Self::Integers(ids) => visit(ids.iter().copied(), &mut phase, see)?,
            Self::Strings { .. } => visit(self.texts(), &mut phase, see)?,
        }
        match duplicate {
            None => Ok(()),
            Some(row) => Err(Error::data(
                column,
                row,
                format!(
                    "{} occurs a second time; a summary has one row a customer (summarise the purchases first, or drop the duplicate)",
                    self.show(row)
                ),
            )),
        }
    }

    /// Numbers the customers.
    pub(crate) fn codes(&self, column: &str, phase: &mut Phase<'_>) -> Result<Codes> {
        check_size(column, self.len())?;
        self.check_layout(column)?;
        match self {
            Self::Integers(ids) => {
                dense(ids).map_or_else(|| sparse(ids.iter().copied(), phase), Ok)
            }
            Self::Strings { .. } => sparse(self.texts(), phase),
        }
    }

    /// The bytes of every string id.
    fn texts(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        (0..self.len()).map(|row| self.text(row))
    }

    /// The bytes of a string id; [`Ids::check_layout`] has made sure that they exist.
    pub(crate) fn text(&self, row: usize) -> &[u8] {
        match self {
            Self::Integers(_) => &[],
            Self::Strings { offsets, bytes } => {
                &bytes[position(offsets[row])..position(offsets[row + 1])]
            }
        }
    }

    /// The id of a row, for messages.
    fn show(&self, row: usize) -> String {
        match self {
            Self::Integers(ids) => ids[row].to_string(),
            Self::Strings { .. } => format!("{:?}", String::from_utf8_lossy(self.text(row))),
        }
    }

    pub(crate) fn check_layout(&self, column: &str) -> Result<()> {
        let Self::Strings { offsets, bytes } = self else {
            return Ok(());
        };
        let inside = offsets.first().is_none_or(|first| *first >= 0)
            && offsets
                .last()
                .is_none_or(|last| position(*last) <= bytes.len())
            && offsets.is_sorted();
        if inside {
            Ok(())
        } else {
            Err(Error::data(
                column,
                None,
                "string offsets must ascend and lie within the text",
            ))
        }
    }
}

/// Calls `see(row, is new, number in order of appearance)` for every id.
fn visit<K: Copy + Eq + Hash>(
    ids: impl Iterator<Item = K>,
    phase: &mut Phase<'_>,
    mut see: impl FnMut(usize, bool, u32),
) -> Result<()> {
    let mut numbers: HashMap<K, u32, FixedState> = HashMap::with_hasher(FixedState::default());
    for (row, id) in ids.enumerate() {
        let next = short(numbers.len());
        match numbers.entry(id) {
            Entry::Occupied(seen) => see(row, false, *seen.get()),
            Entry::Vacant(place) => {
                place.insert(next);
                see(row, true, next);
            }
        }
        if row % (16 * BLOCK) == 0 {
            phase.poll()?;
        }
    }
    Ok(())
}

/// Numbers any ids by a hash map, then by the order of the distinct ones.
fn sparse<K: Copy + Ord + Hash + Send>(
    ids: impl ExactSizeIterator<Item = K> + Clone,
    phase: &mut Phase<'_>,
) -> Result<Codes> {
    let mut code_of_row = Vec::with_capacity(ids.len());
    let mut first_row: Vec<u32> = Vec::new();
    visit(ids.clone(), phase, |row, new, code| {
        code_of_row.push(code);
        if new {
            first_row.push(short(row));
        }
    })?;
    // The distinct ids side by side, each with its number in order of appearance.
    let mut distinct: Vec<(K, u32)> = Vec::with_capacity(first_row.len());
    for (id, &code) in ids.zip(&code_of_row) {
        if code as usize == distinct.len() {
            distinct.push((id, code));
        }
    }
    sort_unstable_by(&mut distinct, |a, b| a.0.cmp(&b.0));
    phase.poll()?;
    let mut rank = vec![0; distinct.len()];
    for (new, (_, old)) in distinct.iter().enumerate() {
        rank[*old as usize] = short(new);
    }
    for code in &mut code_of_row {
        *code = rank[*code as usize];
    }
    let first_row = distinct
        .iter()
        .map(|(_, code)| first_row[*code as usize])
        .collect();
    Ok(Codes {
        code_of_row,
        first_row,
    })
}

/// A slot of [`dense`] that no id has.
const ABSENT: u32 = u32::MAX;

/// Numbers whole-number ids by direct addressing, where their range is not much larger than the
/// table.
fn dense(ids: &[i64]) -> Option<Codes> {
    let (low, high) = ids.iter().fold((i64::MAX, i64::MIN), |(low, high), &id| {
        (low.min(id), high.max(id))
    });
    let range = usize::try_from(high.checked_sub(low)?)
        .ok()?
        .checked_add(1)?;
    if range > 4 * ids.len() + 1024 {
        return None;
    }
    let slot = |id: i64| position(id - low);
    let mut first = vec![ABSENT; range];
    for (row, &id) in ids.iter().enumerate() {
        let first = &mut first[slot(id)];
        if *first == ABSENT {
            *first = short(row);
        }
    }
    let first_row: Vec<u32> = first.iter().copied().filter(|row| *row != ABSENT).collect();
    // From here on the slots hold the customers' numbers.
    for (code, slot) in first.iter_mut().filter(|slot| **slot != ABSENT).enumerate() {
        *slot = short(code);
    }
    let code_of_row = ids.iter().map(|&id| first[slot(id)]).collect();
    Some(Codes {
        code_of_row,
        first_row,
    })
}

/// Rows and codes fit into 32 bits: larger tables are refused at the door.
#[allow(clippy::cast_possible_truncation)]
fn short(row: usize) -> u32 {
    row as u32
}

/// A position that was checked not to be negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn position(offset: i64) -> usize {
    offset as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_the_order_of_the_ids() {
        for ids in [&[7_i64, -3, 7, 100][..], &[7, i64::MIN, 7, i64::MAX]] {
            let codes = Ids::Integers(ids)
                .codes("id", &mut Phase::new(&mut (), "testing"))
                .unwrap();
            assert_eq!(codes.code_of_row, vec![1, 0, 1, 2]);
            assert_eq!(codes.first_row, vec![1, 0, 3]);
        }
        let ids = Ids::Strings {
            offsets: &[0, 1, 3, 4, 4],
            bytes: b"bab\xffb",
        };
        let codes = ids
            .codes("id", &mut Phase::new(&mut (), "testing"))
            .unwrap();
        assert_eq!(codes.code_of_row, vec![2, 1, 3, 0]);
    }

    #[test]
    fn duplicates_are_found_sorted_or_not() {
        assert!(
            Ids::Integers(&[1, 2, 3])
                .check_unique("id", &mut ())
                .is_ok()
        );
        assert!(
            Ids::Integers(&[3, 1, 2])
                .check_unique("id", &mut ())
                .is_ok()
        );
        let error = Ids::Integers(&[3, 1, 3])
            .check_unique("id", &mut ())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("column 'id', row 2: 3 occurs")
        );
        assert!(Ids::Integers(&[1, 1]).check_unique("id", &mut ()).is_err());
    }

    #[test]
    fn a_broken_layout_is_refused() {
        for offsets in [&[0_i64, 5][..], &[-1, 1], &[1, 0]] {
            let ids = Ids::Strings {
                offsets,
                bytes: b"ab",
            };
            assert!(
                ids.codes("id", &mut Phase::new(&mut (), "testing"))
                    .is_err()
            );
        }
    }
}

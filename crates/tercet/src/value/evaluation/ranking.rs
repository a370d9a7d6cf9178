//! Rows from the highest score to the lowest, with ties known: sorted once, whatever is computed
//! from them afterwards, and however often.

use std::cmp::Ordering;
use std::ops::Range;

use super::outcomes::Outcomes;
use crate::error::Result;
use crate::observe::Phase;
use crate::parallel::sort_unstable_by;

/// Rows that count, best first. Places are their numbers from here on.
///
/// Rows of equal score are in an order of their contents (outcome, weight, customer), so that
/// whatever is drawn along the places does not depend on the order of the table.
#[derive(Debug)]
pub(super) struct Ranked {
    /// The row at each place.
    pub(super) rows: Vec<u32>,
    pub(super) happened: Vec<bool>,
    pub(super) score: Vec<f64>,
    pub(super) weight: Vec<f64>,
    /// The place after the last of each run of equal scores.
    ends: Vec<u32>,
    /// Whose row is at each place, in numbers from 0; `None` where every row is its own.
    pub(super) customer: Option<Vec<u32>>,
    pub(super) n_customers: usize,
}

/// What a row is sorted by, and where it was.
struct Key {
    score: f64,
    happened: bool,
    weight: f64,
    customer: u32,
    row: u32,
}

impl Ranked {
    /// By predicted probability.
    pub(super) fn by_probability(outcomes: &Outcomes<'_>, phase: &mut Phase<'_>) -> Result<Self> {
        Self::by(outcomes, |row| outcomes.probabilities()[row], phase)
    }

    /// By any score; rows without weight are left out.
    pub(super) fn by(
        outcomes: &Outcomes<'_>,
        score: impl Fn(usize) -> f64,
        phase: &mut Phase<'_>,
    ) -> Result<Self> {
        let codes = match outcomes.customers() {
            Some(ids) => Some(ids.codes(&outcomes.columns().customer, phase)?),
            None => None,
        };
        let codes = codes.as_ref().map(|codes| &codes.code_of_row);
        let counts = |row: &u32| outcomes.weight(*row as usize) > 0.0;
        // `Outcomes` has no more rows than 32 bits can count.
        let n = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
        let mut keys: Vec<Key> = (0..n)
            .filter(counts)
            .map(|row| {
                let at = row as usize;
                Key {
                    // -0 and 0 are one score.
                    score: score(at) + 0.0,
                    happened: outcomes.happened()[at],
                    weight: outcomes.weight(at),
                    customer: codes.map_or(0, |codes| codes[at]),
                    row,
                }
            })
            .collect();
        sort_unstable_by(&mut keys, compare);
        phase.poll()?;
        let mut ends: Vec<u32> = (1..keys.len())
            .filter(|place| keys[*place].score != keys[place - 1].score)
            .filter_map(|place| u32::try_from(place).ok())
            .collect();
        ends.push(u32::try_from(keys.len()).unwrap_or(u32::MAX));
        let customer = codes.map(|_| renumbered(&keys));
        let n_customers = match &customer {
            Some(customer) => customer.iter().max().map_or(0, |last| *last as usize + 1),
            None => keys.len(),
        };
        Ok(Self {
            rows: keys.iter().map(|key| key.row).collect(),
            happened: keys.iter().map(|key| key.happened).collect(),
            score: keys.iter().map(|key| key.score).collect(),
            weight: keys.iter().map(|key| key.weight).collect(),
            ends,
            customer,
            n_customers,
        })
    }

    /// Number of rows that count.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The places of each run of equal scores, best first.
    pub(super) fn ties(&self) -> impl DoubleEndedIterator<Item = Range<usize>> + '_ {
        (0..self.ends.len()).map(|tie| self.tie(tie))
    }

    fn tie(&self, tie: usize) -> Range<usize> {
        let start = if tie == 0 { 0 } else { self.ends[tie - 1] };
        start as usize..self.ends[tie] as usize
    }

    /// Something of every row, by place.
    pub(super) fn gather<T>(&self, of: impl Fn(usize) -> T) -> Vec<T> {
        self.rows.iter().map(|row| of(*row as usize)).collect()
    }
}

fn compare(a: &Key, b: &Key) -> Ordering {
    b.score
        .total_cmp(&a.score)
        .then_with(|| b.happened.cmp(&a.happened))
        .then_with(|| b.weight.total_cmp(&a.weight))
        .then_with(|| a.customer.cmp(&b.customer))
}

/// Customers numbered as they occur along the places: those whose rows all have no weight are gone.
fn renumbered(keys: &[Key]) -> Vec<u32> {
    let most = keys.iter().map(|key| key.customer).max().unwrap_or(0) as usize;
    let mut number = vec![u32::MAX; most + 1];
    let mut next = 0;
    keys.iter()
        .map(|key| {
            let number = &mut number[key.customer as usize];
            if *number == u32::MAX {
                *number = next;
                next += 1;
            }
            *number
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Ids;

    #[test]
    fn ties_are_runs_and_rows_without_weight_are_gone() {
        let outcomes = Outcomes::new(
            &[false, true, true, false, true],
            &[0.2, 0.9, 0.2, 0.5, 0.9],
        )
        .unwrap()
        .with_weights(&[1.0, 2.0, 1.0, 0.0, 1.0])
        .unwrap()
        .with_customers(Ids::Integers(&[7, 8, 7, 9, 8]))
        .unwrap();
        let ranked =
            Ranked::by_probability(&outcomes, &mut Phase::new(&mut (), "testing")).unwrap();
        assert_eq!(ranked.rows, [1, 4, 2, 0]);
        assert_eq!(ranked.ties().collect::<Vec<_>>(), [0..2, 2..4]);
        assert_eq!(ranked.customer.as_deref(), Some(&[0, 0, 1, 1][..]));
        assert_eq!(ranked.n_customers, 2);
    }
}

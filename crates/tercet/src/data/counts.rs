//! Distinct numbers of purchases.

use crate::error::Result;
use crate::observe::Phase;

/// The distinct purchase counts of some rows, in ascending order, with the weight that each carries.
///
/// Gamma and beta functions of a likelihood depend on the count only; they are computed once each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) values: Vec<f64>,
    pub(crate) weights: Vec<f64>,
    /// Which count each row has.
    pub(crate) place_of_row: Vec<u32>,
}

/// Up to this count a table indexed by the count itself is smaller than the sorting would be.
const DENSE: f64 = 1e6;

impl Counts {
    /// From (count, weight) of every row; counts are whole numbers below 1e9, rows below 2^32.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn new(
        rows: impl Iterator<Item = (f64, f64)> + Clone,
        phase: &mut Phase<'_>,
    ) -> Result<Self> {
        let largest = rows
            .clone()
            .fold(0.0_f64, |largest, (count, _)| largest.max(count));
        phase.poll()?;
        let mut counts = Self::default();
        if largest <= DENSE {
            let mut place = vec![u32::MAX; largest as usize + 1];
            for (count, _) in rows.clone() {
                place[count as usize] = 0;
            }
            for (count, place) in place
                .iter_mut()
                .enumerate()
                .filter(|(_, place)| **place == 0)
            {
                *place = counts.values.len() as u32;
                counts.values.push(count as f64);
            }
            counts.place_of_row = rows
                .clone()
                .map(|(count, _)| place[count as usize])
                .collect();
        } else {
            counts.values = rows.clone().map(|(count, _)| count).collect();
            counts.values.sort_unstable_by(f64::total_cmp);
            counts.values.dedup();
            let values = &counts.values;
            let place = |count: f64| values.partition_point(|value| *value < count) as u32;
            counts.place_of_row = rows.clone().map(|(count, _)| place(count)).collect();
        }
        phase.poll()?;
        counts.weights = vec![0.0; counts.values.len()];
        for ((_, weight), &place) in rows.zip(&counts.place_of_row) {
            counts.weights[place as usize] += weight;
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rows: impl Iterator<Item = (f64, f64)> + Clone) -> Counts {
        Counts::new(rows, &mut Phase::new(&mut (), "testing")).unwrap()
    }

    #[test]
    fn large_and_dense_counts_are_numbered_alike() {
        let rows = [(7.0, 1.0), (0.0, 2.0), (7.0, 0.5), (2.0, 1.0)];
        let dense = count(rows.iter().copied());
        assert_eq!(dense.values, [0.0, 2.0, 7.0]);
        assert_eq!(dense.weights, [2.0, 1.0, 1.5]);
        assert_eq!(dense.place_of_row, [2, 0, 2, 1]);
        let sparse = count(rows.iter().copied().chain([(2e6, 1.0)]));
        assert_eq!(sparse.values, [0.0, 2.0, 7.0, 2e6]);
        assert_eq!(sparse.place_of_row, [2, 0, 2, 1, 3]);
    }
}

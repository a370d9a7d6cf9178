//! Which rows are left out together.

use std::collections::HashMap;

use rand::Rng;

use super::data::PropensityData;
use crate::random::Seed;

/// A fold for every row, from 0.
///
/// Rows of one group share a fold. Groups are shuffled within each outcome (of a group of several, the
/// highest class), and dealt out in turn, so that every fold has its part of every outcome.
pub(super) fn folds(data: &PropensityData<'_>, n_folds: usize, seed: Seed) -> Vec<u16> {
    let mut generator = seed.stream(0);
    // A group's place, by its first row, so that codes may be any.
    let mut groups: Vec<(usize, u64, usize)> = Vec::new();
    let mut of: Vec<usize> = Vec::with_capacity(data.len());
    let mut places: HashMap<u32, usize> = HashMap::new();
    for row in 0..data.len() {
        let place = match data.groups() {
            None => row,
            Some(codes) => *places.entry(codes[row]).or_insert(groups.len()),
        };
        if place == groups.len() {
            groups.push((0, generator.next_u64(), place));
        }
        let class = &mut groups[place].0;
        *class = (*class).max(data.class(row));
        of.push(place);
    }
    groups.sort_unstable();
    let mut fold = vec![0_u16; groups.len()];
    for (turn, (_, _, place)) in groups.into_iter().enumerate() {
        // Folds are at most rows, and a fit of 65,536 folds nobody waits for.
        fold[place] = u16::try_from(turn % n_folds).unwrap_or(u16::MAX);
    }
    of.into_iter().map(|place| fold[place]).collect()
}

/// The rows of positive weight in a fold, and those outside of it.
pub(super) fn split(data: &PropensityData<'_>, folds: &[u16], fold: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (row, of) in (0_u32..).zip(folds) {
        if usize::from(*of) == fold {
            inside.push(row);
        } else if data.weight(row as usize) > 0.0 {
            outside.push(row);
        }
    }
    (inside, outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Design, Feature};

    #[test]
    fn groups_stay_together_and_outcomes_are_dealt_out() {
        let x: Vec<f64> = (0..400).map(f64::from).collect();
        let y: Vec<bool> = (0..400).map(|row| row % 10 < 2).collect();
        let groups: Vec<u32> = (0..400).map(|row| 7 * (row / 2)).collect();
        let design = Design::new(vec![("x".into(), Feature::Numbers(&x))]).unwrap();
        let data = PropensityData::binary(design, "y", &y).unwrap();
        let data = data.with_groups("id", &groups).unwrap();
        let found = folds(&data, 5, Seed(3));
        assert!(found.chunks(2).all(|pair| pair[0] == pair[1]));
        for fold in 0..5 {
            let (inside, outside) = split(&data, &found, fold);
            assert_eq!((inside.len(), outside.len()), (80, 320));
            let happened = inside.iter().filter(|row| y[**row as usize]).count();
            assert_eq!(happened, 16);
        }
        assert_ne!(found, folds(&data, 5, Seed(4)));
    }
}

//! Which rows and features a tree sees.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A whole number below `bound`, which is at most 2^32.
fn below(generator: &mut ChaCha8Rng, bound: usize) -> usize {
    // The high half of a product with 32 random bits: off by less than 2^-32 a number.
    (generator.next_u32() as usize * bound) >> 32
}

/// Divides rows at random into `wanted` and the others, both in their order.
///
/// Knuth's algorithm S: every row is drawn with the chance that fills the part exactly.
pub(in crate::response) fn divide(
    rows: impl ExactSizeIterator<Item = u32>,
    wanted: usize,
    generator: &mut ChaCha8Rng,
) -> (Vec<u32>, Vec<u32>) {
    let mut left = rows.len();
    let mut missing = wanted.min(left);
    let mut drawn = Vec::with_capacity(missing);
    let mut others = Vec::with_capacity(left - missing);
    for row in rows {
        if below(generator, left) < missing {
            drawn.push(row);
            missing -= 1;
        } else {
            others.push(row);
        }
        left -= 1;
    }
    (drawn, others)
}

/// Puts `wanted` features, drawn at random, first; in their order where all are wanted.
pub(super) fn choose(features: &mut [usize], wanted: usize, generator: &mut ChaCha8Rng) {
    if wanted >= features.len() {
        return;
    }
    for place in 0..wanted {
        let other = place + below(generator, features.len() - place);
        features.swap(place, other);
    }
}

/// A set of rows, a bit each.
#[derive(Debug, Clone)]
pub(super) struct RowSet(Vec<u64>);

impl RowSet {
    pub(super) fn new(n: usize, rows: &[u32]) -> Self {
        let mut words = vec![0; n.div_ceil(64)];
        for &row in rows {
            words[row as usize / 64] |= 1 << (row % 64);
        }
        Self(words)
    }

    #[inline]
    pub(super) fn has(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;

    #[test]
    fn every_row_is_drawn_as_often() {
        let mut counts = [0; 11];
        for stream in 0..2_000 {
            let (drawn, others) = divide(0..11, 4, &mut Seed(1).stream(stream));
            assert_eq!((drawn.len(), others.len()), (4, 7));
            assert!(drawn.is_sorted() && others.is_sorted());
            for row in drawn {
                counts[row as usize] += 1;
            }
        }
        // 2,000 x 4 / 11 = 727, give or take 21.
        assert!(counts.iter().all(|n| (650..805).contains(n)), "{counts:?}");
    }

    #[test]
    fn sets_know_their_rows() {
        let set = RowSet::new(130, &[0, 64, 129]);
        let found: Vec<usize> = (0..130).filter(|&row| set.has(row)).collect();
        assert_eq!(found, [0, 64, 129]);
    }
}

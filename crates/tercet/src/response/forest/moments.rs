//! What a leaf says of effects: means, products and squares, from which an effect is solved.

use nalgebra::{Cholesky, Const, SMatrix, SVector};

/// Numbers a leaf: the mean of the treatments, of the outcome, of their products, and of the
/// treatments' squares and products (the lower triangle).
pub(super) const fn width(k: usize) -> usize {
    k + 1 + k + k * (k + 1) / 2
}

/// Writes a row's numbers.
#[inline]
pub(super) fn write<const K: usize>(w: &[f64; K], y: f64, numbers: &mut [f64]) {
    numbers[K] = y;
    let mut place = 2 * K + 1;
    for i in 0..K {
        numbers[i] = w[i];
        numbers[K + 1 + i] = w[i] * y;
        for other in &w[..=i] {
            numbers[place] = w[i] * other;
            place += 1;
        }
    }
}

/// The numbers of a leaf or a mean of leaves, by name.
struct Moments<const K: usize> {
    w: SVector<f64, K>,
    y: f64,
    wy: SVector<f64, K>,
    ww: SMatrix<f64, K, K>,
}

impl<const K: usize> Moments<K> {
    fn read<T: Copy + Into<f64>>(numbers: &[T]) -> Self {
        let at = |place: usize| numbers[place].into();
        let mut place = 2 * K + 1;
        let mut ww = SMatrix::zeros();
        for i in 0..K {
            for j in 0..=i {
                ww[(i, j)] = at(place);
                ww[(j, i)] = at(place);
                place += 1;
            }
        }
        Self {
            w: SVector::from_fn(|i, _| at(i)),
            y: at(K),
            wy: SVector::from_fn(|i, _| at(K + 1 + i)),
            ww,
        }
    }
}

/// The effects at a place, solved from the mean of its leaves: `Cov(w)⁻¹ Cov(w, y)`.
#[derive(Debug)]
pub(super) struct Solved<const K: usize> {
    pub(super) effects: [f64; K],
    w: SVector<f64, K>,
    /// The outcome where the treatments are 0.
    level: f64,
    factor: Cholesky<f64, Const<K>>,
}

impl<const K: usize> Solved<K> {
    /// `None` where the leaves do not tell the treatments apart.
    pub(super) fn new(numbers: &[f64]) -> Option<Self> {
        let Moments { w, y, wy, ww } = Moments::<K>::read(numbers);
        let factor = (ww - w * w.transpose()).cholesky()?;
        let effects = factor.solve(&(wy - w * y));
        if !effects.iter().all(|effect| effect.is_finite()) {
            return None;
        }
        Some(Self {
            effects: std::array::from_fn(|k| effects[k]),
            w,
            level: y - w.dot(&effects),
            factor,
        })
    }

    /// How far one leaf pulls the effects away from those of all: its influence. Over all leaves they
    /// add up to 0.
    pub(super) fn influence(&self, leaf: &[f32]) -> [f64; K] {
        let Moments { w, y, wy, ww } = Moments::<K>::read(leaf);
        let effects = SVector::<f64, K>::from_fn(|k, _| self.effects[k]);
        let of_level = y - w.dot(&effects) - self.level;
        let of_effects = wy - ww * effects - w * self.level;
        let pull = self.factor.solve(&(of_effects - self.w * of_level));
        std::array::from_fn(|k| pull[k])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_least_squares_does() {
        // y = 1 + 2 a - 3 b, without an error.
        let rows = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 2.0]];
        let mut mean = [0.0; width(2)];
        let mut leaves = Vec::new();
        for w in rows {
            let mut numbers = [0.0; width(2)];
            write(&w, 1.0 + 2.0 * w[0] - 3.0 * w[1], &mut numbers);
            for (sum, x) in mean.iter_mut().zip(&numbers) {
                *sum += x / rows.len() as f64;
            }
            #[allow(clippy::cast_possible_truncation)]
            leaves.push(numbers.map(|x| x as f32));
        }
        let solved = Solved::<2>::new(&mean).unwrap();
        assert!((solved.effects[0] - 2.0).abs() < 1e-12);
        assert!((solved.effects[1] + 3.0).abs() < 1e-12);
        for leaf in &leaves {
            assert!(solved.influence(leaf).iter().all(|pull| pull.abs() < 1e-6));
        }
        assert!(Solved::<1>::new(&[1.0, 2.0, 2.0, 1.0]).is_none());
    }
}

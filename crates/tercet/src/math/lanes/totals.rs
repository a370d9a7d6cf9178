//! Sums over rows of a matrix that lie one after the other, by place in so many rows that they fill whole
//! registers: no number is moved to another lane.

use pulp::{Simd, WithSimd};

/// Adds up numbers, counts those that are known, and keeps the lowest and the highest.
pub(super) struct Totals<'a> {
    /// At most as many as there are places.
    pub(super) values: &'a [f64],
    pub(super) sums: &'a mut [f64],
    pub(super) known: &'a mut [f64],
    pub(super) lowest: &'a mut [f64],
    pub(super) highest: &'a mut [f64],
}

impl WithSimd for Totals<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
        let (values, rest) = S::as_simd_f64s(self.values);
        let n = values.len();
        let sums = &mut S::as_mut_simd_f64s(&mut *self.sums).0[..n];
        let known = &mut S::as_mut_simd_f64s(&mut *self.known).0[..n];
        let lowest = &mut S::as_mut_simd_f64s(&mut *self.lowest).0[..n];
        let highest = &mut S::as_mut_simd_f64s(&mut *self.highest).0[..n];
        for k in 0..n {
            let x = values[k];
            let is_known = simd.equal_f64s(x, x);
            sums[k] = simd.add_f64s(sums[k], simd.select_f64s(is_known, x, zero));
            known[k] = simd.add_f64s(known[k], simd.select_f64s(is_known, one, zero));
            // A comparison with NaN is false.
            let is_lower = simd.less_than_f64s(x, lowest[k]);
            lowest[k] = simd.select_f64s(is_lower, x, lowest[k]);
            let is_higher = simd.less_than_f64s(highest[k], x);
            highest[k] = simd.select_f64s(is_higher, x, highest[k]);
        }
        for (k, x) in (n * S::F64_LANES..).zip(rest) {
            if !x.is_nan() {
                self.sums[k] += x;
                self.known[k] += 1.0;
                self.lowest[k] = self.lowest[k].min(*x);
                self.highest[k] = self.highest[k].max(*x);
            }
        }
    }
}

/// Adds up the squares of what lies between numbers and the means of their places.
pub(super) struct Distances<'a> {
    pub(super) values: &'a [f64],
    pub(super) means: &'a [f64],
    pub(super) squares: &'a mut [f64],
}

impl WithSimd for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, rest) = S::as_simd_f64s(self.values);
        let n = values.len();
        let means = &S::as_simd_f64s(self.means).0[..n];
        let squares = &mut S::as_mut_simd_f64s(&mut *self.squares).0[..n];
        for k in 0..n {
            let away = simd.sub_f64s(values[k], means[k]);
            let is_known = simd.equal_f64s(away, away);
            let away = simd.select_f64s(is_known, away, simd.splat_f64s(0.0));
            squares[k] = simd.mul_add_f64s(away, away, squares[k]);
        }
        for (k, x) in (n * S::F64_LANES..).zip(rest) {
            let away = x - self.means[k];
            if !away.is_nan() {
                self.squares[k] += away * away;
            }
        }
    }
}

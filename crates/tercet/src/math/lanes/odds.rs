//! The losses of logistic regressions, and their derivatives by the log-odds.

use pulp::{Simd, WithSimd};

/// A tile of rows of a binary logistic regression.
#[allow(clippy::struct_field_names)] // log-odds are what they are called
pub(crate) struct Odds<'a> {
    /// Log-odds.
    pub(crate) log_odds: &'a [f64],
    /// 0 or 1.
    pub(crate) outcome: &'a [f64],
    /// Weights, 0 for rows that do not count.
    pub(crate) weights: &'a [f64],
    /// Whether all weights are 1.
    pub(crate) is_plain: bool,
    /// `w (p - y)`, the slopes of the losses.
    pub(crate) residuals: &'a mut [f64],
    /// The roots of `w p (1 - p)`, the curvatures of the losses; empty where they are not wanted.
    pub(crate) roots: &'a mut [f64],
}

impl WithSimd for Odds<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        match (self.is_plain, self.roots.is_empty()) {
            (true, true) => self.sum::<S, true, false>(),
            (true, false) => self.sum::<S, true, true>(),
            (false, true) => self.sum::<S, false, false>(),
            (false, false) => self.sum::<S, false, true>(),
        }
    }
}

impl Odds<'_> {
    /// The loss of a row is `ln(1 + e^η) - y η = max(η, 0) - y η + ln(1 + e^-|η|)`: nothing in it can
    /// overflow. Without weights the logarithms are those of a product, which a tile cannot make larger
    /// than `2^ROWS`.
    #[inline(always)]
    fn sum<S: Simd, const PLAIN: bool, const ROOTS: bool>(self) -> f64 {
        const LANES: usize = 8;
        let mut sums = [0.0; LANES];
        let mut products = [1.0; LANES];
        let (etas, _) = self.log_odds.as_chunks::<LANES>();
        let (outcomes, _) = self.outcome.as_chunks::<LANES>();
        let (weights, _) = self.weights.as_chunks::<LANES>();
        let (residuals, _) = self.residuals.as_chunks_mut::<LANES>();
        let (roots, _) = self.roots.as_chunks_mut::<LANES>();
        let rows = etas.iter().zip(outcomes).zip(weights).zip(residuals);
        for (place, (((eta, y), w), residual)) in rows.enumerate() {
            // Copies, which the compiler keeps in registers: nothing that is written can be among them.
            let (eta, y, w) = (*eta, *y, *w);
            let mut slopes = [0.0; LANES];
            let mut bends = [0.0; LANES];
            for lane in 0..LANES {
                let small = exp_negative_by::<S>(-eta[lane].abs());
                let larger = 1.0 / (1.0 + small);
                let smaller = small * larger;
                let p = if eta[lane] >= 0.0 { larger } else { smaller };
                let line = eta[lane].max(0.0) - y[lane] * eta[lane];
                if PLAIN {
                    sums[lane] += line;
                    products[lane] *= 1.0 + small;
                    slopes[lane] = p - y[lane];
                } else {
                    sums[lane] += w[lane] * (line + ln_1p_unit(small));
                    slopes[lane] = w[lane] * (p - y[lane]);
                }
                if ROOTS {
                    let bend = smaller * larger;
                    bends[lane] = if PLAIN { bend } else { w[lane] * bend }.sqrt();
                }
            }
            *residual = slopes;
            if ROOTS && let Some(roots) = roots.get_mut(place) {
                *roots = bends;
            }
        }
        let logarithms = if PLAIN {
            products.iter().map(|product| product.ln()).sum()
        } else {
            0.0
        };
        sums.iter().sum::<f64>() + logarithms
    }
}

/// `e^x` for `x <= 0`, to a few units in the last place; below -708, where the result is no normal
/// number, `e^-708`.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`. Adding `1.5 * 2^52` leaves `n` in the low bits of the sum;
/// `ln 2` is taken off in two parts (Cody & Waite 1980), the first of which has zeros at its end, so
/// that its multiple is exact. `e^r` is its Taylor polynomial, whose first missing term is below
/// `4e-18`; `2^n` goes straight into the exponent's bits.
#[inline(always)]
fn exp_negative_by<S: Simd>(x: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const INVERSE_FACTORIALS: [f64; 13] = [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let x = x.max(-708.0);
    let shifted = fused::<S>(x, std::f64::consts::LOG2_E, SHIFT);
    let n = shifted - SHIFT;
    let r = fused::<S>(-n, LN_2_LOW, fused::<S>(-n, LN_2_HIGH, x));
    let mut sum = 1.0 / 6_227_020_800.0;
    for term in INVERSE_FACTORIALS {
        sum = fused::<S>(sum, r, term);
    }
    f64::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// `a b + c`: in one instruction where the processor has it. All that have several lanes do; without it
/// the library's function takes longer than the rest together.
#[inline(always)]
fn fused<S: Simd>(a: f64, b: f64, c: f64) -> f64 {
    if S::F64_LANES > 1 {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// `ln(1 + x)` for `x` from 0 to 1, by `2 artanh(x / (2 + x))`, whose series in the square of at most
/// `1/9` has a first missing term below `1e-17`.
#[inline(always)]
fn ln_1p_unit(x: f64) -> f64 {
    const INVERSES: [f64; 15] = [
        1.0 / 31.0,
        1.0 / 29.0,
        1.0 / 27.0,
        1.0 / 25.0,
        1.0 / 23.0,
        1.0 / 21.0,
        1.0 / 19.0,
        1.0 / 17.0,
        1.0 / 15.0,
        1.0 / 13.0,
        1.0 / 11.0,
        1.0 / 9.0,
        1.0 / 7.0,
        1.0 / 5.0,
        1.0 / 3.0,
    ];
    let s = x / (2.0 + x);
    let square = s * s;
    let mut sum = 1.0 / 33.0;
    for term in INVERSES {
        sum = sum * square + term;
    }
    2.0 * s * (sum * square + 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::{Lanes, ROWS};
    use super::*;

    fn exp_negative(x: f64) -> f64 {
        exp_negative_by::<pulp::Scalar>(x)
    }

    #[test]
    fn functions_are_exact_to_the_last_digits() {
        for step in 0..20_000 {
            let x = -f64::from(step) / 28.0;
            let found = exp_negative(x);
            assert!((found / x.max(-708.0).exp() - 1.0).abs() < 2e-15, "{x}");
            let unit = f64::from(step) / 20_000.0;
            assert!(
                (ln_1p_unit(unit) - unit.ln_1p()).abs() <= 1e-15 * unit,
                "{unit}"
            );
        }
        assert_eq!(exp_negative(0.0), 1.0);
        assert_eq!(ln_1p_unit(0.0), 0.0);
        assert_eq!(exp_negative(-1e300), exp_negative(-708.0));
    }

    #[test]
    fn odds_neither_overflow_nor_lose_what_is_small() {
        let log_odds: Vec<f64> = (0..ROWS).map(|row| (row as f64 - 128.0) * 6.0).collect();
        let outcome: Vec<f64> = (0..ROWS).map(|row| (row % 2) as f64).collect();
        for is_plain in [false, true] {
            let weight = |row: usize| if is_plain { 1.0 } else { (row % 3) as f64 };
            let weights: Vec<f64> = (0..ROWS).map(weight).collect();
            let (mut residuals, mut roots) = (vec![0.0; ROWS], vec![0.0; ROWS]);
            let mut look = |roots: &mut [f64]| {
                Lanes::new().odds(Odds {
                    log_odds: &log_odds,
                    outcome: &outcome,
                    weights: &weights,
                    is_plain,
                    residuals: &mut residuals,
                    roots,
                })
            };
            let loss = look(&mut roots);
            assert_eq!(look(&mut []), loss);
            let mut expected = 0.0;
            for row in 0..ROWS {
                let (eta, y, w) = (log_odds[row], outcome[row], weights[row]);
                expected += w * (eta.max(0.0) - y * eta + (-eta.abs()).exp().ln_1p());
                let p = 1.0 / (1.0 + (-eta).exp());
                assert!((residuals[row] - w * (p - y)).abs() < 1e-15);
                let small = (-eta.abs()).max(-708.0).exp();
                let bend = w * small / (1.0 + small).powi(2);
                assert!((roots[row].powi(2) - bend).abs() < 1e-15);
            }
            assert!((loss / expected - 1.0).abs() < 1e-14);
        }
    }
}

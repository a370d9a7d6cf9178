//! Gamma-function ratios that keep their digits when the arguments are large.
//!
//! `ln Γ(z + d) - ln Γ(z)` formed from two calls loses as many digits as `ln Γ(z)` has before the
//! point. Above [`LARGE`] Stirling's series is subtracted term by term instead (Abramowitz & Stegun
//! 1964, 6.1.40, 6.3.18, 6.4.12).

use statrs::function::gamma;

/// From here on Stirling's series with six terms is exact to the last bit.
const LARGE: f64 = 16.0;

/// `ln Γ(z)`, z > 0.
pub(crate) fn ln_gamma(z: f64) -> f64 {
    if z >= LARGE {
        (z - 0.5) * z.ln() - z + HALF_LN_TWO_PI + stirling(z)
    } else {
        gamma::ln_gamma(z)
    }
}

const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// `ln Γ(z + d) - ln Γ(z)`, z > 0, d >= 0.
pub(crate) fn ln_gamma_ratio(z: f64, d: f64) -> f64 {
    if z >= LARGE {
        // (z+d-1/2) ln(z+d) - (z-1/2) ln z - d, with ln(z+d) = ln z + ln1p(d/z)
        d * z.ln() + ((z + d - 0.5) * (d / z).ln_1p() - d) + (stirling(z + d) - stirling(z))
    } else {
        ln_gamma(z + d) - ln_gamma(z)
    }
}

/// `ψ(z)`, z > 0.
pub(crate) fn digamma(z: f64) -> f64 {
    let (mut z, mut shift) = (z, 0.0);
    while z < LARGE {
        shift += 1.0 / z;
        z += 1.0;
    }
    z.ln() - digamma_tail(z) - shift
}

/// `ψ(z + d) - ψ(z)`, z > 0, d >= 0.
pub(crate) fn digamma_difference(z: f64, d: f64) -> f64 {
    if z >= LARGE {
        (d / z).ln_1p() - digamma_tail(z + d) + digamma_tail(z)
    } else {
        digamma(z + d) - digamma(z)
    }
}

/// `ψ'(z)`, z > 0.
pub(crate) fn trigamma(z: f64) -> f64 {
    let (mut z, mut shift) = (z, 0.0);
    while z < LARGE {
        shift += 1.0 / (z * z);
        z += 1.0;
    }
    let w = 1.0 / (z * z);
    let series = horner(
        w,
        &[
            1.0 / 6.0,
            -1.0 / 30.0,
            1.0 / 42.0,
            -1.0 / 30.0,
            5.0 / 66.0,
            -691.0 / 2730.0,
        ],
    );
    1.0 / z + 0.5 * w + w / z * series + shift
}

/// `ln Γ(z)` minus its leading terms: `1/(12 z) - 1/(360 z^3) + ...`
fn stirling(z: f64) -> f64 {
    let w = 1.0 / (z * z);
    horner(
        w,
        &[
            1.0 / 12.0,
            -1.0 / 360.0,
            1.0 / 1260.0,
            -1.0 / 1680.0,
            1.0 / 1188.0,
            -691.0 / 360_360.0,
        ],
    ) / z
}

/// `ln z - ψ(z)`: `1/(2 z) + 1/(12 z^2) - 1/(120 z^4) + ...`
fn digamma_tail(z: f64) -> f64 {
    let w = 1.0 / (z * z);
    0.5 / z
        + w * horner(
            w,
            &[
                1.0 / 12.0,
                -1.0 / 120.0,
                1.0 / 252.0,
                -1.0 / 240.0,
                1.0 / 132.0,
                -691.0 / 32_760.0,
            ],
        )
}

fn horner(w: f64, coefficients: &[f64]) -> f64 {
    coefficients
        .iter()
        .rev()
        .fold(0.0, |sum, c| sum.mul_add(w, *c))
}

/// `ln(1 + e^d)` without overflow: for large `d` it is `d`, for small `d` it is `e^d`.
pub(crate) fn softplus(d: f64) -> f64 {
    d.max(0.0) + (-d.abs()).exp().ln_1p()
}

/// `1 / (1 + e^-d)`; saturates at 0 and 1 without a NaN.
pub(crate) fn sigmoid(d: f64) -> f64 {
    1.0 / (1.0 + (-d).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, rtol: f64) {
        assert!(
            (found - expected).abs() <= rtol * expected.abs(),
            "{found} is not {expected}"
        );
    }

    // Values: mpmath 1.3.0 at 40 digits (loggamma, digamma, zeta(2, z)).
    #[test]
    fn gamma_functions_match_mpmath() {
        close(ln_gamma(0.242_593), 1.319_815_984_069_629, 1e-14);
        close(ln_gamma(1234.5), 7_550.550_901_077_895, 1e-14);
        close(digamma(0.242_593), -4.358_489_244_159_736_6, 1e-14);
        close(digamma(57.25), 4.038_668_593_357_127, 1e-14);
        close(trigamma(0.242_593), 18.199_200_324_835_135, 1e-14);
        close(trigamma(57.25), 0.017_620_689_469_856_143, 1e-14);
    }

    #[test]
    fn ratios_keep_their_digits_where_two_calls_would_not() {
        close(ln_gamma_ratio(1e9, 0.75), 15.542_449_377_616_057, 1e-14);
        close(
            digamma_difference(1e9, 0.75),
            7.500_000_000_937_5e-10,
            1e-14,
        );
        close(ln_gamma_ratio(2.5, 3.5), 4.502_808_872_309_127, 1e-12);
    }

    #[test]
    fn softplus_and_sigmoid_at_the_extremes() {
        assert_eq!(softplus(-1e4), 0.0);
        assert_eq!(softplus(1e4), 1e4);
        assert_eq!(sigmoid(-1e4), 0.0);
        assert_eq!(sigmoid(1e4), 1.0);
        close(softplus(0.0), std::f64::consts::LN_2, 1e-15);
    }
}

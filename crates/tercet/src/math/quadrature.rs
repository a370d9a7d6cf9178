//! Two quadratures of positive integrands: no cancellation, so no lost digits.

/// Nodes and weights of the Gauss-Legendre rule on [0, 1].
///
/// Nodes are the roots of the Legendre polynomial, found by Newton's method from Tricomi's
/// approximation, which lies close enough that the iteration cannot leave its root (Press et al.,
/// Numerical Recipes, section 4.6).
pub(crate) fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let root = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        // Quadratic convergence from an error below 1e-3: five steps are one too many.
        for _ in 0..5 {
            let (value, slope) = legendre(n, x);
            x -= value / slope;
        }
        let (_, slope) = legendre(n, x);
        (0.5 * (1.0 + x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(root).collect()
}

/// The Legendre polynomial of degree `n` at `x` and its derivative.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut previous, mut value) = (0.0, 1.0);
    for k in 0..n {
        let k = k as f64;
        let next = ((2.0 * k + 1.0) * x * value - k * previous) / (k + 1.0);
        (previous, value) = (value, next);
    }
    (value, n as f64 * (x * value - previous) / (x * x - 1.0))
}

/// Relative size of a term that no longer counts.
const NEGLIGIBLE: f64 = 1e-19;

/// The mean of `h(p)` for `p ~ Beta(a, b)`, `a, b > 0` and `h` positive on [0, 1].
///
/// With `p = 1 / (1 + e^-y)` the density becomes `p^a (1-p)^b`, analytic in the strip `|Im y| < π`,
/// and so is every `h` whose singularities lie on the negative real axis of `p` or beyond 1. The
/// trapezoid rule then converges geometrically in `1 / step` (Trefethen & Weideman 2014, SIAM
/// Review 56, 385-458). Dividing by the same rule's sum of the density cancels the beta function.
///
/// `reach` says where `h` settles: for `p < 1 / reach` it is constant to first order in `p * reach`.
/// Below that, and above the mirror image at 1, the terms are a geometric series, which is summed in
/// closed form; so a tiny `a` or `b` (a tail of hundreds of units) costs nothing. `h` must not vanish
/// at 0 or 1, or those sums would not be geometric with the density's own ratio.
pub(crate) fn beta_mean(a: f64, b: f64, reach: f64, h: impl Fn(f64) -> f64) -> f64 {
    let (mean, rest) = (a / (a + b), b / (a + b));
    let deviation = ((a + b) / (a * b)).sqrt();
    if !(deviation.is_finite() && reach.is_finite()) {
        return f64::NAN;
    }
    if deviation < DEGENERATE {
        // All of the mass lies at one point; steps of that size would not move `y`.
        return h(mean);
    }
    let mode = (a / b).ln();
    // The error is the integrand's Fourier transform at 2 pi / step; for a gamma-like flank that is
    // |Γ(a + 2 pi i / step)| / Γ(a), below 1e-16 for small `a` at 0.2, and for large `a` (a Gaussian)
    // at 0.4 deviations.
    let step = (0.4 * deviation).min(0.2);
    let mut weight = 0.0;
    let mut total = 0.0;
    let mut add = |away: f64, tail: f64| {
        // p^a (1-p)^b over its value at the mode, each power by the logarithm of its own ratio.
        let leave = -a * (rest * (-away).exp_m1()).ln_1p();
        let stay = -b * (mean * away.exp_m1()).ln_1p();
        let density = (leave + stay).exp() * tail;
        let term = density * h(1.0 / (1.0 + (-mode - away).exp()));
        weight += density;
        total += term;
        density < NEGLIGIBLE * weight && term < NEGLIGIBLE * total
    };
    let tail = |rate: f64| 1.0 / -(-rate * step).exp_m1();
    // Where e^-|y| is so small that density and h are exponential in y to the last bit. Beyond 700 it
    // is no longer a number, so that is settled in any case.
    let settled = (40.0 + (1.0 + reach + a + b).ln()).min(700.0);
    let mut away = 0.0;
    loop {
        let last = mode + away > settled.max(mode);
        if add(away, if last { tail(b) } else { 1.0 }) || last {
            break;
        }
        away += step;
    }
    away = -step;
    loop {
        let last = mode + away < (-settled).min(mode);
        if add(away, if last { tail(a) } else { 1.0 }) || last {
            break;
        }
        away -= step;
    }
    total / weight
}

/// Standard deviation of the log-odds below which a beta distribution is a single point.
const DEGENERATE: f64 = 1e-7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauss_legendre_is_exact_for_polynomials() {
        let rule = gauss_legendre(8);
        for degree in 0..16 {
            let term = |&(node, weight): &(f64, f64)| 2.0 * weight * (2.0 * node).powi(degree);
            let found: f64 = rule.iter().map(term).sum();
            let expected = 2.0_f64.powi(degree + 1) / f64::from(degree + 1);
            assert!(
                (found - expected).abs() < 1e-13 * expected,
                "degree {degree}"
            );
        }
    }

    #[test]
    fn beta_moments_over_many_orders_of_magnitude() {
        for a in [1e-7, 0.01, 0.79, 1.0, 30.0, 1e6, 1e12, 1e40] {
            for b in [1e-7, 0.01, 2.4, 80.0, 1e6, 1e12, 1e40] {
                // (1 + p)^-1 has no closed form; 1 + p and (1 + p)^2 do.
                let mean = a / (a + b);
                let square = mean * (a + 1.0) / (a + b + 1.0);
                let found = beta_mean(a, b, 1.0, |p| 1.0 + p);
                assert!(
                    (found / (1.0 + mean) - 1.0).abs() < 1e-13,
                    "{a} {b}: {found}"
                );
                let found = beta_mean(a, b, 1.0, |p| (1.0 + p) * (1.0 + p));
                let expected = 1.0 + 2.0 * mean + square;
                assert!((found / expected - 1.0).abs() < 1e-13, "{a} {b}: {found}");
            }
        }
    }
}

//! Effects of segments drawn towards their common mean.
//!
//! ```text
//! effect_s ~ N(θ_s, v_s),   θ_s ~ N(μ, τ²),   μ flat,   τ ~ s0 / (s0 + τ)²
//! ```
//!
//! with `s0²` the harmonic mean of the `v_s` (`DuMouchel`'s prior: half of it lies below the segments' own
//! standard error, and it depends on no unit; `DuMouchel` 1994, National Institute of Statistical Sciences
//! report 24; Spiegelhalter, Abrams & Myles 2004, section 5.7.3). `μ` is integrated out, `τ` summed over: so
//! the intervals know that neither is known, which plugging in one `τ` forgets (Morris 1983, Journal of the
//! American Statistical Association 78, 47-55).
//!
//! With `u = τ / (s0 + τ)` the prior is uniform on (0, 1): a Gauss-Legendre rule in `u` serves every scale.

use statrs::function::erf::erfc;

use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::math::quadrature::gauss_legendre;

/// Nodes of the rule. A posterior of 1,000 segments is some hundredths wide in `u`, ten nodes.
const NODES: usize = 240;

/// Nodes of less than this share of the likeliest one's weight count for nothing.
const NEGLIGIBLE: f64 = 1e-13;

/// The effect of one segment, drawn towards the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrunken {
    /// The posterior mean.
    pub effect: f64,
    /// The central interval.
    pub ends: [f64; 2],
}

/// How effects differ among segments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pool {
    /// How many there are.
    pub segments: usize,
    /// Their mean effect.
    pub mean: f64,
    /// Its interval.
    pub mean_ends: [f64; 2],
    /// The standard deviation of effects from segment to segment: the posterior median.
    pub tau: f64,
    /// Its interval.
    pub tau_ends: [f64; 2],
}

/// A value of `τ` and what it says of the mean.
struct Node {
    u: f64,
    tau: f64,
    weight: f64,
    mean: f64,
    mean_variance: f64,
}

/// Draws effects with their variances towards each other; `None` of fewer than two.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error) for a level that is none; [`Error::InvalidData`](crate::Error)
/// for an effect that is not finite or a variance that is not positive.
///
/// ```
/// use tercet::response::experiment::shrink;
///
/// // The eight schools of Rubin (1981), in points.
/// let effects = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
/// let errors = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
/// let variances = errors.map(|error: f64| error * error);
/// let (pool, schools) = shrink(&effects, &variances, 0.95)?.unwrap();
/// assert!((7.0..9.0).contains(&pool.mean));
/// assert!((8.0..13.0).contains(&schools[0].effect));
/// # Ok::<(), tercet::Error>(())
/// ```
pub fn shrink(
    effects: &[f64],
    variances: &[f64],
    level: f64,
) -> Result<Option<(Pool, Vec<Shrunken>)>> {
    let z = normal_quantile(level)?;
    if effects.len() < 2 {
        return Ok(None);
    }
    check(effects, variances)?;
    let k = effects.len() as f64;
    let s0 = (k / variances.iter().map(|v| 1.0 / v).sum::<f64>()).sqrt();
    let nodes = posterior(effects, variances, s0);
    let segments = effects.iter().zip(variances);
    let shrunken = segments.map(|(effect, variance)| one(&nodes, *effect, *variance, (level, z)));
    let tails = [0.5 - 0.5 * level, 0.5 + 0.5 * level];
    let tau = |share: f64| {
        let u = tau_quantile(&nodes, share);
        s0 * u / (1.0 - u)
    };
    let means: Vec<(f64, f64, f64)> = nodes
        .iter()
        .map(|node| (node.weight, node.mean, node.mean_variance.sqrt()))
        .collect();
    let pool = Pool {
        segments: effects.len(),
        mean: nodes.iter().map(|node| node.weight * node.mean).sum(),
        mean_ends: mixture_interval(&means, (level, z)),
        tau: tau(0.5),
        tau_ends: tails.map(tau),
    };
    Ok(Some((pool, shrunken.collect())))
}

fn check(effects: &[f64], variances: &[f64]) -> Result<()> {
    if variances.len() != effects.len() {
        return Err(Error::ShapeMismatch {
            column: "variances".to_owned(),
            expected: effects.len(),
            found: variances.len(),
        });
    }
    if let Some(row) = effects.iter().position(|effect| !effect.is_finite()) {
        return Err(Error::data(
            "effects",
            row,
            "is not finite; leave the segment out",
        ));
    }
    match variances.iter().position(|v| !(*v > 0.0 && v.is_finite())) {
        Some(row) => Err(Error::data(
            "variances",
            row,
            "is not positive; leave the segment out",
        )),
        None => Ok(()),
    }
}

/// The posterior of `τ` at the nodes, weights adding up to 1.
fn posterior(effects: &[f64], variances: &[f64], s0: f64) -> Vec<Node> {
    let mut nodes: Vec<Node> = gauss_legendre(NODES)
        .into_iter()
        .map(|(u, rule)| {
            let tau = s0 * u / (1.0 - u);
            let (mut sum, mut weighted, mut log) = (0.0, 0.0, 0.0);
            for (effect, variance) in effects.iter().zip(variances) {
                let weight = 1.0 / (variance + tau * tau);
                sum += weight;
                weighted += weight * effect;
                log += 0.5 * weight.ln();
            }
            let mean = weighted / sum;
            let scatter: f64 = effects
                .iter()
                .zip(variances)
                .map(|(effect, variance)| (effect - mean).powi(2) / (variance + tau * tau))
                .sum();
            Node {
                u,
                tau,
                weight: rule.ln() + log - 0.5 * sum.ln() - 0.5 * scatter,
                mean,
                mean_variance: 1.0 / sum,
            }
        })
        .collect();
    let most = nodes
        .iter()
        .map(|node| node.weight)
        .fold(f64::MIN, f64::max);
    for node in &mut nodes {
        node.weight = (node.weight - most).exp();
    }
    nodes.retain(|node| node.weight > NEGLIGIBLE);
    let total: f64 = nodes.iter().map(|node| node.weight).sum();
    for node in &mut nodes {
        node.weight /= total;
    }
    nodes.sort_by(|a, b| a.u.total_cmp(&b.u));
    nodes
}

/// A segment's posterior: a mixture of normal distributions, one for each `τ`.
fn one(nodes: &[Node], effect: f64, variance: f64, rule: (f64, f64)) -> Shrunken {
    let parts: Vec<(f64, f64, f64)> = nodes
        .iter()
        .map(|node| {
            // 1 where segments do not differ, 0 where they differ by far more than the noise.
            let drawn = variance / (variance + node.tau * node.tau);
            let mean = effect + drawn * (node.mean - effect);
            let spread = (1.0 - drawn) * variance + drawn * drawn * node.mean_variance;
            (node.weight, mean, spread.sqrt())
        })
        .collect();
    Shrunken {
        effect: parts.iter().map(|(weight, mean, _)| weight * mean).sum(),
        ends: mixture_interval(&parts, rule),
    }
}

/// The central interval of a mixture of normal distributions (weight, mean, deviation).
fn mixture_interval(parts: &[(f64, f64, f64)], (level, z): (f64, f64)) -> [f64; 2] {
    let tail = 0.5 - 0.5 * level;
    let below = |x: f64| -> f64 {
        let share = |(weight, mean, deviation): &(f64, f64, f64)| {
            weight * 0.5 * erfc((mean - x) / (deviation * std::f64::consts::SQRT_2))
        };
        parts.iter().map(share).sum()
    };
    let low = |sign: f64| {
        let end = |(_, mean, deviation): &(f64, f64, f64)| mean + sign * z * deviation;
        let ends = parts.iter().map(end);
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| {
            (low.min(end), high.max(end))
        })
    };
    // Each end lies between the extremes of the parts' own.
    let solve = |(mut left, mut right): (f64, f64), share: f64| {
        for _ in 0..60 {
            let middle = 0.5 * (left + right);
            if right - left <= 1e-12 * (left.abs() + right.abs()) {
                break;
            }
            if below(middle) < share {
                left = middle;
            } else {
                right = middle;
            }
        }
        0.5 * (left + right)
    };
    [solve(low(-1.0), tail), solve(low(1.0), 1.0 - tail)]
}

/// The `u` below which a share of the posterior lies; straight between the edges of the nodes' bins.
fn tau_quantile(nodes: &[Node], share: f64) -> f64 {
    let mut left = 0.0;
    for (place, node) in nodes.iter().enumerate() {
        if left + node.weight >= share {
            let low = place
                .checked_sub(1)
                .map_or(0.0, |one| 0.5 * (nodes[one].u + node.u));
            let high = nodes
                .get(place + 1)
                .map_or(node.u, |next| 0.5 * (next.u + node.u));
            return low + (share - left) / node.weight * (high - low);
        }
        left += node.weight;
    }
    nodes.last().map_or(0.0, |node| node.u)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_effects_are_drawn_together_and_far_ones_left_alone() {
        let variances = [0.04; 6];
        let same = [1.0, 1.1, 0.9, 1.05, 0.95, 1.0];
        let (pool, drawn) = shrink(&same, &variances, 0.95).unwrap().unwrap();
        assert!((pool.mean - 1.0).abs() < 1e-9 && pool.tau < 0.1);
        assert!((drawn[1].effect - 1.0) < 0.35 * 0.1, "{drawn:?}");
        let far = [-50.0, 20.0, 90.0, -10.0, 40.0, 0.0];
        let (_, left) = shrink(&far, &variances, 0.95).unwrap().unwrap();
        for (effect, found) in far.iter().zip(left) {
            assert!((effect - found.effect).abs() < 0.01);
            assert!((found.ends[1] - found.ends[0] - 2.0 * 1.96 * 0.2).abs() < 0.01);
        }
    }

    #[test]
    fn one_segment_has_nothing_to_be_drawn_to() {
        assert!(shrink(&[1.0], &[0.1], 0.95).unwrap().is_none());
    }
}

//! Draws for simulated data.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Uniform from 0 to 1, 1 left out.
pub(crate) fn uniform(generator: &mut ChaCha8Rng) -> f64 {
    (generator.next_u64() >> 11) as f64 / 2.0_f64.powi(53)
}

/// Standard normal (Box and Muller).
pub(crate) fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (uniform(generator), uniform(generator));
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

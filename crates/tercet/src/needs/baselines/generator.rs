//! The generator that linfa draws from: `ChaCha8` as everywhere, in the version of the traits that linfa
//! 0.8 is written for.

use linfa_rand_chacha::ChaCha8Rng;
use linfa_rand_chacha::rand_core::SeedableRng;

use crate::random::Seed;

/// The generator of start `k`, independent of those of the other starts.
pub(super) fn generator(seed: Seed, k: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed.0);
    generator.set_stream(k);
    generator
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa_rand_chacha::rand_core::RngCore;
    use rand::Rng;

    #[test]
    fn both_versions_of_the_generator_draw_the_same() {
        for k in 0..3 {
            let (mut one, mut other) = (generator(Seed(42), k), Seed(42).stream(k));
            for _ in 0..100 {
                assert_eq!(one.next_u64(), other.next_u64());
            }
        }
    }
}

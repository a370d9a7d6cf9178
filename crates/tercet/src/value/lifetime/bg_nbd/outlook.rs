//! What is to come from a customer who is alive.

use crate::math::quadrature::{beta_mean, gauss_legendre};

/// The posterior of an alive customer: λ ~ Gamma(`shape`, `scale`), p ~ Beta(`leave`, `stay`).
///
/// Given λ and p, the expected purchases within `t` are `(1 - e^(-λ p t)) / p`. Their mean over the
/// posterior is usually written with the hypergeometric function, whose series loses its digits
/// where one needs them. With `z = t / (scale + t)` it is also
///
/// ```text
/// sum over n >= 1 of NegativeBinomial(n; shape, z) * M_n,
/// M_n = sum over j < n of m_j,     m_j = E[(1-p)^j] = (stay)_j / (leave + stay)_j
/// ```
///
/// in words: `n` purchases would come if the customer could not leave, and the j-th of them only
/// comes if the customer survived the ones before. All terms are positive, so nothing cancels, and
/// a = 1 is no special case. Long horizons, which need many terms, go by quadrature over p instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlook {
    pub(crate) shape: f64,
    pub(crate) scale: f64,
    pub(crate) leave: f64,
    pub(crate) stay: f64,
}

/// Series with more terms than this are slower than the quadrature.
const MOST_TERMS: f64 = 400.0;

/// The first term, `(1-z)^shape`, must be well above the smallest float.
const LARGEST_LOG: f64 = 600.0;

impl Outlook {
    /// Expected purchases within `t`.
    pub(crate) fn purchases(&self, t: f64) -> f64 {
        self.purchases_at([t])[0]
    }

    /// Expected purchases within `t`, and the same with each discounted by `e^(-discount * time)`.
    ///
    /// By parts, the latter is `e^(-discount t) E(t) + discount * integral of e^(-discount s) E(s)
    /// ds`: both terms are positive, and the integral is only the discounted part of the whole. E
    /// grows like a power of `1 + s/scale`, so in `v = ln(1 + s/scale)` a few nodes suffice; a long
    /// range is cut into pieces.
    pub(crate) fn discounted_purchases(&self, t: f64, discount: f64, rules: &Rules) -> (f64, f64) {
        if discount == 0.0 {
            let purchases = self.purchases(t);
            return (purchases, purchases);
        }
        let range = (t / self.scale).ln_1p();
        // E bends most at the start, where its slope falls like (1 + p s/scale)^-(shape+1).
        let leaving = self.leave / (self.leave + self.stay);
        let steepness = range * (1.0 + (self.shape + 1.0) * leaving) + discount * t;
        let (purchases, integral) = if steepness < FEW {
            self.integrate(&rules.few, t, 1.0, discount)
        } else {
            let pieces = (steepness / MANY).ceil().min(1000.0);
            self.integrate(&rules.many, t, pieces, discount)
        };
        (
            purchases,
            (-discount * t).exp() * purchases + discount * integral,
        )
    }

    /// `E(t)`, and the integral of `e^(-discount s) E(s)` from 0 to `t`.
    fn integrate<const N: usize>(
        &self,
        rule: &Rule<N>,
        t: f64,
        pieces: f64,
        discount: f64,
    ) -> (f64, f64) {
        let width = (t / self.scale).ln_1p() / pieces;
        let (mut at_end, mut integral) = (0.0, 0.0);
        let mut piece = 0.0;
        while piece < pieces {
            let v = rule.nodes.map(|node| (piece + node) * width);
            let mut times = v.map(|v| self.scale * v.exp_m1());
            if piece + 1.0 == pieces {
                // Not by way of the logarithm: E(t) is reported, to the last bit.
                times[N - 1] = t;
            }
            let purchases = self.purchases_at(times);
            for k in 0..N {
                // ds = scale e^v dv
                let measure = (v[k] - discount * times[k]).exp() * self.scale * width;
                integral += rule.weights[k] * purchases[k] * measure;
            }
            at_end = purchases[N - 1];
            piece += 1.0;
        }
        (at_end, integral)
    }

    /// Expected purchases within each of some times, the last of which is the longest.
    fn purchases_at<const N: usize>(&self, times: [f64; N]) -> [f64; N] {
        let ratios = times.map(|t| t / self.scale);
        if Self::series_is_short(self.shape, ratios[N - 1]) {
            self.purchases_by_series(ratios)
        } else {
            ratios.map(|ratio| {
                if Self::series_is_short(self.shape, ratio) {
                    self.purchases_by_series([ratio])[0]
                } else {
                    self.purchases_by_quadrature(ratio)
                }
            })
        }
    }

    /// Whether the negative binomial with this shape has few enough terms that count.
    fn series_is_short(shape: f64, ratio: f64) -> bool {
        // Mean and variance of the number of purchases without leaving; 40 nats of geometric tail.
        let mean = shape * ratio;
        let deviation = (mean * (1.0 + ratio)).sqrt();
        let tail = 40.0 / (1.0 / ratio).ln_1p();
        shape * ratio.ln_1p() < LARGEST_LOG && mean + 8.0 * deviation + tail < MOST_TERMS
    }

    /// The sum for several horizons at once: the survival of the n-th purchase is the same for all.
    fn purchases_by_series<const N: usize>(&self, ratios: [f64; N]) -> [f64; N] {
        let z = ratios.map(|ratio| ratio / (1.0 + ratio));
        let both = self.leave + self.stay;
        let mut probability = ratios.map(|ratio| (-self.shape * ratio.ln_1p()).exp());
        let (mut survival, mut survivals, mut total) = (1.0, 0.0, [0.0; N]);
        let mut n = 0.0;
        loop {
            // It is cheaper to add a few terms too many than to ask after each.
            for _ in 0..TERMS_PER_CHECK {
                survivals += survival;
                survival *= (self.stay + n) / (both + n);
                let growth = (self.shape + n) / (n + 1.0);
                n += 1.0;
                for k in 0..N {
                    probability[k] *= z[k] * growth;
                    total[k] += probability[k] * survivals;
                }
            }
            // The longest horizon ends last. Its terms shrink at least by `next` from here on; M_n
            // grows by at most 1 + 1/n. "At most": terms that underflow to 0 end it, too.
            let next = z[N - 1] * (self.shape + n) / n;
            let rest = probability[N - 1] * survivals * next;
            if next < 1.0 && rest <= EPSILON * total[N - 1] * (1.0 - next) {
                return total;
            }
        }
    }

    fn purchases_by_quadrature(&self, ratio: f64) -> f64 {
        let reach = (self.shape + 1.0) * ratio;
        beta_mean(self.leave, self.stay, reach, |p| {
            // (1 - (1 + p ratio)^-shape) / p
            -(-self.shape * (p * ratio).ln_1p()).exp_m1() / p
        })
    }
}

const EPSILON: f64 = 1e-16;

const TERMS_PER_CHECK: usize = 8;

/// The quadrature rules of [`Outlook::discounted_purchases`]; made once for a table.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    few: Rule<6>,
    many: Rule<9>,
}

/// Nats over which five Gauss nodes, and over which eight, leave an error below 1e-11 of the whole.
const FEW: f64 = 1.0;
const MANY: f64 = 3.0;

/// `N - 1` Gauss nodes on [0, 1], and the right end, which carries no weight but is asked for anyway.
#[derive(Debug, Clone)]
struct Rule<const N: usize> {
    nodes: [f64; N],
    weights: [f64; N],
}

impl<const N: usize> Rule<N> {
    fn new() -> Self {
        let (mut nodes, mut weights) = ([1.0; N], [0.0; N]);
        for (k, (node, weight)) in gauss_legendre(N - 1).into_iter().enumerate() {
            (nodes[k], weights[k]) = (node, weight);
        }
        Self { nodes, weights }
    }
}

impl Rules {
    pub(crate) fn new() -> Self {
        Self {
            few: Rule::new(),
            many: Rule::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTLOOKS: [Outlook; 6] = [
        Outlook {
            shape: 2.24,
            scale: 43.3,
            leave: 0.79,
            stay: 4.4,
        },
        Outlook {
            shape: 0.24,
            scale: 4.4,
            leave: 0.79,
            stay: 2.4,
        },
        Outlook {
            shape: 7.24,
            scale: 43.3,
            leave: 1.0,
            stay: 9.4,
        },
        Outlook {
            shape: 150.0,
            scale: 60.0,
            leave: 0.02,
            stay: 300.0,
        },
        Outlook {
            shape: 1.5,
            scale: 10.0,
            leave: 1e4,
            stay: 9e4,
        },
        Outlook {
            shape: 3.0,
            scale: 0.5,
            leave: 25.0,
            stay: 1.5,
        },
    ];

    #[test]
    fn series_and_quadrature_agree() {
        for outlook in OUTLOOKS {
            for ratio in [1e-6, 0.01, 0.5, 1.5] {
                let [series] = outlook.purchases_by_series([ratio]);
                let quadrature = outlook.purchases_by_quadrature(ratio);
                assert!(
                    (series / quadrature - 1.0).abs() < 1e-11,
                    "{outlook:?} {ratio}"
                );
            }
        }
    }

    #[test]
    fn the_rule_is_fine_enough() {
        let rules = Rules::new();
        let finer = Rule::<41>::new();
        for outlook in OUTLOOKS {
            for t in [0.01, 1.0, 52.0, 5_000.0] {
                for discount in [1e-4, 0.002, 0.1] {
                    let (at_end, found) = outlook.discounted_purchases(t, discount, &rules);
                    assert!((at_end / outlook.purchases(t) - 1.0).abs() < 1e-12);
                    let (_, integral) = outlook.integrate(&finer, t, 20.0, discount);
                    let expected = (-discount * t).exp() * at_end + discount * integral;
                    assert!(
                        (found / expected - 1.0).abs() < 1e-11,
                        "{outlook:?} {t} {discount}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_year_without_dropout_is_the_rate_times_the_time() {
        let loyal = Outlook {
            shape: 5.0,
            scale: 10.0,
            leave: 1e-9,
            stay: 1e3,
        };
        assert!((loyal.purchases(52.0) / 26.0 - 1.0).abs() < 1e-8);
        assert_eq!(loyal.purchases(0.0), 0.0);
        for instant in [5e-324, 1e-310, 1e-300] {
            let found = loyal.purchases(instant);
            assert!(
                (found - 0.5 * instant).abs() <= 1e-12 * instant,
                "{instant}: {found}"
            );
        }
    }
}

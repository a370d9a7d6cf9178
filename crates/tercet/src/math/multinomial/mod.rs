//! Weighted multinomial logit with soft targets.
//!
//! Row `i` has features `x_i` and belongs to class `k` with probability
//!
//! ```text
//! π_ik = exp(x_i' β_k) / sum over m of exp(x_i' β_m),    β_0 = 0.
//! ```
//!
//! What is known of its class comes in one of two forms ([`Targets`]): shares in the classes, or how
//! likely what was observed of it is in each class. An intercept is a column of ones of the caller's.
//!
//! The ridge penalty is `penalty_j / 2` times the sum over all classes of the squared distance of
//! `β_kj` from the classes' mean: it does not depend on which class comes first, unlike a penalty on
//! differences from the reference class. (Zahid & Tutz 2013, Statistical Modelling 13, 33-53.)

mod evaluate;

use nalgebra::{DMatrix, DVector};

use super::ascent::{Ascent, Local, Peak, invert, is_determined};
use crate::error::Result;
use crate::parallel::Gate;

pub(crate) use evaluate::log_softmax;

/// What is known of each row's class: `n x K` numbers, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Targets<'a> {
    /// Shares that add up to 1: `sum of w_i t_ik ln π_ik`, which is concave.
    Memberships(&'a [f64]),
    /// Likelihoods up to a factor a row, not all 0: `sum of w_i ln(sum over k of π_ik l_ik)`.
    Likelihoods(&'a [f64]),
}

/// A regression of classes on features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Multinomial<'a> {
    /// `n x p` numbers, row by row.
    pub(crate) design: &'a [f64],
    /// `p`, at least 1.
    pub(crate) n_features: usize,
    pub(crate) targets: Targets<'a>,
    /// `K`, at least 1.
    pub(crate) n_classes: usize,
    /// One a row; 1 where there are none.
    pub(crate) weights: Option<&'a [f64]>,
    /// One a feature, 0 for what is not to be drawn to 0; none at all where it is empty.
    pub(crate) penalty: &'a [f64],
}

/// A fitted regression: `K - 1` rows of `p` coefficients, those of class 1 first.
#[derive(Debug, Clone)]
pub(crate) struct MultinomialFit {
    pub(crate) peak: Peak,
    /// The log-likelihood at the peak, without the penalty.
    pub(crate) free: Local,
    pub(crate) ending: Ending,
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Converged,
    /// Converged, but the features leave some direction without information.
    Undetermined,
    /// The feature tells the class from the first without an error: its coefficient runs to infinity.
    Separated {
        class: usize,
        feature: usize,
    },
    /// The iterations ran out.
    Stopped,
}

/// A coefficient this many times the inverse of its feature's size moves odds by `e^8`, about 3,000;
const RUNAWAY: f64 = 8.0;

/// and one whose error is as much larger again has not been held by a single row.
const UNHELD: f64 = 1e3;

/// An ascent that has not arrived after a coefficient moves odds by `e^30` is not going to.
const LOST: f64 = 30.0;

impl Multinomial<'_> {
    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.design.len() / self.n_features
    }

    /// Number of coefficients.
    pub(crate) fn n_coefficients(&self) -> usize {
        (self.n_classes - 1) * self.n_features
    }

    /// Climbs from `start`, or from equal probabilities: there every derivative is finite, and the
    /// likelihood of memberships is concave from anywhere.
    pub(crate) fn fit(
        &self,
        start: Option<&DVector<f64>>,
        ascent: Ascent,
        gate: &Gate<'_, '_>,
    ) -> Result<MultinomialFit> {
        let start = start.map_or_else(|| DVector::zeros(self.n_coefficients()), Clone::clone);
        self.climb(start, None, ascent, gate)
    }

    /// Climbs from the peak of a fit to the same rows under another penalty: what is known there of
    /// the likelihood is not computed again.
    pub(crate) fn refit(
        &self,
        from: &MultinomialFit,
        ascent: Ascent,
        gate: &Gate<'_, '_>,
    ) -> Result<MultinomialFit> {
        self.climb(
            from.peak.point.clone(),
            Some(from.free.clone()),
            ascent,
            gate,
        )
    }

    fn climb(
        &self,
        start: DVector<f64>,
        mut known: Option<Local>,
        ascent: Ascent,
        gate: &Gate<'_, '_>,
    ) -> Result<MultinomialFit> {
        let peak = ascent.climb(start, |point| {
            // What is known is known of the first point.
            let mut local = match known.take() {
                Some(local) => local,
                None => self.evaluate_freely(point, gate)?,
            };
            self.penalise(point, &mut local, 1.0);
            Ok(local)
        })?;
        let mut free = peak.local.clone();
        self.penalise(&peak.point, &mut free, -1.0);
        Ok(MultinomialFit {
            free,
            ending: self.ending(&peak),
            peak,
        })
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The penalty of a point.
    fn charge(&self, point: &DVector<f64>) -> f64 {
        let mut total = 0.0;
        for (feature, penalty) in self.penalty.iter().enumerate() {
            let (mut sum, mut squares) = (0.0, 0.0);
            for row in 0..self.n_classes - 1 {
                let coefficient = point[row * self.n_features + feature];
                sum += coefficient;
                squares += coefficient * coefficient;
            }
            // Around the mean of all classes, the first one's 0 included.
            total += 0.5 * penalty * (squares - sum * sum / self.n_classes as f64);
        }
        total
    }

    /// Takes the penalty, so many times, off a log-likelihood.
    fn penalise(&self, point: &DVector<f64>, local: &mut Local, times: f64) {
        local.value -= times * self.charge(point);
        let (p, n_rows) = (self.n_features, self.n_classes - 1);
        for (feature, penalty) in self.penalty.iter().enumerate() {
            let penalty = times * penalty;
            let places = (0..n_rows).map(|row| row * p + feature);
            let mean =
                places.clone().map(|place| point[place]).sum::<f64>() / self.n_classes as f64;
            for place in places.clone() {
                local.gradient[place] -= penalty * (point[place] - mean);
                for other in places.clone() {
                    local.information[(place, other)] -= penalty / self.n_classes as f64;
                }
                local.information[(place, place)] += penalty;
            }
        }
    }

    /// How an ascent ended. Only where a coefficient is large is the covariance needed, which takes as
    /// long as several steps of the ascent.
    fn ending(&self, peak: &Peak) -> Ending {
        let sizes = self.sizes();
        let error_unit = |place: usize| sizes[place % self.n_features];
        let moved = |place: usize| (peak.point[place] * error_unit(place)).abs();
        let least = if peak.converged { RUNAWAY } else { LOST };
        let large: Vec<usize> = (0..self.n_coefficients())
            .filter(|place| moved(*place) > least)
            .collect();
        if !large.is_empty() {
            let covariance = if peak.converged {
                peak.covariance()
            } else {
                None
            };
            let unheld = |place: &usize| {
                covariance.as_ref().is_none_or(|covariance| {
                    covariance[(*place, *place)].sqrt() * error_unit(*place) > UNHELD
                })
            };
            let unheld = large.into_iter().filter(unheld);
            // The first feature is the constant: it runs along with the one that is to be named.
            let key = |place: &usize| (!place.is_multiple_of(self.n_features), moved(*place));
            let worst = unheld.max_by(|one, other| {
                let (one, other) = (key(one), key(other));
                one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
            });
            if let Some(place) = worst {
                return Ending::Separated {
                    class: place / self.n_features + 1,
                    feature: place % self.n_features,
                };
            }
        }
        if !peak.converged {
            Ending::Stopped
        } else if is_determined(&peak.local.information) {
            Ending::Converged
        } else {
            Ending::Undetermined
        }
    }

    /// The root mean square of every feature over the rows that count.
    fn sizes(&self) -> Vec<f64> {
        let mut squares = vec![0.0; self.n_features];
        let mut total = 0.0;
        for (row, features) in self.design.chunks_exact(self.n_features).enumerate() {
            let weight = self.weight(row);
            total += weight;
            for (square, value) in squares.iter_mut().zip(features) {
                *square += weight * value * value;
            }
        }
        squares
            .iter()
            .map(|square| (square / total).sqrt())
            .collect()
    }

    /// The covariance of the coefficients that holds whatever the rows' true variance, and under
    /// survey weights: the inverse information around the weighted squares of the rows' scores.
    /// (Huber 1967; White 1982, Econometrica 50, 1-25.)
    pub(crate) fn sandwich(
        &self,
        peak: &Peak,
        gate: &Gate<'_, '_>,
    ) -> Result<Option<DMatrix<f64>>> {
        let Some(bread) = invert(&peak.local.information) else {
            return Ok(None);
        };
        let meat = self.squared_scores(&peak.point, gate)?;
        Ok(Some(&bread * meat * &bread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Phase;
    use crate::random::Seed;
    use rand::Rng;

    fn silently<T>(work: impl FnOnce(&Gate<'_, '_>) -> Result<T>) -> T {
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        work(&Gate::new(&mut phase)).unwrap()
    }

    struct Sample {
        design: Vec<f64>,
        memberships: Vec<f64>,
        likelihoods: Vec<f64>,
        weights: Vec<f64>,
    }

    const P: usize = 3;
    const K: usize = 4;

    const ASCENT: Ascent = Ascent {
        max_iterations: 100,
        still_to_win: 1e-10,
    };

    /// Features, a drawn class seen through noise, and weights.
    fn sample(n: usize, truth: &[f64]) -> Sample {
        let mut generator = Seed(5).stream(0);
        let mut uniform = || (generator.next_u64() >> 11) as f64 / 2.0_f64.powi(53);
        let mut sample = Sample {
            design: Vec::new(),
            memberships: Vec::new(),
            likelihoods: Vec::new(),
            weights: Vec::new(),
        };
        for _ in 0..n {
            let x = [
                1.0,
                2.0 * uniform() - 1.0,
                f64::from(u8::from(uniform() < 0.3)),
            ];
            let mut logs = [0.0; K];
            log_softmax(truth, &x, &mut logs);
            let mut left = uniform();
            let drawn = (0..K - 1).find(|&k| {
                left -= logs[k].exp();
                left < 0.0
            });
            let drawn = drawn.unwrap_or(K - 1);
            // An indicator that shows the class in 70% of the rows, any other else.
            let shown = if uniform() < 0.7 {
                drawn
            } else {
                (drawn + 1) % K
            };
            sample.design.extend(x);
            sample
                .memberships
                .extend((0..K).map(|k| f64::from(u8::from(k == drawn))));
            let seen = |k: usize| match shown {
                _ if k == shown => 0.7,
                _ if (k + 1) % K == shown => 0.3,
                _ => 0.0,
            };
            sample.likelihoods.extend((0..K).map(seen));
            sample.weights.push(0.5 + uniform());
        }
        sample
    }

    const TRUTH: [f64; 9] = [0.5, 1.0, -1.0, -0.5, -2.0, 0.5, 0.2, 0.0, 1.5];

    impl Sample {
        fn problem<'a>(&'a self, targets: Targets<'a>, penalty: &'a [f64]) -> Multinomial<'a> {
            Multinomial {
                design: &self.design,
                n_features: P,
                targets,
                n_classes: K,
                weights: Some(&self.weights),
                penalty,
            }
        }
    }

    #[test]
    fn derivatives_match_differences() {
        let sample = sample(300, &TRUTH);
        for targets in [
            Targets::Memberships(&sample.memberships),
            Targets::Likelihoods(&sample.likelihoods),
        ] {
            let problem = sample.problem(targets, &[0.0, 3.0, 0.7]);
            let point = DVector::from_fn(9, |i, _| 0.3 * TRUTH[i] + 0.1 * i as f64);
            let at = |point: &DVector<f64>| silently(|gate| problem.evaluate(point, gate));
            let (here, h) = (at(&point), 1e-5);
            for i in 0..9 {
                let moved = |by: f64| {
                    let mut point = point.clone();
                    point[i] += by;
                    at(&point)
                };
                let (up, down) = (moved(h), moved(-h));
                let slope = (up.value - down.value) / (2.0 * h);
                assert!((here.gradient[i] - slope).abs() < 1e-5, "{i}: {slope}");
                let curvature = (down.gradient - up.gradient) / (2.0 * h);
                let difference = (here.information.column(i) - curvature).amax();
                assert!(difference < 1e-5, "{i}: {difference}");
            }
        }
    }

    #[test]
    fn both_kinds_of_targets_lead_to_the_truth() {
        let sample = sample(20_000, &TRUTH);
        for targets in [
            Targets::Memberships(&sample.memberships),
            Targets::Likelihoods(&sample.likelihoods),
        ] {
            let problem = sample.problem(targets, &[]);
            let fit = silently(|gate| problem.fit(None, ASCENT, gate));
            assert_eq!(fit.ending, Ending::Converged);
            let covariance = silently(|gate| problem.sandwich(&fit.peak, gate)).unwrap();
            for (i, truth) in TRUTH.iter().enumerate() {
                let distance = (fit.peak.point[i] - truth) / covariance[(i, i)].sqrt();
                assert!(distance.abs() < 3.5, "{i}: {distance} standard errors");
            }
        }
    }

    #[test]
    fn the_sandwich_of_equal_rows_is_the_model_based_covariance() {
        // Memberships that are the model's own draws: both covariances estimate the same thing.
        let sample = sample(20_000, &TRUTH);
        let mut problem = sample.problem(Targets::Memberships(&sample.memberships), &[]);
        problem.weights = None;
        let fit = silently(|gate| problem.fit(None, ASCENT, gate));
        let robust = silently(|gate| problem.sandwich(&fit.peak, gate)).unwrap();
        let based = fit.peak.covariance().unwrap();
        for i in 0..9 {
            assert!((robust[(i, i)] / based[(i, i)] - 1.0).abs() < 0.1);
        }
    }

    #[test]
    fn the_penalty_does_not_know_which_class_is_first() {
        let sample = sample(400, &TRUTH);
        let rotated: Vec<f64> = sample
            .memberships
            .chunks_exact(K)
            .flat_map(|row| [row[2], row[3], row[0], row[1]])
            .collect();
        let penalty = [0.0, 5.0, 5.0];
        let fit = |targets: &[f64]| {
            let problem = sample.problem(Targets::Memberships(targets), &penalty);
            silently(|gate| problem.fit(None, ASCENT, gate))
        };
        let (one, other) = (fit(&sample.memberships), fit(&rotated));
        assert!((one.free.value - other.free.value).abs() < 1e-8);
        assert!((one.peak.local.value - other.peak.local.value).abs() < 1e-8);
    }

    #[test]
    fn a_fit_that_begins_at_another_ends_where_it_should() {
        let sample = sample(400, &TRUTH);
        let problem = |penalty| sample.problem(Targets::Likelihoods(&sample.likelihoods), penalty);
        let strong = silently(|gate| problem(&[0.0, 20.0, 20.0]).fit(None, ASCENT, gate));
        let weak = [0.0, 0.5, 0.5];
        let direct = silently(|gate| problem(&weak).fit(None, ASCENT, gate));
        let onward = silently(|gate| problem(&weak).refit(&strong, ASCENT, gate));
        assert!((&direct.peak.point - &onward.peak.point).amax() < 1e-7);
        let again = silently(|gate| problem(&weak).evaluate(&onward.peak.point, gate));
        assert!((again.information - onward.peak.local.information).amax() < 1e-8);
    }

    #[test]
    fn separation_is_named_and_a_penalty_ends_it() {
        // Class 1 wherever the feature is positive, class 0 elsewhere.
        let design: Vec<f64> = (-10..10).flat_map(|x| [1.0, f64::from(x) + 0.5]).collect();
        let memberships: Vec<f64> = (-10..10)
            .flat_map(|x| if x < 0 { [1.0, 0.0] } else { [0.0, 1.0] })
            .collect();
        let fit = |penalty: &[f64]| {
            let problem = Multinomial {
                design: &design,
                n_features: 2,
                targets: Targets::Memberships(&memberships),
                n_classes: 2,
                weights: None,
                penalty,
            };
            silently(|gate| problem.fit(None, ASCENT, gate)).ending
        };
        assert_eq!(
            fit(&[]),
            Ending::Separated {
                class: 1,
                feature: 1
            }
        );
        assert_eq!(fit(&[0.0, 1.0]), Ending::Converged);
    }

    #[test]
    fn one_class_has_nothing_to_estimate() {
        let problem = Multinomial {
            design: &[1.0, 1.0],
            n_features: 1,
            targets: Targets::Memberships(&[1.0, 1.0]),
            n_classes: 1,
            weights: None,
            penalty: &[],
        };
        let fit = silently(|gate| problem.fit(None, ASCENT, gate));
        assert_eq!((fit.free.value, fit.ending), (0.0, Ending::Converged));
    }
}

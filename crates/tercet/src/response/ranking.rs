//! Whether treating some customers before others pays: areas under curves of gains, with errors.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::data::check_length;
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::math::sum::Sums;
use crate::response::data::check_magnitude;

/// Customers around the end of a share from whom the effect there is told: a part of all, and at least.
const AROUND: f64 = 0.05;
const AT_LEAST: usize = 50;

/// An area under the curve of gains.
///
/// With `G(q)` the mean effect on the best share `q` of the customers and `G(1)` that on all:
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// `∫ q (G(q) - G(1)) dq`: between the curve of gains and the straight line of a random order, in units
    /// of the outcome by customer. 0 for a random order.
    Qini,
    /// `∫ q G(q) dq`: below the curve of gains, in the same units. Half the mean effect for a random order.
    Auuc,
    /// `∫ (G(q) - G(1)) dq`: how much more effect the best have than all, with small shares counting as
    /// much as large ones. 0 for a random order. Suits effects on a few customers.
    Autoc,
}

impl Area {
    /// The three.
    pub const ALL: [Self; 3] = [Self::Qini, Self::Auuc, Self::Autoc];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qini => "qini",
            Self::Auuc => "auuc",
            Self::Autoc => "autoc",
        }
    }

    /// The weights of the ranks `1..=n`, so that the area is the mean of weighted scores.
    fn weights(self, n: usize) -> Vec<f64> {
        let all = n as f64;
        let straight = |rank: usize| (n - rank + 1) as f64 / all;
        match self {
            Self::Auuc => (1..=n).map(straight).collect(),
            Self::Qini => (1..=n)
                .map(|rank| straight(rank) - (all + 1.0) / (2.0 * all))
                .collect(),
            Self::Autoc => {
                // The sum of 1/k from the rank to n, from its end on.
                let mut weights = vec![0.0; n];
                let mut sum = 0.0;
                for rank in (1..=n).rev() {
                    sum += 1.0 / rank as f64;
                    weights[rank - 1] = sum - 1.0;
                }
                weights
            }
        }
    }

    /// How a weight changes as others are ranked before the customer, by share of all.
    fn slope(self, share: f64) -> f64 {
        match self {
            Self::Qini | Self::Auuc => -1.0,
            Self::Autoc => -1.0 / share,
        }
    }

    /// What a random order reaches, in mean effects.
    fn by_chance(self) -> f64 {
        match self {
            Self::Auuc => 0.5,
            Self::Qini | Self::Autoc => 0.0,
        }
    }
}

/// An estimate with its interval, and how it compares with what chance would reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedArea {
    /// Which area.
    pub area: Area,
    /// The area.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
    /// The area less that of a random order, in standard errors of the difference.
    pub z: f64,
    /// How probable as much is by chance (one-sided; of a comparison two-sided).
    pub p_value: f64,
}

/// What treating the best share of the customers reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// The share.
    pub share: f64,
    /// The mean effect on these customers.
    pub effect: f64,
    /// The effect by customer of all, `share * effect`: where the curve of gains is.
    pub gain: f64,
    /// By how much that is above the straight line of a random order.
    pub above_random: f64,
    /// The standard error of `above_random`.
    pub standard_error: f64,
    /// Lower end of the interval of `above_random`.
    pub lower: f64,
    /// Upper end of it.
    pub upper: f64,
}

/// Customers with doubly robust scores of an effect, ranked by what a model predicts.
///
/// The ranking must not have been learned from the same rows: use customers whom the model did not see,
/// or effects predicted out of bag.
///
/// # Errors of the areas
/// By the influence of each customer, the change of everybody's rank included; no resampling.
///
/// # Source
/// Yadlowsky, Fleming, Shah, Brunskill & Wager (2025), Evaluating treatment prioritization rules via
/// rank-weighted average treatment effects, Journal of the American Statistical Association 120, 38-51;
/// Radcliffe (2007), Using control groups to target on predicted lift, Direct Marketing Analytics
/// Journal, 14-21.
///
/// ```
/// use tercet::response::Ranking;
///
/// // Effects of 3, 2, 1 and 0, ranked rightly: the best half has a mean effect of 2.5.
/// let ranking = Ranking::new(&[1.0, 0.0, 3.0, 2.0], &[0.2, 0.1, 0.9, 0.7])?;
/// let half = ranking.gains(&[0.5], 0.95)?[0];
/// assert_eq!((half.effect, half.gain, half.above_random), (2.5, 1.25, 0.5));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ranking<'a> {
    scores: &'a [f64],
    /// Rows, the best first.
    order: Vec<u32>,
    /// Where each run of equals ends in the order.
    ends: Vec<usize>,
}

impl<'a> Ranking<'a> {
    /// Ranks customers by `priority`, the highest first; equals stand for the mean of their orders.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for fewer than two customers, scores that are not finite, and priorities
    /// that are missing; [`Error::ShapeMismatch`] for lengths that differ.
    pub fn new(scores: &'a [f64], priority: &[f64]) -> Result<Self> {
        crate::data::check_size("scores", scores.len())?;
        check_length("effect", scores.len(), priority)?;
        if scores.len() < 2 {
            return Err(Error::data(
                "scores",
                None,
                "has one row; a ranking needs two or more",
            ));
        }
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            let reason = format!("is {}; a score is a finite number", scores[row]);
            return Err(Error::data("scores", row, reason));
        }
        check_magnitude("scores", scores)?;
        if let Some(row) = priority.iter().position(|value| value.is_nan()) {
            let reason = "is missing; leave the row out, or give it a place";
            return Err(Error::data("effect", row, reason));
        }
        // At most u32::MAX rows, as was checked.
        let mut order: Vec<u32> = (0..u32::try_from(scores.len()).unwrap_or(u32::MAX)).collect();
        let value = |row: u32| priority[row as usize];
        // Equals by their rows, so that sums are the same on every machine.
        order.sort_unstable_by(|&a, &b| value(b).total_cmp(&value(a)).then(a.cmp(&b)));
        let next = |k: usize| {
            order
                .get(k + 1)
                .is_none_or(|&row| value(row) != value(order[k]))
        };
        let ends = (0..order.len()).filter(|&k| next(k)).map(|k| k + 1);
        Ok(Self {
            scores,
            ends: ends.collect(),
            order,
        })
    }

    /// An area with its interval at confidence `level`, and a test against a random order.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a level outside 0 and 1.
    pub fn area(&self, area: Area, level: f64) -> Result<RankedArea> {
        let (estimate, influence) = self.influence(area);
        let n = influence.len() as f64;
        let mean = self.mean();
        let by_chance = area.by_chance();
        // The mean effect is estimated too.
        let scores = self.scores.iter().map(|score| by_chance * (score - mean));
        let against: Vec<f64> = influence
            .iter()
            .zip(scores)
            .map(|(own, chance)| own - chance)
            .collect();
        let found = judged(area, estimate, error(&influence), level)?;
        // Where all are equal there is no order, and both numbers are rounding.
        let z = match self.ends.len() {
            1 => 0.0,
            _ => ratio(estimate - by_chance * mean * (n + 1.0) / n, error(&against)),
        };
        Ok(RankedArea {
            z,
            p_value: Normal::standard().sf(z),
            ..found
        })
    }

    /// How much larger an area is than that of another ranking of the same customers: paired, so that
    /// what the customers have in common does not count.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a level outside 0 and 1; [`Error::ShapeMismatch`] for rankings of
    /// different customers.
    pub fn compare(&self, other: &Ranking<'_>, area: Area, level: f64) -> Result<RankedArea> {
        check_length("scores", self.scores.len(), other.scores)?;
        let ((one, own), (two, theirs)) = (self.influence(area), other.influence(area));
        let difference: Vec<f64> = own
            .iter()
            .zip(&theirs)
            .map(|(own, other)| own - other)
            .collect();
        let found = judged(area, one - two, error(&difference), level)?;
        let z = ratio(one - two, found.standard_error);
        Ok(RankedArea {
            z,
            p_value: 2.0 * Normal::standard().sf(z.abs()),
            ..found
        })
    }

    /// What treating each of these shares of the customers reaches.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a share that is not above 0 and at most 1, and for a level outside
    /// 0 and 1.
    pub fn gains(&self, shares: &[f64], level: f64) -> Result<Vec<Gain>> {
        let z = normal_quantile(level)?;
        if let Some(share) = shares
            .iter()
            .find(|share| !(**share > 0.0 && **share <= 1.0))
        {
            return Err(Error::parameter(
                "shares",
                share,
                "shares above 0 and at most 1",
            ));
        }
        let levelled = self.levelled();
        let gains = shares.iter().map(|&share| self.gain(share, &levelled, z));
        Ok(gains.collect())
    }

    fn gain(&self, share: f64, levelled: &[f64], z: f64) -> Gain {
        let n = levelled.len();
        let all = n as f64;
        let wanted = share * all;
        // The last customer may be in it in part.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most n
        let whole = (wanted.floor() as usize).min(n);
        let part = wanted - whole as f64;
        let inside = |rank: usize| match rank.cmp(&whole) {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => part,
            std::cmp::Ordering::Greater => 0.0,
        };
        let mut sum = Sums::<1>::zero();
        levelled
            .iter()
            .enumerate()
            .for_each(|(rank, score)| sum.add(&[inside(rank) * score]));
        let gain = sum.total()[0] / all;
        let mean = self.mean();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a part of n
        let around = ((AROUND * all / 2.0) as usize).max(AT_LEAST / 2);
        let near = &levelled[whole.saturating_sub(around)..(whole + around).min(n)];
        let at_end = near.iter().sum::<f64>() / near.len() as f64;
        let above = gain - share * mean;
        let own = self.order.iter().enumerate().map(|(rank, &row)| {
            let score = self.scores[row as usize];
            // Who moves the end of the share moves customers of the effect there in or out.
            (inside(rank) - share) * (score - at_end)
        });
        let error = error(&own.collect::<Vec<f64>>());
        Gain {
            share,
            effect: gain / share,
            gain,
            above_random: above,
            standard_error: error,
            lower: above - z * error,
            upper: above + z * error,
        }
    }

    fn mean(&self) -> f64 {
        let mut sum = Sums::<1>::zero();
        self.scores.iter().for_each(|score| sum.add(&[*score]));
        sum.total()[0] / self.scores.len() as f64
    }

    /// The scores in their order, those of equals by their mean.
    fn levelled(&self) -> Vec<f64> {
        let mut found: Vec<f64> = self
            .order
            .iter()
            .map(|&row| self.scores[row as usize])
            .collect();
        self.level(&mut found);
        found
    }

    /// Gives equals the mean of what they have.
    fn level(&self, values: &mut [f64]) {
        let mut start = 0;
        for &end in &self.ends {
            let run = &mut values[start..end];
            if run.len() > 1 {
                let mean = run.iter().sum::<f64>() / run.len() as f64;
                run.fill(mean);
            }
            start = end;
        }
    }

    /// The area, and what each customer (in the caller's order) adds to its error.
    fn influence(&self, area: Area) -> (f64, Vec<f64>) {
        let n = self.scores.len();
        let all = n as f64;
        let mut weights = area.weights(n);
        self.level(&mut weights);
        let ranked = |rank: usize| self.scores[self.order[rank] as usize];
        let mut sum = Sums::<1>::zero();
        (0..n).for_each(|rank| sum.add(&[ranked(rank) * weights[rank]]));
        let estimate = sum.total()[0] / all;
        // Everybody ranked after a customer would rank higher without: from the last to the first.
        let levelled = self.levelled();
        let mut pushed = vec![0.0; n];
        let (mut behind, mut expected) = (0.0, 0.0);
        for rank in (0..n).rev() {
            let share = (rank + 1) as f64 / all;
            let slope = levelled[rank] * area.slope(share) / all;
            behind += slope;
            expected += slope * share;
            pushed[rank] = behind;
        }
        self.level(&mut pushed);
        let mut influence = vec![0.0; n];
        for rank in 0..n {
            let own = ranked(rank) * weights[rank] - estimate + pushed[rank] - expected;
            influence[self.order[rank] as usize] = own;
        }
        (estimate, influence)
    }
}

fn judged(area: Area, estimate: f64, error: f64, level: f64) -> Result<RankedArea> {
    let z = normal_quantile(level)?;
    Ok(RankedArea {
        area,
        estimate,
        standard_error: error,
        lower: estimate - z * error,
        upper: estimate + z * error,
        z: 0.0,
        p_value: 0.5,
    })
}

/// The standard error of a mean of influences.
fn error(influence: &[f64]) -> f64 {
    let n = influence.len() as f64;
    let mean = influence.iter().sum::<f64>() / n;
    let squares: f64 = influence.iter().map(|own| (own - mean).powi(2)).sum();
    (squares / (n - 1.0) / n).sqrt()
}

/// 0 where there is neither a difference nor an error, as of a ranking with itself.
fn ratio(difference: f64, error: f64) -> f64 {
    if error > 0.0 { difference / error } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use rand_distr::{Distribution, StandardNormal, StandardUniform};

    /// Noisy scores of effects `x`, and a priority that knows `x` in part.
    fn drawn(n: usize, stream: u64, known: f64) -> (Vec<f64>, Vec<f64>) {
        let mut generator = Seed(2).stream(stream);
        let row = |_| {
            let x: f64 = StandardUniform.sample(&mut generator);
            let noise: [f64; 2] = std::array::from_fn(|_| StandardNormal.sample(&mut generator));
            (x + 2.0 * noise[0], known * x + (1.0 - known) * noise[1])
        };
        (0..n).map(row).unzip()
    }

    #[test]
    fn areas_are_those_of_the_definition() {
        let scores = [0.5, 3.0, -1.0, 2.0, 0.0];
        let ranking = Ranking::new(&scores, &[3.0, 5.0, 1.0, 4.0, 2.0]).unwrap();
        let ordered = [3.0, 2.0, 0.5, 0.0, -1.0];
        let mean = 0.9;
        let best = |k: usize| ordered[..k].iter().sum::<f64>() / k as f64;
        let sum = |of: &dyn Fn(usize) -> f64| (1..=5).map(of).sum::<f64>() / 5.0;
        let expected = [
            sum(&|k| k as f64 / 5.0 * (best(k) - mean)),
            sum(&|k| k as f64 / 5.0 * best(k)),
            sum(&|k| best(k) - mean),
        ];
        for (area, expected) in Area::ALL.into_iter().zip(expected) {
            let found = ranking.area(area, 0.95).unwrap();
            assert!(
                (found.estimate - expected).abs() < 1e-12,
                "{area:?} {found:?}"
            );
        }
    }

    #[test]
    fn errors_are_those_of_repetition() {
        for known in [0.0, 0.7] {
            for area in Area::ALL {
                let found: Vec<RankedArea> = (0..400)
                    .map(|stream| {
                        let (scores, priority) = drawn(500, stream, known);
                        Ranking::new(&scores, &priority)
                            .unwrap()
                            .area(area, 0.95)
                            .unwrap()
                    })
                    .collect();
                let n = found.len() as f64;
                let mean = found.iter().map(|one| one.estimate).sum::<f64>() / n;
                let spread = found
                    .iter()
                    .map(|one| (one.estimate - mean).powi(2))
                    .sum::<f64>();
                let spread = (spread / (n - 1.0)).sqrt();
                let told = found.iter().map(|one| one.standard_error).sum::<f64>() / n;
                assert!(
                    (told / spread - 1.0).abs() < 0.12,
                    "{area:?} {known}: {told} {spread}"
                );
                let better = found.iter().filter(|one| one.p_value < 0.05).count() as f64 / n;
                if known == 0.0 {
                    assert!(better < 0.085, "{area:?}: {better}");
                } else {
                    assert!(better > 0.2, "{area:?}: {better}");
                }
            }
        }
    }

    #[test]
    fn gains_have_errors_of_repetition_too() {
        let found: Vec<Gain> = (0..400)
            .map(|stream| {
                let (scores, priority) = drawn(800, stream, 0.8);
                Ranking::new(&scores, &priority)
                    .unwrap()
                    .gains(&[0.3], 0.95)
                    .unwrap()[0]
            })
            .collect();
        let n = found.len() as f64;
        let mean = found.iter().map(|one| one.above_random).sum::<f64>() / n;
        let spread = found
            .iter()
            .map(|one| (one.above_random - mean).powi(2))
            .sum::<f64>();
        let spread = (spread / (n - 1.0)).sqrt();
        let told = found.iter().map(|one| one.standard_error).sum::<f64>() / n;
        assert!((told / spread - 1.0).abs() < 0.12, "{told} {spread}");
    }

    #[test]
    fn equals_do_not_depend_on_the_order_of_rows() {
        let (scores, _) = drawn(200, 1, 0.5);
        let priority: Vec<f64> = (0..200_u32).map(|row| f64::from(row % 7)).collect();
        let turned = |x: &[f64]| x.iter().rev().copied().collect::<Vec<f64>>();
        let (scores_turned, priority_turned) = (turned(&scores), turned(&priority));
        let one = Ranking::new(&scores, &priority).unwrap();
        let other = Ranking::new(&scores_turned, &priority_turned).unwrap();
        for area in Area::ALL {
            let [one, other] = [&one, &other].map(|ranking| ranking.area(area, 0.95).unwrap());
            assert!((one.estimate - other.estimate).abs() < 1e-12);
            assert!((one.standard_error - other.standard_error).abs() < 1e-12);
        }
        let same = vec![1.0; 200];
        let none = Ranking::new(&scores, &same)
            .unwrap()
            .area(Area::Qini, 0.95)
            .unwrap();
        assert!(none.estimate.abs() < 1e-12);
        assert_eq!((none.z, none.p_value), (0.0, 0.5));
    }

    #[test]
    fn a_paired_comparison_knows_what_rankings_share() {
        let (scores, priority) = drawn(2_000, 3, 0.9);
        let better = Ranking::new(&scores, &priority).unwrap();
        let own = better.compare(&better, Area::Qini, 0.95).unwrap();
        assert_eq!((own.estimate, own.z, own.p_value), (0.0, 0.0, 1.0));
        let near: Vec<f64> = priority
            .iter()
            .map(|x| x + 1e-3 * (1e4 * x).sin())
            .collect();
        let near = Ranking::new(&scores, &near).unwrap();
        let difference = better.compare(&near, Area::Qini, 0.95).unwrap();
        let alone = better.area(Area::Qini, 0.95).unwrap();
        assert!(difference.standard_error < 0.1 * alone.standard_error);
    }

    #[test]
    fn refuses_what_cannot_be() {
        let told = |scores: &[f64], priority: &[f64]| {
            Ranking::new(scores, priority).unwrap_err().to_string()
        };
        assert!(told(&[1.0, f64::NAN], &[1.0, 2.0]).starts_with("column 'scores', row 1"));
        assert!(told(&[1.0, 2.0], &[1.0, f64::NAN]).starts_with("column 'effect', row 1"));
        assert!(told(&[1.0, 2.0], &[1.0]).contains("expected 2 rows"));
        assert!(told(&[1.0], &[1.0]).contains("two or more"));
        let ranking = Ranking::new(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
        assert!(ranking.gains(&[0.0], 0.95).is_err() && ranking.gains(&[0.5], 1.0).is_err());
    }
}

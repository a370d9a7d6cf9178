//! How likely choices are under given utilities, with exact derivatives.

use super::Worst;
use crate::data::Task;

/// The exponentials of the utilities of all segments, computed once.
#[derive(Debug)]
pub(super) struct Odds {
    n_items: usize,
    utilities: Vec<f64>,
    /// `exp(u)`, by which the best is picked.
    up: Vec<f64>,
    /// `exp(-u)`, by which the worst is picked.
    down: Vec<f64>,
    worst: Worst,
}

/// Logarithms are expensive: divisors are multiplied until their product leaves this range. A divisor
/// of one set is far from the limits of a float, or the utilities have run away already.
const RANGE: std::ops::Range<f64> = 1e-100..1e100;

impl Odds {
    /// `utilities` hold a row of `n_items` a segment.
    pub(super) fn new(utilities: &[f64], n_items: usize, worst: Worst) -> Self {
        Self {
            n_items,
            utilities: utilities.to_vec(),
            up: utilities.iter().map(|u| u.exp()).collect(),
            down: utilities.iter().map(|u| (-u).exp()).collect(),
            worst,
        }
    }

    /// Out of the running for the worst of a set.
    fn taken(&self, task: &Task<'_>) -> Option<u16> {
        match self.worst {
            Worst::Sequential => task.best,
            Worst::Independent => None,
        }
    }

    fn row<'a>(&self, table: &'a [f64], segment: usize) -> &'a [f64] {
        &table[segment * self.n_items..(segment + 1) * self.n_items]
    }

    /// The log-likelihood of one respondent's choices in a segment.
    pub(super) fn log_likelihood<'t>(
        &self,
        segment: usize,
        tasks: impl Iterator<Item = Task<'t>>,
    ) -> f64 {
        let utilities = self.row(&self.utilities, segment);
        let (up, down) = (self.row(&self.up, segment), self.row(&self.down, segment));
        let (mut value, mut divisor) = (0.0, 1.0);
        let mut divide = |value: &mut f64, by: f64| {
            divisor *= by;
            if !RANGE.contains(&divisor) {
                *value -= f64::ln(divisor);
                divisor = 1.0;
            }
        };
        for task in tasks {
            if let Some(best) = task.best {
                value += utilities[usize::from(best)];
                divide(
                    &mut value,
                    task.shown.iter().map(|&item| up[usize::from(item)]).sum(),
                );
            }
            if let Some(worst) = task.worst {
                let taken = self.taken(&task);
                let left = task.shown.iter().filter(|&&item| Some(item) != taken);
                value -= utilities[usize::from(worst)];
                divide(&mut value, left.map(|&item| down[usize::from(item)]).sum());
            }
        }
        value - divisor.ln()
    }

    /// Adds the slope of one respondent's log-likelihood in the segment's utilities to `score`, and
    /// `weight` times its curvature (minus the second derivatives) to `information`, of which the
    /// entries `i * n_items + j` with `i >= j` are used.
    pub(super) fn derive<'t>(
        &self,
        segment: usize,
        tasks: impl Iterator<Item = Task<'t>>,
        weight: f64,
        score: &mut [f64],
        information: &mut [f64],
    ) {
        let (up, down) = (self.row(&self.up, segment), self.row(&self.down, segment));
        let mut probabilities = [0.0; crate::data::MOST_SHOWN];
        for task in tasks {
            if let Some(best) = task.best {
                score[usize::from(best)] += 1.0;
                fill(&mut probabilities, task.shown, up, None);
                add(&probabilities, task.shown, -1.0, score);
                bend(
                    &probabilities,
                    task.shown,
                    weight,
                    self.n_items,
                    information,
                );
            }
            if let Some(worst) = task.worst {
                score[usize::from(worst)] -= 1.0;
                fill(&mut probabilities, task.shown, down, self.taken(&task));
                add(&probabilities, task.shown, 1.0, score);
                bend(
                    &probabilities,
                    task.shown,
                    weight,
                    self.n_items,
                    information,
                );
            }
        }
    }
}

/// The probabilities of the items shown to be picked; 0 for the one that is taken.
#[inline]
fn fill(probabilities: &mut [f64], shown: &[u16], odds: &[f64], taken: Option<u16>) {
    let mut sum = 0.0;
    for (probability, &item) in probabilities.iter_mut().zip(shown) {
        *probability = if Some(item) == taken {
            0.0
        } else {
            odds[usize::from(item)]
        };
        sum += *probability;
    }
    let share = sum.recip();
    for probability in &mut probabilities[..shown.len()] {
        *probability *= share;
    }
}

#[inline]
fn add(probabilities: &[f64], shown: &[u16], sign: f64, score: &mut [f64]) {
    for (probability, &item) in probabilities.iter().zip(shown) {
        score[usize::from(item)] += sign * probability;
    }
}

/// The curvature of a choice, `diag p - p p'`; items ascend, so that the lower triangle is filled.
#[inline]
fn bend(p: &[f64], shown: &[u16], weight: f64, n_items: usize, information: &mut [f64]) {
    for (i, &item) in shown.iter().enumerate() {
        let row = &mut information[usize::from(item) * n_items..];
        let scaled = weight * p[i];
        for (other, &column) in shown[..i].iter().enumerate() {
            row[usize::from(column)] -= scaled * p[other];
        }
        row[usize::from(item)] += scaled * (1.0 - p[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: [u16; 4] = [0, 1, 3, 4];

    fn tasks() -> [Task<'static>; 3] {
        let task = |best, worst| Task {
            shown: &SHOWN,
            best,
            worst,
        };
        [
            task(Some(1), Some(4)),
            task(None, Some(0)),
            task(Some(3), None),
        ]
    }

    const UTILITIES: [f64; 5] = [0.5, -1.0, 2.0, 0.3, -0.2];

    #[test]
    fn probabilities_are_those_of_the_formula() {
        let e = UTILITIES.map(f64::exp);
        let [a, b, _, c, d] = e;
        let (ups, downs) = (a + b + c + d, 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d);
        for (rule, first) in [
            (Worst::Sequential, downs - 1.0 / b),
            (Worst::Independent, downs),
        ] {
            let expected: f64 =
                (b / ups).ln() + (1.0 / d / first).ln() + (1.0 / a / downs).ln() + (c / ups).ln();
            let found = Odds::new(&UTILITIES, 5, rule).log_likelihood(0, tasks().into_iter());
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn long_products_do_not_leave_the_floats() {
        let utilities = [40.0, -40.0, 0.0, 0.0, 3.0];
        let odds = Odds::new(&utilities, 5, Worst::Sequential);
        let once = odds.log_likelihood(0, tasks().into_iter());
        let often = odds.log_likelihood(0, std::iter::repeat_n(tasks(), 1_000).flatten());
        assert!((often / once - 1_000.0).abs() < 1e-6, "{once} {often}");
    }

    #[test]
    fn derivatives_match_differences() {
        for rule in [Worst::Sequential, Worst::Independent] {
            let at = |utilities: &[f64]| {
                let odds = Odds::new(utilities, 5, rule);
                let (mut score, mut information) = ([0.0; 5], [0.0; 25]);
                odds.derive(0, tasks().into_iter(), 2.0, &mut score, &mut information);
                (
                    odds.log_likelihood(0, tasks().into_iter()),
                    score,
                    information,
                )
            };
            let (_, score, information) = at(&UTILITIES);
            let h = 1e-5;
            for i in 0..5 {
                let moved = |by: f64| {
                    let mut utilities = UTILITIES;
                    utilities[i] += by;
                    at(&utilities)
                };
                let (up, down) = (moved(h), moved(-h));
                assert!((score[i] - (up.0 - down.0) / (2.0 * h)).abs() < 1e-8);
                for j in 0..=i {
                    let curvature = 2.0 * (down.1[j] - up.1[j]) / (2.0 * h);
                    assert!((information[i * 5 + j] - curvature).abs() < 1e-8);
                }
            }
        }
    }
}

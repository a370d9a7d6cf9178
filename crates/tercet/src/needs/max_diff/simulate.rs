//! Draws respondents from a model of best-worst choices: for tests and for planning a survey.

use rand::distr::{Distribution, Open01};
use rand_chacha::ChaCha8Rng;

use super::Worst;
use super::fitted::FittedMaxDiff;
use crate::data::{BestWorst, ChoiceRows, FEWEST_SHOWN, MOST_SHOWN};
use crate::error::{Error, Result};
use crate::random::Seed;

/// How many are asked how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChoicePlan {
    /// Respondents.
    pub respondents: usize,
    /// Sets that each is shown.
    pub tasks: usize,
    /// Items in a set.
    pub shown: usize,
}

/// Choices drawn from a model, a row for every item shown, and the segments that they were drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedChoices {
    /// The items' names.
    pub items: Vec<String>,
    /// The respondent of each row, from 0.
    pub respondent: Vec<u32>,
    /// The task of each row, from 0 for every respondent.
    pub task: Vec<u32>,
    /// The item of each row.
    pub item: Vec<u16>,
    /// 1 for the best item of a set, -1 for the worst, 0 for the others.
    pub choice: Vec<i8>,
    /// The segment of each respondent, from 0.
    pub segment: Vec<usize>,
}

impl SimulatedChoices {
    /// The view that models take.
    pub fn choices(&self) -> Result<BestWorst<'static>> {
        let rows = ChoiceRows {
            respondent: &self.respondent,
            task: &self.task,
            item: &self.item,
            choice: &self.choice,
        };
        BestWorst::new(self.items.clone(), &rows)
    }
}

impl FittedMaxDiff {
    /// Draws respondents who choose as the model says.
    ///
    /// Every respondent goes through the items in an order drawn anew each time it is used up, so that
    /// items are shown about equally often.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no respondent or task, and for sets of fewer than 3 items or
    /// more than there are.
    pub fn simulate(&self, plan: ChoicePlan, seed: u64) -> Result<SimulatedChoices> {
        let most = self.items().len().min(MOST_SHOWN);
        if !(FEWEST_SHOWN..=most).contains(&plan.shown) {
            let expected = format!("{FEWEST_SHOWN} to {most}");
            return Err(Error::parameter("shown", plan.shown, expected));
        }
        for (name, value) in [("respondents", plan.respondents), ("tasks", plan.tasks)] {
            if value == 0 || value > 100_000_000 {
                return Err(Error::parameter(
                    name,
                    value,
                    "a number from 1 to 100 million",
                ));
            }
        }
        let mut drawn = SimulatedChoices {
            items: self.items().to_vec(),
            respondent: Vec::new(),
            task: Vec::new(),
            item: Vec::new(),
            choice: Vec::new(),
            segment: Vec::new(),
        };
        for respondent in 0..plan.respondents {
            let random = &mut Seed(seed).stream(respondent as u64);
            let segment = pick(self.shares(), random);
            drawn.segment.push(segment);
            let mut deck = Vec::new();
            for task in 0..plan.tasks {
                let shown = deal(&mut deck, self.items().len(), plan.shown, random);
                self.choose(segment, &shown, random, &mut drawn.choice);
                // Both lie below 2^32.
                #[allow(clippy::cast_possible_truncation)]
                for item in shown {
                    drawn.respondent.push(respondent as u32);
                    drawn.task.push(task as u32);
                    drawn.item.push(item as u16);
                }
            }
        }
        Ok(drawn)
    }

    fn choose(
        &self,
        segment: usize,
        shown: &[usize],
        random: &mut ChaCha8Rng,
        choice: &mut Vec<i8>,
    ) {
        let utilities = &self.utilities()[segment];
        let up: Vec<f64> = shown.iter().map(|&item| utilities[item].exp()).collect();
        let mut down: Vec<f64> = shown.iter().map(|&item| (-utilities[item]).exp()).collect();
        let best = pick(&up, random);
        // Nobody marks one item as both, whatever the rule.
        let rule = self.settings().worst;
        let worst = loop {
            if rule == Worst::Sequential {
                down[best] = 0.0;
            }
            let worst = pick(&down, random);
            if worst != best {
                break worst;
            }
        };
        let mark = |place: usize| i8::from(place == best) - i8::from(place == worst);
        choice.extend((0..shown.len()).map(mark));
    }
}

/// The next items of a shuffled deck; one that would come twice in a set waits for the next.
fn deal(
    deck: &mut Vec<usize>,
    n_items: usize,
    n_shown: usize,
    random: &mut ChaCha8Rng,
) -> Vec<usize> {
    let mut shown: Vec<usize> = Vec::with_capacity(n_shown);
    while shown.len() < n_shown {
        let next = deck.iter().position(|item| !shown.contains(item));
        if let Some(place) = next {
            shown.push(deck.remove(place));
        } else {
            let mut fresh: Vec<usize> = (0..n_items).collect();
            for place in (1..n_items).rev() {
                fresh.swap(place, below(place + 1, random));
            }
            deck.extend(fresh);
        }
    }
    shown
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    Open01.sample(random)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below n
fn below(n: usize, random: &mut ChaCha8Rng) -> usize {
    ((uniform(random) * n as f64) as usize).min(n - 1)
}

/// A place, each with probability proportional to its odds.
fn pick(odds: &[f64], random: &mut ChaCha8Rng) -> usize {
    let mut left = uniform(random) * odds.iter().sum::<f64>();
    let reached = |odds: &f64| {
        left -= odds;
        left < 0.0
    };
    odds.iter().position(reached).unwrap_or(odds.len() - 1)
}

//! Best-worst counts: what can be said of items without a model.

use serde::{Deserialize, Serialize};

use crate::data::BestWorst;

/// How often an item was shown and picked, by weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemCounts {
    /// The item.
    pub item: String,
    /// Sets that showed it and in which a choice was made.
    pub shown: f64,
    /// How often it was picked as best.
    pub best: f64,
    /// How often it was picked as worst.
    pub worst: f64,
    /// `(best - worst) / shown`, from -1 to 1; NaN for an item of which no choice was made.
    pub score: f64,
}

/// Counts of every item, in the order of the items.
///
/// Counts say how a list of items is ranked by everybody together, and agree closely with the
/// utilities of one segment where every item was shown equally often with every other.
/// (Marley & Louviere 2005, Journal of Mathematical Psychology 49, 464-480.)
///
/// ```
/// use tercet::data::{BestWorst, ChoiceRows};
/// use tercet::needs::best_worst_counts;
///
/// let items = ["price", "quality", "speed"].map(str::to_owned).to_vec();
/// let choices = BestWorst::new(items, &ChoiceRows {
///     respondent: &[0, 0, 0, 1, 1, 1],
///     task: &[1, 1, 1, 1, 1, 1],
///     item: &[0, 1, 2, 0, 1, 2],
///     choice: &[1, 0, -1, 1, -1, 0],
/// })?;
/// let counts = best_worst_counts(&choices);
/// assert_eq!((counts[0].best, counts[0].score), (2.0, 1.0));
/// # Ok::<(), tercet::Error>(())
/// ```
pub fn best_worst_counts(choices: &BestWorst<'_>) -> Vec<ItemCounts> {
    let mut counts: Vec<ItemCounts> = choices
        .items()
        .iter()
        .map(|item| ItemCounts {
            item: item.clone(),
            shown: 0.0,
            best: 0.0,
            worst: 0.0,
            score: f64::NAN,
        })
        .collect();
    for respondent in 0..choices.len() {
        let weight = choices.weight(respondent);
        for task in choices.tasks(respondent) {
            if task.best.or(task.worst).is_none() {
                continue;
            }
            for &item in task.shown {
                counts[usize::from(item)].shown += weight;
            }
            if let Some(best) = task.best {
                counts[usize::from(best)].best += weight;
            }
            if let Some(worst) = task.worst {
                counts[usize::from(worst)].worst += weight;
            }
        }
    }
    for one in &mut counts {
        one.score = (one.best - one.worst) / one.shown;
    }
    counts
}

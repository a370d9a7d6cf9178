//! Best-worst choices: which item of each set a respondent picked as best and which as worst.

use super::purchases::{check_size, check_weights};
use crate::error::{Error, Result};

/// The fewest items in a set: of two, the worst is what the best is not.
pub const FEWEST_SHOWN: usize = 3;

/// The most items in a set: nobody compares more.
pub const MOST_SHOWN: usize = 32;

/// Marks a choice that was not made.
const NONE: u16 = u16::MAX;

/// Choices as a table: a row for every item that a respondent was shown in a task.
///
/// The rows may come in any order.
#[derive(Debug, Clone, Copy)]
pub struct ChoiceRows<'a> {
    /// The respondent, numbered from 0 without gaps.
    pub respondent: &'a [u32],
    /// The task, any number that tells a respondent's sets apart.
    pub task: &'a [u32],
    /// The item, by its place among the items' names.
    pub item: &'a [u16],
    /// 1 where the item was picked as best, -1 where as worst, 0 elsewhere.
    pub choice: &'a [i8],
}

/// What the columns of a table of choices are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceColumns {
    /// The respondent.
    pub respondent: String,
    /// The task.
    pub task: String,
    /// The item.
    pub item: String,
    /// The choice.
    pub choice: String,
}

impl Default for ChoiceColumns {
    fn default() -> Self {
        Self {
            respondent: "respondent".to_owned(),
            task: "task".to_owned(),
            item: "item".to_owned(),
            choice: "choice".to_owned(),
        }
    }
}

/// The view that models of best-worst choices take.
///
/// ```
/// use tercet::data::{BestWorst, ChoiceRows};
///
/// let items = ["price", "quality", "speed"].map(str::to_owned).to_vec();
/// let choices = BestWorst::new(items, &ChoiceRows {
///     respondent: &[0, 0, 0, 1, 1, 1],
///     task: &[1, 1, 1, 1, 1, 1],
///     item: &[0, 1, 2, 2, 1, 0],
///     choice: &[1, 0, -1, -1, 1, 0],
/// })?;
/// assert_eq!((choices.len(), choices.n_tasks()), (2, 2));
/// let task = choices.tasks(1).next().unwrap();
/// assert_eq!((task.best, task.worst), (Some(1), Some(2)));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BestWorst<'a> {
    items: Vec<String>,
    /// The items of all sets, set by set, in ascending order within each.
    shown: Vec<u16>,
    sets: Vec<Set>,
    /// The first set of each respondent, and the number of sets.
    first_set: Vec<usize>,
    weights: Option<&'a [f64]>,
}

#[derive(Debug, Clone, Copy)]
struct Set {
    first: usize,
    end: usize,
    best: u16,
    worst: u16,
}

/// One set: what was shown, and what was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task<'a> {
    /// The items, by their places, ascending.
    pub shown: &'a [u16],
    /// The one picked as best; `None` where the choice was not made.
    pub best: Option<u16>,
    /// The one picked as worst.
    pub worst: Option<u16>,
}

impl<'a> BestWorst<'a> {
    /// Sorts the rows into sets and checks every one. `items` are the items' names.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for too few or too many items or two of one name;
    /// [`Error::ShapeMismatch`] for columns of different lengths; [`Error::InvalidData`] for an item
    /// that is none of these, shown twice in a set or never, a set of fewer than 3 or more than 32
    /// items, two best or two worst, a choice that is not -1, 0 or 1, and a respondent's number that
    /// is left out.
    pub fn new(items: Vec<String>, rows: &ChoiceRows<'_>) -> Result<Self> {
        Self::named(&ChoiceColumns::default(), items, rows)
    }

    /// As [`BestWorst::new`], with the caller's own names for error messages.
    pub fn named(
        columns: &ChoiceColumns,
        items: Vec<String>,
        rows: &ChoiceRows<'_>,
    ) -> Result<Self> {
        check_items(&items)?;
        check_rows(columns, &items, rows)?;
        let mut order: Vec<usize> = (0..rows.item.len()).collect();
        order.sort_unstable_by_key(|&row| (rows.respondent[row], rows.task[row], rows.item[row]));
        let mut choices = Self {
            items,
            shown: Vec::with_capacity(order.len()),
            sets: Vec::new(),
            first_set: Vec::new(),
            weights: None,
        };
        let same = |a: &usize, b: &usize| {
            (rows.respondent[*a], rows.task[*a]) == (rows.respondent[*b], rows.task[*b])
        };
        for set in order.chunk_by(same) {
            let respondent = rows.respondent[set[0]];
            // Respondents come in ascending order; the next one begins here, or one was left out.
            if respondent as usize == choices.first_set.len() {
                choices.first_set.push(choices.sets.len());
            } else if respondent as usize > choices.first_set.len() {
                let reason = format!(
                    "is {respondent}, and no row is of {}; number respondents from 0 without gaps",
                    choices.first_set.len()
                );
                return Err(Error::data(&columns.respondent, set[0], reason));
            }
            choices.enter(columns, rows, set)?;
        }
        choices.first_set.push(choices.sets.len());
        choices.check_shown(columns)?;
        Ok(choices)
    }

    /// Adds weights, one a respondent: one of weight 3 counts as three, one of weight 0 not at all.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a weight that is negative or not finite, or where all are 0.
    pub fn with_weights(mut self, name: &str, weights: &'a [f64]) -> Result<Self> {
        check_weights(name, self.len(), weights)?;
        self.weights = Some(weights);
        Ok(self)
    }

    /// Number of respondents.
    pub fn len(&self) -> usize {
        self.first_set.len() - 1
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items' names.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// Number of sets of all respondents.
    pub fn n_tasks(&self) -> usize {
        self.sets.len()
    }

    /// The sets of one respondent, in the order of their numbers.
    pub fn tasks(&self, respondent: usize) -> impl Iterator<Item = Task<'_>> + Clone {
        let sets = &self.sets[self.first_set[respondent]..self.first_set[respondent + 1]];
        sets.iter().map(|set| Task {
            shown: &self.shown[set.first..set.end],
            best: (set.best != NONE).then_some(set.best),
            worst: (set.worst != NONE).then_some(set.worst),
        })
    }

    /// The weights, where there are weights.
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The weight of a respondent: 1 where none were given.
    pub fn weight(&self, respondent: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[respondent])
    }

    /// The sum of the weights.
    pub fn total_weight(&self) -> f64 {
        (0..self.len())
            .map(|respondent| self.weight(respondent))
            .sum()
    }

    /// Adds one set; `set` are its rows, in the order of their items.
    fn enter(
        &mut self,
        columns: &ChoiceColumns,
        rows: &ChoiceRows<'_>,
        set: &[usize],
    ) -> Result<()> {
        let name = |row: usize| &self.items[usize::from(rows.item[row])];
        let twice = set
            .windows(2)
            .find(|pair| rows.item[pair[0]] == rows.item[pair[1]]);
        if let Some(pair) = twice {
            let row = pair[0].max(pair[1]);
            let reason = format!(
                "shows '{}' a second time in this task; a set holds an item once",
                name(row)
            );
            return Err(Error::data(&columns.item, row, reason));
        }
        if !(FEWEST_SHOWN..=MOST_SHOWN).contains(&set.len()) {
            let reason = format!(
                "has {} item(s) in this task; a set has {FEWEST_SHOWN} to {MOST_SHOWN}: look whether a column tells the tasks of a respondent apart",
                set.len()
            );
            return Err(Error::data(&columns.task, set[0], reason));
        }
        let pick = |choice: i8, word: &str| {
            let mut those = set
                .iter()
                .copied()
                .filter(|&row| rows.choice[row] == choice);
            let (first, second) = (those.next(), those.next());
            if let Some((first, second)) = first.zip(second) {
                let row = first.max(second);
                let reason = format!(
                    "is {choice} a second time in this task (for '{}'); one item is the {word}",
                    name(row)
                );
                return Err(Error::data(&columns.choice, row, reason));
            }
            Ok(first.map_or(NONE, |row| rows.item[row]))
        };
        let (best, worst) = (pick(1, "best")?, pick(-1, "worst")?);
        let first = self.shown.len();
        self.shown.extend(set.iter().map(|&row| rows.item[row]));
        self.sets.push(Set {
            first,
            end: self.shown.len(),
            best,
            worst,
        });
        Ok(())
    }

    /// That choices link all items: utilities of items that were never compared, not even through
    /// others, have no common scale.
    fn check_shown(&self, columns: &ChoiceColumns) -> Result<()> {
        let mut group: Vec<usize> = (0..self.items.len()).collect();
        let mut shown = vec![false; self.items.len()];
        for set in &self.sets {
            let items = &self.shown[set.first..set.end];
            let first = root(&mut group, usize::from(items[0]));
            for &item in items {
                shown[usize::from(item)] = true;
                let other = root(&mut group, usize::from(item));
                group[other] = first;
            }
        }
        if let Some(never) = shown.iter().position(|shown| !shown) {
            let reason = format!(
                "never shows '{}'; leave it out of the items",
                self.items[never]
            );
            return Err(Error::data(&columns.item, None, reason));
        }
        let first = root(&mut group, 0);
        let apart = (0..group.len()).find(|&item| root(&mut group, item) != first);
        if let Some(item) = apart {
            let reason = format!(
                "never shows '{}' together with '{}', nor with anything that was: their utilities have no common scale; analyse the two lists apart",
                self.items[item], self.items[0]
            );
            return Err(Error::data(&columns.item, None, reason));
        }
        Ok(())
    }
}

/// The representative of an item's group; shortens the way to it.
fn root(group: &mut [usize], mut item: usize) -> usize {
    while group[item] != item {
        group[item] = group[group[item]];
        item = group[item];
    }
    item
}

fn check_items(items: &[String]) -> Result<()> {
    if !(FEWEST_SHOWN..usize::from(NONE)).contains(&items.len()) {
        let expected = format!("{FEWEST_SHOWN} to {} names", NONE - 1);
        return Err(Error::parameter(
            "items",
            format!("{} names", items.len()),
            expected,
        ));
    }
    let mut names: Vec<&String> = items.iter().collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let expected = "names that each occur once";
        return Err(Error::parameter(
            "items",
            format!("'{twice}' twice"),
            expected,
        ));
    }
    Ok(())
}

fn check_rows(columns: &ChoiceColumns, items: &[String], rows: &ChoiceRows<'_>) -> Result<()> {
    let n = rows.respondent.len();
    check_size(&columns.respondent, n)?;
    for (name, found) in [
        (&columns.task, rows.task.len()),
        (&columns.item, rows.item.len()),
        (&columns.choice, rows.choice.len()),
    ] {
        if found != n {
            return Err(Error::ShapeMismatch {
                column: name.clone(),
                expected: n,
                found,
            });
        }
    }
    if let Some(row) = rows
        .item
        .iter()
        .position(|item| usize::from(*item) >= items.len())
    {
        let reason = format!("is {}, and there are {} items", rows.item[row], items.len());
        return Err(Error::data(&columns.item, row, reason));
    }
    if let Some(row) = rows
        .choice
        .iter()
        .position(|choice| !(-1..=1).contains(choice))
    {
        let reason = format!(
            "is {}; a choice is 1 for the best item, -1 for the worst, 0 for the others",
            rows.choice[row]
        );
        return Err(Error::data(&columns.choice, row, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(n: usize) -> Vec<String> {
        (0..n).map(|item| format!("item {item}")).collect()
    }

    /// Rows of (respondent, task, item, choice).
    fn read(n_items: usize, rows: &[(u32, u32, u16, i8)]) -> Result<BestWorst<'static>> {
        let respondent: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let task: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let item: Vec<u16> = rows.iter().map(|row| row.2).collect();
        let choice: Vec<i8> = rows.iter().map(|row| row.3).collect();
        let rows = ChoiceRows {
            respondent: &respondent,
            task: &task,
            item: &item,
            choice: &choice,
        };
        BestWorst::new(items(n_items), &rows)
    }

    #[test]
    fn rows_in_any_order_give_the_same_sets() {
        let rows = [
            (0, 7, 2, -1),
            (1, 1, 0, 0),
            (0, 7, 0, 1),
            (1, 1, 2, 1),
            (0, 7, 1, 0),
            (1, 1, 1, 0),
        ];
        let choices = read(3, &rows).unwrap();
        let whole = Task {
            shown: &[0, 1, 2],
            best: Some(0),
            worst: Some(2),
        };
        assert_eq!(choices.tasks(0).collect::<Vec<_>>(), [whole]);
        let half = Task {
            best: Some(2),
            worst: None,
            ..whole
        };
        assert_eq!(choices.tasks(1).collect::<Vec<_>>(), [half]);
    }

    #[test]
    fn refuses_what_is_no_set() {
        let refused = |n, rows: &[(u32, u32, u16, i8)]| read(n, rows).unwrap_err().to_string();
        let three = |choices: [i8; 3]| {
            [0, 1, 2]
                .map(|item| (0, 0, item, choices[usize::from(item)]))
                .to_vec()
        };
        assert!(refused(2, &three([0; 3])).starts_with("items = 2 names: expected 3"));
        assert!(refused(3, &[]).contains("no rows"));
        assert!(
            refused(3, &three([1, 1, 0])).starts_with("column 'choice', row 1: is 1 a second time")
        );
        assert!(refused(3, &three([-1, 0, -1])).contains("one item is the worst"));
        assert!(refused(3, &three([0, 2, 0])).starts_with("column 'choice', row 1: is 2"));
        assert!(refused(4, &three([1, 0, 0])).contains("never shows 'item 3'"));
        let mut rows = three([1, 0, -1]);
        rows[1].2 = 9;
        assert!(refused(3, &rows).starts_with("column 'item', row 1: is 9, and there are 3"));
        rows[1].2 = 0;
        assert!(refused(3, &rows).starts_with("column 'item', row 1: shows 'item 0' a second"));
        assert!(refused(3, &three([1, 0, 0])[..2]).contains("has 2 item(s) in this task"));
        let mut gap = three([1, 0, 0]);
        gap.extend(
            three([1, 0, 0])
                .into_iter()
                .map(|row| (2, row.1, row.2, row.3)),
        );
        assert!(
            refused(3, &gap).starts_with("column 'respondent', row 3: is 2, and no row is of 1")
        );
        let mut apart = three([1, 0, 0]);
        apart.extend(
            three([1, 0, 0])
                .into_iter()
                .map(|row| (0, 1, row.2 + 3, row.3)),
        );
        assert!(refused(6, &apart).contains("no common scale"));
        let choices = read(3, &three([1, 0, 0])).unwrap();
        for wrong in [&[0.0][..], &[-1.0], &[1.0, 1.0]] {
            assert!(choices.clone().with_weights("w", wrong).is_err());
        }
    }
}

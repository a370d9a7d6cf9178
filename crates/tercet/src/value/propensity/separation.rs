//! What to say where a coefficient runs to infinity.

use super::encoding::Label;
use super::fit::Table;
use super::newton::Ending;
use super::sample::Target;
use crate::data::{FeatureView, NO_LEVEL};
use crate::error::{Error, Result};

impl Table<'_, '_> {
    /// That no coordinate runs to infinity.
    ///
    /// # Errors
    /// [`Error::Separation`] with the column and, of a category, the level whose rows all came out alike.
    pub(super) fn check_separation(&self, ending: Ending) -> Result<()> {
        let Ending::Separated(place) = ending else {
            return Ok(());
        };
        let column = self.learning.coordinates.column_of(place);
        Err(Error::Separation {
            column: self
                .separating_level(column)
                .unwrap_or_else(|| self.encoding().column_name(column)),
            outcome: self.data.outcome_name().to_owned(),
        })
    }

    /// The most frequent level of the column's feature of whose rows all, or none, have the outcome.
    ///
    /// It need not be the level whose coefficient was seen to run away: where it is the one that others
    /// are told from, all of these do.
    fn separating_level(&self, column: usize) -> Option<String> {
        let (feature, label) = self.encoding().labels().into_iter().nth(column)?;
        if self.data.n_classes() > 2 || !matches!(label, Label::Level(_) | Label::Missing) {
            return None;
        }
        let name = &self.encoding().features[feature?].name;
        let FeatureView::Levels { codes, levels } = self.data.design().feature(name)?.view() else {
            return None;
        };
        let target = Target::of(self.data);
        // Weights without and with the outcome; those of missing levels last.
        let mut sums = vec![[0.0; 2]; levels.len() + 1];
        for (row, code) in codes.iter().enumerate() {
            let level = match *code {
                NO_LEVEL => levels.len(),
                code => usize::from(code),
            };
            sums[level][usize::from(target.happened(row))] += self.data.weight(row);
        }
        let name_of = |level: usize| levels.get(level).map_or("missing", String::as_str);
        let pure = sums
            .iter()
            .enumerate()
            .filter(|(_, [without, with])| (*without > 0.0) != (*with > 0.0));
        let own = label.to_string();
        // Its own level first, then the most frequent one.
        let (level, _) = pure.max_by(|(i, a), (j, b)| {
            let is_own = (name_of(*i) == own).cmp(&(name_of(*j) == own));
            is_own.then((a[0] + a[1]).total_cmp(&(b[0] + b[1])))
        })?;
        Some(format!("{name} = {}", name_of(level)))
    }
}

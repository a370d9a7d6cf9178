//! Who has been contacted often enough lately.

use super::data::Obstacle;
use crate::error::{Error, Result};

/// So many contacts within some time are enough.
///
/// Who has had `contacts` contacts within the `within` ticks up to the moment rests: the customer gets
/// none of `actions` (all, if there is none) until the oldest of them is longer ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatigueRule {
    /// For how long a contact counts, in ticks of the history's clock.
    pub within: i64,
    /// How many are enough, at least 1.
    pub contacts: u32,
    /// Only contacts through this channel count; all where there is none.
    pub channel: Option<u32>,
    /// The actions that it closes.
    pub actions: Vec<usize>,
}

/// Contacts of the past.
#[derive(Debug, Clone, Copy)]
pub struct ContactHistory<'a> {
    /// The row of each contact's customer; below 0 for somebody who is none of them.
    pub customer: &'a [i64],
    /// When it was, in ticks.
    pub time: &'a [i64],
    /// Its channel; needed by rules for a channel only.
    pub channel: Option<&'a [u32]>,
}

impl ContactHistory<'_> {
    /// Marks the actions that are closed to customers who rest at `as_of`; other obstacles stay.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a contact after `as_of`, and a channel that is not told;
    /// [`Error::InvalidParameter`] for a rule that cannot be; [`Error::ShapeMismatch`].
    pub fn rest(
        &self,
        rules: &[FatigueRule],
        as_of: i64,
        actions: usize,
        closed: &mut [Option<Obstacle>],
    ) -> Result<()> {
        self.check(as_of)?;
        let rows = closed.len() / actions.max(1);
        for rule in rules {
            if rule.within < 1 || rule.contacts == 0 || rule.actions.iter().any(|k| *k >= actions) {
                let expected =
                    "a time and a number of contacts, both at least 1, and actions there are";
                return Err(Error::parameter("fatigue", format!("{rule:?}"), expected));
            }
            // The oldest moments of a 64-bit clock have nothing before them.
            let after = as_of.saturating_sub(rule.within);
            let counts = |place: usize| match (rule.channel, self.channel) {
                (Some(wanted), Some(channels)) => channels[place] == wanted,
                (Some(_), None) => false,
                (None, _) => true,
            };
            if rule.channel.is_some() && self.channel.is_none() {
                let reason = "is not there, and a rule counts the contacts of one channel";
                return Err(Error::data("channel", None, reason));
            }
            let mut had = vec![0_u32; rows];
            for (place, (&customer, &time)) in self.customer.iter().zip(self.time).enumerate() {
                if time > after
                    && counts(place)
                    && let Ok(row) = usize::try_from(customer)
                    && let Some(own) = had.get_mut(row)
                {
                    *own = own.saturating_add(1);
                }
            }
            for (own, had) in closed.chunks_exact_mut(actions).zip(had) {
                if had >= rule.contacts {
                    for &action in &rule.actions {
                        own[action].get_or_insert(Obstacle::Resting);
                    }
                }
            }
        }
        Ok(())
    }

    fn check(&self, as_of: i64) -> Result<()> {
        let lengths = [Some(self.time.len()), self.channel.map(<[u32]>::len)];
        for found in lengths.into_iter().flatten() {
            if found != self.customer.len() {
                return Err(Error::ShapeMismatch {
                    column: "contact_history".to_owned(),
                    expected: self.customer.len(),
                    found,
                });
            }
        }
        match self.time.iter().position(|time| *time > as_of) {
            Some(row) => Err(Error::data("time", row, "is after as_of")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_count_as_long_as_they_are_recent() {
        // Three customers: two contacts in 30 days, one of them 30 days ago to the day; a call and a mail;
        // none.
        let history = ContactHistory {
            customer: &[0, 0, 1, 1, -1],
            time: &[70, 71, 99, 100, 100],
            channel: Some(&[0, 0, 0, 1, 0]),
        };
        let rest = |rule: FatigueRule| {
            let mut closed = vec![None; 6];
            history.rest(&[rule], 100, 2, &mut closed).unwrap();
            closed.iter().map(Option::is_some).collect::<Vec<bool>>()
        };
        let rule = |within, contacts, channel, actions: &[usize]| FatigueRule {
            within,
            contacts,
            channel,
            actions: actions.to_vec(),
        };
        let both = [false, false, true, true, false, false];
        assert_eq!(rest(rule(30, 2, None, &[0, 1])), both);
        assert_eq!(
            rest(rule(31, 2, None, &[0])),
            [true, false, true, false, false, false]
        );
        assert_eq!(
            rest(rule(30, 1, Some(1), &[1])),
            [false, false, false, true, false, false]
        );
        assert_eq!(rest(rule(30, 2, Some(1), &[1])), [false; 6]);
    }

    #[test]
    fn a_wish_outlasts_a_rest_and_the_future_is_refused() {
        let history = ContactHistory {
            customer: &[0],
            time: &[5],
            channel: None,
        };
        let rule = FatigueRule {
            within: 3,
            contacts: 1,
            channel: None,
            actions: vec![0],
        };
        let mut closed = vec![Some(Obstacle::DoNotContact)];
        history
            .rest(std::slice::from_ref(&rule), 6, 1, &mut closed)
            .unwrap();
        assert_eq!(closed, [Some(Obstacle::DoNotContact)]);
        let told = history
            .rest(std::slice::from_ref(&rule), 4, 1, &mut closed)
            .unwrap_err()
            .to_string();
        assert!(
            told.starts_with("column 'time', row 0: is after as_of"),
            "{told}"
        );
        let by_channel = FatigueRule {
            channel: Some(0),
            ..rule
        };
        assert!(history.rest(&[by_channel], 6, 1, &mut closed).is_err());
    }
}

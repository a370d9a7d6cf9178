//! Times as periods: from when to when a row is at risk, and what ends it.

use serde::{Deserialize, Serialize};

use super::data::HazardData;
use crate::error::{Error, Result};

/// Which of its two ends belongs to a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// Its last instant: an event after exactly one period is of the first. So it is where times are
    /// numbers of periods, the one of the event included.
    #[default]
    Right,
    /// Its first instant: an event after exactly one period is of the second. So it is where times are
    /// counted in whole days from a date, and day 0 is the first.
    Left,
}

/// The most periods.
const MOST_PERIODS: usize = 10_000;

/// A time this near to the end of a period, as a share of it, is there: 0.1 three times is 0.3.
const NEAR: f64 = 1e-9;

/// The periods that a row is at risk, counted from 0, and what ends it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spell {
    pub(super) first: u32,
    pub(super) last: u32,
    /// The shares of the first and the last period that count; of one period, that of the first.
    head: f64,
    tail: f64,
    /// The event's place from 1; 0 for none.
    pub(super) event: u16,
}

impl Spell {
    /// Between two times in periods. An event's period counts to its end: that it fell in the period is
    /// what is known.
    fn new(entry: f64, exit: f64, event: u16, closed: Closed) -> Self {
        let (entry, exit) = (near(entry), near(exit));
        let first = entry.floor();
        let last = match (event, closed) {
            (0, _) | (_, Closed::Right) => (exit.ceil() - 1.0).max(first),
            (_, Closed::Left) => exit.floor(),
        };
        let end = if event == 0 { exit } else { last + 1.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most MOST_PERIODS
        let place = |period: f64| period as u32;
        Self {
            first: place(first),
            last: place(last),
            head: end.min(first + 1.0) - entry,
            tail: end - last,
            event,
        }
    }

    /// The share of a period that counts.
    #[inline]
    pub(super) fn share(&self, period: u32) -> f64 {
        if period == self.first {
            self.head
        } else if period == self.last {
            self.tail
        } else {
            1.0
        }
    }

    /// All shares.
    pub(super) fn exposure(&self) -> f64 {
        if self.first == self.last {
            self.head
        } else {
            self.head + f64::from(self.last - self.first - 1) + self.tail
        }
    }
}

/// The whole number that a time is but for rounding.
pub(super) fn near(time: f64) -> f64 {
    let whole = time.round();
    if (time - whole).abs() <= NEAR * whole.max(1.0) {
        whole
    } else {
        time
    }
}

/// The spells of all rows, and the number of periods.
///
/// # Errors
/// [`Error::InvalidData`] for a row that ends before it begins; [`Error::InvalidParameter`] for a width
/// that makes too many periods.
pub(super) fn spells(
    data: &HazardData<'_>,
    width: f64,
    closed: Closed,
) -> Result<(Vec<Spell>, usize)> {
    let (durations, events) = (data.durations(), data.events());
    let longest = durations.iter().copied().fold(0.0, f64::max);
    if longest / width > MOST_PERIODS as f64 {
        let expected = format!(
            "a width that makes at most {MOST_PERIODS} periods of the longest time, {longest}"
        );
        return Err(Error::parameter("period", width, expected));
    }
    let mut spells = Vec::with_capacity(data.len());
    for (row, (&duration, &event)) in durations.iter().zip(events).enumerate() {
        let entry = data.entry().map_or(0.0, |entry| entry[row]);
        check_order(data, row, entry, duration, event, closed)?;
        spells.push(Spell::new(entry / width, duration / width, event, closed));
    }
    let counts = |spell: &&Spell| spell.exposure() > 0.0;
    let last = spells.iter().filter(counts).map(|spell| spell.last).max();
    Ok((spells, last.map_or(0, |last| last as usize + 1)))
}

fn check_order(
    data: &HazardData<'_>,
    row: usize,
    entry: f64,
    duration: f64,
    event: u16,
    closed: Closed,
) -> Result<()> {
    let name = data.duration_name();
    let refuse = |reason: String| Err(Error::data(name, row, reason));
    match data.entry() {
        _ if duration > entry => Ok(()),
        // Who is at risk at the first instant of a period may leave at it.
        _ if duration == entry && event > 0 && closed == Closed::Left => Ok(()),
        // Never under observation: it says nothing, and does no harm.
        None if event == 0 => Ok(()),
        None => refuse(
            "is 0 with an event, and the first period begins after 0; count times from the start \
             of the first period, or say that periods include their first instant (closed = \"left\")"
                .to_owned(),
        ),
        Some(_) => refuse(format!(
            "is {duration}, and the row enters at {entry}; a row must end after it begins"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(entry: f64, exit: f64, event: u16, closed: Closed) -> (u32, u32, f64) {
        let spell = Spell::new(entry, exit, event, closed);
        (spell.first, spell.last, spell.exposure())
    }

    #[test]
    fn borders_belong_to_one_period() {
        use Closed::{Left, Right};
        // An event after exactly two periods.
        assert_eq!(spell(0.0, 2.0, 1, Right), (0, 1, 2.0));
        assert_eq!(spell(0.0, 2.0, 1, Left), (0, 2, 3.0));
        assert_eq!(spell(0.0, 0.0, 1, Left), (0, 0, 1.0));
        // Who is still there after two periods has survived two, either way.
        for closed in [Left, Right] {
            assert_eq!(spell(0.0, 2.0, 0, closed), (0, 1, 2.0));
            assert_eq!(spell(2.0, 3.5, 0, closed), (2, 3, 1.5));
            assert_eq!(spell(0.0, 0.0, 0, closed), (0, 0, 0.0));
            let (first, last, exposure) = spell(0.25, 0.75, 0, closed);
            assert_eq!((first, last), (0, 0));
            assert!((exposure - 0.5).abs() < 1e-15);
        }
        assert_eq!(spell(0.0, 3.0 * 0.1 / 0.1, 1, Right), (0, 2, 3.0));
    }

    #[test]
    fn parts_of_a_row_add_up() {
        for (event, closed) in [(0, Closed::Right), (1, Closed::Right), (1, Closed::Left)] {
            for cut in [0.3, 1.0, 2.5, 3.1] {
                let whole = Spell::new(0.0, 3.2, event, closed);
                let (one, two) = (
                    Spell::new(0.0, cut, 0, closed),
                    Spell::new(cut, 3.2, event, closed),
                );
                for period in 0..4 {
                    let of = |spell: &Spell| {
                        let inside = (spell.first..=spell.last).contains(&period);
                        if inside { spell.share(period) } else { 0.0 }
                    };
                    assert!((of(&one) + of(&two) - of(&whole)).abs() < 1e-12);
                }
            }
        }
    }
}

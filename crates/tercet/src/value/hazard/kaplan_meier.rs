//! Survival without a model: Kaplan-Meier, and Aalen-Johansen for competing events.

use super::data::check_times;
use crate::data::check_weights;
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;

/// What happened at every time at which something did, and what it says of survival.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventTable {
    /// The times at which rows ended or were censored, rising.
    pub time: Vec<f64>,
    /// The weight of rows at risk just before.
    pub at_risk: Vec<f64>,
    /// The weight of events of each kind: times by events.
    pub events: Vec<f64>,
    /// The weight of rows last seen at the time.
    pub censored: Vec<f64>,
    /// The probability that nothing has happened by the time, inclusive (Kaplan & Meier 1958).
    pub survival: Vec<f64>,
    /// Its interval: symmetric on `ln(-ln S)`, by Greenwood's variance.
    pub survival_interval: Vec<[f64; 2]>,
    /// The probability that the event, and no other before it, has happened by the time: times by
    /// events (Aalen & Johansen 1978).
    pub incidence: Vec<f64>,
    /// Their intervals: symmetric on `ln(-ln F)`, by the delta method (Marubini & Valsecchi 1995).
    pub incidence_interval: Vec<[f64; 2]>,
}

/// The event table of rows that entered at `entry` (time 0 where none is given) and ended at
/// `durations` with an event (0 for none, else its place from 1 up to `n_events`).
///
/// A row is at risk at a time after its entry and up to its end, inclusive. Events come before what is
/// censored at the same time.
///
/// # Errors
/// [`Error::InvalidData`] for a time that is negative or not finite, a row that ends before it enters,
/// and an event that is not known; [`Error::ShapeMismatch`] for columns of different lengths;
/// [`Error::InvalidParameter`] for a level outside 0 and 1.
///
/// ```
/// use tercet::value::hazard::event_table;
///
/// let table = event_table(&[3.0, 5.0, 5.0, 8.0], &[1, 1, 0, 1], 1, None, None, 0.95)?;
/// assert_eq!(table.time, [3.0, 5.0, 8.0]);
/// assert_eq!(table.survival, [0.75, 0.5, 0.0]);
/// # Ok::<(), tercet::Error>(())
/// ```
pub fn event_table(
    durations: &[f64],
    events: &[u16],
    n_events: usize,
    entry: Option<&[f64]>,
    weights: Option<&[f64]>,
    level: f64,
) -> Result<EventTable> {
    let z = normal_quantile(level)?;
    let n = durations.len();
    check(durations, events, n_events, entry)?;
    if let Some(weights) = weights {
        check_weights("weights", n, weights)?;
    }
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let by = |key: &dyn Fn(usize) -> f64| {
        let mut rows: Vec<usize> = (0..n).filter(|&row| weight(row) > 0.0).collect();
        rows.sort_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
        rows
    };
    let ends = by(&|row| durations[row]);
    let entries = entry.map(|entry| by(&|row| entry[row]));
    let mut at_risk: f64 = match entry {
        Some(_) => 0.0,
        None => ends.iter().map(|&row| weight(row)).sum(),
    };
    let mut entered = 0;
    let mut table = EventTable::default();
    let mut state = State::new(n_events);
    let mut place = 0;
    while place < ends.len() {
        let time = durations[ends[place]];
        if let (Some(entries), Some(entry)) = (&entries, entry) {
            while entered < entries.len() && entry[entries[entered]] < time {
                at_risk += weight(entries[entered]);
                entered += 1;
            }
        }
        let mut counts = vec![0.0; n_events];
        let mut censored = 0.0;
        while place < ends.len() && durations[ends[place]] == time {
            let row = ends[place];
            match usize::from(events[row]).checked_sub(1) {
                Some(event) => counts[event] += weight(row),
                None => censored += weight(row),
            }
            place += 1;
        }
        state.step(at_risk, &counts);
        table.time.push(time);
        table.at_risk.push(at_risk);
        table.survival.push(state.survival);
        table.survival_interval.push(state.survival_interval(z));
        for event in 0..n_events {
            table.incidence.push(state.incidence[event]);
            table
                .incidence_interval
                .push(state.incidence_interval(event, z));
        }
        at_risk = (at_risk - counts.iter().sum::<f64>() - censored).max(0.0);
        table.events.extend(counts);
        table.censored.push(censored);
    }
    Ok(table)
}

/// Estimates as time goes on, and the sums their variances are made of.
struct State {
    survival: f64,
    greenwood: f64,
    incidence: Vec<f64>,
    /// For each event, `Σ a`, `Σ a F`, `Σ a F²`, `Σ b`, `Σ c`, `Σ c F`: the variance of `F(t)` is
    /// `Σ (F(t) - F_i)² a_i + b_i - 2 (F(t) - F_i) c_i`.
    sums: Vec<[f64; 6]>,
}

impl State {
    fn new(n_events: usize) -> Self {
        Self {
            survival: 1.0,
            greenwood: 0.0,
            incidence: vec![0.0; n_events],
            sums: vec![[0.0; 6]; n_events],
        }
    }

    fn step(&mut self, at_risk: f64, counts: &[f64]) {
        let all: f64 = counts.iter().sum();
        if all <= 0.0 || at_risk <= 0.0 {
            return;
        }
        let rest = at_risk - all;
        // Once nobody is left, survival is 0 and its logarithm has no variance.
        let a = if rest > 1e-12 * at_risk {
            all / (at_risk * rest)
        } else {
            f64::INFINITY
        };
        for (event, count) in counts.iter().enumerate() {
            self.incidence[event] += self.survival * count / at_risk;
            let f = self.incidence[event];
            let b = self.survival.powi(2) * count * (at_risk - count) / at_risk.powi(3);
            let c = self.survival * count / at_risk.powi(2);
            let own = if a.is_finite() { a } else { 0.0 };
            let terms = [own, own * f, own * f * f, b, c, c * f];
            for (sum, term) in self.sums[event].iter_mut().zip(terms) {
                *sum += term;
            }
        }
        self.greenwood += a;
        self.survival = if a.is_finite() {
            self.survival * rest / at_risk
        } else {
            0.0
        };
    }

    fn survival_interval(&self, z: f64) -> [f64; 2] {
        log_log(self.survival, self.survival * self.greenwood.sqrt(), z)
    }

    fn incidence_interval(&self, event: usize, z: f64) -> [f64; 2] {
        let (f, [a, af, aff, b, c, cf]) = (self.incidence[event], self.sums[event]);
        let variance = f * f * a - 2.0 * f * af + aff + b - 2.0 * (f * c - cf);
        log_log(f, variance.max(0.0).sqrt(), z)
    }
}

/// The interval of a probability, symmetric on `ln(-ln p)`; NaN where it is 0 for the end of the data.
fn log_log(p: f64, error: f64, z: f64) -> [f64; 2] {
    if p <= 0.0 || p >= 1.0 || !error.is_finite() {
        return if error.is_finite() {
            [p, p]
        } else {
            [f64::NAN; 2]
        };
    }
    let half = z * error / (p * p.ln()).abs();
    [half, -half].map(|half| p.powf(half.exp()))
}

fn check(durations: &[f64], events: &[u16], n_events: usize, entry: Option<&[f64]>) -> Result<()> {
    check_times("duration", durations.len(), durations)?;
    if events.len() != durations.len() {
        return Err(Error::ShapeMismatch {
            column: "event".to_owned(),
            expected: durations.len(),
            found: events.len(),
        });
    }
    if let Some(row) = events
        .iter()
        .position(|event| usize::from(*event) > n_events)
    {
        let reason = format!("is {}, and the events are 1 to {n_events}", events[row]);
        return Err(Error::data("event", row, reason));
    }
    let Some(entry) = entry else {
        return Ok(());
    };
    check_times("entry", durations.len(), entry)?;
    if let Some(row) = (0..durations.len()).find(|&row| durations[row] <= entry[row]) {
        let reason = format!(
            "is {}, and the row ends at {}; a row must end after it begins",
            entry[row], durations[row]
        );
        return Err(Error::data("entry", row, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidences_and_survival_add_up_to_1() {
        let durations: Vec<f64> = (0..60).map(|row| f64::from((row * 7) % 23 + 1)).collect();
        let events: Vec<u16> = (0..60).map(|row| (row * 5) % 3).collect();
        let table = event_table(&durations, &events, 2, None, None, 0.95).unwrap();
        for (place, survival) in table.survival.iter().enumerate() {
            let sum = table.incidence[2 * place] + table.incidence[2 * place + 1];
            assert!((sum + survival - 1.0).abs() < 1e-12);
        }
        let ones = vec![1.0; 60];
        let weighted = event_table(&durations, &events, 2, None, Some(&ones), 0.95).unwrap();
        assert_eq!(weighted, table);
    }

    #[test]
    fn refuses_what_cannot_be() {
        let told = |durations: &[f64], events: &[u16], entry: Option<&[f64]>| {
            event_table(durations, events, 1, entry, None, 0.95)
                .unwrap_err()
                .to_string()
        };
        assert!(told(&[1.0, -2.0], &[1, 1], None).starts_with("column 'duration', row 1"));
        assert!(told(&[1.0, 2.0], &[1, 2], None).starts_with("column 'event', row 1"));
        assert!(told(&[1.0, 2.0], &[1, 1], Some(&[0.0, 2.0])).starts_with("column 'entry', row 1"));
    }
}

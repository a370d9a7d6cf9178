//! How well risks order customers by the time of their event.

use super::data::check_times;
use super::kaplan_meier::event_table;
use crate::data::check_weights;
use crate::error::{Error, Result};

/// Harrell's and Uno's C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concordance {
    /// The share of usable pairs in which the one with the event first has the higher risk; equal risks
    /// count a half. A pair is usable where it is known whose event was first (Harrell et al. 1982).
    pub harrell: f64,
    /// The same with pairs weighted by the inverse of the squared probability of not being censored by
    /// the earlier time, so that it does not depend on who is censored when (Uno et al. 2011).
    pub uno: f64,
    /// The weight of the usable pairs.
    pub pairs: f64,
}

/// The concordance of risks with times: `durations` until an event or until last seen, `events` of what
/// is predicted; pairs whose earlier time is after `until` are left out.
///
/// Censoring is taken to be independent of the risk (Uno et al. 2011, section 2); its distribution is
/// estimated by Kaplan-Meier.
///
/// # Errors
/// [`Error::InvalidData`] for times and risks that cannot be, and where no pair is usable.
///
/// # Source
/// Harrell, Califf, Pryor, Lee & Rosati (1982), JAMA 247, 2543-2546; Uno, Cai, Pencina, D'Agostino & Wei
/// (2011), Statistics in Medicine 30, 1105-1117.
///
/// ```
/// use tercet::value::hazard::concordance;
///
/// let found = concordance(&[3.0, 1.0, 2.0], &[true, true, false], &[0.1, 0.9, 0.5], None, 3.0)?;
/// assert_eq!((found.harrell, found.pairs), (1.0, 2.0));
/// # Ok::<(), tercet::Error>(())
/// ```
pub fn concordance(
    durations: &[f64],
    events: &[bool],
    risks: &[f64],
    weights: Option<&[f64]>,
    until: f64,
) -> Result<Concordance> {
    let n = durations.len();
    check_times("duration", n, durations)?;
    for (name, found) in [("event", events.len()), ("risk", risks.len())] {
        if found != n {
            return Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected: n,
                found,
            });
        }
    }
    if let Some(row) = risks.iter().position(|risk| risk.is_nan()) {
        return Err(Error::data("risk", row, "is not a number; a risk is"));
    }
    if let Some(weights) = weights {
        check_weights("weights", n, weights)?;
    }
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let stays = Censoring::new(durations, events, weights)?;

    let mut levels = risks.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let place = |risk: f64| levels.partition_point(|level| *level < risk);
    let mut rows: Vec<usize> = (0..n).filter(|&row| weight(row) > 0.0).collect();
    // The latest first; of one time those last seen before those with the event.
    rows.sort_by(|&a, &b| {
        durations[b]
            .total_cmp(&durations[a])
            .then(events[a].cmp(&events[b]))
            .then(a.cmp(&b))
    });
    let mut later = Tree::new(levels.len());
    let mut sums = [[0.0; 2]; 2];
    let mut waiting: Vec<usize> = Vec::new();
    for (step, &row) in rows.iter().enumerate() {
        if step > 0 && durations[rows[step - 1]] != durations[row] {
            for row in waiting.drain(..) {
                later.add(place(risks[row]), weight(row));
            }
        }
        if events[row] && durations[row] <= until {
            let own = place(risks[row]);
            let (below, equal, all) = (later.below(own), later.below(own + 1), later.total);
            let concordant = below + 0.5 * (equal - below);
            let stayed = stays.before(durations[row]);
            let factors = [weight(row), weight(row) / (stayed * stayed)];
            for (sum, factor) in sums.iter_mut().zip(factors) {
                if factor.is_finite() {
                    sum[0] += factor * concordant;
                    sum[1] += factor * all;
                }
            }
        }
        if events[row] {
            // Two events of one time: whose was first is not known.
            waiting.push(row);
        } else {
            later.add(place(risks[row]), weight(row));
        }
    }
    let [[harrell, pairs], [uno, weighted]] = sums;
    if pairs <= 0.0 {
        let reason = "makes no usable pair: no event comes before another customer's time";
        return Err(Error::data("duration", None, reason));
    }
    Ok(Concordance {
        harrell: harrell / pairs,
        uno: uno / weighted,
        pairs,
    })
}

/// The probability of not being censored.
pub(super) struct Censoring {
    time: Vec<f64>,
    stays: Vec<f64>,
}

impl Censoring {
    /// By Kaplan-Meier; what is censored at the time of an event is censored after it.
    pub(super) fn new(durations: &[f64], events: &[bool], weights: Option<&[f64]>) -> Result<Self> {
        let codes: Vec<u16> = events.iter().map(|event| u16::from(!event)).collect();
        // In a table whose events are those last seen, real events of the same time go first.
        let table = event_table(durations, &codes, 1, None, weights, 0.95)?;
        let mut stay = 1.0;
        let stays = (0..table.time.len()).map(|place| {
            let at_risk = table.at_risk[place] - table.censored[place];
            if table.events[place] > 0.0 && at_risk > 0.0 {
                stay *= (1.0 - table.events[place] / at_risk).max(0.0);
            }
            stay
        });
        Ok(Self {
            stays: stays.collect(),
            time: table.time.clone(),
        })
    }

    /// Up to, and not including, a time.
    pub(super) fn before(&self, time: f64) -> f64 {
        self.at(self.time.partition_point(|one| *one < time))
    }

    fn at(&self, place: usize) -> f64 {
        place.checked_sub(1).map_or(1.0, |place| self.stays[place])
    }
}

/// Weights by place, added up in steps of powers of 2 (Fenwick 1994).
struct Tree {
    sums: Vec<f64>,
    total: f64,
}

impl Tree {
    fn new(n: usize) -> Self {
        Self {
            sums: vec![0.0; n + 1],
            total: 0.0,
        }
    }

    fn add(&mut self, place: usize, weight: f64) {
        self.total += weight;
        let mut node = place + 1;
        while node < self.sums.len() {
            self.sums[node] += weight;
            node += node & node.wrapping_neg();
        }
    }

    /// The weight of places before this one.
    fn below(&self, place: usize) -> f64 {
        let mut node = place.min(self.sums.len() - 1);
        let mut sum = 0.0;
        while node > 0 {
            sum += self.sums[node];
            node &= node - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_all_pairs() {
        let n = 80;
        let of = |row: usize, a: usize, m: usize| (row * a % m) as f64;
        let durations: Vec<f64> = (0..n).map(|row| of(row, 37, 29)).collect();
        let events: Vec<bool> = (0..n).map(|row| row * 11 % 3 != 0).collect();
        let risks: Vec<f64> = (0..n).map(|row| of(row, 13, 17)).collect();
        let stays = Censoring::new(&durations, &events, None).unwrap();
        let mut sums = [[0.0; 2]; 2];
        for i in (0..n).filter(|&i| events[i] && durations[i] <= 20.0) {
            for j in 0..n {
                let after =
                    durations[j] > durations[i] || (durations[j] == durations[i] && !events[j]);
                if !after {
                    continue;
                }
                let score = match risks[i].total_cmp(&risks[j]) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
                let weight = stays.before(durations[i]).powi(-2);
                for (sum, weight) in sums.iter_mut().zip([1.0, weight]) {
                    sum[0] += weight * score;
                    sum[1] += weight;
                }
            }
        }
        let found = concordance(&durations, &events, &risks, None, 20.0).unwrap();
        assert!((found.harrell - sums[0][0] / sums[0][1]).abs() < 1e-12);
        assert!((found.uno - sums[1][0] / sums[1][1]).abs() < 1e-12);
    }
}

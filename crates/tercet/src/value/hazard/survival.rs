//! What is predicted of customers: survival, incidences, hazards, times.

use super::fitted::FittedHazard;
use crate::data::Design;
use crate::error::Result;
use crate::math::interval::normal_quantile;
use crate::observe::{Observer, Phase};

/// What a row has survived, of one number for all or one a row.
#[inline]
fn of(given: &[f64], row: usize) -> f64 {
    if given.len() == 1 {
        given[0]
    } else {
        given[row]
    }
}

impl FittedHazard {
    /// The probability that nothing happens within each of `times` from now, where `given` has been
    /// survived already (one number, or one a row): rows by times, row by row.
    ///
    /// # Errors
    /// [`crate::Error::InvalidData`] for a column that is not there or of another kind;
    /// [`crate::Error::InvalidParameter`] for times that are negative or beyond the data;
    /// [`crate::Error::Interrupted`].
    pub fn survival(
        &self,
        customers: &Design<'_>,
        times: &[f64],
        given: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let (times, given) = self.clock(customers.len(), "times", times, given)?;
        let mut phase = Phase::new(observer, "scoring");
        self.map_paths(customers, times.len(), &mut phase, |row, _, path, found| {
            let from = of(&given, row);
            found.extend(times.iter().map(|time| path.survival(from, from + time)));
        })
    }

    /// Intervals of [`FittedHazard::survival`] at confidence `level`, by the delta method on
    /// `ln(-ln S)`, so that they stay within 0 and 1: what the uncertainty of the coefficients leaves
    /// open.
    ///
    /// # Errors
    /// Those of [`FittedHazard::survival`]; [`crate::Error::InvalidParameter`] for a level outside 0
    /// and 1, and a model without standard errors.
    pub fn survival_intervals(
        &self,
        customers: &Design<'_>,
        times: &[f64],
        given: &[f64],
        level: f64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<[f64; 2]>> {
        let z = normal_quantile(level)?;
        let uncertainty = self.uncertainty()?;
        let (times, given) = self.clock(customers.len(), "times", times, given)?;
        let n_events = self.events.len();
        let mut phase = Phase::new(observer, "scoring");
        self.map_paths(
            customers,
            times.len(),
            &mut phase,
            |row, present, path, found| {
                let from = of(&given, row);
                for time in &times {
                    let to = from + time;
                    let cumulative = path.cumulative(to) - path.cumulative(from);
                    if cumulative <= 0.0 {
                        found.push([1.0, 1.0]);
                        continue;
                    }
                    let mut terms = Vec::new();
                    for event in 0..n_events {
                        // Derivatives of -ln S: shares of periods times the event's hazard.
                        let (mut fixed, mut change) = (0.0, 0.0);
                        let mut curve = vec![0.0; self.time.width()];
                        path.between(from, to, |period, share| {
                            let slope = share * path.hazard(period, Some(event));
                            fixed += slope;
                            change += slope * self.time.trend[period];
                            for (sum, value) in curve.iter_mut().zip(self.time.at(period)) {
                                *sum += slope * value;
                            }
                        });
                        let [effects, changes, baseline] = self.places(event);
                        terms.extend(present.iter().map(|(j, x)| (effects + j, fixed * x)));
                        if self.varies() {
                            terms.extend(present.iter().map(|(j, x)| (changes + j, change * x)));
                        }
                        terms.extend((baseline..).zip(curve));
                    }
                    let half = z * uncertainty.variance(&terms).sqrt() / cumulative;
                    found.push([half, -half].map(|half| (-cumulative * half.exp()).exp()));
                }
            },
        )
    }

    /// The probability that the event, and no other before it, happens within each of `times` from
    /// now: rows by times, row by row. Those of all events and survival add up to 1.
    ///
    /// # Errors
    /// Those of [`FittedHazard::survival`]; [`crate::Error::InvalidParameter`] for an event that is not
    /// there.
    pub fn cumulative_incidence(
        &self,
        customers: &Design<'_>,
        event: usize,
        times: &[f64],
        given: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        self.check_event(event)?;
        let (times, given) = self.clock(customers.len(), "times", times, given)?;
        let mut phase = Phase::new(observer, "scoring");
        self.map_paths(customers, times.len(), &mut phase, |row, _, path, found| {
            let from = of(&given, row);
            found.extend(
                times
                    .iter()
                    .map(|time| path.incidence(event, from, from + time)),
            );
        })
    }

    /// The probability of an event, or of any, in every period, where nothing happened before it: rows
    /// by periods, row by row.
    ///
    /// # Errors
    /// Those of [`FittedHazard::cumulative_incidence`].
    pub fn hazard(
        &self,
        customers: &Design<'_>,
        event: Option<usize>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        if let Some(event) = event {
            self.check_event(event)?;
        }
        let mut phase = Phase::new(observer, "scoring");
        self.map_paths(
            customers,
            self.n_periods(),
            &mut phase,
            |_, _, path, found| {
                found.extend((0..path.len()).map(|period| path.hazard(period, event)));
            },
        )
    }

    /// The time from now by which survival has fallen to a half; infinite where it has not by the end
    /// of the data.
    ///
    /// # Errors
    /// Those of [`FittedHazard::survival`].
    pub fn median(
        &self,
        customers: &Design<'_>,
        given: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let (_, given) = self.clock(customers.len(), "given", &[0.0], given)?;
        let mut phase = Phase::new(observer, "scoring");
        self.map_paths(customers, 1, &mut phase, |row, _, path, found| {
            found.push(self.settings.period * path.median(of(&given, row)));
        })
    }

    /// The expected time from now until an event, at most `horizon`: the area under survival up to it,
    /// a mean that is restricted to the horizon and not that of all time.
    ///
    /// # Errors
    /// Those of [`FittedHazard::survival`].
    pub fn expected_remaining_time(
        &self,
        customers: &Design<'_>,
        horizon: f64,
        given: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let (times, given) = self.clock(customers.len(), "horizon", &[horizon], given)?;
        let mut phase = Phase::new(observer, "scoring");
        self.map_paths(customers, 1, &mut phase, |row, _, path, found| {
            let from = of(&given, row);
            found.push(self.settings.period * path.expected(from, from + times[0]));
        })
    }
}

//! What a hazard is fitted to: features of customers, and how long until what.

use crate::data::{Design, check_length, check_weights};
use crate::error::{Error, Result};

/// Customers with their features, the time until something happened or they were last seen, and what
/// happened.
///
/// A customer whose features change has several rows: each enters where the one before left, and only
/// the last may end with an event.
///
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::value::hazard::HazardData;
///
/// let design = Design::new(vec![("visits".into(), Feature::Numbers(&[4.0, 0.0, 1.0]))])?;
/// let events = vec!["cancelled".into(), "not paid".into()];
/// let data = HazardData::new(design, "days", &[200.0, 31.0, 14.5], "event", &[0, 2, 1], events)?;
/// assert_eq!((data.len(), data.event_names().len()), (3, 2));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HazardData<'a> {
    design: Design<'a>,
    duration_name: String,
    durations: &'a [f64],
    event_name: String,
    events: &'a [u16],
    names: Vec<String>,
    entry: Option<&'a [f64]>,
    weights: Option<&'a [f64]>,
    groups: Option<&'a [u32]>,
}

impl<'a> HazardData<'a> {
    /// `events` has 0 for a row that is censored, and `k` for the `k`-th of `names`, from 1.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where there is not one value a row; [`Error::InvalidData`] for a time
    /// that is negative or not finite, an event without a name, and an event without a row.
    pub fn new(
        design: Design<'a>,
        duration_name: &str,
        durations: &'a [f64],
        event_name: &str,
        events: &'a [u16],
        names: Vec<String>,
    ) -> Result<Self> {
        check_times(duration_name, design.len(), durations)?;
        if events.len() != design.len() {
            return Err(Error::ShapeMismatch {
                column: event_name.to_owned(),
                expected: design.len(),
                found: events.len(),
            });
        }
        if names.is_empty() {
            let reason = "has no events; name at least one";
            return Err(Error::data(event_name, None, reason));
        }
        if let Some(row) = events
            .iter()
            .position(|event| usize::from(*event) > names.len())
        {
            let reason = format!(
                "is {}, and the events are 1 to {} (0 for a row without one)",
                events[row],
                names.len()
            );
            return Err(Error::data(event_name, row, reason));
        }
        let data = Self {
            design,
            duration_name: duration_name.to_owned(),
            durations,
            event_name: event_name.to_owned(),
            events,
            names,
            entry: None,
            weights: None,
            groups: None,
        };
        data.check_events()?;
        Ok(data)
    }

    /// Adds the times from which rows are under observation; without, all are from time 0.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a time that is negative or not finite.
    pub fn with_entry(mut self, name: &str, entry: &'a [f64]) -> Result<Self> {
        check_times(name, self.len(), entry)?;
        self.entry = Some(entry);
        Ok(self)
    }

    /// Adds weights: a row of weight 3 counts as three equal rows, one of weight 0 not at all.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a weight that is negative or not finite, and where no row of positive
    /// weight has one of the events.
    pub fn with_weights(mut self, name: &str, weights: &'a [f64]) -> Result<Self> {
        check_weights(name, self.len(), weights)?;
        self.weights = Some(weights);
        self.check_events()?;
        Ok(self)
    }

    /// Says which rows belong together, those of one customer, say: errors by cluster treat them as
    /// one observation.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where there is not one code a row.
    pub fn with_groups(mut self, name: &str, groups: &'a [u32]) -> Result<Self> {
        if groups.len() != self.len() {
            return Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected: self.len(),
                found: groups.len(),
            });
        }
        self.groups = Some(groups);
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.design.len()
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.design.is_empty()
    }

    /// The features.
    pub fn design(&self) -> &Design<'a> {
        &self.design
    }

    /// What the times are called.
    pub fn duration_name(&self) -> &str {
        &self.duration_name
    }

    /// The times until an event, or until a row was last seen.
    pub fn durations(&self) -> &'a [f64] {
        self.durations
    }

    /// The event of each row: 0 for none, or its place among the names, from 1.
    pub fn events(&self) -> &'a [u16] {
        self.events
    }

    /// The events' names.
    pub fn event_names(&self) -> &[String] {
        &self.names
    }

    /// The times from which rows are under observation, where they were given.
    pub fn entry(&self) -> Option<&'a [f64]> {
        self.entry
    }

    /// The weights, where there are weights.
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The weight of a row: 1 where none were given.
    #[inline]
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The codes of the groups, where there are groups.
    pub fn groups(&self) -> Option<&'a [u32]> {
        self.groups
    }

    /// The weight of each event.
    pub(crate) fn event_weights(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.names.len()];
        for (row, event) in self.events.iter().enumerate() {
            if let Some(place) = usize::from(*event).checked_sub(1) {
                sums[place] += self.weight(row);
            }
        }
        sums
    }

    fn check_events(&self) -> Result<()> {
        let sums = self.event_weights();
        let Some(empty) = sums.iter().position(|sum| *sum <= 0.0) else {
            return Ok(());
        };
        let reason = if sums.iter().all(|sum| *sum <= 0.0) {
            "has no event in any row that counts; a hazard needs some, so watch for longer"
                .to_owned()
        } else {
            format!(
                "has no row of event '{}' that counts; leave the event out",
                self.names[empty]
            )
        };
        Err(Error::data(&self.event_name, None, reason))
    }
}

/// That times are finite and at least 0.
pub(super) fn check_times(name: &str, n: usize, times: &[f64]) -> Result<()> {
    check_length(name, n, times)?;
    let wrong = |time: &f64| !(*time >= 0.0 && time.is_finite());
    if let Some(row) = times.iter().position(wrong) {
        let reason = format!("is {}; a time is a finite number of at least 0", times[row]);
        return Err(Error::data(name, row, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Feature;

    #[test]
    fn refuses_what_cannot_be() {
        let x = [1.0, 2.0, 3.0];
        let told = |result: Result<HazardData<'_>>| result.unwrap_err().to_string();
        let data = |durations, events, names: &[&str]| {
            let design = Design::new(vec![("x".to_owned(), Feature::Numbers(&x))]).unwrap();
            let names = names.iter().map(|&name| name.to_owned()).collect();
            HazardData::new(design, "days", durations, "event", events, names)
        };
        let negative = told(data(&[1.0, -1.0, 2.0], &[0, 1, 0], &["churn"]));
        assert!(
            negative.starts_with("column 'days', row 1: is -1"),
            "{negative}"
        );
        assert!(told(data(&[1.0, f64::NAN, 2.0], &[0, 1, 0], &["churn"])).contains("row 1"));
        assert!(told(data(&[1.0, 2.0], &[0, 1], &["churn"])).contains("expected 3 rows"));
        assert!(told(data(&x, &[0, 2, 1], &["churn"])).contains("row 1: is 2"));
        assert!(told(data(&x, &[0, 0, 0], &["churn"])).contains("no event in any row"));
        assert!(told(data(&x, &[0, 0, 1], &["a", "b"])).contains("no row of event 'b'"));
        let good = || data(&x, &[0, 1, 1], &["churn"]).unwrap();
        assert!(told(good().with_weights("w", &[1.0, 0.0, 0.0])).contains("no event"));
        let late = told(good().with_entry("since", &[0.0, 0.0, f64::INFINITY]));
        assert!(late.starts_with("column 'since', row 2"), "{late}");
        assert!(told(good().with_groups("id", &[1, 2])).contains("expected 3 rows"));
    }
}

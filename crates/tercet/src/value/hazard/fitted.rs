//! A fitted hazard.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::HazardModel;
use crate::error::{Error, Result};
use crate::model::{FitReport, Fitted, Parameter};
use crate::persist::{Parts, Persist, read_part};
use crate::value::propensity::FittedPropensity;
use crate::value::propensity::engine::Uncertainty;

/// A fitted hazard: immutable; see [`HazardModel`] for the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedHazard {
    pub(super) settings: HazardModel,
    /// What the times are called.
    pub(super) duration: String,
    pub(super) events: Vec<String>,
    /// Each event's log-odds but for time: those of the mean of all that is at risk, and features.
    pub(super) parts: Vec<FittedPropensity>,
    pub(super) time: Time,
    /// The covariance of all coefficients: event by event those of the columns, of their changes where
    /// there are any, of the baseline's coordinates.
    pub(super) uncertainty: Option<Uncertainty>,
    pub(super) note: Value,
    pub(super) report: FitReport,
}

/// How hazards go over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Time {
    /// Periods by coordinates, row by row.
    pub(super) basis: Vec<f64>,
    /// The trend of changing effects, a number a period.
    pub(super) trend: Vec<f64>,
    /// Each event's coefficients of the coordinates.
    pub(super) curves: Vec<Vec<f64>>,
    /// The changes of each event's coefficients of columns; empty where none change.
    pub(super) changes: Vec<Vec<f64>>,
    /// Each event's penalty on bends or steps of the baseline, and the baseline's effective parameters.
    pub(super) strengths: Vec<f64>,
    pub(super) effective: Vec<f64>,
}

impl Time {
    /// Number of periods.
    pub(super) fn n_periods(&self) -> usize {
        self.trend.len()
    }

    /// Coordinates of a baseline.
    pub(super) fn width(&self) -> usize {
        self.curves.first().map_or(0, Vec::len)
    }

    /// The coordinates of a period.
    #[inline]
    pub(super) fn at(&self, period: usize) -> &[f64] {
        let q = self.width();
        &self.basis[period * q..(period + 1) * q]
    }

    /// What an event's baseline adds in every period.
    pub(super) fn levels(&self, event: usize) -> Vec<f64> {
        let curve = &self.curves[event];
        let level = |period| self.at(period).iter().zip(curve).map(|(b, c)| b * c).sum();
        (0..self.n_periods()).map(level).collect()
    }
}

impl FittedHazard {
    /// The settings that it was fitted with.
    pub fn settings(&self) -> &HazardModel {
        &self.settings
    }

    /// The features that it needs, by name.
    pub fn features(&self) -> Vec<String> {
        self.parts
            .first()
            .map_or_else(Vec::new, FittedPropensity::features)
    }

    /// What the times are called.
    pub fn duration_name(&self) -> &str {
        &self.duration
    }

    /// The events' names.
    pub fn events(&self) -> &[String] {
        &self.events
    }

    /// Number of periods in which someone was at risk.
    pub fn n_periods(&self) -> usize {
        self.time.n_periods()
    }

    /// The end of the last period: what comes after it is not known.
    pub fn horizon(&self) -> f64 {
        self.n_periods() as f64 * self.settings.period
    }

    /// The line of an event, a propensity of its own: effects, curves, contributions and reasons are
    /// of the log-odds of the event in a period, against none, at the mean of the baseline over all
    /// that is at risk.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for an event that is not there.
    pub fn part(&self, event: usize) -> Result<&FittedPropensity> {
        self.check_event(event)?;
        Ok(&self.parts[event])
    }

    /// The penalty on bends or steps of an event's baseline, and the baseline's effective parameters.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for an event that is not there.
    pub fn baseline_strength(&self, event: usize) -> Result<[f64; 2]> {
        self.check_event(event)?;
        Ok([self.time.strengths[event], self.time.effective[event]])
    }

    /// What the caller keeps with the model; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The model with a note that is saved and loaded with it and not looked at otherwise.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// Columns of one event.
    pub(super) fn width(&self) -> usize {
        self.parts
            .first()
            .map_or(0, |part| part.coefficients().len())
    }

    /// Whether effects change over time.
    pub(super) fn varies(&self) -> bool {
        self.time.changes.iter().any(|changes| !changes.is_empty())
    }

    /// The first of an event's coefficients among all, of the changes among them, and of the baseline.
    pub(super) fn places(&self, event: usize) -> [usize; 3] {
        let (width, q) = (self.width(), self.time.width());
        let kinds = if self.varies() { 2 } else { 1 };
        let first = event * (kinds * width + q);
        [first, first + width, first + kinds * width]
    }

    pub(super) fn check_event(&self, event: usize) -> Result<()> {
        if event < self.events.len() {
            return Ok(());
        }
        let expected = format!("a place among {:?}, from 0", self.events);
        Err(Error::parameter("event", event, expected))
    }

    pub(super) fn uncertainty(&self) -> Result<&Uncertainty> {
        self.uncertainty.as_ref().ok_or_else(|| {
            let expected =
                "a model with standard errors: fit it with standard_errors other than \"none\"";
            Error::parameter("standard_errors", "\"none\"", expected)
        })
    }

    /// Gives each event's line its part of the covariance.
    pub(super) fn with_part_errors(mut self) -> Self {
        let width = self.width();
        let firsts: Vec<usize> = (0..self.events.len()).map(|k| self.places(k)[0]).collect();
        if let Some(all) = &self.uncertainty {
            for (part, first) in self.parts.iter_mut().zip(firsts) {
                let own = DMatrix::from_fn(width, width, |i, j| all.get(first + i, first + j));
                *part = part.clone().with_covariance(Some(&own));
            }
        }
        self
    }
}

impl Fitted for FittedHazard {
    fn report(&self) -> &FitReport {
        &self.report
    }

    /// The effects of every event, the level at the mean of the baseline first.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let mut found = Vec::new();
        for (event, part) in self.events.iter().zip(&self.parts) {
            for mut parameter in part.parameters(level)? {
                if self.events.len() > 1 {
                    parameter.name = format!("{event}: {}", parameter.name);
                }
                found.push(parameter);
            }
        }
        Ok(found)
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    duration: String,
    events: Vec<String>,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    /// The events' lines, as files of propensities have them, without their covariances.
    lines: Vec<Parts>,
    time: Time,
    uncertainty: Option<Uncertainty>,
}

impl Persist for FittedHazard {
    const KIND: &'static str = "hazard";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        let line = |part: &FittedPropensity| part.clone().with_covariance(None).to_parts();
        Parts::new(
            SchemaPart {
                duration: self.duration.clone(),
                events: self.events.clone(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                lines: self.parts.iter().map(line).collect::<Result<_>>()?,
                time: self.time.clone(),
                uncertainty: self.uncertainty.clone(),
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let settings: HazardModel = read_part("settings", parts.settings)?;
        let corrupt = |reason: &str| {
            Err(Error::Corrupt {
                reason: format!("in \"fitted\": {reason}"),
            })
        };
        let n = schema.events.len();
        let lines = fitted.lines.into_iter().map(FittedPropensity::from_parts);
        let lines = lines.collect::<Result<Vec<_>>>()?;
        let time = fitted.time;
        let all = [lines.len(), time.curves.len(), time.changes.len()];
        let rest = [time.strengths.len(), time.effective.len()];
        if n == 0 || all.iter().chain(&rest).any(|found| *found != n) {
            return corrupt("there is not one line an event");
        }
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        let (n_periods, q) = (time.n_periods(), time.width());
        let width = lines[0].coefficients().len();
        let same = lines.iter().all(|line| {
            line.coefficients().len() == width && line.features() == lines[0].features()
        });
        let n_changes = time.changes[0].len();
        let fits = |changes: &Vec<f64>| {
            changes.len() == n_changes && (n_changes == 0 || n_changes == width) && finite(changes)
        };
        if !same || !time.changes.iter().all(fits) {
            return corrupt("the events' lines do not belong to the same columns");
        }
        let curves = time
            .curves
            .iter()
            .all(|curve| curve.len() == q && finite(curve));
        if n_periods == 0 || time.basis.len() != n_periods * q || !curves || !finite(&time.basis) {
            return corrupt("the baseline does not belong to the periods");
        }
        if !(settings.period > 0.0 && settings.period.is_finite() && finite(&time.trend)) {
            return corrupt("the periods have no width");
        }
        let model = Self {
            settings,
            duration: schema.duration,
            events: schema.events,
            parts: lines,
            time,
            uncertainty: fitted.uncertainty,
            note: schema.note,
            report: read_part("report", parts.report)?,
        };
        let total = model.places(n)[0];
        if model
            .uncertainty
            .as_ref()
            .is_some_and(|one| !one.fits(total))
        {
            return corrupt("the covariance does not belong to the coefficients");
        }
        Ok(model.with_part_errors())
    }
}

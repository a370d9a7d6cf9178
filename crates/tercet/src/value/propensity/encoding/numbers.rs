//! How numbers become columns: straight lines, splines of their rank, bins.

use nalgebra::DMatrix;

use super::learn::Builder;
use super::moments::Moments;
use super::{Kind, Rank, Spike, n_splines, splines};
use crate::data::Numbers;
use crate::error::{Error, Result};
use crate::value::propensity::Features;
use crate::value::propensity::chart::{Chart, Part};

/// A number this frequent has a column of its own beside its spline.
const FREQUENT: f64 = 0.2;

impl Builder<'_> {
    pub(super) fn numbers(
        &mut self,
        feature: usize,
        name: &str,
        values: Numbers<'_>,
        moments: &Moments,
    ) -> Result<Kind> {
        let has_missing = moments.missing > 0.0;
        if moments.weight == 0.0 {
            return Ok(self.constant(name, "is missing in every row", false));
        }
        let constant = moments.lowest == moments.highest;
        if constant && !has_missing {
            let why = format!("is {} in every row", moments.lowest);
            return Ok(self.constant(name, &why, false));
        }
        let deviation = moments.standard_deviation();
        if !deviation.is_finite() {
            let reason = "holds numbers too large to be squared; measure it in a larger unit";
            return Err(Error::data(name, None, reason));
        }
        if constant || deviation == 0.0 {
            // Only whether it is known tells rows apart: one bin, and a column for the others.
            return Ok(self.bins(feature, Vec::new(), &[], moments));
        }
        let linear = matches!(self.settings.features, Features::Linear);
        let distinct = if linear {
            Vec::new()
        } else {
            self.distinct(values)
        };
        if linear || distinct.len() <= 2 {
            return Ok(self.linear(feature, moments, deviation));
        }
        match self.settings.features {
            Features::Bins { bins } => {
                let edges = edges(&distinct, bins);
                Ok(self.bins(feature, edges, &distinct, moments))
            }
            _ => Ok(self.spline(feature, &distinct, moments)),
        }
    }

    /// Distinct known values, rising, with their weights.
    fn distinct(&self, values: Numbers<'_>) -> Vec<(f64, f64)> {
        let mut pairs: Vec<(f64, f64)> = self
            .rows
            .iter()
            .map(|&row| (values.get(row), self.weight(row)))
            .filter(|(value, weight)| !value.is_nan() && *weight > 0.0)
            .collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        pairs.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        pairs
    }

    fn linear(&mut self, feature: usize, moments: &Moments, deviation: f64) -> Kind {
        let dense = self.dense;
        self.dense += 1;
        let missing = self.missing(moments);
        // Without scaling the penalty counts coefficients per unit of the caller's.
        let unit = if self.settings.standardize {
            1.0
        } else {
            deviation
        };
        let group = self.group();
        self.charts
            .push(Chart::dense(feature, Part::Slope, dense, unit, group));
        if let Some(missing) = missing {
            let group = self.group();
            self.charts
                .push(Chart::identity(feature, Part::Missing, missing, 1, group));
        }
        Kind::Linear {
            mean: moments.mean,
            standard_deviation: deviation,
            lowest: moments.lowest,
            highest: moments.highest,
            dense,
            missing,
        }
    }

    /// A column for missing values, where there are any.
    fn missing(&mut self, moments: &Moments) -> Option<usize> {
        let share = moments.missing / (moments.weight + moments.missing);
        (share > 0.0).then(|| self.column(share))
    }

    fn bins(
        &mut self,
        feature: usize,
        edges: Vec<f64>,
        distinct: &[(f64, f64)],
        moments: &Moments,
    ) -> Kind {
        let first = self.sparse.len();
        let mut means = vec![0.0; edges.len() + 1];
        let known: f64 = distinct.iter().map(|(_, weight)| weight).sum();
        for (value, weight) in distinct {
            means[edges.partition_point(|edge| edge < value)] += weight / known * moments.known();
        }
        self.sparse.extend(means);
        if !edges.is_empty() {
            let group = self.group();
            self.charts
                .push(Chart::steps(feature, first, edges.len() + 1, group));
        }
        let missing = self.missing(moments);
        if let Some(missing) = missing {
            let group = self.group();
            self.charts
                .push(Chart::identity(feature, Part::Missing, missing, 1, group));
        }
        Kind::Bins {
            edges,
            first,
            missing,
        }
    }

    /// The number of intervals that a spline gets: what its distinct values can carry, and no more than
    /// rows can fill and matrices of all features hold.
    fn intervals(&self, n_distinct: usize) -> usize {
        let most = match self.settings.features {
            Features::Spline { intervals: Some(n) } => n,
            _ => (self.n_rows / 400)
                .clamp(8, 100)
                .min((1_000 / self.n_numbers.max(1)).max(15)),
        };
        (n_distinct - 1).min(most).max(1)
    }

    fn spline(&mut self, feature: usize, distinct: &[(f64, f64)], moments: &Moments) -> Kind {
        let total: f64 = distinct.iter().map(|(_, weight)| weight).sum();
        let most = distinct
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.1.total_cmp(&b.1.1).then(b.0.cmp(&a.0)));
        let spike =
            most.filter(|(_, (_, weight))| distinct.len() > 5 && *weight > FREQUENT * total);
        let mut rest = distinct.to_vec();
        if let Some((place, _)) = spike {
            rest.remove(place);
        }
        let rank = Rank::learn(&rest);
        let intervals = self.intervals(rest.len());
        let q = n_splines(intervals);

        // The basis's first and second moments over the customers.
        let rest_total: f64 = rest.iter().map(|(_, weight)| weight).sum();
        let mut mean = vec![0.0; q];
        let mut products = DMatrix::zeros(q, q);
        for (value, weight) in &rest {
            let local = splines(rank.of(*value), intervals);
            let share = weight / rest_total;
            for (a, x) in (local.first..).zip(local.weights) {
                mean[a] += share * x;
                for (b, y) in (local.first..).zip(local.weights) {
                    products[(a, b)] += share * x * y;
                }
            }
        }
        let first = self.sparse.len();
        let share = moments.known() * rest_total / total;
        self.sparse.extend(mean.iter().map(|mean| mean * share));
        let spike = spike.map(|(_, (value, weight))| Spike {
            value: *value,
            place: self.column(moments.known() * weight / total),
        });
        let missing = self.missing(moments);
        // Rows of other columns begin from what the spline says beside them.
        let mut beside: Vec<(Part, Vec<f64>)> = Vec::new();
        if let Some(spike) = spike {
            let local = splines(rank.of(spike.value), intervals);
            let mut row = vec![0.0; q];
            row[local.first..local.first + 4].copy_from_slice(&local.weights);
            beside.push((Part::Spike, row));
        }
        if missing.is_some() {
            beside.push((Part::Missing, mean.clone()));
        }
        let groups = [self.group(), self.group(), self.group(), self.group()];
        self.charts.extend(Chart::spline(
            feature, first, intervals, &products, &beside, groups,
        ));
        Kind::Spline {
            rank,
            intervals,
            first,
            spike,
            missing,
            mean,
        }
    }
}

/// The upper ends of all bins but the last: quantiles, each a value that occurs.
fn edges(distinct: &[(f64, f64)], bins: usize) -> Vec<f64> {
    let total: f64 = distinct.iter().map(|(_, weight)| weight).sum();
    let mut edges: Vec<f64> = Vec::new();
    let mut through = 0.0;
    for (value, weight) in &distinct[..distinct.len() - 1] {
        through += weight;
        let next = (edges.len() + 1) as f64 / bins as f64 * total;
        // As near to the quantile as a value can be: a heavy value ends a bin by itself.
        if edges.len() + 1 < bins && through >= next * (1.0 - 1e-12) {
            edges.push(*value);
        }
    }
    edges
}

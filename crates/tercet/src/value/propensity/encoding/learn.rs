//! What is learned of the features before anything is fitted.

use nalgebra::DMatrix;

use super::moments::{Moments, moments};
use super::{Encoding, Kind, Learned, Rank, Spike, n_splines, splines};
use crate::data::{Design, FeatureView, NO_LEVEL, Numbers};
use crate::error::{Error, Result};
use crate::parallel::Gate;
use crate::value::propensity::coordinates::{Chart, Coordinates, Part};
use crate::value::propensity::{Features, Propensity};

/// Rows from which ranks and bins are learned: their quantiles are then known to a fraction of a
/// per cent, and sorting more would take longer than the fit.
const MOST_SORTED: usize = 200_000;

/// The most columns after encoding.
const MOST_COLUMNS: usize = 4_000;

/// A number this frequent has a column of its own beside its spline.
const FREQUENT: f64 = 0.2;

/// The features, encoded, and the coordinates in which their coefficients are estimated.
pub(in crate::value::propensity) struct Learning {
    pub(in crate::value::propensity) encoding: Encoding,
    pub(in crate::value::propensity) coordinates: Coordinates,
    /// Features that say nothing, with the reason.
    pub(in crate::value::propensity) constant: Vec<String>,
    /// The mean of every column over the customers.
    pub(in crate::value::propensity) means: Vec<f64>,
}

/// Learns from rows of positive weight.
///
/// # Errors
/// [`Error::InvalidParameter`] for an ordered feature that is not there or no category, and where there
/// are too many columns; [`Error::InvalidData`] where no feature tells rows apart, or numbers are too
/// large to be squared.
pub(in crate::value::propensity) fn learn(
    settings: &Propensity,
    design: &Design<'_>,
    weights: Option<&[f64]>,
    gate: &Gate<'_, '_>,
) -> Result<Learning> {
    settings.check_ordered(design)?;
    let numbers: Vec<Numbers<'_>> = design
        .features()
        .iter()
        .filter_map(|feature| match feature.view() {
            FeatureView::Numbers(numbers) => Some(numbers),
            FeatureView::Levels { .. } => None,
        })
        .collect();
    let moments = moments(&numbers, design.len(), weights, gate)?;
    let mut builder = Builder {
        settings,
        weights,
        n_numbers: numbers.len(),
        n_rows: design.len(),
        rows: sorted_rows(design.len()),
        dense: 1,
        sparse: Vec::new(),
        charts: Vec::new(),
        groups: 1,
        constant: Vec::new(),
    };
    let mut moments = moments.into_iter();
    let mut features = Vec::with_capacity(design.names().len());
    for (place, (name, feature)) in design.names().iter().zip(design.features()).enumerate() {
        gate.check()?;
        let kind = match feature.view() {
            FeatureView::Numbers(values) => {
                // One of every column of numbers, in the same order.
                let Some(moments) = moments.next() else {
                    continue;
                };
                builder.numbers(place, name, values, &moments)?
            }
            FeatureView::Levels { codes, levels } => builder.levels(place, name, codes, levels),
        };
        features.push(Learned {
            name: name.clone(),
            kind,
        });
    }
    builder.finish(features)
}

/// All rows, or a sample of them spread over the table.
fn sorted_rows(n: usize) -> Vec<usize> {
    if n <= MOST_SORTED {
        return (0..n).collect();
    }
    // Steps of a golden section of the table, which no period of it can follow.
    let step = (n as f64 * 0.618_033_988_749_894_9).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below n
    let step = step as usize;
    let mut row = 0;
    let mut rows: Vec<usize> = (0..MOST_SORTED)
        .map(|_| {
            row = (row + step) % n;
            row
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

struct Builder<'a> {
    settings: &'a Propensity,
    weights: Option<&'a [f64]>,
    n_numbers: usize,
    n_rows: usize,
    rows: Vec<usize>,
    dense: usize,
    /// The means of the sparse columns so far.
    sparse: Vec<f64>,
    charts: Vec<Chart>,
    groups: usize,
    constant: Vec<String>,
}

impl Builder<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The place of a new sparse column of this mean.
    fn column(&mut self, mean: f64) -> usize {
        self.sparse.push(mean);
        self.sparse.len() - 1
    }

    fn group(&mut self) -> usize {
        self.groups += 1;
        self.groups - 1
    }

    fn constant(&mut self, name: &str, why: &str, levels: bool) -> Kind {
        self.constant.push(format!("'{name}' {why}"));
        Kind::Constant { levels }
    }

    fn numbers(
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

    fn levels(&mut self, feature: usize, name: &str, codes: &[u16], levels: &[String]) -> Kind {
        let mut weights = vec![0.0; levels.len()];
        let mut missing_weight = 0.0;
        for (row, code) in codes.iter().enumerate() {
            match *code {
                NO_LEVEL => missing_weight += self.weight(row),
                code => weights[usize::from(code)] += self.weight(row),
            }
        }
        let least = self.settings.min_level_count as f64;
        let rare: f64 = weights.iter().filter(|weight| **weight < least).sum();
        let kept: Vec<usize> = (0..levels.len())
            .filter(|&level| weights[level] >= least)
            .collect();
        let other = rare > 0.0 && rare >= least;
        let width = kept.len() + usize::from(other) + usize::from(missing_weight > 0.0);
        if width < 2 {
            let why = match kept.first() {
                Some(level) => format!(
                    "is '{}' in every row that counts, but for levels of fewer than {} rows",
                    levels[*level], self.settings.min_level_count
                ),
                None => format!(
                    "has no level of {} rows or more",
                    self.settings.min_level_count
                ),
            };
            return self.constant(name, &why, true);
        }
        let total = weights.iter().sum::<f64>() + missing_weight;
        let first = self.sparse.len();
        self.sparse
            .extend(kept.iter().map(|&level| weights[level] / total));
        let ordered = self.settings.ordered.iter().any(|one| one == name);
        let group = self.group();
        if ordered && kept.len() > 1 {
            self.charts
                .push(Chart::steps(feature, first, kept.len(), group));
        } else if !kept.is_empty() {
            // Without a penalty, levels are told from the most frequent one.
            let most = (0..kept.len()).max_by(|&a, &b| {
                weights[kept[a]]
                    .total_cmp(&weights[kept[b]])
                    .then(b.cmp(&a))
            });
            let reference = if self.settings.is_free() { most } else { None };
            self.charts
                .push(Chart::levels(feature, first, kept.len(), reference, group));
        }
        let other = other.then(|| self.column(rare / total));
        let missing = (missing_weight > 0.0).then(|| self.column(missing_weight / total));
        for (place, part) in [(other, Part::Levels), (missing, Part::Missing)] {
            if let Some(place) = place {
                let group = if part == Part::Missing {
                    self.group()
                } else {
                    group
                };
                self.charts
                    .push(Chart::identity(feature, part, place, 1, group));
            }
        }
        Kind::Levels {
            levels: kept.iter().map(|&level| levels[level].clone()).collect(),
            first,
            other,
            missing,
            ordered,
        }
    }

    fn finish(self, features: Vec<Learned>) -> Result<Learning> {
        let encoding = Encoding {
            features,
            dense: self.dense,
            sparse: self.sparse.len(),
        };
        let width = encoding.width();
        if width > MOST_COLUMNS {
            return Err(Error::parameter(
                "features",
                format!("{width} columns after encoding"),
                format!(
                    "at most {MOST_COLUMNS}: leave out columns with many levels, raise min_level_count, or take fewer knots or bins"
                ),
            ));
        }
        if width == 1 {
            let reason = format!("{}: no feature tells rows apart", self.constant.join("; "));
            return Err(Error::data("features", None, reason));
        }
        let coordinates = Coordinates::new(self.charts, self.dense, width);
        // Dense columns are centred, all but the intercept's.
        let mut means = vec![0.0; encoding.dense];
        means[0] = 1.0;
        means.extend(self.sparse);
        Ok(Learning {
            encoding,
            coordinates,
            constant: self.constant,
            means,
        })
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

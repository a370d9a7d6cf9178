//! What is learned of the features before anything is fitted.

use super::moments::moments;
use super::{Encoding, Kind, Learned};
use crate::data::{Design, FeatureView, NO_LEVEL, Numbers};
use crate::error::{Error, Result};
use crate::parallel::Gate;
use crate::value::propensity::chart::{Chart, Part};
use crate::value::propensity::coordinates::Coordinates;
use crate::value::propensity::{Features, Propensity};

/// Rows from which ranks and bins are learned: their quantiles are then known to a fraction of a
/// per cent, and sorting more would take longer than the fit.
const MOST_SORTED: usize = 200_000;

/// The most columns after encoding.
const MOST_COLUMNS: usize = 4_000;

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
        // Straight lines need no rank.
        rows: match settings.features {
            Features::Linear => Vec::new(),
            _ => sorted_rows(design.len()),
        },
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

/// Columns and coordinates, feature by feature.
pub(super) struct Builder<'a> {
    pub(super) settings: &'a Propensity,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) n_numbers: usize,
    pub(super) n_rows: usize,
    pub(super) rows: Vec<usize>,
    pub(super) dense: usize,
    /// The means of the sparse columns so far.
    pub(super) sparse: Vec<f64>,
    pub(super) charts: Vec<Chart>,
    pub(super) groups: usize,
    pub(super) constant: Vec<String>,
}

impl Builder<'_> {
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The place of a new sparse column of this mean.
    pub(super) fn column(&mut self, mean: f64) -> usize {
        self.sparse.push(mean);
        self.sparse.len() - 1
    }

    pub(super) fn group(&mut self) -> usize {
        self.groups += 1;
        self.groups - 1
    }

    pub(super) fn constant(&mut self, name: &str, why: &str, levels: bool) -> Kind {
        self.constant.push(format!("'{name}' {why}"));
        Kind::Constant { levels }
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

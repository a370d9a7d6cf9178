//! Features as bins: a byte a value, learned from the customers of a fit.
//!
//! Bin 0 is for values that are missing. Numbers are cut at quantiles; levels have a bin each, the
//! rarest share one. Trees split between bins, so that a node is searched by one pass over its rows.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::data::{Design, FeatureView, NO_LEVEL};
use crate::error::{Error, Result};
use crate::parallel::{Gate, map_blocks_behind};

/// The bin of missing values.
pub(super) const MISSING: u8 = 0;
/// The most bins, the missing one included.
pub(super) const MOST_BINS: usize = 256;
/// Rows from which quantiles are taken: enough for cuts that are off by less than a bin.
const SAMPLED: usize = 200_000;

/// The bins of every feature, in the order of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Binning {
    features: Vec<Binned>,
}

/// The bins of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Binned {
    name: String,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "as")]
enum Kind {
    /// A number up to the first edge is in bin 1, one above the last in bin `edges.len() + 1`.
    Numbers { edges: Vec<f64> },
    /// The level at place `k` is in bin `k + 1`.
    Levels {
        levels: Vec<String>,
        /// The bin of rare levels, which levels never seen join; else those are missing.
        other: Option<u8>,
    },
}

/// What tells the bins of a feature apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cuts<'b> {
    /// A number up to the first edge is in bin 1, one above the last in bin `edges.len() + 1`.
    Numbers(&'b [f64]),
    /// The level at place `k` is in bin `k + 1`; and the bin of rare levels, which those never seen join.
    Levels(&'b [String], Option<u8>),
}

/// Rows as bytes, row by row.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    values: Vec<u8>,
    width: usize,
}

impl Bins {
    /// Number of features.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The bins of a row.
    #[inline]
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.values[row * self.width..][..self.width]
    }
}

impl Binning {
    /// Learns at most `most` bins a number, cut halfway between neighbouring values, so that rounding of a
    /// value does not carry it over.
    pub(super) fn learn(design: &Design<'_>, most: usize) -> Self {
        Self::learn_cut(design, most, halfway)
    }

    /// Learns at most `most` bins a number, cut at the number between neighbouring values that takes the
    /// fewest digits, so that people can read it.
    pub(super) fn learn_round(design: &Design<'_>, most: usize) -> Self {
        Self::learn_cut(design, most, roundest)
    }

    fn learn_cut(design: &Design<'_>, most: usize, between: fn(f64, f64) -> f64) -> Self {
        let columns = design.names().iter().zip(design.features());
        let features = columns.map(|(name, feature)| {
            let kind = match feature.view() {
                FeatureView::Numbers(values) => {
                    let step = values.len().div_ceil(SAMPLED);
                    let sampled = values.iter().step_by(step).filter(|x| !x.is_nan());
                    Kind::Numbers {
                        edges: edges(sampled.collect(), most, between),
                    }
                }
                FeatureView::Levels { codes, levels } => pooled(codes, levels),
            };
            Binned {
                name: name.clone(),
                kind,
            }
        });
        Self {
            features: features.collect(),
        }
    }

    /// The features' names.
    pub(super) fn names(&self) -> Vec<String> {
        self.features.iter().map(|one| one.name.clone()).collect()
    }

    /// Which features are levels, so that their bins have no order.
    pub(super) fn unordered(&self) -> Vec<bool> {
        let is = |one: &Binned| matches!(one.kind, Kind::Levels { .. });
        self.features.iter().map(is).collect()
    }

    /// What tells the bins of a feature apart.
    pub(super) fn cuts(&self, feature: usize) -> Cuts<'_> {
        match &self.features[feature].kind {
            Kind::Numbers { edges } => Cuts::Numbers(edges),
            Kind::Levels { levels, other } => Cuts::Levels(levels, *other),
        }
    }

    /// How many bins each feature has, the missing one included.
    pub(super) fn counts(&self) -> Vec<usize> {
        let count = |one: &Binned| match &one.kind {
            Kind::Numbers { edges } => edges.len() + 2,
            Kind::Levels { levels, other } => levels.len() + 1 + usize::from(other.is_some()),
        };
        self.features.iter().map(count).collect()
    }

    /// The rows of a table in these bins; columns are found by their names.
    pub(super) fn encode(&self, design: &Design<'_>, gate: &Gate<'_, '_>) -> Result<Bins> {
        let width = self.features.len();
        let columns = self.features.iter().map(|one| one.column(design));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let blocks = map_blocks_behind(gate, design.len(), |rows| {
            let mut block = vec![MISSING; rows.len() * width];
            for (place, column) in columns.iter().enumerate() {
                let cells = block[place..].iter_mut().step_by(width);
                for (cell, row) in cells.zip(rows.clone()) {
                    *cell = column.bin(row);
                }
            }
            block
        })?;
        let mut values = Vec::with_capacity(width * design.len());
        for block in blocks {
            values.extend_from_slice(&block);
        }
        Ok(Bins { values, width })
    }

    /// That a file's bins could have been learned.
    pub(super) fn check(&self) -> Result<()> {
        let possible = |one: &Binned| match &one.kind {
            Kind::Numbers { edges } => {
                edges.len() + 2 <= MOST_BINS
                    && edges.iter().all(|edge| edge.is_finite())
                    && edges.windows(2).all(|pair| pair[0] < pair[1])
            }
            Kind::Levels { levels, other } => {
                let own = levels.len() + 1;
                let place = other.is_none_or(|other| usize::from(other) == own);
                place && own + usize::from(other.is_some()) <= MOST_BINS
            }
        };
        match self.features.iter().find(|one| !possible(one)) {
            Some(one) => Err(Error::Corrupt {
                reason: format!("in \"schema\": '{}' has impossible bins", one.name),
            }),
            None => Ok(()),
        }
    }
}

/// A feature's bins tied to a table's column.
enum Column<'a, 'f> {
    Numbers {
        values: crate::data::Numbers<'a>,
        edges: &'f [f64],
    },
    Levels {
        codes: &'a [u16],
        /// The bin of each of the table's levels.
        bins: Vec<u8>,
    },
}

impl Column<'_, '_> {
    #[inline]
    fn bin(&self, row: usize) -> u8 {
        match self {
            Self::Numbers { values, edges } => {
                let value = values.get(row);
                if value.is_nan() {
                    return MISSING;
                }
                // At most 254 edges, so that it fits.
                narrow(1 + edges.partition_point(|edge| *edge < value))
            }
            Self::Levels { codes, bins } => match codes[row] {
                NO_LEVEL => MISSING,
                code => bins[usize::from(code)],
            },
        }
    }
}

impl Binned {
    fn column<'a, 'f>(&'f self, design: &Design<'a>) -> Result<Column<'a, 'f>> {
        let Some(feature) = design.feature(&self.name) else {
            let reason = "is not in the table; the model was fitted with it";
            return Err(Error::data(&self.name, None, reason));
        };
        match (&self.kind, feature.view()) {
            (Kind::Numbers { edges }, FeatureView::Numbers(values)) => {
                Ok(Column::Numbers { values, edges })
            }
            (
                Kind::Levels { levels, other },
                FeatureView::Levels {
                    codes,
                    levels: names,
                },
            ) => {
                let known = levels.iter().map(String::as_str).zip(1..);
                let known: HashMap<&str, u8> = known.collect();
                let unknown = other.unwrap_or(MISSING);
                let bin = |name: &String| known.get(name.as_str()).copied().unwrap_or(unknown);
                Ok(Column::Levels {
                    codes,
                    bins: names.iter().map(bin).collect(),
                })
            }
            (kind, _) => {
                let expected = match kind {
                    Kind::Numbers { .. } => "numbers",
                    Kind::Levels { .. } => "levels",
                };
                let reason = format!(
                    "holds {}, and the model was fitted with {expected} here; convert the column",
                    feature.kind_word()
                );
                Err(Error::data(&self.name, None, reason))
            }
        }
    }
}

/// A number that is at least `low` and below `high`, halfway.
fn halfway(low: f64, high: f64) -> f64 {
    let middle = low + (high - low) / 2.0;
    // Between neighbouring floats there is nothing: the lower one is its own edge.
    if middle < high && middle.is_finite() {
        middle
    } else {
        low
    }
}

/// A number that is at least `low` and below `high`, of as few digits as can be.
fn roundest(low: f64, high: f64) -> f64 {
    if low < 0.0 && high > 0.0 {
        return 0.0;
    }
    // Steps from far above the gap to far below what floats can tell apart in it.
    let span = (high - low).log10().floor();
    if !span.is_finite() {
        return halfway(low, high);
    }
    for finer in -1..=3 {
        let exponent = f64::from(finer) - span;
        // Powers of ten are whole on one side, so that 0.3 is 3 / 10 and not 3 times a tenth.
        let scale = 10_f64.powf(exponent.abs());
        let found = if exponent > 0.0 {
            (low * scale).ceil() / scale
        } else {
            (low / scale).ceil() * scale
        };
        if found >= low && found < high {
            return found;
        }
    }
    halfway(low, high)
}

/// Edges between equally filled bins, each `between` two neighbouring values.
fn edges(mut values: Vec<f64>, most: usize, between: fn(f64, f64) -> f64) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let mut distinct = values.clone();
    distinct.dedup();
    if distinct.len() <= most {
        return distinct
            .windows(2)
            .map(|pair| between(pair[0], pair[1]))
            .collect();
    }
    let mut found: Vec<f64> = Vec::with_capacity(most);
    for cut in 1..most {
        let value = values[cut * n / most];
        let below = distinct.partition_point(|x| *x < value);
        if below > 0 {
            found.push(between(distinct[below - 1], distinct[below]));
        }
    }
    found.dedup();
    found
}

/// A bin for each of the most frequent levels; the others share one, which takes levels never seen.
fn pooled(codes: &[u16], levels: &[String]) -> Kind {
    let mut counts = vec![0_usize; levels.len()];
    for code in codes.iter().filter(|code| **code != NO_LEVEL) {
        counts[usize::from(*code)] += 1;
    }
    let mut order: Vec<usize> = (0..levels.len())
        .filter(|&level| counts[level] > 0)
        .collect();
    let room = MOST_BINS - 2;
    let other = (order.len() > room).then(|| {
        order.sort_by_key(|&level| std::cmp::Reverse(counts[level]));
        order.truncate(room);
        order.sort_unstable();
        narrow(room + 1)
    });
    Kind::Levels {
        levels: order
            .into_iter()
            .map(|level| levels[level].clone())
            .collect(),
        other,
    }
}

/// A bin's number, which is below [`MOST_BINS`].
fn narrow(bin: usize) -> u8 {
    u8::try_from(bin).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Feature;
    use crate::observe::Phase;

    fn encoded(binning: &Binning, design: &Design<'_>) -> Vec<u8> {
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        binning
            .encode(design, &Gate::new(&mut phase))
            .unwrap()
            .values
    }

    fn numbers(x: &[f64]) -> Design<'_> {
        Design::new(vec![("x".to_owned(), Feature::Numbers(x))]).unwrap()
    }

    #[test]
    fn few_values_have_a_bin_each_and_many_are_cut_at_quantiles() {
        let few = [3.0, 1.0, f64::NAN, 2.0, 1.0];
        let binning = Binning::learn(&numbers(&few), 10);
        assert_eq!(encoded(&binning, &numbers(&few)), [3, 1, 0, 2, 1]);
        assert_eq!(encoded(&binning, &numbers(&[-9.0, 9.0])), [1, 3]);
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let binning = Binning::learn(&numbers(&many), 10);
        let found = encoded(&binning, &numbers(&many));
        for bin in 1..=10 {
            let of_bin = found.iter().map(|one| usize::from(*one == bin));
            assert_eq!(of_bin.sum::<usize>(), 100);
        }
        assert!(Binning::learn(&numbers(&[f64::NAN; 3]), 10).check().is_ok());
    }

    #[test]
    fn round_edges_lie_between_their_neighbours() {
        for (low, high, wanted) in [
            (29.93, 30.07, 30.0),
            (0.28, 0.31, 0.3),
            (2.0, 3.0, 2.0),
            (-1.0, 1.0, 0.0),
            (-3.0, -2.0, -3.0),
            (1_234.5, 4_000.0, 2_000.0),
            (0.0, 1e-9, 0.0),
        ] {
            assert_eq!(roundest(low, high), wanted);
        }
        let (low, high) = (1.0, 1.0 + f64::EPSILON);
        assert_eq!(roundest(low, high), low);
        let (low, high) = (-f64::MAX, -1.0);
        assert!((low..high).contains(&roundest(low, high)));
    }

    #[test]
    fn levels_go_by_name_and_rare_ones_share_a_bin() {
        let level = |codes, names: &[&str]| {
            let levels = names.iter().map(|&name| name.to_owned()).collect();
            Design::new(vec![("x".to_owned(), Feature::Levels { codes, levels })]).unwrap()
        };
        let binning = Binning::learn(&level(&[0, 1, NO_LEVEL], &["a", "b", "never"]), 10);
        assert_eq!(
            encoded(&binning, &level(&[1, 0, 2], &["a", "b", "c"])),
            [2, 1, 0]
        );
        assert_eq!(encoded(&binning, &level(&[1, 0], &["b", "a"])), [1, 2]);
        let names: Vec<String> = (0..400).map(|k| format!("n{k}")).collect();
        let codes: Vec<u16> = (0..400).chain(100..400).collect();
        let design = |codes| {
            let levels = names.clone();
            Design::new(vec![("x".to_owned(), Feature::Levels { codes, levels })]).unwrap()
        };
        let binning = Binning::learn(&design(&codes), 10);
        assert_eq!(encoded(&binning, &design(&[0, 100])), [255, 1]);
        let told = binning.encode(
            &numbers(&[1.0]),
            &Gate::new(&mut Phase::new(&mut (), "testing")),
        );
        assert!(
            told.unwrap_err()
                .to_string()
                .contains("fitted with levels here")
        );
    }
}

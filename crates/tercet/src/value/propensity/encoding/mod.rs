//! How features become columns: learned from the customers of a fit, the same for every other.
//!
//! Columns are of two kinds. *Dense* ones hold a number a row: the intercept and numbers that enter
//! linearly. *Sparse* ones are 0 for most rows: a level of a category, a bin, a basis function of a
//! spline, "missing". They are never written out; a row holds the places of those that are not 0.

mod learn;
mod moments;
mod numbers;
mod rank;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub(super) use learn::{Learning, learn};
pub(super) use rank::{Rank, n_splines, splines};

/// What was learned of every feature, in the order of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Encoding {
    pub(super) features: Vec<Learned>,
    /// Dense columns, the intercept's first.
    pub(super) dense: usize,
    /// Sparse columns; in the list of all they follow the dense ones.
    pub(super) sparse: usize,
}

/// What was learned of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Learned {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) kind: Kind,
}

/// How one feature becomes columns; places are those among the dense, or among the sparse columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "as")]
pub(super) enum Kind {
    /// The same in every row: it has no column.
    Constant { levels: bool },
    /// A number in standard deviations from the mean; beyond the range of the fit the end of it.
    Linear {
        mean: f64,
        standard_deviation: f64,
        lowest: f64,
        highest: f64,
        dense: usize,
        missing: Option<usize>,
    },
    /// A cubic spline of the rank: see [`splines`].
    Spline {
        rank: Rank,
        intervals: usize,
        first: usize,
        /// A value so frequent that it has a column of its own.
        spike: Option<Spike>,
        missing: Option<usize>,
        /// The mean of the basis over the rows of the fit that are neither missing nor the spike.
        mean: Vec<f64>,
    },
    /// A column a bin; a bin reaches up to its edge, inclusive.
    Bins {
        edges: Vec<f64>,
        first: usize,
        missing: Option<usize>,
    },
    /// A column a level.
    Levels {
        levels: Vec<String>,
        first: usize,
        /// Rare levels together; levels never seen join them.
        other: Option<usize>,
        missing: Option<usize>,
        ordered: bool,
    },
}

/// A frequent value of a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Spike {
    pub(super) value: f64,
    pub(super) place: usize,
}

/// What a sparse or dense column stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Label {
    Intercept,
    Slope,
    Basis(usize),
    Bin { above: Option<f64>, to: Option<f64> },
    Level(String),
    Other,
    Value(f64),
    Missing,
}

impl Encoding {
    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.dense + self.sparse
    }

    /// The names of the features.
    pub(super) fn names(&self) -> Vec<String> {
        self.features.iter().map(|one| one.name.clone()).collect()
    }

    /// What every column stands for: its feature, none for the intercept's, and what it says of it.
    pub(super) fn labels(&self) -> Vec<(Option<usize>, Label)> {
        let mut labels = vec![(None, Label::Intercept); self.width()];
        for (feature, learned) in self.features.iter().enumerate() {
            let mut set = |place: usize, label| labels[place] = (Some(feature), label);
            let sparse = self.dense;
            match &learned.kind {
                Kind::Constant { .. } => {}
                Kind::Linear { dense, .. } => set(*dense, Label::Slope),
                Kind::Spline {
                    intervals,
                    first,
                    spike,
                    ..
                } => {
                    for basis in 0..n_splines(*intervals) {
                        set(sparse + first + basis, Label::Basis(basis));
                    }
                    if let Some(spike) = spike {
                        set(sparse + spike.place, Label::Value(spike.value));
                    }
                }
                Kind::Bins { edges, first, .. } => {
                    for bin in 0..=edges.len() {
                        let above = bin.checked_sub(1).map(|below| edges[below]);
                        let to = edges.get(bin).copied();
                        set(sparse + first + bin, Label::Bin { above, to });
                    }
                }
                Kind::Levels {
                    levels,
                    first,
                    other,
                    ..
                } => {
                    for (place, level) in levels.iter().enumerate() {
                        set(sparse + first + place, Label::Level(level.clone()));
                    }
                    if let Some(other) = other {
                        set(sparse + other, Label::Other);
                    }
                }
            }
            if let Some(missing) = learned.kind.missing() {
                set(sparse + missing, Label::Missing);
            }
        }
        labels
    }

    /// A column in words.
    pub(super) fn column_name(&self, column: usize) -> String {
        let Some((feature, label)) = self.labels().into_iter().nth(column) else {
            return String::new();
        };
        let name = feature.map_or("", |feature| self.features[feature].name.as_str());
        match label {
            Label::Intercept => "intercept".to_owned(),
            Label::Slope | Label::Basis(_) => name.to_owned(),
            label => format!("{name} = {label}"),
        }
    }

    /// That a file's encoding could have been learned: places within the columns, numbers in order.
    pub(super) fn check(&self) -> Result<()> {
        for learned in &self.features {
            if !self.is_possible(&learned.kind) {
                return Err(Error::Corrupt {
                    reason: format!("in \"schema\": '{}' has impossible columns", learned.name),
                });
            }
        }
        Ok(())
    }

    fn is_possible(&self, kind: &Kind) -> bool {
        let fits =
            |first: usize, n: usize| first.checked_add(n).is_some_and(|end| end <= self.sparse);
        let one = |place: &Option<usize>| place.is_none_or(|place| fits(place, 1));
        one(&kind.missing())
            && match kind {
                Kind::Constant { .. } => true,
                Kind::Linear {
                    mean,
                    standard_deviation,
                    lowest,
                    highest,
                    dense,
                    ..
                } => {
                    let finite = [mean, lowest, highest].iter().all(|x| x.is_finite());
                    finite && *standard_deviation > 0.0 && lowest < highest && *dense < self.dense
                }
                Kind::Spline {
                    rank,
                    intervals,
                    first,
                    spike,
                    mean,
                    ..
                } => {
                    *intervals > 0
                        && rank.is_valid()
                        && fits(*first, n_splines(*intervals))
                        && spike.is_none_or(|spike| fits(spike.place, 1))
                        && mean.len() == n_splines(*intervals)
                }
                Kind::Bins { edges, first, .. } => {
                    edges.windows(2).all(|pair| pair[0] < pair[1]) && fits(*first, edges.len() + 1)
                }
                Kind::Levels {
                    levels,
                    first,
                    other,
                    ..
                } => fits(*first, levels.len()) && one(other),
            }
    }
}

impl Kind {
    /// The place of the column for missing values.
    pub(super) fn missing(&self) -> Option<usize> {
        match self {
            Self::Constant { .. } => None,
            Self::Linear { missing, .. }
            | Self::Spline { missing, .. }
            | Self::Bins { missing, .. }
            | Self::Levels { missing, .. } => *missing,
        }
    }

    /// Whether the feature is read as levels.
    pub(super) fn of_levels(&self) -> bool {
        matches!(self, Self::Levels { .. } | Self::Constant { levels: true })
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Intercept => f.write_str("intercept"),
            Self::Slope => f.write_str("per unit"),
            Self::Basis(place) => write!(f, "basis {place}"),
            Self::Bin { above, to } => match (above, to) {
                (Some(above), Some(to)) => write!(f, "({above}, {to}]"),
                (Some(above), None) => write!(f, "above {above}"),
                (None, Some(to)) => write!(f, "up to {to}"),
                (None, None) => f.write_str("any"),
            },
            Self::Level(level) => f.write_str(level),
            Self::Other => f.write_str("other levels"),
            Self::Value(value) => write!(f, "{value}"),
            Self::Missing => f.write_str("missing"),
        }
    }
}

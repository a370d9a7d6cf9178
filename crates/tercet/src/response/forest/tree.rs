//! A tree: splits of binned features, and what is known of each leaf.

use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::response::bins::Bins;

/// The feature of a leaf.
const LEAF: u16 = u16::MAX;

/// Which bins go to the left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side {
    /// Those from the first to the second.
    From(u8, u8),
    /// Those whose bit is set.
    In([u64; 4]),
}

impl Side {
    /// Whether a bin goes to the left.
    #[inline]
    pub(super) fn has(&self, bin: u8) -> bool {
        match self {
            Self::From(low, high) => bin.wrapping_sub(*low) <= high - low,
            Self::In(set) => set[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1,
        }
    }
}

/// A split, or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    /// [`LEAF`] for a leaf.
    feature: u16,
    low: u8,
    high: u8,
    /// The left child, which the right one follows; of a leaf its number.
    next: u32,
    /// The place of the set of bins plus 1; 0 where bins go from `low` to `high`.
    set: u32,
}

/// A tree with `width` numbers a leaf.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    sets: Vec<[u64; 4]>,
    width: usize,
    leaves: Vec<f32>,
}

impl Tree {
    /// A tree of one leaf.
    pub(super) fn new() -> Self {
        let root = Node {
            feature: LEAF,
            low: 0,
            high: 0,
            next: 0,
            set: 0,
        };
        Self {
            nodes: vec![root],
            sets: Vec::new(),
            width: 0,
            leaves: Vec::new(),
        }
    }

    /// Splits a node; returns the left child, which the right one follows.
    pub(super) fn split(&mut self, node: usize, feature: usize, side: Side) -> usize {
        let left = self.nodes.len();
        let leaf = Node {
            feature: LEAF,
            low: 0,
            high: 0,
            next: 0,
            set: 0,
        };
        self.nodes.extend([leaf; 2]);
        let (low, high, set) = match side {
            Side::From(low, high) => (low, high, 0),
            Side::In(set) => {
                self.sets.push(set);
                (0, 0, self.sets.len())
            }
        };
        self.nodes[node] = Node {
            // Features are fewer: columns of a table, checked at the door.
            feature: u16::try_from(feature).unwrap_or(LEAF - 1),
            low,
            high,
            next: narrow(left),
            set: narrow(set),
        };
        left
    }

    /// The node that a row ends in.
    #[inline]
    fn end(&self, row: &[u8]) -> usize {
        let mut place = 0;
        loop {
            let node = &self.nodes[place];
            if node.feature == LEAF {
                return place;
            }
            let bin = row[usize::from(node.feature)];
            let left = if node.set == 0 {
                bin.wrapping_sub(node.low) <= node.high - node.low
            } else {
                let set = &self.sets[node.set as usize - 1];
                set[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
            };
            place = node.next as usize + usize::from(!left);
        }
    }

    /// The numbers of the leaf that a row ends in.
    #[inline]
    pub(super) fn leaf(&self, row: &[u8]) -> &[f32] {
        let leaf = self.nodes[self.end(row)].next as usize;
        &self.leaves[leaf * self.width..][..self.width]
    }

    /// Fills the leaves: the mean of `write`'s numbers over the rows in each, which are not those that
    /// the tree was grown by. A leaf without rows is cut off, and its sibling takes the parent's place.
    pub(super) fn fill(
        &mut self,
        bins: &Bins,
        rows: &[u32],
        width: usize,
        write: impl Fn(usize, &mut [f64]),
    ) {
        let mut sums = vec![0.0; self.nodes.len() * width];
        let mut counts = vec![0.0; self.nodes.len()];
        let mut numbers = vec![0.0; width];
        for &row in rows {
            let node = self.end(bins.row(row as usize));
            write(row as usize, &mut numbers);
            counts[node] += 1.0;
            for (sum, x) in sums[node * width..].iter_mut().zip(&numbers) {
                *sum += x;
            }
        }
        self.prune(&mut counts);
        self.width = width;
        self.leaves.clear();
        // A parent may have become its child, which stays behind unreached.
        let mut kept = Vec::with_capacity(self.nodes.len());
        let mut waiting = vec![(0_usize, 0_usize)];
        kept.push(self.nodes[0]);
        while let Some((from, to)) = waiting.pop() {
            let node = self.nodes[from];
            if node.feature == LEAF {
                let own = node.next as usize;
                kept[to].next = narrow(self.leaves.len() / width.max(1));
                let mean = sums[own * width..][..width].iter();
                #[allow(clippy::cast_possible_truncation)] // seven digits of a leaf's mean
                self.leaves
                    .extend(mean.map(|sum| (sum / counts[own]) as f32));
            } else {
                let left = kept.len();
                kept[to].next = narrow(left);
                for child in 0..2 {
                    kept.push(self.nodes[node.next as usize + child]);
                    waiting.push((node.next as usize + child, left + child));
                }
            }
        }
        self.nodes = kept;
    }

    /// Cuts off leaves without rows; every leaf gets the number of the node whose sums are its own.
    fn prune(&mut self, counts: &mut [f64]) {
        // Children follow their parents, so that from the end on they are seen first.
        for place in (0..self.nodes.len()).rev() {
            let node = self.nodes[place];
            if node.feature == LEAF {
                self.nodes[place].next = narrow(place);
                continue;
            }
            let [left, right] = [0, 1].map(|child| node.next as usize + child);
            if counts[left] == 0.0 {
                self.nodes[place] = self.nodes[right];
            } else if counts[right] == 0.0 {
                self.nodes[place] = self.nodes[left];
            }
            counts[place] = counts[left] + counts[right];
        }
    }

    /// Adds what each feature's splits weigh: `2^-depth`, down to depth 4.
    pub(super) fn add_splits(&self, weights: &mut [f64]) {
        let mut level = vec![0_usize];
        let mut weight = 1.0;
        for _ in 0..4 {
            let mut below = Vec::new();
            for place in level {
                let node = &self.nodes[place];
                if node.feature != LEAF {
                    weights[usize::from(node.feature)] += weight;
                    below.extend([node.next as usize, node.next as usize + 1]);
                }
            }
            level = below;
            weight *= 0.5;
        }
    }

    /// The feature of the first split.
    pub(super) fn first_feature(&self) -> Option<usize> {
        let feature = self.nodes[0].feature;
        (feature != LEAF).then(|| usize::from(feature))
    }

    /// Number of leaves.
    pub(super) fn n_leaves(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    /// That a file's tree can be walked: features are there, children follow, leaves have numbers.
    pub(super) fn check(&self, n_features: usize, width: usize) -> Result<()> {
        let n_leaves = self.leaves.len() / width.max(1);
        let good = |(place, node): (usize, &Node)| {
            let next = node.next as usize;
            if node.feature == LEAF {
                return next < n_leaves;
            }
            usize::from(node.feature) < n_features
                && next > place
                && next + 1 < self.nodes.len()
                && node.low <= node.high
                && node.set as usize <= self.sets.len()
        };
        let sound = self.width == width
            && !self.nodes.is_empty()
            && self.leaves.len() == n_leaves * width
            && self.leaves.iter().all(|x| x.is_finite())
            && self.nodes.iter().enumerate().all(good);
        if sound {
            return Ok(());
        }
        Err(Error::Corrupt {
            reason: "in \"fitted\": a tree cannot be walked".to_owned(),
        })
    }
}

/// Number of nodes, leaves or sets, of which a tree has fewer than rows.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A tree in a file: numbers side by side in texts, since a model has hundreds of thousands of nodes.
#[derive(Serialize, Deserialize)]
struct Written {
    /// Five numbers a node.
    nodes: String,
    sets: String,
    width: usize,
    leaves: String,
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nodes = self.nodes.iter().flat_map(|node| {
            let feature = if node.feature == LEAF {
                -1
            } else {
                i64::from(node.feature)
            };
            let (low, high) = (i64::from(node.low), i64::from(node.high));
            [
                feature,
                low,
                high,
                i64::from(node.next),
                i64::from(node.set),
            ]
        });
        Written {
            nodes: side_by_side(nodes),
            sets: side_by_side(self.sets.iter().flatten()),
            width: self.width,
            leaves: side_by_side(self.leaves.iter()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let wrong = |what: &str| serde::de::Error::custom(format!("{what} of a tree are damaged"));
        let numbers: Vec<i64> = apart(&written.nodes).ok_or_else(|| wrong("nodes"))?;
        let node = |part: &[i64]| {
            let feature = if part[0] == -1 {
                LEAF
            } else {
                u16::try_from(part[0]).ok()?
            };
            Some(Node {
                feature,
                low: u8::try_from(part[1]).ok()?,
                high: u8::try_from(part[2]).ok()?,
                next: u32::try_from(part[3]).ok()?,
                set: u32::try_from(part[4]).ok()?,
            })
        };
        let whole = numbers.len().is_multiple_of(5);
        let nodes: Option<Vec<Node>> = numbers.chunks_exact(5).map(node).collect();
        let sets: Vec<u64> = apart(&written.sets).ok_or_else(|| wrong("sets"))?;
        if !whole || !sets.len().is_multiple_of(4) {
            return Err(wrong("nodes"));
        }
        let sets = sets
            .chunks_exact(4)
            .map(|set| [set[0], set[1], set[2], set[3]]);
        Ok(Self {
            nodes: nodes.ok_or_else(|| wrong("nodes"))?,
            sets: sets.collect(),
            width: written.width,
            leaves: apart(&written.leaves).ok_or_else(|| wrong("leaves"))?,
        })
    }
}

fn side_by_side<T: ToString>(numbers: impl Iterator<Item = T>) -> String {
    let mut text = String::new();
    for number in numbers {
        if !text.is_empty() {
            text.push(' ');
        }
        // Writing to a text cannot fail.
        let _ = write!(text, "{}", number.to_string());
    }
    text
}

fn apart<T: FromStr>(text: &str) -> Option<Vec<T>> {
    text.split_ascii_whitespace()
        .map(|number| number.parse().ok())
        .collect()
}

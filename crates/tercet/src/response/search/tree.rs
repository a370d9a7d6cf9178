//! A tree of a few splits.

use serde::{Deserialize, Serialize};

use super::set::BinSet;
use crate::error::{Error, Result};

/// A tree; a split's left child follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::response) struct ShallowTree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Node {
    /// Rows in these bins of a feature go to the left.
    Split {
        feature: usize,
        left: BinSet,
        /// The place of the right child.
        right: usize,
    },
    /// A leaf, by its number from the left.
    Leaf(usize),
}

/// A split or a leaf, as it is walked over.
#[derive(Debug, Clone, Copy)]
pub(in crate::response) enum Part {
    Split { feature: usize, left: BinSet },
    Leaf(usize),
}

impl ShallowTree {
    /// A tree of one leaf.
    pub(super) fn leaf_only() -> Self {
        Self {
            nodes: vec![Node::Leaf(0)],
        }
    }

    /// Two trees below a split.
    pub(super) fn join(feature: usize, left: BinSet, low: &Self, high: &Self) -> Self {
        let mut nodes = vec![Node::Split {
            feature,
            left,
            right: 1 + low.nodes.len(),
        }];
        let mut leaves = 0;
        for tree in [low, high] {
            let (start, first) = (nodes.len(), leaves);
            for node in &tree.nodes {
                nodes.push(match node {
                    Node::Leaf(leaf) => Node::Leaf(first + leaf),
                    Node::Split {
                        feature,
                        left,
                        right,
                    } => Node::Split {
                        feature: *feature,
                        left: *left,
                        right: start + right,
                    },
                });
            }
            leaves += tree.n_leaves();
        }
        Self { nodes }
    }

    pub(in crate::response) fn n_leaves(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    /// The leaf that a row of bins ends in.
    #[inline]
    pub(in crate::response) fn leaf(&self, row: &[u8]) -> usize {
        let mut place = 0;
        loop {
            match &self.nodes[place] {
                Node::Leaf(leaf) => return *leaf,
                Node::Split {
                    feature,
                    left,
                    right,
                } => {
                    place = if left.has(row[*feature]) {
                        place + 1
                    } else {
                        *right
                    };
                }
            }
        }
    }

    /// Splits and leaves, a parent before its left side and that before its right one, with their depth.
    pub(in crate::response) fn parts(&self) -> Vec<(usize, Part)> {
        let mut found = Vec::with_capacity(self.nodes.len());
        let mut waiting = vec![(0, 0)];
        while let Some((place, depth)) = waiting.pop() {
            found.push(match &self.nodes[place] {
                Node::Leaf(leaf) => (depth, Part::Leaf(*leaf)),
                Node::Split {
                    feature,
                    left,
                    right,
                } => {
                    waiting.push((*right, depth + 1));
                    waiting.push((place + 1, depth + 1));
                    let (feature, left) = (*feature, *left);
                    (depth, Part::Split { feature, left })
                }
            });
        }
        found
    }

    /// The bins that lead to each leaf, by feature, in the order of the splits; a feature that is split
    /// twice stands once. `counts` are the features' numbers of bins.
    pub(in crate::response) fn paths(&self, counts: &[usize]) -> Vec<Vec<(usize, BinSet)>> {
        let mut paths = vec![Vec::new(); self.n_leaves()];
        let mut waiting = vec![(0, Vec::new())];
        while let Some((place, path)) = waiting.pop() {
            match &self.nodes[place] {
                Node::Leaf(leaf) => paths[*leaf] = path,
                Node::Split {
                    feature,
                    left,
                    right,
                } => {
                    let others = BinSet::first(counts[*feature]).but(*left);
                    waiting.push((*right, narrowed(&path, *feature, others)));
                    waiting.push((place + 1, narrowed(&path, *feature, *left)));
                }
            }
        }
        paths
    }

    /// That a file's tree can be walked.
    pub(in crate::response) fn check(&self, n_features: usize) -> Result<()> {
        // Every split's right side starts where its left one ends, and leaves count from the left.
        let mut place = 0;
        let mut leaves = 0;
        let sound = self.walk(&mut place, &mut leaves, n_features, 0) && place == self.nodes.len();
        if sound {
            return Ok(());
        }
        Err(Error::Corrupt {
            reason: "in \"fitted\": a tree cannot be walked".to_owned(),
        })
    }

    fn walk(&self, place: &mut usize, leaves: &mut usize, n_features: usize, depth: usize) -> bool {
        let Some(node) = self.nodes.get(*place) else {
            return false;
        };
        *place += 1;
        match node {
            Node::Leaf(leaf) => {
                *leaves += 1;
                *leaf + 1 == *leaves
            }
            Node::Split { feature, right, .. } => {
                depth < super::DEEPEST
                    && *feature < n_features
                    && self.walk(place, leaves, n_features, depth + 1)
                    && *right == *place
                    && self.walk(place, leaves, n_features, depth + 1)
            }
        }
    }
}

fn narrowed(path: &[(usize, BinSet)], feature: usize, bins: BinSet) -> Vec<(usize, BinSet)> {
    let mut path = path.to_vec();
    match path.iter_mut().find(|(one, _)| *one == feature) {
        Some((_, own)) => *own = own.and(bins),
        None => path.push((feature, bins)),
    }
    path
}

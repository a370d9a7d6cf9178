//! The best tree of a depth.

use super::cell::Worth;
use super::field::{Desk, Field};
use super::pair::{Node, Pair, pairs};
use super::stump::Stump;
use super::tree::ShallowTree;
use super::{BinSet, Found};
use crate::error::Result;
use crate::parallel::{Gate, map_stripes_behind};

/// A tree with its worth.
struct Ranked {
    worth: f64,
    tree: ShallowTree,
}

impl Ranked {
    fn of_stump(stump: &Stump) -> Self {
        let leaf = ShallowTree::leaf_only();
        Self {
            worth: stump.worth,
            tree: match stump.split {
                Some((feature, left)) => ShallowTree::join(feature, left, &leaf, &leaf),
                None => leaf,
            },
        }
    }

    fn of_pair(pair: &Pair) -> Self {
        let (low, high) = (Self::of_stump(&pair.low), Self::of_stump(&pair.high));
        Self {
            worth: pair.rank().0,
            tree: ShallowTree::join(pair.feature, pair.left, &low.tree, &high.tree),
        }
    }

    fn rank(&self) -> (f64, u8) {
        // At most fifteen nodes.
        let splits = u8::try_from(self.tree.n_leaves() - 1).unwrap_or(u8::MAX);
        (self.worth, splits)
    }
}

/// The best tree of some rows of the field.
pub(super) fn deepest<const A: usize, W: Worth>(
    field: &Field<'_, A>,
    places: &[u32],
    depth: usize,
    shortlist: usize,
    gate: &Gate<'_, '_>,
) -> Result<Found> {
    let (best, list) = two::<A, W>(field, places, depth, depth > 2, gate)?;
    if depth <= 2 {
        return Ok(Found {
            tree: best.tree,
            exact: true,
        });
    }
    let roots = chosen(list, shortlist);
    let exact = roots.1;
    let found = map_stripes_behind(gate, roots.0.len(), 1, roots.0.len(), |places_of_roots| {
        let mut found = None;
        for root in places_of_roots {
            found = Some(three::<A, W>(field, places, &roots.0[root], gate)?);
        }
        Ok(found)
    })?;
    let mut best = best;
    for one in found {
        if let Some(one) = one?
            && field.rules().better(one.rank(), best.rank())
        {
            best = one;
        }
    }
    Ok(Found {
        tree: best.tree,
        exact,
    })
}

/// The best tree of at most two splits one below the other and, where asked for, all root splits.
fn two<const A: usize, W: Worth>(
    field: &Field<'_, A>,
    places: &[u32],
    depth: usize,
    listed: bool,
    gate: &Gate<'_, '_>,
) -> Result<(Ranked, Vec<Pair>)> {
    let width = field.space.width();
    let mut desk = Desk::new(width);
    let node = Node::new(field, places, &mut desk);
    if depth == 0 {
        return Ok((
            Ranked::of_stump(&Stump::leaf::<A, W>(&node.total, field.rules())),
            Vec::new(),
        ));
    }
    let stump = field.stump::<W>(&node.cells, &node.total, &mut desk);
    let mut best = Ranked::of_stump(&stump);
    if depth == 1 || node.total.n < 2.0 * field.min_leaf {
        return Ok((best, Vec::new()));
    }
    let rules = field.rules();
    let of_features = map_stripes_behind(gate, width, 1, width, |features| {
        let mut best: Option<Pair> = None;
        let mut list = Vec::new();
        for feature in features {
            pairs::<A, W>(field, places, &node, feature, gate, &mut |pair| {
                let beaten = |other: &Pair| rules.better(pair.rank(), other.rank());
                if best.as_ref().is_none_or(beaten) {
                    best = Some(pair);
                }
                if listed {
                    list.push(pair);
                }
            });
        }
        (best, list)
    })?;
    let mut list = Vec::new();
    for (pair, of_feature) in of_features {
        if let Some(pair) = pair
            && rules.better(pair.rank(), best.rank())
        {
            best = Ranked::of_pair(&pair);
        }
        list.extend(of_feature);
    }
    Ok((best, list))
}

/// The best tree below a root's split.
fn three<const A: usize, W: Worth>(
    field: &Field<'_, A>,
    places: &[u32],
    root: &Pair,
    gate: &Gate<'_, '_>,
) -> Result<Ranked> {
    let (low, high) = divided(field, places, root.feature, root.left);
    let (low, _) = two::<A, W>(field, &low, 2, false, gate)?;
    let (high, _) = two::<A, W>(field, &high, 2, false, gate)?;
    Ok(Ranked {
        worth: low.worth + high.worth,
        tree: ShallowTree::join(root.feature, root.left, &low.tree, &high.tree),
    })
}

fn divided<const A: usize>(
    field: &Field<'_, A>,
    places: &[u32],
    feature: usize,
    left: BinSet,
) -> (Vec<u32>, Vec<u32>) {
    let goes_left = |place: &u32| left.has(field.bin(*place, feature));
    places.iter().partition(|place| goes_left(place))
}

/// The root splits that are worth a deeper look, and whether these are all. Half of them are those with the
/// best trees of depth 2; the others the best of each feature in turn, since neighbouring cuts of one
/// feature are much the same.
fn chosen(list: Vec<Pair>, most: usize) -> (Vec<Pair>, bool) {
    if list.len() <= most {
        return (list, true);
    }
    let worth = |place: usize| list[place].rank().0;
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by(|&a, &b| worth(b).total_cmp(&worth(a)).then(a.cmp(&b)));
    let mut taken: Vec<usize> = order[..most.div_ceil(2)].to_vec();
    let mut is_taken = vec![false; list.len()];
    for &place in &taken {
        is_taken[place] = true;
    }
    // How many of its feature come before each.
    let width = list.iter().map(|pair| pair.feature + 1).max().unwrap_or(0);
    let mut seen = vec![0_usize; width];
    let mut turns: Vec<(usize, usize)> = Vec::with_capacity(order.len());
    for (rank, &place) in order.iter().enumerate() {
        let feature = list[place].feature;
        turns.push((seen[feature], rank));
        seen[feature] += 1;
    }
    turns.sort_unstable();
    for (_, rank) in turns {
        if taken.len() >= most {
            break;
        }
        if !is_taken[order[rank]] {
            taken.push(order[rank]);
        }
    }
    // In the order in which they were found, which ties go by.
    taken.sort_unstable();
    (taken.into_iter().map(|place| list[place]).collect(), false)
}

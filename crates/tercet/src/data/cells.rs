//! Equal rows, counted once.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::Purchases;
use crate::error::Result;
use crate::observe::Phase;
use crate::parallel::BLOCK;

/// The distinct (frequency, recency, age) triples of a purchase summary, with their weights.
///
/// A purchase likelihood depends on the data only through these: with a whole-day clock a million
/// customers have about a hundred thousand of them. They are also what a cluster, a warehouse or
/// yesterday's run would send, because they merge: the cells of two tables together are the cells of
/// the joint table.
///
/// ```
/// use tercet::data::{PurchaseCells, Purchases};
///
/// let north = Purchases::new(&[2.0, 0.0], &[30.0, 0.0], &[39.0, 39.0])?;
/// let south = Purchases::new(&[0.0, 0.0], &[0.0, 0.0], &[39.0, 12.0])?;
/// let mut cells = PurchaseCells::from_purchases(&north)?;
/// cells.merge(&PurchaseCells::from_purchases(&south)?);
/// assert_eq!(cells.len(), 3);
/// assert_eq!(cells.total_weight(), 4.0);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PurchaseCells {
    cells: Vec<Cell>,
    /// Rows that were counted in; those of weight 0 were not.
    n_rows: usize,
}

/// One distinct triple and the weight that it carries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) frequency: f64,
    pub(crate) recency: f64,
    pub(crate) age: f64,
    pub(crate) weight: f64,
}

impl PurchaseCells {
    /// Counts equal rows; the cells come in the order of their first row.
    pub fn from_purchases(purchases: &Purchases<'_>) -> Result<Self> {
        Ok(Grouped::new(purchases, &mut Phase::new(&mut (), "grouping"))?.cells)
    }

    /// Adds the customers of `other`.
    pub fn merge(&mut self, other: &Self) {
        let mut index = Index::new();
        let mut cells = std::mem::take(&mut self.cells);
        for place in 0..cells.len() {
            index.enter(&cells, place);
        }
        for cell in &other.cells {
            index.add(&mut cells, *cell);
        }
        self.cells = cells;
        self.n_rows += other.n_rows;
    }

    /// Number of distinct triples.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Rows that were counted in; those of weight 0 were not.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Customers: the sum of the weights.
    pub fn total_weight(&self) -> f64 {
        self.cells.iter().map(|cell| cell.weight).sum()
    }

    pub(crate) fn as_slice(&self) -> &[Cell] {
        &self.cells
    }
}

/// Cells, and which of them each row fell into: what predictions need to scatter back.
#[derive(Debug)]
pub(crate) struct Grouped {
    pub(crate) cells: PurchaseCells,
    pub(crate) cell_of_row: Vec<u32>,
}

impl Grouped {
    pub(crate) fn new(purchases: &Purchases<'_>, phase: &mut Phase<'_>) -> Result<Self> {
        let n = purchases.len();
        let mut cell_of_row = Vec::with_capacity(n);
        let cells = count(purchases, phase, |cell| cell_of_row.push(cell))?;
        Ok(Self { cells, cell_of_row })
    }

    /// One value a cell to one value a row.
    pub(crate) fn scatter<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.cell_of_row
            .iter()
            .map(|&cell| values[cell as usize])
            .collect()
    }
}

/// Counts equal rows, telling `visit` the cell of each.
pub(crate) fn count(
    purchases: &Purchases<'_>,
    phase: &mut Phase<'_>,
    mut visit: impl FnMut(u32),
) -> Result<PurchaseCells> {
    let n = purchases.len();
    let (x, t_x, t) = (purchases.frequency(), purchases.recency(), purchases.age());
    let weights = purchases.weights();
    let mut cells: Vec<Cell> = Vec::new();
    let mut index = Index::new();
    let chunk = 16 * BLOCK;
    for start in (0..n).step_by(chunk) {
        for row in start..(start + chunk).min(n) {
            let cell = Cell {
                frequency: x[row],
                recency: t_x[row],
                age: t[row],
                weight: weights.map_or(1.0, |weights| weights[row]),
            };
            visit(index.add(&mut cells, cell));
        }
        phase.poll()?;
    }
    let n_rows = weights.map_or(n, |weights| weights.iter().filter(|w| **w > 0.0).count());
    Ok(PurchaseCells { cells, n_rows })
}

/// Finds a triple's place by a hash of its bits.
///
/// It is cut into tables that grow one by one: doubling a single table of millions would take longer
/// than anybody waits for an interrupt.
struct Index {
    tables: [HashTable<u32>; TABLES],
    hasher: FixedState,
}

const TABLES: usize = 16;

impl Index {
    fn new() -> Self {
        Self {
            tables: std::array::from_fn(|_| HashTable::new()),
            hasher: FixedState::default(),
        }
    }

    /// Adds the weight of `cell` to its equal, or appends it; returns its place.
    fn add(&mut self, cells: &mut Vec<Cell>, cell: Cell) -> u32 {
        let hash = hash(&self.hasher, &cell);
        let same = |place: &u32| same_triple(&cells[*place as usize], &cell);
        if let Some(&place) = self.tables[table(hash)].find(hash, same) {
            cells[place as usize].weight += cell.weight;
            return place;
        }
        let place = short(cells.len());
        cells.push(cell);
        self.insert(hash, place, cells);
        place
    }

    /// Enters a cell that is already in the list.
    fn enter(&mut self, cells: &[Cell], place: usize) {
        self.insert(hash(&self.hasher, &cells[place]), short(place), cells);
    }

    fn insert(&mut self, at: u64, place: u32, cells: &[Cell]) {
        let hasher = &self.hasher;
        let rehash = |place: &u32| hash(hasher, &cells[*place as usize]);
        self.tables[table(at)].insert_unique(at, place, rehash);
    }
}

/// Which table a hash belongs to: by bits that a table itself looks at last.
fn table(hash: u64) -> usize {
    ((hash >> 48) % TABLES as u64) as usize
}

/// Places fit: a view of more than `u32::MAX` rows is refused at the door.
#[allow(clippy::cast_possible_truncation)]
fn short(place: usize) -> u32 {
    place as u32
}

fn same_triple(a: &Cell, b: &Cell) -> bool {
    a.frequency == b.frequency && a.recency == b.recency && a.age == b.age
}

fn hash(state: &FixedState, cell: &Cell) -> u64 {
    let mut hasher = state.build_hasher();
    // Adding 0 turns -0.0 into 0.0, which compares equal and must hash equal.
    for value in [cell.frequency + 0.0, cell.recency + 0.0, cell.age + 0.0] {
        value.to_bits().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_share_a_cell_and_scatter_back() {
        let x = [2.0, 0.0, 2.0, 0.0];
        let t_x = [5.0, 0.0, 5.0, -0.0];
        let t = [9.0, 9.0, 9.0, 9.0];
        let purchases = Purchases::new(&x, &t_x, &t).unwrap();
        let grouped = Grouped::new(&purchases, &mut Phase::new(&mut (), "testing")).unwrap();
        assert_eq!(grouped.cells.len(), 2);
        assert_eq!(grouped.scatter(&[10.0, 20.0]), vec![10.0, 20.0, 10.0, 20.0]);
    }

    #[test]
    fn merging_tables_equals_grouping_them_together() {
        let x = [2.0, 0.0, 2.0, 1.0, 0.0];
        let t_x = [5.0, 0.0, 5.0, 1.0, 0.0];
        let t = [9.0, 9.0, 9.0, 9.0, 8.0];
        let whole = Purchases::new(&x, &t_x, &t).unwrap();
        let whole = PurchaseCells::from_purchases(&whole).unwrap();
        let part = |rows: std::ops::Range<usize>| {
            let view = Purchases::new(&x[rows.clone()], &t_x[rows.clone()], &t[rows]).unwrap();
            PurchaseCells::from_purchases(&view).unwrap()
        };
        let mut merged = part(0..2);
        merged.merge(&part(2..5));
        assert_eq!(merged, whole);
    }
}

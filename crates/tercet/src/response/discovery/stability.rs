//! Whether the same segments are found among other customers like these.
//!
//! From the half that is searched, half samples are drawn and searched. A segment's overlap with one of a half
//! sample's is that of their members in the whole searched half: those in both by those in either (Jaccard);
//! its stability is the mean over half samples of the largest overlap (Hennig 2007, Computational Statistics &
//! Data Analysis 52, 258-271).

use crate::error::Result;
use crate::parallel::Gate;
use crate::random::Seed;
use crate::response::bins::Bins;
use crate::response::forest::divide;
use crate::response::search::ShallowTree;

/// The first of the generator's streams; every sample has its own.
const STREAM: u64 = 5 << 48;

/// The stability of each leaf. `search` finds the tree of some rows.
pub(super) fn stability(
    tree: &ShallowTree,
    (bins, rows): (&Bins, &[u32]),
    (samples, seed): (usize, Seed),
    gate: &Gate<'_, '_>,
    search: impl Fn(&[u32]) -> Result<ShallowTree>,
) -> Result<Vec<f64>> {
    let leaves: Vec<usize> = rows
        .iter()
        .map(|&row| tree.leaf(bins.row(row as usize)))
        .collect();
    let k = tree.n_leaves();
    let mut sums = vec![0.0; k];
    for sample in 0..samples {
        gate.check()?;
        let mut generator = seed.stream(STREAM + sample as u64);
        let half = rows.len().div_ceil(2);
        let (drawn, _) = divide(rows.iter().copied(), half, &mut generator);
        let other = search(&drawn)?;
        let mut both = vec![vec![0.0_f64; other.n_leaves()]; k];
        for (row, leaf) in rows.iter().zip(&leaves) {
            both[*leaf][other.leaf(bins.row(*row as usize))] += 1.0;
        }
        let of_other = |leaf: usize| both.iter().map(|row| row[leaf]).sum::<f64>();
        let others: Vec<f64> = (0..other.n_leaves()).map(of_other).collect();
        for (sum, row) in sums.iter_mut().zip(&both) {
            let own: f64 = row.iter().sum();
            let overlaps = row.iter().zip(&others);
            let overlaps = overlaps.map(|(both, other)| both / (own + other - both));
            *sum += overlaps.fold(0.0, f64::max);
        }
    }
    for sum in &mut sums {
        *sum /= samples as f64;
    }
    Ok(sums)
}

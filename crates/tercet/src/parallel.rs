//! Work in fixed blocks of rows, collected in order.
//!
//! A sum of floats depends on the order of its terms. Blocks have a fixed length, each is summed by
//! one thread, and the blocks' results are combined in their order; so one thread and sixty-four
//! give the same bits. Without the `parallel` feature the same blocks run one after the other.

use std::ops::Range;

use crate::error::Result;
use crate::observe::Phase;

/// Rows a block; part of the numerical contract, since it fixes the order of summation.
pub(crate) const BLOCK: usize = 4096;

/// Blocks between two questions to the observer: some ten milliseconds of the slowest per-row work.
const BLOCKS_PER_POLL: usize = 32;

/// Applies `work` to every block of `0..n` and returns the results in order.
pub(crate) fn map_blocks<T, F>(n: usize, phase: &mut Phase<'_>, work: F) -> Result<Vec<T>>
where
    T: Send,
    F: Fn(Range<usize>) -> T + Sync + Send,
{
    let blocks = n.div_ceil(BLOCK);
    let mut results = Vec::with_capacity(blocks);
    let mut first = 0;
    while first < blocks {
        let last = (first + BLOCKS_PER_POLL).min(blocks);
        extend_ordered(&mut results, first..last, |block| {
            work(block * BLOCK..((block + 1) * BLOCK).min(n))
        });
        first = last;
        phase.poll()?;
    }
    Ok(results)
}

/// Fills a column: `value(row)` for every row of `0..n`.
pub(crate) fn map_rows<T, F>(n: usize, phase: &mut Phase<'_>, value: F) -> Result<Vec<T>>
where
    T: Send,
    F: Fn(usize) -> T + Sync + Send,
{
    let blocks = map_blocks(n, phase, |rows| rows.map(&value).collect::<Vec<T>>())?;
    let mut column = Vec::with_capacity(n);
    for block in blocks {
        column.extend(block);
    }
    Ok(column)
}

#[cfg(feature = "parallel")]
fn extend_ordered<T: Send>(
    results: &mut Vec<T>,
    blocks: Range<usize>,
    work: impl Fn(usize) -> T + Sync + Send,
) {
    use rayon::prelude::*;
    if blocks.len() == 1 {
        results.extend(blocks.map(work));
    } else {
        results.par_extend(blocks.into_par_iter().map(work));
    }
}

#[cfg(not(feature = "parallel"))]
fn extend_ordered<T: Send>(
    results: &mut Vec<T>,
    blocks: Range<usize>,
    work: impl Fn(usize) -> T + Sync,
) {
    results.extend(blocks.map(work));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_whatever_the_length() {
        for n in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 40 * BLOCK + 17] {
            let column = map_rows(n, &mut Phase::new(&mut (), "testing"), |row| row).unwrap();
            assert!(column.into_iter().eq(0..n));
        }
    }

    #[test]
    fn an_interrupt_stops_the_work() {
        let mut stop = |_: &crate::observe::Step| std::ops::ControlFlow::Break(());
        let mut phase = Phase::new(&mut stop, "testing");
        assert!(map_rows(10 * BLOCK, &mut phase, |row| row).is_err());
    }
}

//! Work in fixed blocks of rows, collected in order.
//!
//! A sum of floats depends on the order of its terms. Blocks have a fixed length, each is summed by
//! one thread, and the blocks' results are combined in their order; so one thread and sixty-four
//! give the same bits. Without the `parallel` feature the same blocks run one after the other.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::observe::{Observer, Phase, Step};

/// Rows a block; part of the numerical contract, since it fixes the order of summation.
pub(crate) const BLOCK: usize = 4096;

/// Applies `work` to every block of `0..n` and returns the results in order.
///
/// After each block whichever thread is free tells the observer; once it asks to stop, the blocks
/// that have not begun are skipped.
pub(crate) fn map_blocks<T, F>(n: usize, phase: &mut Phase<'_>, work: F) -> Result<Vec<T>>
where
    T: Send,
    F: Fn(Range<usize>) -> T + Sync + Send,
{
    let gate = Gate::new(phase);
    let results = map_blocks_behind(&gate, n, work);
    gate.result()?;
    results
}

/// [`map_blocks`] within a task of [`map_tasks`]: the tasks of one call share its gate.
pub(crate) fn map_blocks_behind<T, F>(gate: &Gate<'_, '_>, n: usize, work: F) -> Result<Vec<T>>
where
    T: Send,
    F: Fn(Range<usize>) -> T + Sync + Send,
{
    let results = ordered(n.div_ceil(BLOCK), |block| {
        if gate.is_closed() {
            return None;
        }
        let result = work(block * BLOCK..((block + 1) * BLOCK).min(n));
        gate.poll();
        Some(result)
    });
    gate.check()?;
    // The gate is open, so no block was skipped.
    Ok(results.into_iter().flatten().collect())
}

/// Cuts `0..n` into at most `most` runs of whole `unit`s, as equal as can be, and returns what `work`
/// makes of each, in order: for results too large to keep one a block. How it is cut depends on the
/// three numbers only. `work` polls the gate itself.
pub(crate) fn map_stripes_behind<T, F>(
    gate: &Gate<'_, '_>,
    n: usize,
    unit: usize,
    most: usize,
    work: F,
) -> Result<Vec<T>>
where
    T: Send,
    F: Fn(Range<usize>) -> T + Sync + Send,
{
    let units = n.div_ceil(unit);
    let stripes = most.clamp(1, units.max(1));
    let edge = |stripe: usize| (stripe * units / stripes * unit).min(n);
    let results = ordered(stripes, |stripe| work(edge(stripe)..edge(stripe + 1)));
    gate.check()?;
    Ok(results)
}

/// Runs `task(0..n)`, each a long computation of its own (a start, a replication), and returns the
/// results in order. The first error in that order is returned; a task counts one step when it ends.
pub(crate) fn map_tasks<T, F>(n: usize, phase: &mut Phase<'_>, task: F) -> Result<Vec<T>>
where
    T: Send,
    F: Fn(usize, &Gate<'_, '_>) -> Result<T> + Sync + Send,
{
    let gate = Gate::new(phase);
    let results = ordered(n, |index| {
        gate.check()?;
        let result = task(index, &gate)?;
        gate.advance();
        Ok(result)
    });
    gate.result()?;
    results.into_iter().collect()
}

/// The observer, shared by the threads of one piece of work.
pub(crate) struct Gate<'g, 'o> {
    phase: Mutex<&'g mut Phase<'o>>,
    closed: Mutex<Option<Error>>,
}

impl<'g, 'o> Gate<'g, 'o> {
    /// The gate of one computation.
    pub(crate) fn new(phase: &'g mut Phase<'o>) -> Self {
        Self {
            phase: Mutex::new(phase),
            closed: Mutex::new(None),
        }
    }

    /// Polls, unless another thread is just doing so.
    pub(crate) fn poll(&self) {
        if let Ok(mut phase) = self.phase.try_lock()
            && let Err(error) = phase.poll()
        {
            self.close(error);
        }
    }

    /// Counts a task.
    fn advance(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = phase.advance(None) {
            self.close(error);
        }
    }

    fn close(&self, error: Error) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// An observer for a computation within a task: it hears nothing of the steps, and stops with the
    /// others.
    pub(crate) fn observer(&self) -> impl Observer + '_ {
        |_: &Step| {
            self.poll();
            if self.is_closed() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }

    /// The error of the stop, once the observer has asked for one.
    pub(crate) fn check(&self) -> Result<()> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.clone().map_or(Ok(()), Err)
    }

    /// Whether the observer has asked to stop.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    fn result(self) -> Result<()> {
        match self
            .closed
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
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

/// `work(0..n)`, collected in order.
#[cfg(feature = "parallel")]
fn ordered<T: Send>(n: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    use rayon::prelude::*;
    if n <= 1 {
        (0..n).map(work).collect()
    } else {
        (0..n).into_par_iter().map(work).collect()
    }
}

/// `work(0..n)`, collected in order.
#[cfg(not(feature = "parallel"))]
fn ordered<T>(n: usize, work: impl Fn(usize) -> T) -> Vec<T> {
    (0..n).map(work).collect()
}

/// Sorts without keeping the order of equals, on all threads where there are several.
pub(crate) fn sort_unstable_by<T: Send>(
    values: &mut [T],
    compare: impl Fn(&T, &T) -> Ordering + Sync,
) {
    #[cfg(feature = "parallel")]
    rayon::slice::ParallelSliceMut::par_sort_unstable_by(values, compare);
    #[cfg(not(feature = "parallel"))]
    values.sort_unstable_by(compare);
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
    fn stripes_cover_all_rows_in_whole_units() {
        for (n, unit, most) in [
            (0, 4, 3),
            (1, 4, 3),
            (17, 4, 3),
            (4096, 256, 7),
            (5, 8, 100),
        ] {
            let mut silent = ();
            let mut phase = Phase::new(&mut silent, "testing");
            let gate = Gate::new(&mut phase);
            let stripes = map_stripes_behind(&gate, n, unit, most, |rows| rows).unwrap();
            assert!(stripes.len() <= most);
            assert!(stripes.iter().all(|rows| rows.start % unit == 0));
            assert!(stripes.into_iter().flatten().eq(0..n));
        }
    }

    #[test]
    fn an_interrupt_stops_the_work() {
        let mut stop = |_: &crate::observe::Step| std::ops::ControlFlow::Break(());
        let mut phase = Phase::new(&mut stop, "testing");
        assert!(map_rows(10 * BLOCK, &mut phase, |row| row).is_err());
    }
}

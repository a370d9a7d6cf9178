//! How a long computation tells where it is, and is told to stop.
//!
//! The core knows neither clocks nor terminals: it calls [`Observer::step`] often, and whoever
//! listens decides how seldom to act on it.

use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// Where a computation stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What is being done, in a word or two ("grouping", "fitting").
    pub phase: &'static str,
    /// Iterations (or blocks) done so far in this phase, from 0.
    pub iteration: usize,
    /// How many there will be, where that is known.
    pub total: Option<usize>,
    /// The log-likelihood reached, where there is one.
    pub objective: Option<f64>,
}

/// Listens to a long computation; returning [`ControlFlow::Break`] stops it with
/// [`Error::Interrupted`].
///
/// `()` is the silent observer, and every closure of the right shape is one:
///
/// ```
/// use std::ops::ControlFlow;
/// use tercet::{observe::Step, simulate::PurchaseSimulator, value::lifetime::BgNbd, Estimator};
///
/// let customers = PurchaseSimulator::new(500).seed(1).draw_summary()?;
/// let mut steps = 0;
/// BgNbd::new().fit_observed(&customers.purchases()?, &mut |_: &Step| {
///     steps += 1;
///     ControlFlow::Continue(())
/// })?;
/// assert!(steps > 0);
/// # Ok::<(), tercet::Error>(())
/// ```
pub trait Observer: Send {
    /// Called every few milliseconds of work, by whichever thread has just finished a piece of it.
    fn step(&mut self, step: &Step) -> ControlFlow<()>;
}

impl Observer for () {
    fn step(&mut self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(&Step) -> ControlFlow<()> + Send> Observer for F {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        self(step)
    }
}

/// One phase of a computation: remembers where it is, so that the code that works in blocks
/// needs only to say "another block done".
pub(crate) struct Phase<'o> {
    observer: &'o mut dyn Observer,
    now: Step,
}

impl<'o> Phase<'o> {
    pub(crate) fn new(observer: &'o mut dyn Observer, phase: &'static str) -> Self {
        let now = Step {
            phase,
            iteration: 0,
            total: None,
            objective: None,
        };
        Self { observer, now }
    }

    /// Sets how many iterations there will be.
    pub(crate) fn of(mut self, total: usize) -> Self {
        self.now.total = Some(total);
        self
    }

    /// Says "still here" without counting an iteration.
    pub(crate) fn poll(&mut self) -> Result<()> {
        match self.observer.step(&self.now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted {
                iterations: self.now.iteration,
            }),
        }
    }

    /// Counts an iteration.
    pub(crate) fn advance(&mut self, objective: Option<f64>) -> Result<()> {
        self.now.iteration += 1;
        self.now.objective = objective;
        self.poll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_becomes_an_error_that_counts() {
        let mut calls = 0;
        let mut stop = |_: &Step| {
            calls += 1;
            if calls > 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let mut phase = Phase::new(&mut stop, "testing");
        assert!(phase.advance(None).is_ok());
        assert!(phase.advance(Some(1.0)).is_ok());
        assert_eq!(
            phase.advance(None),
            Err(Error::Interrupted { iterations: 3 })
        );
    }
}

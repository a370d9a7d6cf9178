//! The boundary is one word: every long call goes through [`run`], every short one through [`brief`].
//!
//! ```text
//! calling thread   detached, waits; every 20 ms it attaches, checks signals, calls `progress`
//! a rayon pool     runs the core's closure; its observer reads a flag and leaves its latest step
//! ```
//!
//! Only the calling thread ever touches Python. A worker that attached while the caller waited
//! attached would be a deadlock; here workers cannot attach at all. It also means that Ctrl-C is
//! seen in the thread that Python delivers it to, and that other Python threads run meanwhile.
//!
//! What lives where when the process forks: [`Idle`].

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::types::PyNone;
use pyo3::{Borrowed, PyTypeInfo, type_hint_identifier, type_hint_subscript, type_hint_union};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tercet::observe::{Observer, Step};

use crate::errors;

/// How long the calling thread waits before it looks at Python again: well inside the 50 ms that
/// a notebook feels, and 50 attachments a second cost nothing that can be measured.
const TICK: Duration = Duration::from_millis(20);

/// More threads than any machine has cores; beyond it the operating system refuses to start them.
const MOST_THREADS: i64 = 1024;

/// Pools kept for the next call. More than this many calls at once build theirs anew.
const MOST_IDLE_POOLS: usize = 4;

/// The caller's `progress`: called with phase, iteration, total and objective.
pub(crate) struct Progress(Py<PyAny>);

impl FromPyObject<'_, '_> for Progress {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = type_hint_subscript!(
        type_hint_identifier!("collections.abc", "Callable"),
        PyStaticExpr::List {
            elts: &[
                type_hint_identifier!("builtins", "str"),
                type_hint_identifier!("builtins", "int"),
                type_hint_union!(type_hint_identifier!("builtins", "int"), PyNone::TYPE_HINT),
                type_hint_union!(
                    type_hint_identifier!("builtins", "float"),
                    PyNone::TYPE_HINT
                ),
            ]
        },
        type_hint_identifier!("builtins", "object")
    );

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if object.is_callable() {
            Ok(Self(object.to_owned().unbind()))
        } else {
            Err(PyTypeError::new_err("progress must be a callable or None"))
        }
    }
}

impl Progress {
    fn call(&self, py: Python<'_>, step: Step) -> PyResult<()> {
        let arguments = (step.phase, step.iteration, step.total, step.objective);
        self.0.call1(py, arguments).map(drop)
    }
}

/// Runs `work` on a pool of `n_jobs` threads (`None` and -1: all cores) while the calling thread
/// listens to Python.
///
/// Raises what a signal handler or `progress` raised, first come first kept, once the core has
/// heard of it and stopped; otherwise the core's error, translated. A panic in the core is a
/// `TercetError` that asks for a report, never a `PanicException`.
pub(crate) fn run<T, W>(
    py: Python<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
    work: W,
) -> PyResult<T>
where
    T: Send,
    W: FnOnce(&mut dyn Observer) -> tercet::Result<T> + Send,
{
    let pool = Pool::take(n_jobs)?;
    let relay = Relay::default();
    let mut listener = Listener {
        progress,
        raised: None,
    };
    let outcome = py.detach(|| work_and_listen(&pool.threads, &relay, &mut listener, work));
    pool.give_back();
    if let Some(raised) = listener.raised {
        return Err(raised);
    }
    let result = translate(outcome)?;
    // The last step is told even of a call that was over before the first tick.
    listener.tell(py, &relay)?;
    Ok(result)
}

/// Runs `work`, which takes no longer than reading a file, detached and on the calling thread.
pub(crate) fn brief<T, W>(py: Python<'_>, work: W) -> PyResult<T>
where
    T: Send,
    W: FnOnce() -> tercet::Result<T> + Send,
{
    translate(py.detach(|| catch_unwind(AssertUnwindSafe(work))))
}

/// What the core returned, or what it panicked with.
type Outcome<T> = Result<tercet::Result<T>, Box<dyn Any + Send>>;

fn translate<T>(outcome: Outcome<T>) -> PyResult<T> {
    match outcome {
        Ok(result) => result.map_err(errors::to_python),
        Err(panic) => Err(errors::from_panic(panic.as_ref())),
    }
}

fn work_and_listen<T, W>(
    pool: &ThreadPool,
    relay: &Relay,
    listener: &mut Listener,
    work: W,
) -> Outcome<T>
where
    T: Send,
    W: FnOnce(&mut dyn Observer) -> tercet::Result<T> + Send,
{
    let (sender, receiver) = sync_channel(1);
    pool.in_place_scope(|scope| {
        scope.spawn(move |_| {
            let mut observer = relay;
            // Nothing that the closure borrows mutably is looked at again after a panic.
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut observer)));
            // The receiver lives until it has received this.
            sender.send(outcome).ok();
        });
        listen(&receiver, relay, listener)
    })
}

fn listen<T>(
    receiver: &Receiver<Outcome<T>>,
    relay: &Relay,
    listener: &mut Listener,
) -> Outcome<T> {
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Timeout) => listener.look_at_python(relay),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Box::new("the working thread ended without a result"));
            }
        }
    }
}

/// The calling thread's side: what it tells Python, and what Python answered.
struct Listener {
    progress: Option<Progress>,
    raised: Option<PyErr>,
}

impl Listener {
    fn look_at_python(&mut self, relay: &Relay) {
        if self.raised.is_some() {
            return;
        }
        // An interpreter that is shutting down cannot be attached to: nobody waits for the result.
        let answer = Python::try_attach(|py| {
            py.check_signals()?;
            self.tell(py, relay)
        });
        match answer {
            Some(Ok(())) => {}
            Some(Err(raised)) => {
                self.raised = Some(raised);
                relay.stop();
            }
            None => relay.stop(),
        }
    }

    /// Calls `progress` with the latest step, once.
    fn tell(&self, py: Python<'_>, relay: &Relay) -> PyResult<()> {
        match (&self.progress, relay.take_latest()) {
            (Some(progress), Some(step)) => progress.call(py, step),
            _ => Ok(()),
        }
    }
}

/// What passes between the working and the calling thread: a step one way, a stop the other.
#[derive(Default)]
struct Relay {
    stopped: AtomicBool,
    latest: Mutex<Option<Step>>,
}

impl Relay {
    fn stop(&self) {
        // No data hangs on the flag, so the weakest ordering does.
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn take_latest(&self) -> Option<Step> {
        lock(&self.latest).take()
    }
}

impl Observer for &Relay {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        *lock(&self.latest) = Some(*step);
        if self.stopped.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// A pool that serves one call at a time, so that a short call never queues behind, or steals
/// into, a long call of another Python thread.
struct Pool {
    /// The number of threads that was asked for; 0 stands for all cores.
    asked: usize,
    threads: ThreadPool,
}

/// Pools that wait for the next call, and the process that started their threads.
///
/// A forked child inherits this list but none of the threads, so the child, which has another
/// process id, starts its own. The lock is taken only by attached threads that call no Python
/// while they hold it; Python's `fork` runs attached too, so no child inherits it locked.
struct Idle {
    process: u32,
    pools: Vec<Pool>,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle {
    process: 0,
    pools: Vec::new(),
});

impl Idle {
    fn of_this_process() -> MutexGuard<'static, Self> {
        let mut idle = lock(&IDLE);
        let process = std::process::id();
        if idle.process != process {
            idle.process = process;
            // Forgotten, not dropped: ending a pool wakes its threads, and the locks for that may
            // have been held, at the moment of the fork, by threads that do not exist here.
            std::mem::forget(std::mem::take(&mut idle.pools));
        }
        idle
    }
}

impl Pool {
    fn take(n_jobs: Option<i64>) -> PyResult<Self> {
        let asked = thread_count(n_jobs)?;
        let mut idle = Idle::of_this_process();
        let waiting = idle.pools.iter().position(|pool| pool.asked == asked);
        if let Some(index) = waiting {
            return Ok(idle.pools.swap_remove(index));
        }
        drop(idle);
        ThreadPoolBuilder::new()
            .num_threads(asked)
            .thread_name(|index| format!("tercet-{index}"))
            .build()
            .map(|threads| Self { asked, threads })
            .map_err(|error| errors::threads(asked, &error))
    }

    fn give_back(self) {
        let mut idle = Idle::of_this_process();
        if idle.pools.len() < MOST_IDLE_POOLS {
            idle.pools.push(self);
        }
    }
}

fn thread_count(n_jobs: Option<i64>) -> PyResult<usize> {
    match n_jobs {
        None | Some(-1) => Ok(0),
        Some(n) => match usize::try_from(n) {
            Ok(threads) if (1..=MOST_THREADS).contains(&n) => Ok(threads),
            _ => Err(errors::to_python(tercet::Error::parameter(
                "n_jobs",
                n,
                format!(
                    "a number of threads from 1 to {MOST_THREADS}, or None or -1 for all cores"
                ),
            ))),
        },
    }
}

/// Locks what no panic can leave half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

"""Long calls listen: Ctrl-C, other threads, callbacks that raise, forked processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Callable

#: What the design promises, in seconds; of the process's own work, since a clock also counts what
#: else the machine has to do.
PROMISED = 0.2


@pytest.fixture(scope="module")
def many() -> dict[str, np.ndarray]:
    """Two million customers on a continuous clock: all distinct, so no grouping shortens the work.

    Drawn from the models' own definitions: a customer leaves after purchase `last`, and `bought`
    purchases come until T if it stays; the times of purchases are uniform order statistics.
    """
    n = 2_000_000
    rng = np.random.default_rng(11)
    t = rng.uniform(20, 40, n)
    bought = rng.poisson(rng.gamma(0.8, 1 / 4.0, n) * t)
    last = rng.geometric(rng.beta(0.8, 2.4, n))
    left = bought >= last
    frequency = np.where(left, last, bought)
    place = rng.beta(np.maximum(frequency, 1), np.where(left, bought - last + 1, 1))
    recency = np.where(frequency > 0, t * place, 0.0)
    repeats = np.maximum(frequency, 1)
    mean = rng.gamma(6.0 * repeats) / (repeats * rng.gamma(3.7, 1 / 15.0, n))
    return {
        "frequency": frequency.astype(float),
        "recency": recency,
        "T": t,
        "monetary_value": np.where(frequency > 0, mean, 0.0),
    }


@pytest.fixture(scope="module")
def engines(many) -> tuple[tc.BGNBD, tc.GammaGamma]:
    """Models of those customers, fitted on some of them."""
    some = {name: values[:5000] for name, values in many.items()}
    return tc.BGNBD(customer=None).fit(some), tc.GammaGamma(customer=None).fit(some)


@pytest.fixture(scope="module")
def respondents() -> dict[str, np.ndarray]:
    """Two hundred thousand respondents, no two of whom gave the same twenty answers."""
    rng = np.random.default_rng(12)
    segment = rng.integers(0, 3, 200_000)
    chances = np.array([0.2, 0.5, 0.8])
    return {
        f"q{item}": rng.binomial(4, chances[(segment + item) % 3]).astype(np.int8)
        for item in range(20)
    }


@pytest.fixture(scope="module")
def churn() -> tuple[np.ndarray, np.ndarray]:
    """Two hundred thousand customers with eight numbers, and whether they left."""
    rng = np.random.default_rng(13)
    numbers = rng.normal(size=(200_000, 8))
    return numbers, rng.random(200_000) < 1 / (1 + np.exp(2 - numbers[:, 0]))


@pytest.fixture(scope="module")
def long_calls(many, engines, respondents, churn) -> dict[str, Callable[[Any], Any]]:
    """Calls that take seconds, each given a `progress`."""
    model, spend = engines
    return {
        "segments": lambda progress: tc.LatentClass(3, n_jobs=1).fit(
            respondents, list(respondents), progress=progress
        ),
        "propensity": lambda progress: tc.Propensity(n_jobs=1).fit(*churn, progress=progress),
        "hazard": lambda progress: tc.HazardModel(n_jobs=1).fit(
            churn[0], np.arange(200_000) % 24 + 1, churn[1], progress=progress
        ),
        "fit": lambda progress: tc.BGNBD(n_jobs=1).fit(many, progress=progress),
        "spend": lambda progress: tc.GammaGamma(n_jobs=1).fit(many, progress=progress),
        "value": lambda progress: tc.lifetime_value(
            model,
            spend,
            many,
            horizon=52,
            discount_rate=0.1,
            level=0.95,
            n_jobs=1,
            progress=progress,
        ),
        "simulate": lambda progress: tc.datasets.simulate_purchases(
            3_000_000, backend="pyarrow", n_jobs=1, progress=progress
        ),
    }


CALLS = ("fit", "spend", "value", "simulate", "segments", "propensity", "hazard")


def seconds_until_interrupted(call: Callable[[Any], Any]) -> float:
    """Press Ctrl-C a little after a call has begun; return the work it did before it heard."""
    began = threading.Event()
    pressed: list[float] = []

    def press() -> None:
        began.wait(60)
        time.sleep(0.05)
        pressed.append(time.process_time())
        os.kill(os.getpid(), signal.SIGINT)

    finger = threading.Thread(target=press)
    finger.start()
    try:
        call(lambda step: began.set())
    except KeyboardInterrupt:
        return time.process_time() - pressed[0]
    finally:
        # A call that was over too early leaves the key to be pressed while we wait here.
        with contextlib.suppress(KeyboardInterrupt):
            began.set()
            finger.join()
            time.sleep(0)
    raise AssertionError("the call was over before the key was pressed: give it more to do")


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill cannot send Ctrl-C to this process")
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_stops_a_long_call_at_once(name, long_calls):
    call = long_calls[name]
    # The best of three: whatever else the machine has to do, other tests too, only adds to it.
    assert min(seconds_until_interrupted(call) for _ in range(3)) < PROMISED


@pytest.mark.parametrize("name", CALLS)
def test_an_error_in_progress_stops_the_call_and_comes_out_as_it_is(name, long_calls):
    class Enough(Exception):
        pass

    def stop(step: tc.Step) -> None:
        raise Enough(step.phase)

    began = time.perf_counter()
    with pytest.raises(Enough):
        long_calls[name](stop)
    assert time.perf_counter() - began < 5


def test_other_threads_run_while_a_fit_runs(many):
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    began = time.perf_counter()
    try:
        tc.BGNBD(n_jobs=1).fit(many)
    finally:
        took = time.perf_counter() - began
        done.set()
        other.join()
    # Were the interpreter held, the thread would stand still for the whole of the fit.
    assert ticks > took / 0.001 / 20


def test_calls_from_several_threads_agree(model, summary):
    expected = model.expected_purchases(summary, 39)
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(model.expected_purchases(summary, 39)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_progress_may_call_tercet_itself(model, summary):
    inner: list[float] = []
    tc.BGNBD().fit(summary, progress=lambda step: inner.append(model.expected_purchases_new(1.0)))
    assert inner


def _score(connection: Any, model: tc.BGNBD, summary: Any) -> None:
    connection.send(tc.BGNBD().fit(summary).params_ == model.params_)
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_does_not_hang(model, summary):
    tc.BGNBD().fit(summary)  # the parent's threads exist before the fork
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_score, args=(theirs, model, summary))
    if sys.version_info >= (3, 12):
        with pytest.warns(DeprecationWarning, match="fork"):
            child.start()
    else:
        child.start()
    try:
        assert ours.poll(60), "the child hangs"
        assert ours.recv()
    finally:
        child.join(10)
        child.kill()

"""`progress=`: a bar, a callable of the caller's, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

from tercet.exceptions import ParameterError


class Step(NamedTuple):
    """Where a long computation stands: what a `progress` callable is given.

    Attributes
    ----------
    phase : str
        What is being done, in a word or two.
    iteration : int
        Iterations (or blocks of rows) done so far in this phase.
    total : int or None
        How many there will be, where that is known.
    objective : float or None
        The log-likelihood reached, where there is one.

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(2_000, seed=1)
    >>> steps = []
    >>> model = tc.BGNBD().fit(tc.purchase_summary(log.transactions), progress=steps.append)
    >>> steps[-1].phase, steps[-1].objective == model.log_likelihood_
    ('fitting', True)
    """

    phase: str
    iteration: int
    total: int | None
    objective: float | None


#: True for a bar, False for silence, or a callable that gets each `Step`.
Progress: TypeAlias = bool | Callable[[Step], object]
#: What the Rust extension calls: phase, iteration, total, objective.
Report: TypeAlias = Callable[[str, int, int | None, float | None], object]


@contextmanager
def reporting(progress: Any) -> Iterator[Report | None]:
    """Turn a `progress` argument into what the Rust extension calls, and tidy up afterwards."""
    if progress is False or progress is None:
        yield None
    elif progress is True:
        bar = _Bar()
        try:
            yield bar
        finally:
            bar.close()
    elif callable(progress):
        yield lambda *step: progress(Step(*step))
    else:
        message = f"progress = {progress!r}: expected True, False or a callable"
        raise ParameterError(message, "progress")


class _Bar:
    """One `tqdm` bar a phase, drawn for the terminal or the notebook as `tqdm.auto` decides."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._bar: Any = None

    def __call__(
        self, phase: str, iteration: int, total: int | None, objective: float | None
    ) -> None:
        if phase != self._phase:
            self.close()
            # Imported here: most calls show no bar, and the import looks for a notebook.
            from tqdm.auto import tqdm

            self._phase = phase
            self._bar = tqdm(desc=phase, total=total, unit="step")
        if objective is not None:
            self._bar.set_postfix(log_likelihood=f"{objective:.4f}", refresh=False)
        self._bar.update(iteration - self._bar.n)

    def close(self) -> None:
        """End the bar that is shown."""
        if self._bar is not None:
            self._bar.close()

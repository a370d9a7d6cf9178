"""The job's plots as PNG files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow.compute as pc

from tercet import plots
from tercet._cli.job import log_arguments
from tercet._cli.writing import check_folder, replacing
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tercet._cli.job import Holdout, ValueResult

DOTS_PER_INCH: Final = 130


class _Plot(NamedTuple):
    """A file's name, the size of its figure in inches, and what draws on its axes."""

    name: str
    size: tuple[float, float]
    draw: Callable[[Any], object]


def check_plots(folder: Path) -> None:
    """Refuse, before any work is done, plots that could not be drawn or written."""
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        raise ParameterError(
            "--plots needs matplotlib, which is not installed; install it with: "
            "pip install 'tercet[plots]'"
        ) from None
    check_folder(folder, "--plots")


def draw_plots(result: ValueResult, folder: Path) -> list[Path]:
    """Draw everything that the result allows; returns the files in the order of the story."""
    # A figure of its own, never pyplot: no window system is asked for, and nothing stays open.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    chosen = _of_the_model(result) + _of_the_value(result)
    if result.holdout is not None:
        chosen[2:2] = _of_the_holdout(result, result.holdout)
    written = []
    for number, plot in enumerate(chosen, start=1):
        figure = Figure(figsize=plot.size, dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        plot.draw(figure.add_subplot())
        path = folder / f"{number:02}_{plot.name}.png"
        with replacing(path) as partial:
            # Without the note of matplotlib's version the same data give the same bytes.
            figure.savefig(partial, metadata={"Software": None})
        written.append(path)
    return written


def _of_the_model(result: ValueResult) -> list[_Plot]:
    model, customers, horizon = result.model, result.customers, result.settings.horizon
    size = (7.4, 4.6)
    return [
        _Plot(
            "probability_alive",
            size,
            lambda ax: plots.probability_alive_map(model, customers, ax=ax),
        ),
        _Plot(
            "expected_purchases",
            size,
            lambda ax: plots.expected_purchases_map(model, customers, horizon=horizon, ax=ax),
        ),
    ]


def _of_the_holdout(result: ValueResult, holdout: Holdout) -> list[_Plot]:
    model, log, size = holdout.model, result.file.table, (7.2, 4.4)
    told: dict[str, Any] = {
        "calibration_end": holdout.calibration_end,
        **log_arguments(result.file.times, result.settings),
    }
    return [
        _Plot(
            "calibration_holdout",
            size,
            lambda ax: plots.calibration_holdout(model, holdout.calibration, ax=ax),
        ),
        _Plot(
            "cumulative_purchases",
            size,
            lambda ax: plots.cumulative_purchases(model, log, ax=ax, **told),
        ),
        _Plot(
            "purchases_by_period",
            size,
            lambda ax: plots.purchases_by_period(model, log, ax=ax, **told),
        ),
    ]


def _of_the_value(result: ValueResult) -> list[_Plot]:
    customers, name = result.customers, result.settings.customer
    told = log_arguments(result.file.times, result.settings)
    worth = customers["clv"].filter(pc.is_finite(customers["clv"]))
    if len(worth) == 0:
        return []
    best = customers[name][pc.index(customers["clv"], pc.max(worth)).as_py()].as_py()
    drawn = [
        _Plot(
            "value_concentration",
            (6.2, 4.6),
            lambda ax: plots.value_concentration(customers, ax=ax),
        ),
        _Plot(
            "value_distribution",
            (7.2, 4.4),
            lambda ax: plots.value_distribution(customers, ax=ax),
        ),
        _Plot(
            "top_customers",
            (6.6, 5.5),
            lambda ax: plots.top_customers(customers, customer=name, ax=ax),
        ),
        _Plot(
            "customer_history",
            (7.2, 3.8),
            lambda ax: plots.customer_history(result.model, result.file.table, best, ax=ax, **told),
        ),
    ]
    if "clv_lower" not in customers.column_names:
        del drawn[2]
    # A margin of zero leaves no value to be shared or spread.
    return drawn if pc.max(worth).as_py() > 0 else drawn[2:]

"""A simulated purchase log whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from tercet import datasets
from tercet._cli.report import heading, wrapped
from tercet._cli.writing import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from tercet._cli.job import ValueResult


def simulate_log(n_customers: int, seed: int, path: Path) -> Any:
    """Draw a log with the library's default parameters and write it; returns the simulation."""
    drawn = datasets.simulate_purchases(n_customers, seed, backend="pyarrow")
    log = drawn.transactions
    # Money has cents, and a purchase costs at least one.
    amounts = pc.max_element_wise(pc.round(log["amount"], 2), 0.01)
    write_table(log.set_column(log.column_names.index("amount"), "amount", amounts), path)
    return drawn


def compare_with_truth(result: ValueResult, truth: Any) -> str:
    """Set what was estimated beside what the log was drawn with."""
    level = result.settings.level
    lines = []
    for model in (result.model, result.spend):
        table = model.summary(level=level).to_pydict()
        for name, estimate, lower, upper in zip(
            table["parameter"], table["estimate"], table["lower"], table["upper"], strict=True
        ):
            lines.append((name, estimate, lower, upper, truth.parameters[name]))
    inside = sum(lower <= true <= upper for _, _, lower, upper, true in lines)
    spoken = ", ".join(f"{name} {true:g} ({estimate:.3g})" for name, estimate, _, _, true in lines)
    alive = pc.sum(pc.cast(truth.customers["alive"], "float64")).as_py()
    expected_alive = pc.sum(result.customers["probability_alive"]).as_py()
    return "\n".join(
        [
            heading("The known truth"),
            *wrapped(
                f"The log was drawn with known parameters; truth (estimate): {spoken}. {inside} of"
                f" {len(lines)} lie within their {100 * level:.4g}% interval."
            ),
            *wrapped(
                f"Truly active at the end were {alive:,.0f} of {truth.customers.num_rows:,}"
                f" customers; the probabilities of being active add up to {expected_alive:,.0f}."
            ),
        ]
    )

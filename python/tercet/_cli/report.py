"""The job's outcome as text for a terminal: plain characters in aligned columns."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tercet._cli.job import Holdout, ValueResult
    from tercet._columns import Floats

WIDTH: Final = 96
TOP: Final = 10


def report(result: ValueResult, written: Sequence[str]) -> str:
    """Return the whole report."""
    sections = [
        _purchases(result),
        _holdout(result),
        _models(result),
        _value(result),
        _most_valuable(result),
        _warnings(result),
        [heading("Written"), *(f"  {line}" for line in written)],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _purchases(result: ValueResult) -> list[str]:
    counts, unit = result.counts, result.settings.time_unit
    periods = result.file.times.tick == "period"
    merged = "in one period" if periods else "on one day"
    last = "in the last period" if periods else "on the last day"
    length = f" (one period is one {unit})" if periods and unit != "period" else ""
    rows = [
        ("rows read", counts.rows, result.file.description),
        (
            "purchases",
            counts.purchases,
            f"rows of one customer {merged} count as one purchase",
        ),
        ("customers", counts.customers, ""),
        (
            "  who came back",
            counts.repeaters,
            f"{counts.repeaters / counts.customers:.1%} of the customers",
        ),
    ]
    left_out = [
        ("rows after the end", counts.after_end, "dropped, as asked (--after-end drop)"),
        ("refund rows", counts.refunds, f"as asked (--refunds {result.settings.refunds})"),
        (
            "without a purchase",
            counts.without_purchase,
            "customers of whom the rules leave no purchase: not in the table",
        ),
        (
            "brand-new customers",
            counts.new_customers,
            f"first purchase {last}: valued, but they say nothing to the fit",
        ),
        (
            "unpaid repeaters",
            counts.zero_spend,
            "repeat purchases of amount zero: valued, but left out of the spend model",
        ),
    ]
    rows += [row for row in left_out if row[1]]
    lines = [heading("Purchases")]
    lines += _aligned([[name, f"{count:,}", note] for name, count, note in rows], "lrl")
    lines.append(
        f"  from {result.first_day} to {result.observation_end}, {_span(result.duration, unit)}"
        f"{length}"
    )
    return lines


def _holdout(result: ValueResult) -> list[str]:
    lines = [heading("Holdout check")]
    if result.holdout is None:
        return lines + wrapped(f"No holdout check was possible: {result.no_holdout}")
    check = result.holdout.check
    cut = result.holdout.calibration_end
    lines += wrapped(
        f"A model fitted on the purchases up to {cut if isinstance(cut, str) else f'period {cut}'}"
        f" was asked how often its {check.n_customers:,} customers would buy from then to"
        f" {result.observation_end}"
        f" ({_span(check.duration, result.settings.time_unit)}). {_verdict(result.holdout)}"
    )
    lines.append("")
    rows = [["bought again", "customers", "expected", "actual", "expected each", "actual each", ""]]
    for group in check.groups:
        interval = "" if math.isnan(group.margin) else f"± {group.margin:.2f}"
        rows.append(
            [
                group.label,
                f"{group.n_customers:,}",
                f"{group.expected:,.1f}",
                f"{group.actual:,.0f}",
                f"{group.mean_expected:.2f}",
                f"{group.mean_actual:.2f}",
                interval,
            ]
        )
    rows.append(["all", f"{check.n_customers:,}", f"{check.expected:,.1f}", f"{check.actual:,.0f}"])
    lines += _aligned(rows, "lrrrrrl")
    lines += wrapped(
        "bought again: repeat purchases in the calibration period;"
        " ±: 95% interval of the actual mean"
    )
    return lines


def _verdict(holdout: Holdout) -> str:
    check = holdout.check
    error = check.relative_error
    if error is None:
        return f"It expected {check.expected:,.0f} purchases; none came."
    much = "as many as came" if abs(error) < 0.0005 else _off_by(error)
    known = [group for group in check.groups if not math.isnan(group.margin)]
    inside = sum(abs(group.mean_expected - group.mean_actual) <= group.margin for group in known)
    return (
        f"It expected {check.expected:,.0f} purchases and {check.actual:,.0f} came: {much}. By past"
        f" frequency, the expected mean lies within the interval of the actual one in {inside} of"
        f" {len(known)} groups."
    )


def _off_by(error: float) -> str:
    return f"{abs(error):.1%} too {'many' if error > 0 else 'few'}"


def _models(result: ValueResult) -> list[str]:
    level = result.settings.level
    lines: list[str] = []
    for title, model in (
        (f"Purchases: BG/NBD, time in {result.settings.time_unit}s", result.model),
        ("Spend a purchase: Gamma-Gamma", result.spend),
    ):
        if lines:
            lines.append("")
        lines.append(heading(title))
        rows = [["parameter", "estimate", "std. error", f"{100 * level:.4g}% interval"]]
        table = _columns(model.summary(level=level))
        for name, estimate, error, lower, upper in zip(
            table["parameter"],
            table["estimate"],
            table["standard_error"],
            table["lower"],
            table["upper"],
            strict=True,
        ):
            rows.append(
                [
                    str(name),
                    _figure(estimate),
                    _figure(error),
                    f"{_figure(lower)} to {_figure(upper)}",
                ]
            )
        lines += _aligned(rows, "lrrr")
        lines += wrapped(
            f"log-likelihood {model.log_likelihood_:,.4f}, AIC {model.aic_:,.2f},"
            f" {model.n_observations_:,.0f} customers; {model.how_it_ended_}"
        )
    return lines


def _value(result: ValueResult) -> list[str]:
    settings = result.settings
    clv = _finite(result.customers)["clv"].to_numpy()
    lines = [heading(f"Value over the next {_span(settings.horizon, settings.time_unit)}")]
    basis = (
        f"Margin {100 * settings.margin:.4g}% of the spend, discounted at"
        f" {100 * settings.discount_rate:.4g}% a year, counted from {result.observation_end}."
    )
    if len(clv) == 0:
        return lines + wrapped(f"{basis} No customer has a finite value; see the warnings.")
    missing = result.counts.without_value
    who = "All customers" if missing == 0 else f"The {len(clv):,} customers with a finite value"
    note = f" {missing:,} have none; see the warnings." if missing else ""
    total = float(clv.sum())
    lines += wrapped(
        f"{basis} {who} together are worth {_money(total)}, a customer"
        f" {_money(total / len(clv))} on average.{note}"
    )
    if total > 0:
        shares = ", ".join(_shares(clv, total))
        lines += wrapped(f"Of this {shares}.")
    return lines


def _shares(clv: Floats, total: float) -> list[str]:
    ordered = np.sort(clv)[::-1]
    spoken = []
    for share in (0.01, 0.10, 0.20):
        held = ordered[: max(1, round(share * len(clv)))].sum() / total
        spoken.append(f"the top {share:.0%} hold {held:.0%}")
    return spoken


def _finite(customers: pa.Table) -> pa.Table:
    return customers.filter(pc.is_finite(customers["clv"]))


def _most_valuable(result: ValueResult) -> list[str]:
    settings = result.settings
    ranked = _finite(result.customers)
    if ranked.num_rows == 0:
        return []
    order = pc.sort_indices(ranked, sort_keys=[("clv", "descending")])
    best = ranked.take(order[:TOP])
    lines = [heading(f"The {best.num_rows} most valuable customers")]
    header = ["customer", "repeat", "last", "active", "expected", "spend", "value", "interval"]
    units = ["", "purchases", "purchase", "prob.", "purchases", "each", "", ""]
    rows = [header, units]
    has_intervals = "clv_lower" in best.column_names
    for row in best.to_pylist():
        interval = (
            f"{_money(row['clv_lower'])} to {_money(row['clv_upper'])}" if has_intervals else "-"
        )
        rows.append(
            [
                str(row[settings.customer]),
                f"{row['frequency']:,.0f}",
                str(row["last_purchase"])[:10],
                f"{row['probability_alive']:.1%}",
                f"{row['expected_purchases']:,.2f}",
                _money(row["expected_spend"]),
                _money(row["clv"]),
                interval,
            ]
        )
    lines += _aligned(rows, "lrrrrrrr")
    if has_intervals:
        lines += wrapped(
            f"interval: {100 * settings.level:.4g}%, of the expected value; what a single customer"
            " spends varies far more"
        )
    return lines


def _warnings(result: ValueResult) -> list[str]:
    if not result.warnings:
        return []
    lines = [heading("Warnings")]
    for warning in result.warnings:
        lines += wrapped(warning, bullet="- ")
    return lines


def heading(text: str) -> str:
    """Underline a heading."""
    return f"{text}\n{'-' * len(text)}"


def wrapped(text: str, bullet: str = "") -> list[str]:
    """Break a sentence into indented lines."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  " + bullet,
        subsequent_indent="  " + " " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Set rows in columns; `sides` says for each column whether it is flush left or right."""
    filled = [[*row, *[""] * (len(sides) - len(row))] for row in rows]
    widths = [max(len(row[column]) for row in filled) for column in range(len(sides))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in filled
    ]


def _columns(table: pa.Table) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = table.to_pydict()
    return columns


def _figure(value: object) -> str:
    """Write four figures or so, without exponents where they can be avoided."""
    if not isinstance(value, float) or math.isnan(value):
        return "-"
    size = abs(value)
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    if size >= 1e7 or 0 < size < 1e-3:
        return f"{value:.3e}"
    return f"{value:,.{0 if size >= 1000 else 1 if size >= 100 else 3 if size >= 1 else 4}f}"


def _money(amount: float) -> str:
    if not math.isfinite(amount):
        return "unknown" if math.isnan(amount) else "infinity"
    return f"{amount:,.0f}" if abs(amount) >= 100_000 else f"{amount:,.2f}"


def _span(length: float, unit: str) -> str:
    number = f"{length:,.0f}" if float(length).is_integer() else f"{length:,.1f}"
    return f"{number} {unit}{'' if number == '1' else 's'}"

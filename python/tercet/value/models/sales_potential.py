"""What customers may yet bring in with products that they do not have."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments, _join
from tercet._frames import Table, read_table
from tercet._snapshots import small
from tercet._snapshots.feature import slugs
from tercet._snapshots.roles import Naming
from tercet.exceptions import DataError, ParameterError
from tercet.value.models import _similar
from tercet.value.models._bought import Bought, read_bought
from tercet.value.models.purchase import PurchaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tercet._columns import Floats
    from tercet._time import TimeLike
    from tercet.data.snapshots import DurationLike
    from tercet.value.models._similar import Benchmark

__all__ = ["sales_potential"]

_STEM = "purchase_probability"
_WHAT = "table of scores"


def sales_potential(
    scores: Any,
    margins: Mapping[str, float | str],
    *,
    customers: Any = None,
    as_of: TimeLike | None = None,
    purchases: Any = None,
    subscriptions: Any = None,
    events: Any = None,
    contacts: Any = None,
    owned: Any = "before",
    similar: str | int | None = None,
    by: Sequence[str] | None = None,
    horizon: DurationLike | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    level: float = 0.95,
    anyway: bool = False,
) -> Any:
    r"""Tell what customers may yet bring in, and what comparable customers bring in.

    With $p_{ij}$ the probability that customer $i$ buys product $j$ within the horizon, $m_{ij}$
    the margin of a buyer, $O_i$ the products not owned, and $b_{ij} = 1$ where $i$ bought $j$
    within the horizon before the date, else 0; $S_i$ are the comparable customers, $i$ left out:

    | column | formula |
    |---|---|
    | `expected_margin` | $\sum_{j \in O_i} p_{ij} m_{ij}$; its ends with the ends of all $p_{ij}$ |
    | `open_products` | the number of products in $O_i$ |
    | `best_product` | the $j \in O_i$ of the largest $p_{ij} m_{ij}$ |
    | `best_product_expected_margin` | that $p_{ij} m_{ij}$ |
    | `current_margin` | $\sum_j b_{ij} m_{ij}$ over all products |
    | `similar_customers` | the number of customers in $S_i$ |
    | `benchmark_margin` | mean over $s \in S_i$ of $\sum_j b_{sj} m_{ij}$, over all products |
    | `benchmark_open_margin` | the same over the products of $O_i$ only |
    | `gap` | `benchmark_margin - current_margin` |

    The ends of `expected_margin` are those of all probabilities at once: errors of products fitted
    together are no strangers, and so they are not set off against each other. The interval is wide
    rather than narrow. Ends of the benchmark are the mean plus and minus a normal quantile of its
    standard errors.

    What it does not say. A purchase counts once: put into `margins` what a buyer of the product
    brings in over the horizon. Expected is what customers buy if you go on as before, not what an
    offer would add; that takes an experiment. A benchmark is what others do, not what this customer
    could; a gap may be a need that the customer does not have, and says nothing of purchases from
    others.

    Parameters
    ----------
    scores : PurchaseModel or table
        A model with products, which scores the tables below; or a table with a row a customer:
        ids, and `purchase_probability_<product>` with `_lower` and `_upper` where known, as
        `PurchaseModel.score` returns. Where a probability is missing, the product is not open: also
        where the model's report card says no for it.
    margins : mapping
        For each product what a buyer brings in, at least 0: a number, or the name of a column (of
        `customers`, else of `scores`).
    customers : table, optional
        With a model, whom to score; and in any case where the columns named here are.
    as_of : str, date, datetime, numpy.datetime64 or int, optional
        The date. By default the column `as_of` of `scores`; needed with a model.
    purchases : table, optional
        The log of purchases: `customer_id`, `date`, `product`; rows of a negative `amount` are no
        purchases. It is read into memory.
    subscriptions, events, contacts : table, optional
        With a model, the tables that it needs besides.
    owned : "before", table or None
        What a customer has: whatever was bought before the date, which needs `purchases`; or what a
        table of ids and `product` lists, a row each; or nothing.
    similar : str or int, optional
        Who is comparable: customers with the same value in a column (a segment), or so many
        nearest ones by the columns of `by`. Needs `purchases`. Neighbours are looked for among
        20,000 customers at most, drawn by a fixed seed.
    by : sequence of str, optional
        Columns of numbers by which neighbours are near, each measured in standard deviations.
    horizon : str, timedelta or int, optional
        The length of the past that is compared: that of the outcome window, which a model knows.
    columns : mapping, optional
        What columns of `purchases` and `customers` are called, as for `Snapshots`; a model knows.
    level : float
        Confidence level of the intervals, between 0 and 1.
    anyway : bool
        Whether to answer although the model's report card says no.

    Returns
    -------
    table
        Of the kind of `scores` (or `customers`), in their order: ids, and the columns above;
        `current_margin` where there are purchases and a horizon, benchmarks where there is
        `similar`.

    Raises
    ------
    DataError
        For a column that is missing or cannot be used, and a customer who occurs twice.
    ParameterError
        For an argument that cannot be used, or one that is missing.

    Examples
    --------
    >>> import tercet as tc
    >>> scores = {
    ...     "customer_id": [1, 2],
    ...     "purchase_probability_tea": [0.5, 0.2],
    ...     "purchase_probability_cups": [0.1, 0.4],
    ... }
    >>> found = tc.sales_potential(scores, {"tea": 4.0, "cups": 10.0}, owned=None)
    >>> found["expected_margin"].to_pylist(), found["best_product"].to_pylist()
    ([3.0, 4.8], ['tea', 'cups'])
    """
    listed = _products(margins)
    level = _arguments.number(level, "level", "a number between 0 and 1")
    if not 0.0 < level < 1.0:
        raise _arguments.refusal(level, "level", "a number between 0 and 1")
    naming = Naming.of(columns)
    if isinstance(scores, PurchaseModel):
        recipe = scores.recipe_
        _check_listed(scores, listed)
        naming = recipe._plan.naming
        horizon = recipe._plan.spans.outcome.label if horizon is None else horizon
        given = {"subscriptions": subscriptions, "events": events, "contacts": contacts}
        date = as_of
        scores = scores.score(
            customers, as_of, purchases=purchases, **given, level=level, anyway=anyway
        )
        name = recipe._plan.id_column
        ours, _ = naming.names("customers")
        if customers is not None and _has(customers, ours["customer"]):
            name = ours["customer"]
    else:
        for argument, one in (("subscriptions", subscriptions), ("events", events)):
            if one is not None:
                raise _arguments.refusal("a table", argument, "none without a model")
        name = naming.names("customers")[0]["customer"]
        date = as_of
    table, p, lower, upper = _read_scores(scores, name, listed)
    ids = small.id_column(table, name)
    extra, rows = _extra(customers, table, scores, name, margins, similar, by)
    worth = _worth(margins, listed, extra, rows, len(table))
    bought = None
    if purchases is not None:
        when = _date(scores) if date is None else date
        bought = read_bought(purchases, ids, listed, when, horizon, naming)
    has = _owned(owned, bought, ids, name, listed)
    found = _expected(p, lower, upper, worth, has, listed)
    if bought is not None and horizon is not None:
        found["current_margin"] = (bought.lately * worth).sum(axis=1)
    if similar is not None:
        if bought is None or horizon is None:
            missing = "purchases" if bought is None else "horizon"
            message = f"{missing}: expected, to tell what comparable customers bought (similar=)"
            raise ParameterError(message, missing)
        compare = _comparison(similar, by, extra, rows, bought)
        found |= _benchmarks(compare, worth, has | np.isnan(p), level)
        found["gap"] = found["benchmark_margin"] - found["current_margin"]
    shown = {name: _with_gaps(column) for name, column in found.items()}
    return table.build({name: table.take(name), **shown})


def _products(margins: Any) -> list[str]:
    expected = "a number or the name of a column for each product: {'tea': 4.0}"
    if not hasattr(margins, "items") or not len(margins):
        raise _arguments.refusal(margins, "margins", expected)
    listed = list(margins)
    if not all(isinstance(one, str) for one in listed):
        raise _arguments.refusal(margins, "margins", expected)
    return listed


def _check_listed(model: PurchaseModel, listed: Sequence[str]) -> None:
    known = model._listed_now
    unknown = [one for one in listed if one not in known]
    if unknown:
        have = ", ".join(f"'{one}'" for one in known) or "none"
        message = f"margins: product '{unknown[0]}' is none of the model's ({have})"
        raise ParameterError(message, "margins")


def _read_scores(
    scores: Any, name: str, listed: Sequence[str]
) -> tuple[Table, Floats, Floats | None, Floats | None]:
    """Return the table of ids, and the probabilities with their ends, a column a product."""
    shorts = slugs(listed, "margins")
    wanted = {"customer": name}
    for short in shorts:
        wanted |= {
            f"{_STEM}_{short}{end}": f"{_STEM}_{short}{end}" for end in ("", "_lower", "_upper")
        }
    ends = [one for one in wanted if one.endswith(("_lower", "_upper"))]
    remedies = {"customer": 'name it with columns={"customers": {"customer": ...}}'}
    remedies |= {
        one: "score with PurchaseModel(products=[...]), or leave the product out of margins="
        for one in wanted
        if one != "customer"
    }
    table = read_table(scores, wanted, ends, _WHAT, remedies=remedies)
    _join.check_one_row_each(table, name)
    found: list[Floats | None] = []
    for end in ("", "_lower", "_upper"):
        names = [f"{_STEM}_{short}{end}" for short in shorts]
        if any(one not in table for one in names):
            found.append(None)
            continue
        values = np.column_stack([table.floats(one, missing_as_nan=True) for one in names])
        outside = (values < 0.0) | (values > 1.0)
        if outside.any():
            row, place = np.argwhere(outside)[0]
            message = (
                f"column '{names[place]}', row {row}: is {values[row, place]:.6g}; a probability "
                "is from 0 to 1"
            )
            raise DataError(message, names[place], int(row))
        found.append(values)
    p, lower, upper = found
    assert p is not None  # noqa: S101 - the columns without an ending must be there
    return table, p, lower, upper


def _extra(
    customers: Any,
    table: Table,
    scores: Any,
    name: str,
    margins: Mapping[str, Any],
    similar: Any,
    by: Any,
) -> tuple[Table | None, Any]:
    """Return where named columns are, and each customer's row there."""
    named = [one for one in margins.values() if isinstance(one, str)]
    if isinstance(similar, str):
        named.append(similar)
    named += [] if by is None else _arguments.names(by, "by", "a list of columns")
    if not named:
        return None, None
    source = scores if customers is None else customers
    wanted = {"customer": name, **{f"column '{one}'": one for one in dict.fromkeys(named)}}
    remedies = dict.fromkeys(wanted, "add the column")
    what = _WHAT if customers is None else "table of customers"
    found = read_table(source, wanted, what=what, remedies=remedies)
    if customers is None:
        return found, np.arange(len(table))
    rows = _join.rows_among(table, name, found, name)
    if (rows < 0).any():
        row = int((rows < 0).argmax())
        message = f"column '{name}': customer of row {row} of the scores is not among the customers"
        raise DataError(message, name, row)
    return found, rows


def _worth(
    margins: Mapping[str, Any], listed: Sequence[str], extra: Table | None, rows: Any, n: int
) -> Floats:
    found = np.empty((n, len(listed)))
    for place, product in enumerate(listed):
        value = margins[product]
        if isinstance(value, str) and extra is not None:
            found[:, place] = extra.floats(value)[rows]
        else:
            expected = "a number of at least 0, or the name of a column"
            found[:, place] = _arguments.number(value, f"margins['{product}']", expected)
        if (found[:, place] < 0).any() or not np.isfinite(found[:, place]).all():
            raise _arguments.refusal(value, f"margins['{product}']", "margins of at least 0")
    return found


def _owned(
    owned: Any, bought: Bought | None, ids: Any, name: str, listed: Sequence[str]
) -> npt.NDArray[np.bool_]:
    if owned is None:
        return np.zeros((len(ids), len(listed)), dtype=bool)
    if isinstance(owned, str):
        if owned != "before":
            expected = '"before", a table of ids and products, or None'
            raise _arguments.refusal(owned, "owned", expected)
        if bought is None:
            message = (
                "purchases: expected the log, to tell what customers have; or owned= a table of "
                "ids and products, or None"
            )
            raise ParameterError(message, "purchases")
        return bought.ever
    remedies = dict.fromkeys(("customer", "product"), "rename the column")
    wanted = {"customer": name, "product": "product"}
    table = read_table(owned, wanted, what="table of what is owned", remedies=remedies)
    who = small.id_column(table, name)
    if who.type != ids.type:
        raise DataError(f"column '{name}': ids of owned= are of another type; convert it", name)
    row = pc.index_in(who, value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
    words = small.text_column(table, "product")
    place = pc.index_in(words, value_set=pa.array(listed, words.type)).fill_null(-1)
    place = place.to_numpy(zero_copy_only=False)
    has = np.zeros((len(ids), len(listed)), dtype=bool)
    known = (row >= 0) & (place >= 0)
    has[row[known], place[known]] = True
    return has


def _expected(
    p: Floats,
    lower: Floats | None,
    upper: Floats | None,
    worth: Floats,
    has: npt.NDArray[np.bool_],
    listed: Sequence[str],
) -> dict[str, Any]:
    closed = has | np.isnan(p)
    each = np.where(closed, 0.0, p * worth)
    unknown = np.isnan(p).all(axis=1) & ~has.all(axis=1)
    columns: dict[str, Any] = {"expected_margin": np.where(unknown, np.nan, each.sum(axis=1))}
    for end, values in (("lower", lower), ("upper", upper)):
        if values is not None:
            total = np.where(closed, 0.0, values * worth).sum(axis=1)
            columns[f"expected_margin_{end}"] = np.where(unknown, np.nan, total)
    columns["open_products"] = (~closed).sum(axis=1)
    best = np.where(closed, -1.0, each).argmax(axis=1)
    none = closed.all(axis=1)
    columns["best_product"] = pa.array(listed, pa.large_string()).take(pa.array(best, mask=none))
    chosen = each[np.arange(len(each)), best]
    columns["best_product_expected_margin"] = np.where(none, np.nan, chosen)
    return columns


def _comparison(similar: Any, by: Any, extra: Table | None, rows: Any, bought: Bought) -> Any:
    """Return a function from what products count to the benchmark."""
    if isinstance(similar, str):
        assert extra is not None  # noqa: S101 - the column was read
        segment = extra.arrow(similar).take(pa.array(rows))
        return lambda worth: _similar.of_segment(segment, bought.lately, worth)
    expected = "the name of a column (a segment), or a number of neighbours below that of customers"
    k = _arguments.whole(similar, "similar", expected)
    if not 1 <= k < len(bought.lately):
        raise _arguments.refusal(similar, "similar", expected)
    if by is None or extra is None:
        message = "by = None: expected the columns by which neighbours are near (similar= a number)"
        raise ParameterError(message, "by")
    points = _similar.read_points(extra, list(by))[rows]
    return lambda worth: _similar.of_nearest(points, k, bought.lately, worth)


def _benchmarks(compare: Any, worth: Floats, closed: Any, level: float) -> dict[str, Any]:
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    whole: Benchmark = compare(worth)
    open_only: Benchmark = compare(np.where(closed, 0.0, worth))
    return {
        "similar_customers": whole.n,
        "benchmark_margin": whole.mean,
        "benchmark_margin_lower": np.maximum(whole.mean - z * whole.error, 0.0),
        "benchmark_margin_upper": whole.mean + z * whole.error,
        "benchmark_open_margin": open_only.mean,
    }


def _date(scores: Any) -> Any:
    """Return the one date of a table of scores."""
    remedies = {"as_of": "pass as_of="}
    dates = read_table(scores, {"as_of": "as_of"}, what=_WHAT, remedies=remedies).arrow("as_of")
    different = pc.unique(dates).drop_null().to_pylist()
    if len(different) != 1:
        raise _arguments.refusal(different, "as_of", "one date; score one date at a time")
    return different[0]


def _has(table: Any, name: str) -> bool:
    from tercet._frames import has_column
    from tercet.value.propensity._customers import is_table

    return is_table(table) and has_column(table, name)


def _with_gaps(column: Any) -> Any:
    gaps = isinstance(column, np.ndarray) and column.dtype == np.float64 and np.isnan(column).any()
    return pa.array(column, from_pandas=True) if gaps else column

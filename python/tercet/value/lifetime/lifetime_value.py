"""Customer lifetime value: expected purchases times expected spend, discounted."""

from __future__ import annotations

from typing import Any

from tercet import _arguments, _tercet
from tercet._frames import Table, read_table
from tercet._progress import Progress, reporting
from tercet._summary import check_time_unit, check_unique, core_names, id_column, mean_spend
from tercet.exceptions import ParameterError
from tercet.value.lifetime.bg_nbd import BGNBD
from tercet.value.lifetime.gamma_gamma import GammaGamma

__all__ = ["lifetime_value"]

_RESULTS = (
    "probability_alive",
    "expected_purchases",
    "expected_spend",
    "clv",
    "clv_lower",
    "clv_upper",
)


_RATE = "a yearly rate, 0.1 for 10 per cent"
_MARGIN = "the part of the spend that is gained, 0.3 for 30 per cent"


def lifetime_value(
    model: BGNBD,
    spend: GammaGamma,
    summary: Any,
    *,
    horizon: float,
    discount_rate: float = 0.0,
    margin: float = 1.0,
    level: float | None = None,
    customer: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> Any:
    """Return what each customer is worth within a horizon.

    The value is the margin on the purchases that are expected from the end of observation on, each
    of the customer's expected spend, discounted to the end of observation from the time at which it
    is expected. Purchases made already are not part of it.

    Parameters
    ----------
    model : BGNBD
        A fitted model of purchases.
    spend : GammaGamma
        A fitted model of spend.
    summary : table
        One row a customer, with ids and mean values.
    horizon : float
        How far to look ahead, in the time unit of `model`.
    discount_rate : float
        Yearly rate of discount, at most 1: 0.10 makes money a year away worth 1/1.10.
    margin : float
        The part of the spend that is gained, at most 1: 0.3 for 30 per cent.
    level : float, optional
        Confidence level of an interval for the value; without it none is computed. The interval
        is that of the uncertainty of both models' parameters (delta method).
    customer : str, optional
        The column of customer ids. By default the one that `model` names, or where the summary
        lacks that, the one that it was made with, if it notes it; a model whose `customer` is None
        gives a table without ids.
    n_jobs : int, optional
        Threads; None or -1 for all cores. The result does not depend on it.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    table
        Of the caller's kind and in the caller's row order: the customer's id,
        `probability_alive`, `expected_purchases` (within the horizon, not discounted),
        `expected_spend` (a purchase), `clv` and, with a level, `clv_lower` and `clv_upper`.

    Raises
    ------
    NotFittedError
        If a model has not been fitted.
    DataError
        For rows that cannot be, such as a customer with two of them; it names column and row.
    ParameterError
        For an argument that cannot be used.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "RFM and CLV: using iso-value curves for
    customer base analysis." Journal of Marketing Research 42(4), 415-430.

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(2_000, seed=1)
    >>> summary = tc.purchase_summary(log.transactions, amount="amount")
    >>> model, spend = tc.BGNBD().fit(summary), tc.GammaGamma().fit(summary)
    >>> value = tc.lifetime_value(
    ...     model, spend, summary, horizon=52, discount_rate=0.10, margin=0.3, level=0.95
    ... )
    >>> list(value.columns)[-3:]
    ['clv', 'clv_lower', 'clv_upper']
    """
    lifetime_engine, spend_engine = _engines(model, spend)
    n_jobs = _arguments.threads(n_jobs)
    settings = {
        "horizon": _arguments.number(horizon, "horizon"),
        "discount_rate": _arguments.share(discount_rate, "discount_rate", _RATE),
        "margin": _arguments.share(margin, "margin", _MARGIN),
    }
    ids = id_column(summary, model.customer) if customer is None else customer
    names = {**model._summary_columns(), "monetary_value": spend.monetary_value}
    table = _read(summary, names, ids)
    check_time_unit(table, str(lifetime_engine.settings["time_unit"]))
    check_unique(table, ids, n_jobs)
    frequency = table.floats(model.frequency)
    with reporting(progress) as report:
        values = _tercet.lifetime_value(
            lifetime_engine,
            spend_engine,
            frequency,
            table.floats(model.recency),
            table.floats(model.T),
            mean_spend(table, spend.monetary_value, frequency),
            columns=core_names(names),
            level=None if level is None else _arguments.number(level, "level"),
            n_jobs=n_jobs,
            progress=report,
            **settings,
        )
    columns = {} if ids is None else {ids: table.take(ids)}
    return table.build({**columns, **{name: values[name] for name in _RESULTS if name in values}})


def _read(summary: Any, names: dict[str, str], customer: str | None) -> Table:
    if customer in _RESULTS:
        message = f"customer = {customer!r}: the result has a column of that name; rename it"
        raise ParameterError(message, "customer")
    wanted = names if customer is None else {**names, "customer": customer}
    owners = {**dict.fromkeys(names, "BGNBD"), "monetary_value": "GammaGamma"}
    return read_table(summary, wanted, what="summary", owners=owners)


def _engines(model: Any, spend: Any) -> tuple[_tercet.FittedBgNbd, _tercet.FittedGammaGamma]:
    if not isinstance(model, BGNBD):
        message = f"model = {type(model).__name__}: expected a fitted BGNBD"
        raise ParameterError(message, "model")
    if not isinstance(spend, GammaGamma):
        message = f"spend = {type(spend).__name__}: expected a fitted GammaGamma"
        raise ParameterError(message, "spend")
    if model.frequency != spend.frequency:
        message = (
            f"spend = GammaGamma(frequency={spend.frequency!r}): expected the column of repeat "
            f"purchases that the BGNBD reads ({model.frequency!r})"
        )
        raise ParameterError(message, "spend")
    return model._require(), spend._require()

"""
The compiled half of tercet; use the classes and functions of `tercet` instead.
"""

from collections.abc import Callable
from numpy import float64, int64, uint8
from numpy.typing import NDArray
from os import PathLike
from typing import Any, Final, SupportsFloat, SupportsIndex, final

__all__ = [
    "__version__",
    "FittedBgNbd",
    "FittedGammaGamma",
    "PurchaseSummary",
    "check_unique_ids",
    "lifetime_value",
    "model_kind",
    "simulate_purchases",
    "summarize_purchases",
]

__version__: Final[str]

@final
class FittedBgNbd:
    """
    A fitted BG/NBD model: immutable.

    Arrays of customers are float64, in the caller's row order: `frequency` counts repeat purchases,
    `recency` is the time from the first to the last purchase, `age` that from the first purchase to
    the end of observation. `columns` says what the caller calls them, for error messages.
    """
    @property
    def as_of(self, /) -> str | None:
        """
        The end of observation of the data that it was fitted to; None where nobody said.
        """
    @property
    def columns(self, /) -> dict[str, str]:
        """
        What the columns were called in the table that it was fitted to.
        """
    @property
    def covariance(self, /) -> NDArray[float64]:
        """
        Covariance matrix of the estimates; nan where the data do not determine an entry.
        """
    def discounted_purchases(
        self,
        /,
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        *,
        columns: dict[str, str],
        horizon: SupportsFloat | SupportsIndex,
        discount_rate: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Purchases expected of each customer within `horizon` time units, each discounted to the end of
        observation at a yearly rate.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    def expected_purchases(
        self,
        /,
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        *,
        columns: dict[str, str],
        horizon: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Purchases expected of each customer within `horizon` time units.
        """
    def expected_purchases_interval(
        self,
        /,
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        *,
        columns: dict[str, str],
        horizon: SupportsFloat | SupportsIndex,
        level: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Intervals of the expected purchases, a row a customer: lower and upper end.
        """
    def expected_purchases_new(self, /, horizon: SupportsFloat | SupportsIndex) -> float:
        """
        Purchases expected of a new customer within `horizon` time units after the first purchase.
        """
    @staticmethod
    def fit(
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        weights: NDArray[float64] | None = None,
        *,
        columns: dict[str, str],
        settings: dict[str, Any],
        as_of: str | None = None,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedBgNbd:
        """
        Fits the four parameters by maximum likelihood.

        `settings` has `time_unit`, `new_customers` and `max_iterations`; `as_of`, the end of
        observation as text, is kept with the model.
        """
    @staticmethod
    def from_json(json: str) -> FittedBgNbd:
        """
        The model from a JSON text.
        """
    @staticmethod
    def from_parameters(
        r: SupportsFloat | SupportsIndex,
        alpha: SupportsFloat | SupportsIndex,
        a: SupportsFloat | SupportsIndex,
        b: SupportsFloat | SupportsIndex,
        *,
        time_unit: str = "week",
    ) -> FittedBgNbd:
        """
        A model with given parameters, such as published ones; it has no standard errors.
        """
    def intervals(self, /, level: SupportsFloat | SupportsIndex) -> NDArray[float64]:
        """
        Intervals of the parameters, a row each: lower and upper end.
        """
    def log_likelihood(
        self,
        /,
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        weights: NDArray[float64] | None = None,
        *,
        columns: dict[str, str],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> float:
        """
        The log-likelihood of customers under the model, summed in the model's time unit.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names: r, alpha, a, b.
        """
    def probability_alive(
        self,
        /,
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        *,
        columns: dict[str, str],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The probability that each customer is still active at the end of observation.
        """
    def probability_alive_interval(
        self,
        /,
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        *,
        columns: dict[str, str],
        level: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Intervals of the probability of being active, a row a customer: lower and upper end.
        """
    @property
    def report(self, /) -> dict[str, Any]:
        """
        How the fit went, by name.
        """
    def save(self, /, path: str | PathLike[str]) -> None:
        """
        Writes the model to a file, whole or not at all.
        """
    @property
    def settings(self, /) -> dict[str, Any]:
        """
        The settings that it was fitted with.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan for a parameter that lies on a boundary or was given.
        """
    def time_until(
        self,
        /,
        frequency: NDArray[float64],
        recency: NDArray[float64],
        age: NDArray[float64],
        *,
        columns: dict[str, str],
        probability: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        For how long each customer may stay silent until the probability of being active falls below
        `probability`.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedGammaGamma:
    """
    A fitted Gamma-Gamma model: immutable.

    Arrays of customers are float64, in the caller's row order: `frequency` counts repeat purchases,
    `monetary_value` is their mean value. `columns` says what the caller calls them, for error
    messages.
    """
    @property
    def as_of(self, /) -> str | None:
        """
        None: spend is not tied to a date.
        """
    @property
    def columns(self, /) -> dict[str, str]:
        """
        What the columns were called in the table that it was fitted to.
        """
    @property
    def covariance(self, /) -> NDArray[float64]:
        """
        Covariance matrix of the estimates; nan where the data do not determine an entry.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    def expected_spend(
        self,
        /,
        frequency: NDArray[float64],
        monetary_value: NDArray[float64],
        *,
        columns: dict[str, str],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Expected value of a purchase of each customer.
        """
    def expected_spend_interval(
        self,
        /,
        frequency: NDArray[float64],
        monetary_value: NDArray[float64],
        *,
        columns: dict[str, str],
        level: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Intervals of the expected value of a purchase, a row a customer: lower and upper end.
        """
    @staticmethod
    def fit(
        frequency: NDArray[float64],
        monetary_value: NDArray[float64],
        weights: NDArray[float64] | None = None,
        *,
        columns: dict[str, str],
        settings: dict[str, Any],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedGammaGamma:
        """
        Fits the three parameters by maximum likelihood, to customers with a repeat purchase.

        `settings` has `zero_spend` and `max_iterations`.
        """
    @staticmethod
    def from_json(json: str) -> FittedGammaGamma:
        """
        The model from a JSON text.
        """
    @staticmethod
    def from_parameters(
        p: SupportsFloat | SupportsIndex,
        q: SupportsFloat | SupportsIndex,
        v: SupportsFloat | SupportsIndex,
    ) -> FittedGammaGamma:
        """
        A model with given parameters, such as published ones; it has no standard errors.
        """
    @property
    def independence(self, /) -> dict[str, Any]:
        """
        Whether spend goes with frequency: correlation, `p_value`, n, verdict; nan where no test was
        possible.
        """
    def intervals(self, /, level: SupportsFloat | SupportsIndex) -> NDArray[float64]:
        """
        Intervals of the parameters, a row each: lower and upper end.
        """
    def log_likelihood(
        self,
        /,
        frequency: NDArray[float64],
        monetary_value: NDArray[float64],
        weights: NDArray[float64] | None = None,
        *,
        columns: dict[str, str],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> float:
        """
        The log-likelihood of customers under the model, summed.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names: p, q, v.
        """
    @property
    def population_mean(self, /) -> float:
        """
        Mean value of a purchase in the population; infinite where q is at most 1.
        """
    @property
    def report(self, /) -> dict[str, Any]:
        """
        How the fit went, by name.
        """
    def save(self, /, path: str | PathLike[str]) -> None:
        """
        Writes the model to a file, whole or not at all.
        """
    @property
    def settings(self, /) -> dict[str, Any]:
        """
        The settings that it was fitted with.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan for a parameter that lies on a boundary or was given.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class PurchaseSummary:
    """
    One row a customer, sorted by id; with a holdout, also what each did after the summary's end.

    Every column is one NumPy array, made once and shared by all who ask for it.
    """
    def __repr__(self, /) -> str: ...
    @property
    def age(self, /) -> NDArray[float64]:
        """
        Time from the first purchase to the end of the summary, in time units.
        """
    @property
    def first_row(self, /) -> NDArray[int64]:
        """
        A row of the log in which each customer occurs: where to take the id from.
        """
    @property
    def first_time(self, /) -> NDArray[int64]:
        """
        Time of each customer's first purchase, in the log's ticks.
        """
    @property
    def frequency(self, /) -> NDArray[float64]:
        """
        Repeat purchases.
        """
    @property
    def holdout_duration(self, /) -> float | None:
        """
        Length of the holdout period in time units; None without one.
        """
    @property
    def holdout_frequency(self, /) -> NDArray[float64] | None:
        """
        Purchases in the holdout period; None without one.
        """
    @property
    def holdout_monetary_value(self, /) -> NDArray[float64] | None:
        """
        Mean value of the purchases in the holdout period; None without one or without amounts.
        """
    @property
    def last_time(self, /) -> NDArray[int64]:
        """
        Time of each customer's last purchase, in the log's ticks.
        """
    @property
    def monetary_value(self, /) -> NDArray[float64] | None:
        """
        Mean value of the repeat purchases (0 without any); None without amounts.
        """
    @property
    def n_dropped_after_end(self, /) -> int:
        """
        Rows of the log after the end of observation that were left out.
        """
    @property
    def n_new_customers(self, /) -> int | None:
        """
        Customers whose first purchase lies in the holdout period; None without one.
        """
    @property
    def n_refunds(self, /) -> int:
        """
        Rows with a negative amount.
        """
    @property
    def n_without_purchase(self, /) -> int:
        """
        Customers of whom no purchase is left: refunded, or after the end of observation.
        """
    @property
    def observation_end(self, /) -> int:
        """
        The end of the summary, in the log's ticks.
        """
    @property
    def recency(self, /) -> NDArray[float64]:
        """
        Time from the first to the last purchase, in time units.
        """

def check_unique_ids(
    customer: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]],
    column: str,
    n_jobs: SupportsIndex | None = None,
) -> None:
    """
    Raises a `DataError` that names the first row whose customer has a row already.
    """

def lifetime_value(
    lifetime: FittedBgNbd,
    spend: FittedGammaGamma,
    frequency: NDArray[float64],
    recency: NDArray[float64],
    age: NDArray[float64],
    monetary_value: NDArray[float64],
    *,
    columns: dict[str, str],
    horizon: SupportsFloat | SupportsIndex,
    discount_rate: SupportsFloat | SupportsIndex,
    margin: SupportsFloat | SupportsIndex,
    level: SupportsFloat | SupportsIndex | None = None,
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, NDArray[float64]]:
    """
    Values every customer over `horizon` time units.

    `discount_rate` is yearly, `margin` the share of spend that is kept; with a `level` there are
    `clv_lower` and `clv_upper` as well.
    """

def model_kind(json: str) -> str:
    """
    The kind of model in a JSON text: "`bg_nbd`", "`gamma_gamma`".
    """

def simulate_purchases(
    n_customers: SupportsIndex,
    seed: SupportsIndex,
    *,
    r: SupportsFloat | SupportsIndex,
    alpha: SupportsFloat | SupportsIndex,
    a: SupportsFloat | SupportsIndex,
    b: SupportsFloat | SupportsIndex,
    p: SupportsFloat | SupportsIndex,
    q: SupportsFloat | SupportsIndex,
    v: SupportsFloat | SupportsIndex,
    time_unit: str,
    acquisition: SupportsFloat | SupportsIndex,
    duration: SupportsFloat | SupportsIndex,
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Draws a log of purchases on whole days, and the truth behind it.

    Returns `transactions` (customer, day, amount), `customers` (the truth, a row each) and
    `observation_end_day`; days are counted from the first possible one.
    """

def summarize_purchases(
    customer: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]],
    times: NDArray[int64],
    amounts: NDArray[float64] | None,
    *,
    columns: dict[str, str],
    ticks: str,
    time_unit: str,
    merge: str,
    observation_end: SupportsIndex | None,
    calibration_end: SupportsIndex | None,
    after_end: str,
    refunds: str,
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> PurchaseSummary:
    """
    Summarises a log of purchases: one row a customer, sorted by id.

    With `calibration_end` the summary is as of that time, and comes with what the same customers
    did from then to `observation_end`.
    """

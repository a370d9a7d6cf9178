"""Gamma-Gamma: how much customers spend on a purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args

from tercet import _arguments, _display, _tercet
from tercet._frames import read_table
from tercet._progress import Progress, reporting
from tercet._summary import Rows, mean_spend, read_to_fit, with_weights
from tercet._weights import read_weights
from tercet.value.lifetime._model import LifetimeModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tercet._columns import Floats

__all__ = ["GammaGamma"]

ZeroSpend: TypeAlias = Literal["error", "skip"]


class GammaGamma(LifetimeModel):
    r"""The gamma-gamma model of the mean value of a customer's purchases.

    Its assumptions, customer by customer:

    1. The values of purchases vary at random around the customer's own mean, by a gamma
       distribution of shape `p` and rate $\nu$.
    2. The rates $\nu$ differ between customers by a gamma distribution, shape `q`, rate
       `v`.
    3. How much a customer spends is independent of how often it buys. `independence_` tests that.

    With $x$ repeat purchases of mean value $\bar z$ the likelihood of a customer is

    $$
    \frac{\Gamma(p x + q)}{\Gamma(p x) \Gamma(q)}
    \frac{v^q \bar z^{p x - 1} x^{p x}}{(v + x \bar z)^{p x + q}}
    $$

    Customers without a repeat purchase say nothing about spend: `fit` leaves them out, and
    predictions give them the population's mean.

    Parameters
    ----------
    frequency, monetary_value : str
        The columns of the summary: repeat purchases, and their mean value.
    customer : str or None
        The column of customer ids. Where the summary has it (or notes that it was made with another
        one), a customer with two rows is refused.
    zero_spend : {"error", "skip"}
        What `fit` does with repeaters whose mean value is 0: refuse them or leave them out.
    max_iterations : int
        Steps of the optimiser at most.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    params_ : dict
        Estimates of `p`, `q` and `v` (in the currency of the amounts).
    standard_errors_ : dict
        Their standard errors; nan where an estimate lies on a boundary.
    covariance_ : numpy.ndarray of shape (3, 3)
        Their covariance.
    log_likelihood_, aic_, bic_ : float
        The log-likelihood summed over repeaters, and its criteria.
    n_observations_ : float
        Repeaters: the sum of their weights, else their number.
    n_cells_, n_iterations_ : int
        Distinct rows, and steps of the optimiser.
    converged_ : bool
        Whether an optimum was reached; else `fit` warns with a `ConvergenceWarning`.
    how_it_ended_ : str
        How the fit ended, in words.
    boundary_ : str or None
        The boundary on which the estimates lie, and the simpler model that they stand for.
    population_mean_ : float
        The mean value of a purchase over all customers, `p v / (q - 1)`.
    independence_ : dict
        The test of assumption 3 on the repeaters.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013). "The gamma-gamma model of monetary value."
    http://www.brucehardie.com/notes/025/

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(5_000, seed=1)
    >>> summary = tc.purchase_summary(log.transactions, amount="amount")
    >>> spend = tc.GammaGamma().fit(summary)
    >>> sorted(spend.params_)
    ['p', 'q', 'v']
    >>> print(spend.independence_["verdict"])  # doctest: +ELLIPSIS
    spend and frequency look independent (correlation ...)
    """

    _engine_class: ClassVar[Any] = _tercet.FittedGammaGamma

    def __init__(
        self,
        *,
        frequency: str = "frequency",
        monetary_value: str = "monetary_value",
        customer: str | None = "customer_id",
        zero_spend: ZeroSpend = "error",
        max_iterations: int = 200,
        n_jobs: int | None = None,
    ) -> None:
        self.frequency = frequency
        self.monetary_value = monetary_value
        self.customer = customer
        self.zero_spend = zero_spend
        self.max_iterations = max_iterations
        self.n_jobs = n_jobs

    @classmethod
    def from_params(cls, *, p: float, q: float, v: float, **settings: Any) -> Self:
        """Return a model with given parameters, such as published ones, instead of fitted ones.

        Parameters
        ----------
        p, q, v : float
            The parameters, `v` in the currency of the amounts; all positive.
        **settings
            What the constructor takes.

        Returns
        -------
        GammaGamma
            It predicts as a fitted model does, but has no standard errors, hence no intervals.

        Raises
        ------
        ParameterError
            For a parameter that is not a positive number, or a setting that cannot be used.

        Examples
        --------
        >>> import tercet as tc
        >>> cdnow = tc.GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
        >>> round(cdnow.population_mean_, 2)
        35.22
        """
        engine = _tercet.FittedGammaGamma.from_parameters(
            _arguments.number(p, "p"), _arguments.number(q, "q"), _arguments.number(v, "v")
        )
        return cls._with_parameters(engine, settings)

    @property
    def population_mean_(self) -> float:
        """The mean value of a purchase over all customers; infinite where `q` is at most 1."""
        engine: _tercet.FittedGammaGamma = self._require()
        return float(engine.population_mean)

    @property
    def independence_(self) -> dict[str, Any]:
        """Whether how much customers spend goes with how often they buy.

        `correlation` of frequency and monetary value over the `n` repeaters, the `p_value` of
        a slope as steep as theirs if there were none (nan where it cannot be tested), and a
        `verdict` in words.
        """
        engine: _tercet.FittedGammaGamma = self._require()
        return engine.independence

    def fit(
        self,
        summary: Any,
        weights: str | ArrayLike | None = None,
        *,
        progress: Progress = False,
    ) -> Self:
        """Estimate the three parameters by maximum likelihood from the repeaters.

        Parameters
        ----------
        summary : table
            One row a customer, as `tercet.purchase_summary` with `amount` makes it.
        weights : str or array of shape (n,), optional
            How many customers each row stands for: a column or one number a row.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For rows that cannot be, or no repeater at all; it names column and row.
        ParameterError
            For a setting that cannot be used.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached, or it lies on a boundary; the message is `how_it_ended_`.
        """
        settings, n_jobs = self._settings(), _arguments.threads(self.n_jobs)
        columns = self._summary_columns()
        table, names = read_to_fit(summary, columns, self.customer, weights, n_jobs, "GammaGamma")
        frequency = table.floats(self.frequency)
        with reporting(progress) as report:
            engine = _tercet.FittedGammaGamma.fit(
                frequency,
                mean_spend(table, self.monetary_value, frequency),
                read_weights(table, weights),
                columns=names,
                settings=settings,
                n_jobs=n_jobs,
                progress=report,
            )
        return self._learn(engine, table.kind)

    def expected_spend(self, summary: Any) -> Floats:
        """Return the mean value that each customer's future purchases are expected to have.

        Parameters
        ----------
        summary : table
            One row a customer.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Expected values in the order of the rows: a weighted mean of the customer's own and the
            population's, nearer to its own the more it has bought.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For rows that cannot be.

        Examples
        --------
        >>> import tercet as tc
        >>> log = tc.datasets.simulate_purchases(5_000, seed=1)
        >>> spend = tc.GammaGamma().fit(tc.purchase_summary(log.transactions, amount="amount"))
        >>> new, once, often = spend.expected_spend(
        ...     {"frequency": [0, 1, 20], "monetary_value": [0.0, 100, 100]}
        ... )
        >>> bool(new == spend.population_mean_), bool(new < once < often < 100)
        (True, True)
        """
        engine, rows = self._open(summary)
        return engine.expected_spend(*rows.arrays, **rows.options)

    def expected_spend_interval(self, summary: Any, level: float = 0.95) -> Floats:
        """Return an interval for each customer's expected spend.

        The interval is that of the parameters' uncertainty (delta method), hence one for the
        *expected* value; a single purchase varies more.

        Parameters
        ----------
        summary : table
            One row a customer.
        level : float
            Confidence level, between 0 and 1.

        Returns
        -------
        numpy.ndarray of shape (n, 2)
            Lower and upper ends in the order of the rows.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For rows that cannot be.
        ParameterError
            For a level that is not between 0 and 1.
        """
        engine, rows = self._open(summary)
        level = _arguments.number(level, "level")
        return engine.expected_spend_interval(*rows.arrays, level=level, **rows.options)

    def _settings(self) -> dict[str, Any]:
        return {
            "zero_spend": _arguments.word(self.zero_spend, "zero_spend", get_args(ZeroSpend)),
            "max_iterations": _arguments.iterations(self.max_iterations),
        }

    def _summary_columns(self) -> dict[str, str]:
        return {"frequency": self.frequency, "monetary_value": self.monetary_value}

    def _open(self, summary: Any, weights: Any = None) -> tuple[_tercet.FittedGammaGamma, Rows]:
        engine: _tercet.FittedGammaGamma = self._require()
        columns = self._summary_columns()
        wanted = with_weights(columns, weights)
        owners = dict.fromkeys(columns, "GammaGamma")
        table = read_table(summary, wanted, what="summary", owners=owners)
        frequency = table.floats(self.frequency)
        arrays = (frequency, mean_spend(table, self.monetary_value, frequency))
        options = {"columns": wanted, "n_jobs": _arguments.threads(self.n_jobs)}
        return engine, Rows(arrays, read_weights(table, weights), options)

    def _more_facts(self) -> list[tuple[str, str]]:
        return [
            ("mean value of a purchase", _display.number(self.population_mean_)),
            ("independence", str(self.independence_["verdict"] or "not tested")),
        ]

"""BG/NBD: how often customers buy while they stay, and after which purchase they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args

from tercet import _arguments, _tercet
from tercet._frames import read_table
from tercet._progress import Progress, reporting
from tercet._summary import Rows, check_time_unit, core_names, read_to_fit, with_weights
from tercet._time import TimeUnit
from tercet._weights import read_weights
from tercet.value.lifetime._model import LifetimeModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tercet._columns import Floats

__all__ = ["BGNBD"]

NewCustomers: TypeAlias = Literal["error", "skip"]


class BGNBD(LifetimeModel):
    r"""The beta-geometric / negative binomial model of repeat purchases.

    Its assumptions, customer by customer:

    1. While a customer is alive, purchases come at random times at a rate $\lambda$.
    2. Rates differ between customers by a gamma distribution, shape `r`, rate `alpha`.
    3. After each purchase the customer leaves for good with probability $p$.
    4. These probabilities differ by a beta distribution with parameters `a` and `b`.
    5. Rate and probability are independent of each other.

    With $x$ repeat purchases, the last one at $t_x$, observed until $T$,
    the likelihood of a customer is

    $$
    \frac{B(a, b + x)}{B(a, b)} \frac{\Gamma(r + x) \alpha^r}{\Gamma(r) (\alpha + T)^{r + x}}
    + [x > 0] \frac{B(a + 1, b + x - 1)}{B(a, b)}
      \frac{\Gamma(r + x) \alpha^r}{\Gamma(r) (\alpha + t_x)^{r + x}}
    $$

    A customer without a repeat purchase has had no occasion to leave: its probability of being
    alive is 1.

    Parameters
    ----------
    time_unit : {"week", "hour", "day", "month", "quarter", "year", "period"}
        The unit of `recency`, `T` and every horizon.
    frequency, recency, T : str
        The columns of the summary: repeat purchases, time of the last one, time under observation.
    customer : str or None
        The column of customer ids. Where the summary has it (or notes that it was made with another
        one), a customer with two rows is refused.
    new_customers : {"error", "skip"}
        What `fit` does with rows of `T` = 0, who have not been observed yet: refuse them or
        leave them out.
    max_iterations : int
        Steps of the optimiser at most.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    params_ : dict
        Estimates of `r`, `alpha` (in time units), `a` and `b`.
    standard_errors_ : dict
        Their standard errors; nan where an estimate lies on a boundary.
    covariance_ : numpy.ndarray of shape (4, 4)
        Their covariance.
    log_likelihood_, aic_, bic_ : float
        The log-likelihood summed over customers, in the caller's time unit, and its criteria.
    n_observations_ : float
        Customers: the sum of the weights, else the rows that were used.
    n_cells_, n_iterations_ : int
        Distinct rows, and steps of the optimiser.
    converged_ : bool
        Whether an optimum was reached; else `fit` warns with a `ConvergenceWarning`.
    how_it_ended_ : str
        How the fit ended, in words.
    boundary_ : str or None
        The boundary on which the estimates lie, and the simpler model that they stand for.
    as_of_ : str or None
        The end of observation of the data, where it is known.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "'Counting your customers' the easy way:
    an alternative to the Pareto/NBD model." Marketing Science 24(2), 275-284.

    Examples
    --------
    >>> import tercet as tc
    >>> log = tc.datasets.simulate_purchases(5_000, seed=1)
    >>> summary = tc.purchase_summary(log.transactions, observation_end=log.observation_end)
    >>> model = tc.BGNBD(time_unit="week").fit(summary)
    >>> sorted(model.params_)
    ['a', 'alpha', 'b', 'r']
    >>> model.probability_alive(summary).shape
    (5000,)
    """

    _engine_class: ClassVar[Any] = _tercet.FittedBgNbd

    def __init__(
        self,
        time_unit: TimeUnit = "week",
        *,
        frequency: str = "frequency",
        recency: str = "recency",
        T: str = "T",
        customer: str | None = "customer_id",
        new_customers: NewCustomers = "error",
        max_iterations: int = 200,
        n_jobs: int | None = None,
    ) -> None:
        self.time_unit = time_unit
        self.frequency = frequency
        self.recency = recency
        self.T = T
        self.customer = customer
        self.new_customers = new_customers
        self.max_iterations = max_iterations
        self.n_jobs = n_jobs

    @classmethod
    def from_params(cls, *, r: float, alpha: float, a: float, b: float, **settings: Any) -> Self:
        """Return a model with given parameters, such as published ones, instead of fitted ones.

        Parameters
        ----------
        r, alpha, a, b : float
            The parameters, `alpha` in time units; all positive.
        **settings
            What the constructor takes, `time_unit` above all.

        Returns
        -------
        BGNBD
            It predicts as a fitted model does, but has no standard errors, hence no intervals.

        Raises
        ------
        ParameterError
            For a parameter that is not a positive number, or a setting that cannot be used.

        Examples
        --------
        >>> import tercet as tc
        >>> cdnow = tc.BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> customer = {"frequency": [2], "recency": [30.43], "T": [38.86]}
        >>> print(cdnow.expected_purchases(customer, horizon=39).round(4))
        [1.226]
        """
        engine = _tercet.FittedBgNbd.from_parameters(
            _arguments.number(r, "r"),
            _arguments.number(alpha, "alpha"),
            _arguments.number(a, "a"),
            _arguments.number(b, "b"),
            time_unit=cls(**settings)._settings()["time_unit"],
        )
        return cls._with_parameters(engine, settings)

    @property
    def as_of_(self) -> str | None:
        """The end of observation of the data, where it is known."""
        engine: _tercet.FittedBgNbd = self._require()
        return engine.as_of

    def fit(
        self,
        summary: Any,
        weights: str | ArrayLike | None = None,
        *,
        as_of: str | None = None,
        progress: Progress = False,
    ) -> Self:
        """Estimate the four parameters by maximum likelihood.

        Parameters
        ----------
        summary : table
            One row a customer, as `tercet.purchase_summary` makes it.
        weights : str or array of shape (n,), optional
            How many customers each row stands for: a column or one number a row.
        as_of : str, optional
            The end of observation, to be stored with the model; by default what the summary notes.
        progress : bool or callable
            True for a progress bar; a callable gets each `tercet.Step`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For rows that cannot be, such as a recency beyond `T`; it names column and row.
        ParameterError
            For a setting that cannot be used.

        Warns
        -----
        ConvergenceWarning
            If no optimum was reached, or it lies on a boundary; the message is `how_it_ended_`.
        """
        settings, n_jobs = self._settings(), _arguments.threads(self.n_jobs)
        if as_of is not None and not isinstance(as_of, str):
            raise _arguments.refusal(as_of, "as_of", "text such as '1997-09-30'")
        columns = self._summary_columns()
        table, names = read_to_fit(summary, columns, self.customer, weights, n_jobs, "BGNBD")
        check_time_unit(table, self.time_unit)
        frequency, recency, age = (table.floats(name) for name in columns.values())
        with reporting(progress) as report:
            engine = _tercet.FittedBgNbd.fit(
                frequency,
                recency,
                age,
                read_weights(table, weights),
                columns=names,
                settings=settings,
                as_of=table.note().get("as_of") if as_of is None else as_of,
                n_jobs=n_jobs,
                progress=report,
            )
        return self._learn(engine, table.kind)

    def probability_alive(self, summary: Any) -> Floats:
        """Return the probability that each customer has not left by the end of observation.

        Parameters
        ----------
        summary : table
            One row a customer.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Probabilities in the order of the rows.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For rows that cannot be.

        Examples
        --------
        >>> import tercet as tc
        >>> log = tc.datasets.simulate_purchases(2_000, seed=1)
        >>> model = tc.BGNBD().fit(tc.purchase_summary(log.transactions))
        >>> customers = {"frequency": [5, 5, 0], "recency": [50.0, 20, 0], "T": [52.0, 52, 52]}
        >>> lately, silent, new = model.probability_alive(customers)
        >>> bool(silent < lately < new == 1)
        True
        """
        engine, rows = self._open(summary)
        return engine.probability_alive(*rows.arrays, **rows.options)

    def expected_purchases(self, summary: Any, horizon: float) -> Floats:
        """Return the purchases that each customer is expected to make within a horizon.

        Parameters
        ----------
        summary : table
            One row a customer.
        horizon : float
            How far to look ahead from the end of observation, in time units.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Expected numbers in the order of the rows; leaving is taken into account.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For rows that cannot be.
        ParameterError
            For a horizon that is negative or not finite.

        Examples
        --------
        >>> import tercet as tc
        >>> log = tc.datasets.simulate_purchases(2_000, seed=1)
        >>> summary = tc.purchase_summary(log.transactions)
        >>> model = tc.BGNBD().fit(summary)
        >>> year = model.expected_purchases(summary, horizon=52)
        >>> bool((year > model.expected_purchases(summary, horizon=26)).all())
        True
        """
        engine, rows = self._open(summary)
        horizon = _arguments.number(horizon, "horizon")
        return engine.expected_purchases(*rows.arrays, horizon=horizon, **rows.options)

    def expected_purchases_new(self, horizon: float) -> float:
        """Return the repeat purchases expected of a customer who has just made the first one.

        Parameters
        ----------
        horizon : float
            How far to look ahead from the first purchase, in time units.

        Returns
        -------
        float
            The expected number.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a horizon that is negative or not finite.
        """
        engine: _tercet.FittedBgNbd = self._require()
        return engine.expected_purchases_new(_arguments.number(horizon, "horizon"))

    def discounted_purchases(self, summary: Any, horizon: float, discount_rate: float) -> Floats:
        """Return the expected purchases of each customer, later ones counting for less.

        Times a value a purchase this is the customer's lifetime value: see `tercet.lifetime_value`.

        Parameters
        ----------
        summary : table
            One row a customer.
        horizon : float
            How far to look ahead from the end of observation, in time units.
        discount_rate : float
            Yearly rate: with 0.10 a purchase a year away counts for 1/1.10.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Discounted numbers in the order of the rows.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For rows that cannot be.
        ParameterError
            For a horizon or rate that cannot be used, or a rate with periods of unsaid length.
        """
        engine, rows = self._open(summary)
        return engine.discounted_purchases(
            *rows.arrays,
            horizon=_arguments.number(horizon, "horizon"),
            discount_rate=_arguments.number(discount_rate, "discount_rate"),
            **rows.options,
        )

    def time_until(self, summary: Any, probability: float = 0.5) -> Floats:
        """Return how long each customer may stay silent before it is more likely gone.

        Parameters
        ----------
        summary : table
            One row a customer.
        probability : float
            The threshold of `probability_alive`, between 0 and 1.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Time units from the end of observation until, without a purchase, the probability of
            being alive falls below the threshold; 0 where it is below already, infinite for
            customers without a repeat purchase, whom this model never counts as gone.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For rows that cannot be.
        ParameterError
            For a probability that is not between 0 and 1.
        """
        engine, rows = self._open(summary)
        probability = _arguments.number(probability, "probability")
        return engine.time_until(*rows.arrays, probability=probability, **rows.options)

    def probability_alive_interval(self, summary: Any, level: float = 0.95) -> Floats:
        """Return an interval for each customer's probability of being alive.

        The interval is that of the parameters' uncertainty (delta method).

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
        return engine.probability_alive_interval(*rows.arrays, level=level, **rows.options)

    def expected_purchases_interval(
        self, summary: Any, horizon: float, level: float = 0.95
    ) -> Floats:
        """Return an interval for each customer's expected purchases.

        The interval is that of the parameters' uncertainty (delta method), hence one for the
        *expected* number; the number that comes varies more.

        Parameters
        ----------
        summary : table
            One row a customer.
        horizon : float
            How far to look ahead from the end of observation, in time units.
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
            For a horizon or level that cannot be used.
        """
        engine, rows = self._open(summary)
        return engine.expected_purchases_interval(
            *rows.arrays,
            horizon=_arguments.number(horizon, "horizon"),
            level=_arguments.number(level, "level"),
            **rows.options,
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "time_unit": _arguments.word(self.time_unit, "time_unit", get_args(TimeUnit)),
            "new_customers": _arguments.word(
                self.new_customers, "new_customers", get_args(NewCustomers)
            ),
            "max_iterations": _arguments.iterations(self.max_iterations),
        }

    def _summary_columns(self) -> dict[str, str]:
        return {"frequency": self.frequency, "recency": self.recency, "T": self.T}

    def _open(self, summary: Any, weights: Any = None) -> tuple[_tercet.FittedBgNbd, Rows]:
        engine: _tercet.FittedBgNbd = self._require()
        columns = self._summary_columns()
        wanted = with_weights(columns, weights)
        owners = dict.fromkeys(columns, "BGNBD")
        table = read_table(summary, wanted, what="summary", owners=owners)
        check_time_unit(table, str(engine.settings["time_unit"]))
        arrays = tuple(table.floats(name) for name in columns.values())
        options = {"columns": core_names(wanted), "n_jobs": _arguments.threads(self.n_jobs)}
        return engine, Rows(arrays, read_weights(table, weights), options)

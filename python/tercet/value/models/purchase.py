"""Who will buy, and what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tercet.value.models._listed import ListedModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._time import TimeLike
    from tercet.data.snapshots import DurationLike

__all__ = ["PurchaseModel"]


class PurchaseModel(ListedModel):
    r"""The probability of a purchase, and of each of some products, from tables of the past.

    Probabilities of the products come from one fit (`fit_many` of the core): coefficients of all
    products are draws around common ones, so that a product with twenty buyers borrows from the
    others. The total, that any of the listed products is bought, has a model of its own. Both are
    brought into agreement: for every customer

    $$\max_j P(j) \le P(\text{any}) \le \min\Bigl(1, \sum_j P(j)\Bigr),$$

    by the nearest probabilities (in the sense of Kullback and Leibler) that keep this. Their log
    loss, added up over products and total, is never worse, customer by customer.

    Parameters
    ----------
    products : sequence of str, optional
        The products to predict; the total is a purchase of any of them. Without them the total is
        a purchase of anything.
    first_only : bool
        Whether a product is bought once only: who has it has no probability of it.
    features, channels : sequence of str, optional
        Product features and channels that get features of their own.
    active_within : str, timedelta or int, optional
        Leave out who was not active within this time before a date: no row in purchases or events,
        no answer to a contact, no running subscription. Else much of what is learnt may be who is
        still a customer.
    estimator : Propensity, ClassifierPropensity or classifier, optional
        What learns; by default a `Propensity(features="linear")` whose standard errors are by
        customer: curves (`tc.Propensity()`) of many features take long for many outcomes. Another
        library's classifier has no intervals, nothing is shared, and it is kept by pickle only.
    bands : mapping, optional
        Names and the probabilities that they begin at, as for `ChurnModel`; of the total.
    test_dates : int
        How many of the last dates the model is judged on.
    overlap : {"error", "drop"}
        What to do with earlier dates whose outcome was not known yet on the first of these: refuse,
        or leave them out of the judged fit.
    anyway : bool
        Whether `score` scores although the report card says no, and `fit` does not warn of it.
    replications : int
        Bootstrap replications (of customers) of the report card's intervals; 0 for none.
    random_state : int
        The seed of folds and replications.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    report_card_ : ReportCard
        How the model did on later dates: of the total, and of every product (`outcomes`).
    audit_ : SnapshotAudit
        What looked like the future in the rows of the fit.
    recipe_ : SnapshotRecipe
        How the features are built again at another date.
    models_ : dict
        The `Propensity` by outcome: "buys_any" first, then "buys_<product>"; "buys" without
        products. They have not been brought into agreement.
    bands_, event_rates_ : dict
        Bands of the total by the probability that they begin at; shares of rows with the event.

    References
    ----------
    Evgeniou, T. and Pontil, M. (2004). "Regularized multi-task learning." KDD, 109-117.

    Csiszár, I. (1975). "I-divergence geometry of probability distributions and minimization
    problems." Annals of Probability 3(1), 146-158.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_subscriptions(1_500, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2024-04-01", "2024-07-01", "2024-10-01"], observation="90d", outcome="90d"
    ... )
    >>> model = tc.PurchaseModel(
    ...     products=["seats", "training", "storage"],
    ...     anyway=True,
    ... ).fit(snapshots, purchases=company.purchases)
    >>> scored = model.score(as_of="2025-07-01", purchases=company.purchases)
    >>> list(scored.columns)[2], list(scored.columns)[5]
    ('purchase_probability', 'purchase_probability_seats')
    """

    _file_kind: ClassVar[str] = "purchase_model"
    _noun: ClassVar[str] = "purchase"
    _targets: ClassVar[tuple[str, ...]] = ("purchases",)
    _nothing_left: ClassVar[str] = "has every product"
    _verb: ClassVar[str] = "buys"
    _stem: ClassVar[str] = "purchase_probability"
    _has: ClassVar[str] = "owns"
    _thing: ClassVar[str] = "product"
    _rows: ClassVar[str] = "purchases"
    _argument: ClassVar[str] = "products"

    def __init__(
        self,
        products: Sequence[str] | None = None,
        *,
        first_only: bool = False,
        features: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        active_within: DurationLike | None = None,
        estimator: Any = None,
        bands: Mapping[str, float] | None = None,
        test_dates: int = 1,
        overlap: Literal["error", "drop"] = "error",
        anyway: bool = False,
        replications: int = 200,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.products = products
        self.first_only = first_only
        self.features = features
        self.channels = channels
        self.active_within = active_within
        self.estimator = estimator
        self.bands = bands
        self.test_dates = test_dates
        self.overlap = overlap
        self.anyway = anyway
        self.replications = replications
        self.random_state = random_state
        self.n_jobs = n_jobs

    def next_best_product(
        self,
        customers: Any = None,
        as_of: TimeLike | None = None,
        *,
        subscriptions: Any = None,
        purchases: Any = None,
        events: Any = None,
        contacts: Any = None,
        stages: Any = None,
        margins: Mapping[str, float | str] | None = None,
        owned: Any = "before",
        top: int = 1,
        level: float | None = None,
        anyway: bool = False,
    ) -> Any:
        """Return which product each customer is most likely to buy, or which promises most.

        Parameters
        ----------
        customers, as_of, subscriptions, purchases, events, contacts, stages
            As for `score`.
        margins : mapping, optional
            What each product earns: a number, or the name of a column of `customers`. With it the
            best is the one of the highest expected margin, probability times margin.
        owned : "before", table or None
            What is left out: whatever was bought at any time before the date; or what a table of
            ids and `product` lists, a row each; or nothing. With `first_only` what was bought
            before is left out always.
        top : int
            How many, the best first.
        level : float, optional
            Confidence level of the intervals, as for `score`.
        anyway : bool
            Whether to answer although the report card says no. Else a product that it says no for
            is not chosen.

        Returns
        -------
        table
            Like that of `score`: ids, `as_of`, `next_product`, `next_product_probability` with its
            ends, `next_product_expected_margin` where there are margins; `next_product_2` and so
            on; `not_scored`: why there is none, such as that a customer has every product.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `score` does, and if the report card says no for every product.
        """
        tables = (subscriptions, purchases, events, contacts, stages)
        return self._next_best(customers, as_of, tables, margins, owned, top, level, anyway)

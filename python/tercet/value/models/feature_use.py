"""Who will use a product, and which of its features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tercet.value.models._listed import ListedModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._time import TimeLike
    from tercet.data.snapshots import DurationLike

__all__ = ["FeatureUseModel"]


class FeatureUseModel(ListedModel):
    """The probability that a customer uses a product, and each of its features.

    As `PurchaseModel`, of a log of uses instead of purchases: probabilities of the features come
    from one fit in which rare ones borrow from frequent ones, and agree with that of any use.

    Parameters
    ----------
    features : sequence of str, optional
        The product features to predict; the total is the use of any of them. Without them the
        total is any event.
    first_only : bool
        Whether the first use is predicted: who has used a feature has no probability of it.
    products, channels : sequence of str, optional
        Products and channels that get features of their own.
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
        How the model did on later dates: of the total, and of every feature (`outcomes`).
    audit_ : SnapshotAudit
        What looked like the future in the rows of the fit.
    recipe_ : SnapshotRecipe
        How the features are built again at another date.
    models_ : dict
        The `Propensity` by outcome: "uses_any" first, then "uses_<feature>"; "uses" without
        features. They have not been brought into agreement.
    bands_, event_rates_ : dict
        Bands of the total by the probability that they begin at; shares of rows with the event.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_subscriptions(600, seed=1)
    >>> snapshots = tc.Snapshots(
    ...     as_of=["2023-06-01", "2023-08-01", "2023-10-01"], observation="60d", outcome="14d"
    ... )
    >>> model = tc.FeatureUseModel(
    ...     features=["export", "sharing"],
    ...     first_only=True,
    ...     anyway=True,
    ... ).fit(snapshots, events=company.events)
    >>> scored = model.score(as_of="2024-01-01", events=company.events)
    >>> list(scored.columns)[2], list(scored.columns)[5]
    ('feature_use_probability', 'feature_use_probability_export')
    """

    _file_kind: ClassVar[str] = "feature_use_model"
    _noun: ClassVar[str] = "feature use"
    _targets: ClassVar[tuple[str, ...]] = ("feature_use",)
    _nothing_left: ClassVar[str] = "has every feature"
    _verb: ClassVar[str] = "uses"
    _stem: ClassVar[str] = "feature_use_probability"
    _has: ClassVar[str] = "knows"
    _thing: ClassVar[str] = "feature"
    _rows: ClassVar[str] = "uses"
    _argument: ClassVar[str] = "features"

    def __init__(
        self,
        features: Sequence[str] | None = None,
        *,
        first_only: bool = False,
        products: Sequence[str] | None = None,
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

    def next_best_feature(
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
        """Return which feature each customer is most likely to use, or which promises most.

        Parameters
        ----------
        customers, as_of, subscriptions, purchases, events, contacts, stages
            As for `score`.
        margins : mapping, optional
            What each feature earns: a number, or the name of a column of `customers`. With it the
            best is the one of the highest expected margin, probability times margin.
        owned : "before", table or None
            What is left out: whatever was used at any time before the date; or what a table of
            ids and `feature` lists, a row each; or nothing. With `first_only` what was used
            before is left out always.
        top : int
            How many, the best first.
        level : float, optional
            Confidence level of the intervals, as for `score`.
        anyway : bool
            Whether to answer although the report card says no. Else a feature that it says no for
            is not chosen.

        Returns
        -------
        table
            Like that of `score`: ids, `as_of`, `next_feature`, `next_feature_probability` with its
            ends, `next_feature_expected_margin` where there are margins; `next_feature_2` and so
            on; `not_scored`: why there is none, such as that a customer has every feature.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `score` does, and if the report card says no for every feature.
        """
        tables = (subscriptions, purchases, events, contacts, stages)
        return self._next_best(customers, as_of, tables, margins, owned, top, level, anyway)

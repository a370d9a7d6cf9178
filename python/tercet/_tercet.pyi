"""
The compiled half of tercet; use the classes and functions of `tercet` instead.
"""

from _typeshed import SupportsGetItem, SupportsLenAndGetItem
from collections.abc import Callable
from numpy import bool_, float64, int32, int64, int8, uint16, uint32, uint8
from numpy.typing import NDArray
from os import PathLike
from typing import Any, Final, SupportsFloat, SupportsIndex, final

__all__ = [
    "__version__",
    "FittedBgNbd",
    "FittedCalibration",
    "FittedCausalForest",
    "FittedGammaGamma",
    "FittedGaussianMixtureSegments",
    "FittedHazard",
    "FittedKMeansSegments",
    "FittedLatentClass",
    "FittedMaxDiff",
    "FittedPolicyTree",
    "FittedPropensity",
    "FittedSegmentProjection",
    "FittedTypingTool",
    "PurchaseSummary",
    "SegmentMemberships",
    "SegmentRules",
    "align_assignments",
    "align_models",
    "allocate",
    "analyze_experiment",
    "assign_arms",
    "balance_of_arms",
    "best_cutoff",
    "best_worst_counts",
    "brier_scores",
    "check_unique_ids",
    "concordance",
    "discover_segments",
    "distal_outcome",
    "enough_data",
    "event_table",
    "gain_table",
    "lifetime_value",
    "model_kind",
    "plan_experiment",
    "profile_segments",
    "rank_effects",
    "read_segment",
    "reason_words",
    "reliability",
    "score_probabilities",
    "segment_predictors",
    "segment_stability",
    "select_segments",
    "simulate_answers",
    "simulate_answers_like",
    "simulate_needs",
    "simulate_purchases",
    "summarize_purchases",
    "wave_drift",
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
        Intervals of the parameters, a row each: lower and upper end; nan where there is none.
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
        The parameters' names, in the order of every other list and matrix of them.
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
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
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
class FittedCalibration:
    """
    A fitted calibration: immutable.
    """
    @property
    def blocks(self, /) -> NDArray[float64] | None:
        """
        Of an isotonic map, a row a block: lowest and highest prediction, value; None of others.
        """
    def calibrate(
        self, /, probabilities: NDArray[float64], *, n_jobs: SupportsIndex | None = None
    ) -> NDArray[float64]:
        """
        The probability that each prediction stands for.
        """
    @property
    def cross_validated(self, /) -> dict[str, Any] | None:
        """
        How the methods did on held-out customers: columns; None where the method was given.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    @property
    def event_rate(self, /) -> float:
        """
        The event rate of the customers that it was fitted to.
        """
    @staticmethod
    def fit(
        happened: NDArray[bool_],
        probabilities: NDArray[float64],
        weights: NDArray[float64] | None = None,
        customers: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]] | None = None,
        *,
        columns: dict[str, str],
        settings: dict[str, Any],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedCalibration:
        """
        Fits the map from predictions to probabilities.

        `settings` has `method`, `shift`, `interpolate`, `folds`, `seed` and `max_iterations`.
        """
    @staticmethod
    def from_json(json: str) -> FittedCalibration:
        """
        The model from a JSON text.
        """
    @property
    def method(self, /) -> str:
        """
        The method of the map.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names, in the order of every other list and matrix of them.
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
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedCausalForest:
    """
    A fitted forest: immutable.

    Attributes are triples as for a propensity.
    """
    @property
    def arms(self, /) -> list[str]:
        """
        The arms' names, the control's first; none for an amount.
        """
    def averages(self, /, *, level: SupportsFloat | SupportsIndex) -> dict[str, Any]:
        """
        The mean effects: `arm`, `estimate`, `standard_error`, `lower`, `upper`, `slope`, `slope_error`,
        `p_value`.
        """
    def effects(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The effects: a row a customer, a column an effect.
        """
    @property
    def features(self, /) -> list[str]:
        """
        The names of the attributes.
        """
    @staticmethod
    def fit(
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        treatment: tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]],
        outcome: tuple[str, NDArray[float64]],
        propensities: tuple[str, NDArray[float64] | None],
        *,
        settings: dict[str, Any],
        note: str,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> tuple[
        FittedCausalForest,
        tuple[NDArray[float64], NDArray[float64], NDArray[float64], NDArray[float64]],
    ]:
        """
        Fits to customers; returns the model and what it says of them by trees that did not see them:
        effects, doubly robust scores (a column an effect), expected outcomes, probabilities of the arms.

        `propensities` is a word, "estimated", "observed", "shares" or "rows", and the shares or the rows
        one after the other. `settings` has `n_trees`, `bag_size`, `min_leaf`, `max_depth`,
        `max_features`, `nuisance_trees` (numbers or None), `bins`, `imbalance`, `min_propensity` and
        `seed`; `note`, a JSON text, is kept with the model.
        """
    @staticmethod
    def from_json(json: str) -> FittedCausalForest:
        """
        The model from a JSON text.
        """
    @property
    def importance(self, /) -> NDArray[float64]:
        """
        How much of the splits each attribute has.
        """
    def intervals(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        level: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Their intervals: lower and upper end of every effect, a row a customer.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def outcome(self, /) -> str:
        """
        What the outcome is called.
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
    def settings(self, /) -> str:
        """
        The settings that it was fitted with, as a JSON text.
        """
    def standard_errors(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Their standard errors.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """
    @property
    def treatment(self, /) -> str:
        """
        What the treatment is called.
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
        Intervals of the parameters, a row each: lower and upper end; nan where there is none.
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
        The parameters' names, in the order of every other list and matrix of them.
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
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedGaussianMixtureSegments:
    """
    A fitted mixture of Gaussians: immutable.

    A survey is a list of pairs: what a question is (a record of `name`, `kind`, `levels`, `scores`), and
    the column of its answers.
    """
    @property
    def centers(self, /) -> NDArray[float64]:
        """
        The segments' means in the questions' own units: a row a segment.
        """
    @property
    def covariances(self, /) -> NDArray[float64]:
        """
        The covariances within the segments: row by row, segment by segment.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    @staticmethod
    def fit(
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        *,
        settings: dict[str, Any],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedGaussianMixtureSegments:
        """
        Fits; `settings` has `n_segments`, `starts`, `seed`, `regularization`, `max_iterations` and
        `tolerance`.
        """
    @staticmethod
    def from_json(json: str) -> FittedGaussianMixtureSegments:
        """
        The model from a JSON text.
        """
    def log_likelihood(
        self,
        /,
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> float:
        """
        The log-likelihood of respondents under the model, summed.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names, in the order of every other list and matrix of them.
        """
    def posterior(
        self,
        /,
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Each respondent's probability of belonging to each segment: a row a respondent.
        """
    @property
    def questions(self, /) -> list[dict[str, Any]]:
        """
        The questions: `name`, `kind`, `levels` and `scores` of each.
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
    def shares(self, /) -> NDArray[float64]:
        """
        The shares of the segments, largest first.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    @property
    def starts_at_best(self, /) -> int:
        """
        How many starts ended within 0.1 of the best log-likelihood.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedHazard:
    """
    A fitted hazard: immutable.

    Attributes are those of a propensity.
    """
    def baseline(self, /, *, level: SupportsFloat | SupportsIndex) -> dict[str, Any]:
        """
        The baselines: `event` (its place), `period` (from 1), `start`, `end`, `log_odds`, `hazard`,
        `lower`, `upper`; nan where there is no number.
        """
    def baseline_strength(self, /, event: SupportsIndex) -> list[float]:
        """
        The penalty on bends or steps of an event's baseline, and its effective parameters.
        """
    def changes(self, /, *, level: SupportsFloat | SupportsIndex) -> dict[str, Any]:
        """
        How effects change as time doubles: `event` (its place), `feature`, `at`, `estimate`,
        `standard_error`, `lower`, `upper`, `z`, `p_value`.
        """
    def cumulative_incidence(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        event: SupportsIndex,
        times: SupportsGetItem[int, SupportsFloat | SupportsIndex],
        given: NDArray[float64],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The probability of an event, by its place, within each of `times`.
        """
    @property
    def duration(self, /) -> str:
        """
        What the times are called.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    @property
    def events(self, /) -> list[str]:
        """
        The events' names.
        """
    def expected_remaining_time(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        horizon: SupportsFloat | SupportsIndex,
        given: NDArray[float64],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The expected time until an event, at most `horizon`.
        """
    @property
    def features(self, /) -> list[str]:
        """
        The names of the attributes.
        """
    @staticmethod
    def fit(
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        duration: tuple[str, NDArray[float64]],
        event: tuple[str, NDArray[uint16], SupportsGetItem[int, str]],
        entry: tuple[str, NDArray[float64]] | None,
        weights: tuple[str, NDArray[float64]] | None,
        groups: tuple[str, NDArray[uint32]] | None,
        *,
        settings: dict[str, Any],
        note: str,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedHazard:
        """
        Fits to customers and their times.

        `settings` has `period`, `closed` ("right" or "left"), `baseline` ("spline" or "steps"),
        `baseline_intervals` (a number or None), `features` ("spline", "bins" or "linear"), `intervals` (a
        number or None), `bins`, `ordered` (names), `min_level_count`, `time_varying_effects` (names),
        `strength` ("estimated" or a number), `standard_errors` ("none", "model", "robust" or "cluster"),
        `max_iterations` and `tolerance`; `note`, a JSON text, is kept with the model.
        """
    @staticmethod
    def from_json(json: str) -> FittedHazard:
        """
        The model from a JSON text.
        """
    def hazard(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        event: SupportsIndex | None,
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The hazard of an event, or of any, in every period: a row a customer.
        """
    @property
    def horizon(self, /) -> float:
        """
        The end of the last period.
        """
    def median(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        given: NDArray[float64],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The time by which survival has fallen to a half; inf where it has not.
        """
    @property
    def n_periods(self, /) -> int:
        """
        Number of periods.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names, in the order of every other list and matrix of them.
        """
    def part(self, /, event: SupportsIndex) -> FittedPropensity:
        """
        An event's log-odds but for time, as a propensity.
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
    def settings(self, /) -> str:
        """
        The settings that it was fitted with, as a JSON text.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    def survival(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        times: SupportsGetItem[int, SupportsFloat | SupportsIndex],
        given: NDArray[float64],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Survival after each of `times`, where `given` (one number, or one a row) has been survived.
        """
    def survival_intervals(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        times: SupportsGetItem[int, SupportsFloat | SupportsIndex],
        given: NDArray[float64],
        *,
        level: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Intervals of survival: a row a customer and time, customer by customer.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedKMeansSegments:
    """
    Fitted k-means segments: immutable.

    A survey is a list of pairs: what a question is (a record of `name`, `kind`, `levels`, `scores`), and
    the column of its answers.
    """
    @property
    def centers(self, /) -> NDArray[float64]:
        """
        The segments' centers in the questions' own units: a row a segment.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    @staticmethod
    def fit(
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        *,
        settings: dict[str, Any],
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedKMeansSegments:
        """
        Fits; `settings` has `n_segments`, `starts`, `seed`, `standardize` and `max_iterations`.
        """
    @staticmethod
    def from_json(json: str) -> FittedKMeansSegments:
        """
        The model from a JSON text.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names, in the order of every other list and matrix of them.
        """
    def posterior(
        self,
        /,
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        1 for each respondent's segment and 0 for the others: a row a respondent.
        """
    @property
    def questions(self, /) -> list[dict[str, Any]]:
        """
        The questions: `name`, `kind`, `levels` and `scores` of each.
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
    def shares(self, /) -> NDArray[float64]:
        """
        The shares of the segments, largest first.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    @property
    def starts_at_best(self, /) -> int:
        """
        How many starts found the least sum of squares.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """
    @property
    def total_squares(self, /) -> float:
        """
        The sum of squared distances from the overall means.
        """
    @property
    def within_squares(self, /) -> NDArray[float64]:
        """
        The sum of squared distances within each segment.
        """

@final
class FittedLatentClass:
    """
    A fitted latent class model: immutable.

    A survey is a list of pairs: what a question is (a record of `name`, `kind`, `levels`, `scores`), and
    the column of its answers in the caller's row order: uint8 codes of the levels, 255 where there is
    none, or float64 numbers, nan where there is none. `weights` and each of the `covariates` are
    a pair too: the caller's name and a float64 column.
    """
    @property
    def bivariate_residuals(self, /) -> dict[str, Any]:
        """
        What pairs of questions have in common beyond the segments: `first`, `second`, `residual`.
        """
    @property
    def coefficient_errors(self, /) -> NDArray[float64]:
        """
        Their standard errors; nan where there is none.
        """
    @property
    def coefficients(self, /) -> NDArray[float64]:
        """
        Coefficients of the membership: a row a segment, the constant first, then the covariates.
        """
    @property
    def covariates(self, /) -> list[str]:
        """
        The names of the covariates.
        """
    @property
    def criteria(self, /) -> dict[str, Any] | None:
        """
        Criteria by name, `assigned_posterior` (a number a segment) and `classification` (a row a
        true segment); None for a model whose parameters were given.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    @staticmethod
    def fit(
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        weights: tuple[str, NDArray[float64]] | None,
        covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
        *,
        settings: dict[str, Any],
        note: str,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedLatentClass:
        """
        Fits by maximum likelihood, or maximum posterior with a prior.

        `settings` has `n_segments`, `starts`, `seed`, `prior`, `variance`, `weight_type`,
        `response_style`, `drop_early`, `standard_errors`, `max_iterations` and `tolerance`; `note`, a JSON
        text, is kept with the model.
        """
    @staticmethod
    def from_json(json: str) -> FittedLatentClass:
        """
        The model from a JSON text.
        """
    @property
    def intercepts(self, /) -> dict[str, NDArray[float64]]:
        """
        The intercepts of every ordinal question, a number a level.
        """
    def intervals(self, /, level: SupportsFloat | SupportsIndex) -> NDArray[float64]:
        """
        Intervals of the parameters, a row each: lower and upper end; nan where there is none.
        """
    def log_likelihood(
        self,
        /,
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        weights: tuple[str, NDArray[float64]] | None,
        covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> float:
        """
        The log-likelihood of respondents under the model, summed.
        """
    @property
    def n_unanswered(self, /) -> int:
        """
        Respondents in the fit who answered none of the questions.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names, in the order of every other list and matrix of them.
        """
    def posterior(
        self,
        /,
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Each respondent's probability of belonging to each segment: a row a respondent.

        Questions of the model that are not among those given count as not answered; without covariates
        the segments have their shares for priors.
        """
    @property
    def questions(self, /) -> list[dict[str, Any]]:
        """
        The questions: `name`, `kind`, `levels` and `scores` of each.
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
    def shares(self, /) -> NDArray[float64]:
        """
        The shares of the segments, largest first.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    @property
    def starts(self, /) -> dict[str, Any]:
        """
        What became of every start: `log_likelihood`, `dropped`, `reached_best`.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedMaxDiff:
    """
    A fitted model of best-worst choices: immutable.

    Choices are four arrays, a row for every item shown: the respondent (uint32, numbered from 0 without
    gaps), the task (uint32), the item's place in `items` (uint16) and the choice (int8: 1 best, -1
    worst, 0 neither). `names` are the caller's names of `respondent`, `task`, `item` and `choice`, and
    `weights` a name and a number a respondent.
    """
    @property
    def criteria(self, /) -> dict[str, Any] | None:
        """
        Criteria by name, `assigned_posterior` (a number a segment) and `classification` (a row a
        true segment); None for a model whose parameters were given.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    @staticmethod
    def fit(
        choices: tuple[NDArray[uint32], NDArray[uint32], NDArray[uint16], NDArray[int8]],
        items: SupportsGetItem[int, str],
        names: dict[str, str],
        weights: tuple[str, NDArray[float64]] | None,
        *,
        settings: dict[str, Any],
        note: str,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedMaxDiff:
        """
        Fits by maximum likelihood, or maximum posterior with a prior.

        `settings` has `n_segments`, `starts`, `seed`, `prior`, `worst`, `weight_type`, `drop_early` and
        `max_iterations`; `note`, a JSON text, is kept with the model.
        """
    @staticmethod
    def from_json(json: str) -> FittedMaxDiff:
        """
        The model from a JSON text.
        """
    @staticmethod
    def from_parameters(
        items: SupportsGetItem[int, str],
        shares: SupportsGetItem[int, SupportsFloat | SupportsIndex],
        utilities: SupportsGetItem[int, SupportsGetItem[int, SupportsFloat | SupportsIndex]],
    ) -> FittedMaxDiff:
        """
        A model of given shares and utilities (a row a segment).
        """
    def intervals(self, /, level: SupportsFloat | SupportsIndex) -> NDArray[float64]:
        """
        Intervals of the parameters, a row each: lower and upper end; nan where there is none.
        """
    @property
    def items(self, /) -> list[str]:
        """
        The items' names.
        """
    def log_likelihood(
        self,
        /,
        choices: tuple[NDArray[uint32], NDArray[uint32], NDArray[uint16], NDArray[int8]],
        items: SupportsGetItem[int, str],
        names: dict[str, str],
        weights: tuple[str, NDArray[float64]] | None,
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> float:
        """
        The log-likelihood of choices under the model, summed with their weights.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names, in the order of every other list and matrix of them.
        """
    def posterior(
        self,
        /,
        choices: tuple[NDArray[uint32], NDArray[uint32], NDArray[uint16], NDArray[int8]],
        items: SupportsGetItem[int, str],
        names: dict[str, str],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Each respondent's probability of belonging to each segment: a row a respondent.
        """
    @property
    def preference_errors(self, /) -> NDArray[float64]:
        """
        Their standard errors; nan where there is none.
        """
    @property
    def preference_shares(self, /) -> NDArray[float64]:
        """
        How often each item would be picked as the best of all: a row a segment.
        """
    @property
    def report(self, /) -> dict[str, Any]:
        """
        How the fit went, by name.
        """
    def respondent_utilities(
        self,
        /,
        choices: tuple[NDArray[uint32], NDArray[uint32], NDArray[uint16], NDArray[int8]],
        items: SupportsGetItem[int, str],
        names: dict[str, str],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Each respondent's expected utilities: a row a respondent, a column an item of the model.
        """
    def root_likelihood(
        self,
        /,
        choices: tuple[NDArray[uint32], NDArray[uint32], NDArray[uint16], NDArray[int8]],
        items: SupportsGetItem[int, str],
        names: dict[str, str],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        How well each respondent's choices are explained; nan without a choice.
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
    def shares(self, /) -> NDArray[float64]:
        """
        The shares of the segments, largest first.
        """
    def simulate(
        self,
        /,
        respondents: SupportsIndex,
        tasks: SupportsIndex,
        shown: SupportsIndex,
        seed: SupportsIndex,
    ) -> dict[str, Any]:
        """
        Draws respondents who choose as the model says: `respondent`, `task`, `item` (its place), `choice`,
        and the `segment` (from 1) of each row's respondent.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    @property
    def starts(self, /) -> dict[str, Any]:
        """
        What became of every start: `log_likelihood`, `dropped`, `reached_best`.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedPolicyTree:
    """
    A fitted rule: immutable.

    Attributes are triples as for a propensity.
    """
    @property
    def actions(self, /) -> list[str]:
        """
        The actions' names.
        """
    def apply(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[int64]:
        """
        The leaf of every customer.
        """
    @property
    def best_single(self, /) -> int:
        """
        The place of the best action for everybody.
        """
    @property
    def control(self, /) -> int | None:
        """
        The place of the action that the rule is compared with.
        """
    @property
    def costs(self, /) -> NDArray[float64]:
        """
        What each action costs.
        """
    @property
    def features(self, /) -> list[str]:
        """
        The names of the attributes.
        """
    @staticmethod
    def fit(
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        experiment: tuple[
            tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]],
            tuple[str, NDArray[float64]],
            tuple[str, NDArray[float64] | None],
        ]
        | None,
        rewards: tuple[SupportsGetItem[int, str], NDArray[float64], SupportsIndex | None] | None,
        costs: SupportsGetItem[int, SupportsFloat | SupportsIndex],
        *,
        settings: dict[str, Any],
        note: str,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedPolicyTree:
        """
        Searches the rule.

        `experiment` is the treatment (name, codes, arms), the outcome (name, numbers) and what is known of
        the arms' probabilities, as for a causal forest; `rewards` the actions, a number an action row by row,
        and the control's place. One of them is needed. `costs` are a number an action. `settings` has
        `depth`, `min_leaf` (or None), `bins`, `shortlist`, `honest`, `nuisance_trees`, `min_propensity` and
        `seed`; `note`, a JSON text, is kept with the model.
        """
    @staticmethod
    def from_json(json: str) -> FittedPolicyTree:
        """
        The model from a JSON text.
        """
    @property
    def is_exact(self, /) -> bool:
        """
        Whether no tree of the depth is better on the rows that were searched.
        """
    def leaves(self, /, *, level: SupportsFloat | SupportsIndex) -> dict[str, Any]:
        """
        The leaves: `condition` (JSON texts), `action` (places), `n`, and of the half that did not choose:
        `rows`, `reward`, `standard_error`, `lower`, `upper`.
        """
    @property
    def nodes(self, /) -> list[tuple[int, int | None, str]]:
        """
        Splits and leaves, parents first: depth, leaf (None of a split), and who goes to the left as a JSON
        text.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def outcome(self, /) -> str | None:
        """
        What the outcome is called, if there was one.
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
    def settings(self, /) -> str:
        """
        The settings that it was fitted with, as a JSON text.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """
    @property
    def treatment(self, /) -> str | None:
        """
        What the treatment is called, if there was one.
        """
    def value(self, /, *, level: SupportsFloat | SupportsIndex) -> dict[str, Any] | None:
        """
        What the rule is worth on the half that did not choose it; None of a fit that was not honest. See
        `value_on`.
        """
    def value_on(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        experiment: tuple[
            tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]],
            tuple[str, NDArray[float64]],
            tuple[str, NDArray[float64] | None],
        ]
        | None,
        rewards: tuple[SupportsGetItem[int, str], NDArray[float64], SupportsIndex | None] | None,
        costs: SupportsGetItem[int, SupportsFloat | SupportsIndex],
        *,
        level: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> dict[str, Any]:
        """
        What the rule is worth on other customers: the rule's reward, each action's for everybody, and what
        the rule adds to each: `value`, `standard_error`, `lower`, `upper`, `rows`.
        """

@final
class FittedPropensity:
    """
    A fitted propensity: immutable.

    Attributes are triples: what the caller calls a column, the column in the caller's row order (uint16
    codes of levels, 65535 where there is none, or float64 numbers, nan where there is none) and the
    levels' names; or a name that is not looked at, a float64 matrix in C or Fortran order, and its
    columns' names.
    """
    @property
    def classes(self, /) -> list[str]:
        """
        The classes' names; none for a binary outcome.
        """
    @property
    def coefficient_errors(self, /) -> NDArray[float64] | None:
        """
        The standard error of every coefficient, of several classes one class after the other; None
        without.
        """
    @property
    def columns(self, /) -> dict[str, Any]:
        """
        Every column with its coefficient, the intercept first: `column`, `coefficient`.
        """
    def contributions(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> tuple[float, NDArray[float64]]:
        """
        What every feature adds to the log-odds: the baseline, and a row a customer.
        """
    def curve(
        self, /, feature: str, *, points: SupportsIndex, level: SupportsFloat | SupportsIndex
    ) -> dict[str, Any]:
        """
        What a feature adds to the log-odds: `value` (nan for a level), `label`, `effect`, `lower`,
        `upper`.
        """
    def effects(
        self, /, *, level: SupportsFloat | SupportsIndex, class_: SupportsIndex | None = None
    ) -> dict[str, Any]:
        """
        The table of effects: `feature` (None for the intercept), `at`, `estimate`, `standard_error`,
        `lower`, `upper`, `z`, `p_value`; nan where there is no number. Of several classes those of one,
        counted from 0, against the mean of all.
        """
    @property
    def features(self, /) -> list[str]:
        """
        The names of the attributes.
        """
    @staticmethod
    def fit(
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        outcome: tuple[str, NDArray[bool_] | NDArray[uint16], SupportsGetItem[int, str]],
        weights: tuple[str, NDArray[float64]] | None,
        offset: tuple[str, NDArray[float64]] | None,
        groups: tuple[str, NDArray[uint32]] | None,
        *,
        settings: dict[str, Any],
        note: str,
        out_of_fold: bool = False,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> tuple[FittedPropensity, tuple[NDArray[float64], NDArray[uint16]] | None]:
        """
        Fits to customers; returns the model and, where `out_of_fold` is true, the predictions of every
        row by a fit that did not see it, and the rows' folds.

        `settings` has `features` ("spline", "bins" or "linear"), `intervals` (a number or None), `bins`,
        `ordered` (names), `min_level_count`, `penalty` (`"l2"` or `"elastic_net"`), `l1_ratio`, `strength`
        ("auto", "estimated", "cv" or a number), `standardize`, `solver` ("newton" or "linfa"), `folds`,
        `one_standard_error`, `seed`, `standard_errors` ("none", "model", "robust" or "cluster"),
        `max_iterations` and `tolerance`; `note`, a JSON text, is kept with the model.
        """
    @staticmethod
    def fit_many(
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        outcomes: SupportsGetItem[int, tuple[str, NDArray[bool_]]],
        weights: tuple[str, NDArray[float64]] | None,
        groups: tuple[str, NDArray[uint32]] | None,
        *,
        settings: dict[str, Any],
        notes: SupportsGetItem[int, str],
        own_weights: SupportsGetItem[int, NDArray[float64]] | None = None,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> list[FittedPropensity]:
        """
        Fits one model an outcome, drawn to what they have in common; `outcomes` are pairs of a name and
        bool values, `notes` a JSON text a model. `own_weights` are weights an outcome, which count instead
        of the others; features are learned from all rows.
        """
    @staticmethod
    def from_json(json: str) -> FittedPropensity:
        """
        The model from a JSON text.
        """
    def intervals(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        level: SupportsFloat | SupportsIndex,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Intervals of the probability: lower and upper end, a row a customer; of several classes, a row a
        customer and class.
        """
    def log_odds(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The log-odds of the outcome, or of every class against their mean: a row a customer.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def outcome(self, /) -> str:
        """
        What the outcome is called.
        """
    def probabilities(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        The probability of the outcome, or of every class: a row a customer.
        """
    def reasons(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        top: SupportsIndex,
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> tuple[
        tuple[NDArray[uint32], NDArray[uint32], NDArray[uint32], NDArray[float64]], NDArray[float64]
    ]:
        """
        The `top` features that move each row's log-odds most: what [`core::Reasons`] has, sorted by row and
        rank, and the log-odds of every row.
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
    def settings(self, /) -> str:
        """
        The settings that it was fitted with, as a JSON text.
        """
    @property
    def strength_scores(self, /) -> dict[str, NDArray[float64]]:
        """
        The strengths that cross-validation tried: `strength`, `log_loss`, `standard_error`.
        """
    def terms(self, /) -> dict[str, Any]:
        """
        Every feature as a whole: `feature`, `spread`, `effective_parameters`, `strength`.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

@final
class FittedSegmentProjection:
    """
    A fitted projection: immutable.

    Attributes are triples: what the caller calls a column, the column in the caller's row order (uint16
    codes of levels, 65535 where there is none, or float64 numbers, nan where there is none) and the
    levels' names.
    """
    @property
    def calibration(self, /) -> dict[str, Any]:
        """
        Tenths of the respondents by predicted probability: `segment`, `decile`, `weight`, `predicted`,
        `expected`, `observed`.
        """
    @property
    def effects(self, /) -> dict[str, Any]:
        """
        What each column does to each segment's log-odds: `column`, `segment`, `log_odds`.
        """
    @property
    def estimates(self, /) -> NDArray[float64]:
        """
        The estimates, in the order of the names.
        """
    @property
    def features(self, /) -> list[str]:
        """
        The names of the attributes.
        """
    @staticmethod
    def fit(
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        posterior: NDArray[float64],
        n_segments: SupportsIndex,
        shares: NDArray[float64] | None,
        weights: tuple[str, NDArray[float64]] | None,
        *,
        settings: dict[str, Any],
        note: str,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedSegmentProjection:
        """
        Fits to respondents.

        `posterior` has their memberships row by row, `shares` the segments' sizes (by default the mean of
        the posterior). `settings` has `penalty` ("cv", or a record whose `fixed` is a number),
        `correction`, `folds`, `seed`, `min_level_count` and `max_iterations`; `note`, a JSON text, is kept
        with the model.
        """
    @staticmethod
    def from_json(json: str) -> FittedSegmentProjection:
        """
        The model from a JSON text.
        """
    @property
    def is_informative(self, /) -> bool:
        """
        Whether the attributes tell the segments apart.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def parameter_names(self, /) -> list[str]:
        """
        The parameters' names, in the order of every other list and matrix of them.
        """
    @property
    def penalties(self, /) -> dict[str, NDArray[float64]]:
        """
        The penalties that were tried: `penalty`, `log_likelihood_gain`.
        """
    @property
    def penalty(self, /) -> float:
        """
        The penalty that was used.
        """
    def probabilities(
        self,
        /,
        attributes: SupportsGetItem[
            int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
        ],
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[float64]:
        """
        Each customer's probability of belonging to each segment: a row a customer.
        """
    @property
    def quality(self, /) -> dict[str, Any]:
        """
        What cross-validation says: numbers by name.
        """
    @property
    def quality_by_segment(self, /) -> dict[str, NDArray[float64]]:
        """
        The same by segment: `auc`, `auc_ceiling`, `shares_by_probability`, `shares_by_mode`.
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
        The settings that it was fitted with; `penalty` is a number, or "cv".
        """
    @property
    def shares(self, /) -> NDArray[float64]:
        """
        The segments' sizes in the survey.
        """
    @property
    def standard_errors(self, /) -> NDArray[float64]:
        """
        Standard errors; nan where there is none: on a boundary, given, or drawn by a penalty.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """
    @property
    def verdict(self, /) -> str:
        """
        What the numbers mean, in words.
        """
    def with_answers(
        self, /, projected: NDArray[float64], posterior: NDArray[float64]
    ) -> NDArray[float64]:
        """
        What attributes and own answers say together; both row by row.
        """

@final
class FittedTypingTool:
    """
    Golden questions with all that scoring their answers needs: immutable.
    """
    @property
    def confusion(self, /) -> NDArray[float64]:
        """
        A row a segment by all questions, a column a segment by the tool, in numbers of respondents.
        """
    @property
    def cross_validated(self, /) -> bool:
        """
        Whether `confusion` is of respondents who were left out.
        """
    @staticmethod
    def fit(
        model: FittedLatentClass,
        questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
        weights: tuple[str, NDArray[float64]] | None,
        covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
        *,
        settings: dict[str, Any],
        note: str,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> FittedTypingTool:
        """
        Chooses questions of a model.

        The survey is that of the model. `settings` has `n_questions`, `up_to` (or None), `folds`, `seed`,
        `always` and `never` (names), `texts` (by name) and `labels` (lists by name); `note`, a JSON text,
        is kept with the tool.
        """
    @staticmethod
    def from_json(json: str) -> FittedTypingTool:
        """
        The model from a JSON text.
        """
    @property
    def majority(self, /) -> float:
        """
        What asking nothing achieves: the share of the largest segment.
        """
    @property
    def model(self, /) -> FittedLatentClass:
        """
        The model of the chosen questions, which scores their answers.
        """
    @property
    def note(self, /) -> str:
        """
        What was kept with the model, as a JSON text.
        """
    @property
    def precision(self, /) -> NDArray[float64]:
        """
        By segment, the share of those put into it who belong to it; nan where there are none.
        """
    @property
    def questionnaire(self, /) -> str:
        """
        The questions as a short text to put before a customer.
        """
    @property
    def recall(self, /) -> NDArray[float64]:
        """
        By segment, the share of its members whom the tool finds; nan where there are none.
        """
    def save(self, /, path: str | PathLike[str]) -> None:
        """
        Writes the model to a file, whole or not at all.
        """
    @property
    def sizes(self, /) -> dict[str, Any]:
        """
        How well so many questions do, a number a size: `expected`, `agreement`, `cross_validated`,
        `standard_error`, `cross_validated_expected`; and lists a size, `questions` and
        `chosen_in_folds`.
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

@final
class SegmentMemberships:
    """
    Who is in which segment, a bit each: immutable.
    """
    def at(self, /, rows: NDArray[int64]) -> SegmentMemberships:
        """
        The same for a table whose rows are these rows, or -1 for customers who are not known here.
        """
    def flags(self, /, segment: SupportsIndex) -> NDArray[bool_]:
        """
        Whether each customer is a member of a segment.
        """
    @staticmethod
    def from_rows(
        rows: SupportsGetItem[int, NDArray[int64]], n_rows: SupportsIndex
    ) -> SegmentMemberships:
        """
        Members of some segments, given by the rows of each, among so many customers.
        """
    @property
    def n_rows(self, /) -> int:
        """
        Number of customers.
        """
    def overlap(
        self,
        /,
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> NDArray[int64]:
        """
        How many customers each two segments share, row by row.
        """
    def rows(self, /, segment: SupportsIndex) -> NDArray[int64]:
        """
        The rows of a segment's members, ascending.
        """
    def segments_of_each(self, /) -> NDArray[uint32]:
        """
        In how many segments each customer is.
        """
    def sizes(self, /) -> NDArray[int64]:
        """
        The number of members of each segment.
        """
    def without(
        self,
        /,
        other: SegmentMemberships,
        pairs: SupportsGetItem[int, tuple[SupportsIndex, SupportsIndex]],
    ) -> SegmentMemberships:
        """
        For pairs of segments here and there, the members here who are no members there.
        """

@final
class SegmentRules:
    """
    Many segments that may refer to each other: immutable.
    """
    def evaluate(
        self,
        /,
        columns: SupportsGetItem[
            int,
            tuple[
                str,
                bool,
                NDArray[float64] | NDArray[int64] | NDArray[bool_] | NDArray[int32] | None,
                NDArray[bool_] | None,
                NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]] | None,
            ],
        ],
        n_rows: SupportsIndex,
        ids: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]] | None = None,
        id_column: str = "customer_id",
        as_of: SupportsIndex | None = None,
        *,
        n_jobs: SupportsIndex | None = None,
        progress: Callable[[str, int, int | None, float | None], object] | None = None,
    ) -> SegmentMemberships:
        """
        Says who is in which segment. `columns` has for each its name, whether whole numbers are times, its
        values, which are missing, and the texts of codes; `as_of` is in microseconds of the local clock.
        """
    @staticmethod
    def from_json(json: str) -> SegmentRules:
        """
        The model from a JSON text.
        """
    @staticmethod
    def from_segments(json: str) -> SegmentRules:
        """
        The segments of a JSON list; a frozen one has its list beside its definition.
        """
    @property
    def order(self, /) -> list[int]:
        """
        Places of the segments, those that others refer to before them.
        """
    def save(self, /, path: str | PathLike[str]) -> None:
        """
        Writes the model to a file, whole or not at all.
        """
    def to_json(self, /) -> str:
        """
        The model as a JSON text.
        """

def align_assignments(
    first: NDArray[int64], second: NDArray[int64], weights: NDArray[float64] | None
) -> dict[str, Any]:
    """
    Matches the segments of two assignments of the same respondents; segments are numbered from 0.

    Returns what `align_models` does, with the adjusted Rand index.
    """

def align_models(first: FittedLatentClass, second: FittedLatentClass) -> dict[str, Any]:
    """
    Matches the segments of two models by what they answer.

    Returns `matches` (for each segment of the second its match in the first, from 0, or None),
    `similarity` and `adjusted_rand` (None).
    """

def allocate(
    actions: SupportsGetItem[int, str],
    effects: NDArray[float64],
    cost: tuple[str, NDArray[float64]],
    margin: tuple[str, NDArray[float64]],
    errors: NDArray[float64] | None,
    scores: NDArray[float64] | None,
    closed: NDArray[uint8] | None,
    ids: tuple[str, NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]]] | None,
    contacts: tuple[NDArray[int64], NDArray[int64], NDArray[uint32] | None] | None,
    *,
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Chooses an action for each customer, or none.

    Arrays of effects, errors, scores and `closed` have a number an action and customer, customer by
    customer; in `closed` 0 is open, and 1, 2 and 3 stand for "do not contact", "not eligible" and "resting".
    `settings` has `budget` (None or an amount), `limits` (pairs of actions and a number), `level`,
    `error_correlation`, `curve_points`, `seed`, and with contacts `rules` and `as_of`. Returns `choice` (-1
    for none) and `reason` (a place among `reasons`) by customer, `totals`, `bound`, `budget_price`,
    `limit_prices`, `curve` and `exact_prices`.
    """

def analyze_experiment(
    arms: tuple[str, SupportsGetItem[int, str], NDArray[uint16], SupportsIndex],
    outcomes: SupportsGetItem[
        int, tuple[str, NDArray[float64], SupportsFloat | SupportsIndex | None]
    ],
    covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
    labels: SupportsGetItem[int, tuple[str, SupportsGetItem[int, str], NDArray[uint32]]],
    flags: SupportsGetItem[int, tuple[str, NDArray[bool_]]],
    clusters: tuple[str, NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]]] | None,
    customers: tuple[str, NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]]] | None,
    *,
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Compares every arm of an experiment with the control.

    `settings` has `level`, `standard_errors`, `target`, `adjust`, `family`, `missing`, `sequential` (None or
    the customers planned), `shares` (None or a number an arm) and `ratio_level`. Returns `rows` and
    `heterogeneity` (columns), `cautions` (a text or None a row), `segments`, `outcomes`, `covariates`,
    `sample_ratio`, `n_rows`, `n_clusters`, `n_unadjusted`, `warnings` and `verdict`.
    """

def assign_arms(
    customer: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]],
    column: str,
    strata: NDArray[uint32] | None,
    shares: SupportsGetItem[int, SupportsFloat | SupportsIndex],
    seed: SupportsIndex,
    n_jobs: SupportsIndex | None = None,
) -> NDArray[uint16]:
    """
    Every customer's arm, by the arms' shares within strata.
    """

def balance_of_arms(
    covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
    arms: NDArray[uint16],
    n_arms: SupportsIndex,
) -> dict[str, NDArray[float64]]:
    """
    The mean of each covariate by arm: columns `n`, `mean` and `difference` from the first arm in standard
    deviations, covariate by covariate and arm by arm.
    """

def best_cutoff(
    happened: NDArray[bool_],
    probabilities: NDArray[float64],
    weights: NDArray[float64] | None = None,
    customers: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]] | None = None,
    *,
    columns: dict[str, str],
    benefit: float | NDArray[float64],
    cost: float | NDArray[float64],
    capacity_share: SupportsFloat | SupportsIndex | None = None,
    capacity_number: SupportsFloat | SupportsIndex | None = None,
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Searches for the cut-off of the highest profit.

    `capacity_share` or `capacity_number` (of customers) is the most that can be contacted.
    `settings` has `replications`, `level` and `seed`. Returns the figures of the core's answer by
    name, and `curve`, a row a point: share, cut-off, contacted, profit, lower and upper end.
    """

def best_worst_counts(
    choices: tuple[NDArray[uint32], NDArray[uint32], NDArray[uint16], NDArray[int8]],
    items: SupportsGetItem[int, str],
    names: dict[str, str],
    weights: tuple[str, NDArray[float64]] | None,
) -> dict[str, NDArray[float64]]:
    """
    Best-worst counts of every item: `shown`, `best`, `worst`, `score`.
    """

def brier_scores(
    durations: NDArray[float64],
    events: NDArray[uint16],
    of: SupportsIndex,
    times: SupportsGetItem[int, SupportsFloat | SupportsIndex],
    probabilities: NDArray[float64],
    weights: NDArray[float64] | None,
) -> NDArray[float64]:
    """
    The Brier score at each of `times`; `probabilities` that the event `of` has happened lie row by row.
    """

def check_unique_ids(
    customer: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]],
    column: str,
    n_jobs: SupportsIndex | None = None,
) -> None:
    """
    Raises a `DataError` that names the first row whose customer has a row already.
    """

def concordance(
    durations: NDArray[float64],
    events: NDArray[bool_],
    risks: NDArray[float64],
    weights: NDArray[float64] | None,
    *,
    until: SupportsFloat | SupportsIndex,
) -> dict[str, Any]:
    """
    Harrell's and Uno's C, and the weight of the pairs: `harrell`, `uno`, `pairs`.
    """

def discover_segments(
    attributes: SupportsGetItem[
        int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
    ],
    treatment: tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]],
    outcome: tuple[str, NDArray[float64]],
    propensities: tuple[str, NDArray[float64] | None],
    *,
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Looks for segments, a tree an arm.

    Treatment, outcome and probabilities are as for a causal forest. `settings` has `depth`, `objective`,
    `cost` (a number an arm but the control, or none), `min_leaf` (or None), `bins`, `shortlist`, `level`,
    `adjust`, `resamples`, `nuisance_trees`, `min_propensity` and `seed`. Returns `segments` (columns, the
    largest effect of each arm first; `arm` is a place), `conditions` (JSON texts), `arms` (columns),
    `names`, `n_searched`, `n_estimated` and `min_leaf`.
    """

def distal_outcome(
    outcome: dict[str, Any],
    answers: NDArray[uint8] | NDArray[float64],
    posterior: NDArray[float64],
    n_segments: SupportsIndex,
    weights: tuple[str, NDArray[float64]] | None,
    *,
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Estimates an outcome's mean, or the probabilities of its levels, in every segment.

    `settings` has `method`, `assignment`, `variance`, `standard_errors`, `level` and `max_iterations`.
    Returns `estimates` (a row a segment and level: estimate, standard error, lower and upper end),
    `shares`, `deviations`, `effective_n`, `test` and `comparisons` (segments from 1), `misassignment`,
    `n_missing`, `notes` and `report`.
    """

def enough_data(
    counts: tuple[SupportsFloat | SupportsIndex, SupportsFloat | SupportsIndex] | None = None,
    happened: NDArray[bool_] | None = None,
    weights: NDArray[float64] | None = None,
    customers: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]] | None = None,
    dates: tuple[SupportsGetItem[int, SupportsIndex], SupportsGetItem[int, str]] | None = None,
    *,
    columns: dict[str, str],
    n_parameters: SupportsIndex | None = None,
) -> dict[str, Any]:
    """
    Whether there are data enough, from numbers of events and of other rows, or from outcomes.

    `dates` are the code of each row's date, and the dates' names. Returns columns, a row a check
    (`check`, `value`, `barely`, `needed`, `enough`, `words`), and `verdict`.
    """

def event_table(
    durations: NDArray[float64],
    events: NDArray[uint16],
    n_events: SupportsIndex,
    entry: NDArray[float64] | None,
    weights: NDArray[float64] | None,
    *,
    level: SupportsFloat | SupportsIndex,
) -> dict[str, Any]:
    """
    Kaplan-Meier and Aalen-Johansen: a row a time, `time`, `at_risk`, `censored`, `survival`,
    `survival_interval`, and with a column an event `events`, `incidence`, `lower`, `upper`.
    """

def gain_table(
    happened: NDArray[bool_],
    probabilities: NDArray[float64],
    weights: NDArray[float64] | None = None,
    customers: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]] | None = None,
    *,
    columns: dict[str, str],
    money: tuple[float | NDArray[float64], float | NDArray[float64]] | None,
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    What contacting the best shares reaches.

    `settings` has `shares`, `replications`, `level` and `seed`. Returns columns, a row a share; `profit`,
    `profit_lower` and `profit_upper` are None without money; and `event_rate`, `n_events`, `total`.
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

def plan_experiment(
    rows: SupportsGetItem[int, SupportsLenAndGetItem[SupportsFloat | SupportsIndex]],
    n: SupportsFloat | SupportsIndex | None,
    *,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """
    What an experiment of some size can show, row by row.

    `rows` are segments by arms: the share of all customers, the shares of the arm and the control among
    them, the baseline, the deviation (NaN of a rate) and the number of comparisons. `settings` has `level`,
    `power`, `variance_reduction`, `sequential`, `n` (None or a number), `effect` (None or a difference) and
    `lift` (None or a share of the baseline). Returns `customers` that the effect takes, and with the rows'
    `n` of all customers: `n`, `n_control`, `detectable` and `power` (NaN where there is none).
    """

def profile_segments(
    questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
    weights: tuple[str, NDArray[float64]] | None,
    posterior: NDArray[float64],
    n_segments: SupportsIndex,
) -> dict[str, Any]:
    """
    Profiles segments on any questions from the respondents' posterior probabilities, row by row.

    Returns a column each: `question` (its place), `level` (None where the figure is a mean),
    `segment` (from 1), `value`, `standard_error`, `total`, `others`, `index`, `effect`, `z`, `p_value`,
    `p_adjusted`; and for each segment a draft of a name and of a description, `names` and `descriptions`.
    """

def rank_effects(
    scores: NDArray[float64],
    effect: NDArray[float64],
    other: NDArray[float64] | None,
    *,
    shares: SupportsGetItem[int, SupportsFloat | SupportsIndex],
    level: SupportsFloat | SupportsIndex,
) -> dict[str, Any]:
    """
    Judges a ranking by doubly robust scores, or compares it with another one.

    Returns `areas` (`area`, `estimate`, `standard_error`, `lower`, `upper`, `z`, `p_value`), `gains`
    (`share`, `effect`, `gain`, `above_random`, `standard_error`, `lower`, `upper`) and, where `other` is
    given, `differences`, like `areas`.
    """

def read_segment(json: str) -> dict[str, Any]:
    """
    Reads a segment from a JSON text.

    Returns `json` (in its one form), `columns` (name, first place, and "number", "text", "truth", "time"
    or None), `references` (id and place), and `relative` (where it first counts from the as-of date).
    """

def reason_words(
    attributes: SupportsGetItem[
        int, tuple[str, NDArray[uint16] | NDArray[float64], SupportsGetItem[int, str]]
    ],
    names: SupportsGetItem[int, str],
    rows: NDArray[uint32],
    features: NDArray[uint32],
    shares: NDArray[float64],
    points: NDArray[float64],
    *,
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> tuple[tuple[NDArray[int64], NDArray[uint8]], tuple[NDArray[int64], NDArray[uint8]]]:
    """
    What reasons say, whatever model they are of: the value of each one's feature, and a sentence.
    """

def reliability(
    happened: NDArray[bool_],
    probabilities: NDArray[float64],
    weights: NDArray[float64] | None = None,
    *,
    columns: dict[str, str],
    bins: SupportsIndex,
    level: SupportsFloat | SupportsIndex,
    n_jobs: SupportsIndex | None = None,
) -> dict[str, Any]:
    """
    Compares predictions with outcomes in groups.

    Returns columns of the groups (`lowest`, `highest`, `mean_predicted`, `observed`, `lower`, `upper`,
    `n`, `events`, `n_effective`), and `calibration_error`, `mean_predicted_of_all`, `event_rate`,
    `slope` and `intercept` (each with its standard error), `verdict`.
    """

def score_probabilities(
    happened: NDArray[bool_],
    probabilities: NDArray[float64],
    weights: NDArray[float64] | None = None,
    customers: NDArray[int64] | tuple[NDArray[int64], NDArray[uint8]] | None = None,
    *,
    columns: dict[str, str],
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Scores probabilities by outcomes.

    `settings` has `shares`, `bins`, `replications`, `level` and `seed`. Returns columns of the measures
    (`measure`, `value`, `lower`, `upper`, `compare_with`), and `n`, `n_events`, `n_customers` (None
    without customers), `n_bins`, `n_failed` (replications of one class), `event_rate`, `enough`.
    """

def segment_predictors(
    covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
    posterior: NDArray[float64],
    n_segments: SupportsIndex,
    weights: tuple[str, NDArray[float64]] | None,
    *,
    settings: dict[str, Any],
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Estimates how membership depends on covariates.

    `settings` has `method`, `assignment`, `level` and `max_iterations`. Returns `coefficients` (segment by
    segment from the second, the constant first: estimate, standard error, lower and upper end), `tests`
    (a row a covariate), `shares`, `misassignment`, `notes` and `report`.
    """

def segment_stability(
    model: FittedLatentClass,
    questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
    weights: tuple[str, NDArray[float64]] | None,
    covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
    *,
    replications: SupportsIndex,
    seed: SupportsIndex,
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Fits bootstrap samples of the respondents of a model.

    Returns `adjusted_rand` (a number a replication), `jaccard` (a row a segment, a column
    a replication), `mean_adjusted_rand`, `mean_jaccard` and `verdicts` (of each segment). A sample
    that cannot be fitted is left out.
    """

def select_segments(
    questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
    weights: tuple[str, NDArray[float64]] | None,
    covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
    *,
    numbers: SupportsGetItem[int, SupportsIndex],
    settings: dict[str, Any],
    note: str,
    replications: SupportsIndex,
    stability: SupportsIndex,
    smallest: SupportsFloat | SupportsIndex,
    seed: SupportsIndex,
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Fits every one of `numbers` of segments with the same `settings`, and recommends one.

    Returns `recommended` (None where none can be fitted), `reasons`, and `candidates`: for each number
    its `n_segments`, the `model` or the `problem` that there is none for, and, where they were run, the
    `test` against the number before (`statistic`, `p_value`, `replications`) and the `stability`.
    """

def simulate_answers(
    model: FittedLatentClass, n: SupportsIndex, seed: SupportsIndex
) -> dict[str, Any]:
    """
    Draws `n` respondents who answer every question.

    Returns `answers`, a column a question by its name (codes of levels, 255 where there is no answer,
    or numbers), and `segment`, the segment of each respondent from 1.
    """

def simulate_answers_like(
    model: FittedLatentClass,
    questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
    covariates: SupportsGetItem[int, tuple[str, NDArray[float64]]],
    seed: SupportsIndex,
) -> dict[str, Any]:
    """
    Draws a respondent for each of a survey: with the same covariates, and the same questions left
    unanswered. Returns what `simulate_answers` does.
    """

def simulate_needs(
    n_customers: SupportsIndex,
    n_respondents: SupportsIndex | None,
    *,
    missing: SupportsFloat | SupportsIndex,
    seed: SupportsIndex,
) -> dict[str, Any]:
    """
    Draws customers of an invented retailer, and a survey of some of them.

    Returns `customers` (`customer`, `segment`, `age`, `tenure`, `orders`, `discount_share`,
    `online_share`, `returns`, `region`), `respondents` (`customer`, a row of the customers, `weight`,
    `ratings`, a column a criterion, `channel`, `visits`) and the words that codes stand for: `needs`,
    `criteria`, `channels`, `regions`. A rating or a channel without an answer is 255.
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

def wave_drift(
    model: FittedLatentClass,
    questions: SupportsGetItem[int, tuple[dict[str, Any], NDArray[uint8] | NDArray[float64]]],
    weights: tuple[str, NDArray[float64]] | None,
    *,
    n_jobs: SupportsIndex | None = None,
    progress: Callable[[str, int, int | None, float | None], object] | None = None,
) -> dict[str, Any]:
    """
    Applies a model to a later wave as it is, and tests whether it still fits.

    Returns `shares` (`before`, `before_error`, `after`, `after_error`, `change_error`, `p_value`, a number a segment
    each), `shares_test` (`statistic`, `degrees`, `p_value`; None without standard errors) and
    `questions` (`name`, `statistic`, `degrees`, `p_value`, `p_adjusted`).
    """

"""What models of customers share: from snapshots to a judged fit, from tables to scores."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display
from tercet._warning import warn
from tercet.data.snapshot_table import SnapshotTable
from tercet.data.snapshots import Snapshots
from tercet.exceptions import DataError, NotFittedError, ParameterError
from tercet.value.models import _file, _why
from tercet.value.models._bands import band_of, decile_of, read_bands, usual_bands
from tercet.value.models._judging import Estimate, Judging, matrix_of
from tercet.value.models._stored import listed
from tercet.value.models._whom import Whom
from tercet.value.propensity import ClassifierPropensity, Propensity

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._frames import Kind
    from tercet._time import TimeLike
    from tercet.data.snapshot_audit import SnapshotAudit
    from tercet.data.snapshot_recipe import SnapshotRecipe
    from tercet.value.models.report_card import ReportCard
    from tercet.value.propensity._settings import Features

#: The tables that models are given.
TABLES = ("subscriptions", "purchases", "events", "contacts", "stages", "customers")
_LEVEL = 0.95


@dataclass(frozen=True)
class Fitted:
    """What a fit has found.

    Attributes
    ----------
    models : dict
        A propensity for each outcome, the main one first.
    recipe : SnapshotRecipe
        How the features are built.
    card : ReportCard
        How the model did on later dates.
    audit : SnapshotAudit
        What looked like the future.
    bands : dict
        Bands of the main probability.
    rates : dict
        The share of events of each outcome.
    n, dates : int, list of str
        Rows and dates of the fit.
    kind : str
        The kind of tables to give back.
    held : dict
        Probabilities of the fit's rows by fits that did not see them; not kept in a file.
    """

    models: dict[str, Propensity]
    recipe: SnapshotRecipe
    card: ReportCard
    audit: SnapshotAudit
    bands: dict[str, float]
    rates: dict[str, float]
    n: int
    dates: list[str]
    kind: Kind
    held: dict[str, Floats | None] = field(default_factory=dict)


class SnapshotModel(Judging):
    """A model that is fitted to snapshots of customers, and scores customers at a date."""

    estimator: Any
    bands: Any
    test_dates: int
    overlap: Any
    anyway: bool
    replications: int
    random_state: int
    n_jobs: int | None
    #: What a file calls the model, what is foretold, and the outcomes of snapshots it is for.
    _file_kind: ClassVar[str]
    _noun: ClassVar[str]
    _targets: ClassVar[tuple[str, ...]]
    #: Whether each outcome of the report card is a probability that is given out.
    _each_is_scored: ClassVar[bool] = True
    #: How numbers enter where the caller does not say.
    _shape: ClassVar[Features] = "spline"
    #: Why somebody at risk has no probability.
    _nothing_left: ClassVar[str] = ""
    _fitted: Fitted | None = None

    def fit(
        self,
        snapshots: Snapshots | SnapshotTable,
        *,
        subscriptions: Any = None,
        purchases: Any = None,
        events: Any = None,
        contacts: Any = None,
        stages: Any = None,
        customers: Any = None,
    ) -> Self:
        """Build the rows, learn from the earlier dates, be judged on the last, learn from all.

        Parameters
        ----------
        snapshots : Snapshots or SnapshotTable
            The dates and lengths of time, with the tables below; or rows already built.
        subscriptions, purchases, events, contacts, stages, customers : table, optional
            The tables of `Snapshots`: what the outcome is about, and whatever features are to be
            made from.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For a table that cannot be used, and if the outcome is the same in all rows.
        ParameterError
            For an argument that cannot be used, a date outside the data, and for dates whose
            outcome was not known yet on the first one to be judged by (see `overlap`).

        Warns
        -----
        UserWarning
            If a feature tells the outcome too well to be of the past, or if the report card says
            no.
        """
        given = (subscriptions, purchases, events, contacts, stages, customers)
        tables = {
            name: table for name, table in zip(TABLES, given, strict=True) if table is not None
        }
        self._check_settings()
        table = self._table(snapshots, tables)
        outcomes = self._outcomes(table)
        _check_both(outcomes, table)
        audit = table.audit()
        later = self._judged_later(table)
        models, held = self._learn(table, outcomes)
        card = self._card(table, outcomes, held if later is None else later)
        main = next(iter(outcomes))
        rates = {name: float(np.nanmean(values)) for name, values in outcomes.items()}
        clock, built = table._built.clock, table._built
        dates = [clock.text(built.windows[place].as_of) for place in table._places]
        for model in models.values():
            model._kind = table._eager
        self._fitted = Fitted(
            models,
            table.recipe,
            card,
            audit,
            self._bands_of(rates[main]),
            rates,
            len(table),
            dates,
            table._eager,
            held,
        )
        self._warn()
        return self

    def score(
        self,
        customers: Any = None,
        as_of: TimeLike | None = None,
        *,
        subscriptions: Any = None,
        purchases: Any = None,
        events: Any = None,
        contacts: Any = None,
        stages: Any = None,
        reasons: int = 0,
        level: float | None = None,
        anyway: bool = False,
    ) -> Any:
        """Return every customer's probabilities at a date.

        Parameters
        ----------
        customers : table, array of ids or SnapshotTable, optional
            Whom to score: a table of customers (with the attributes that the model was fitted
            with, if any) or their ids. By default everybody at risk at the date. Or rows that
            `SnapshotRecipe.features` has built.
        as_of : str, date, datetime, numpy.datetime64 or int, optional
            The date; what happened on it or later is not used. Needed unless rows are given.
        subscriptions, purchases, events, contacts, stages : table, optional
            The tables that the model was fitted with, as they are now.
        reasons : int
            How many reasons in words each customer gets: columns `reason_1`, `reason_2` and so on.
        level : float, optional
            Confidence level of the intervals; by default 0.95 where the model has any.
        anyway : bool
            Whether to score although the report card says no.

        Returns
        -------
        table
            Of the kind of `customers`, in their order and with their ids; without them of the kind
            of the table that the outcome is about, in the order of ids. A row a customer: ids,
            `as_of`, the probabilities with `_lower` and `_upper`, `band`, `decile` (1: the tenth of
            those scored whose probability is highest), reasons; and where customers were given, or
            a model is of `first_only`, `not_scored`: why somebody has no probability.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a table that lacks a column, a customer who occurs twice, and if the report card
            says no.
        ParameterError
            For a table that is missing or was not used in the fit, or a date outside the data.
        """
        fitted = self._require()
        self._check_card(anyway)
        given = (subscriptions, purchases, events, contacts, stages)
        whom = self._whom(customers, as_of, given)
        n_reasons = _arguments.whole(reasons, "reasons", "a whole number, at least 0")
        X = matrix_of(whom.snapshots)
        found = self._estimates(X, whom.snapshots, self._level(level))
        columns: dict[str, Any] = {whom.name: whom.ids(), "as_of": whom.dates()}
        for name, values in self._columns(found, X, whom.snapshots).items():
            columns[name] = whom.spread(values)
        main = next(iter(found.values())).p
        columns["band"] = whom.spread(band_of(main, fitted.bands))
        columns["decile"] = whom.spread(decile_of(main))
        if n_reasons:
            model = next(iter(fitted.models.values()))
            told = _why.sentences(model, X, n_reasons, self._words_of())
            columns |= {f"reason_{k + 1}": whom.spread(one) for k, one in enumerate(told)}
        if whom.why is not None or whom.snapshots.recipe._plan.target.first_only:
            columns["not_scored"] = whom.why_not(np.isnan(main), self._nothing_left)
        return whom.build(columns)

    def reasons(
        self,
        customers: Any = None,
        as_of: TimeLike | None = None,
        *,
        subscriptions: Any = None,
        purchases: Any = None,
        events: Any = None,
        contacts: Any = None,
        stages: Any = None,
        top: int = 3,
        outcome: str | None = None,
    ) -> Any:
        """Return what moves each customer's probability most, in words and figures.

        Parameters
        ----------
        customers, as_of, subscriptions, purchases, events, contacts, stages
            As for `score`.
        top : int
            How many features a customer; fewer where fewer change the log-odds by 0.01 or more.
        outcome : str, optional
            Of which outcome, a key of `models_`; by default of the first.

        Returns
        -------
        table
            A row a reason: ids, `as_of`, `rank` (from 1), `feature`, `value`, `direction` ("raises"
            or "lowers"), `log_odds`, `percentage_points`, `sentence`. Who was not scored has none.

        Raises
        ------
        NotFittedError, DataError, ParameterError
            As `score` does.
        """
        fitted = self._require()
        given = (subscriptions, purchases, events, contacts, stages)
        whom = self._whom(customers, as_of, given)
        model = fitted.models[self._outcome(outcome)]
        rows = np.flatnonzero(whom.rows >= 0)
        X = matrix_of(whom.snapshots).take(pa.array(whom.rows[rows]))
        found = _why.table(model, X, top, self._words_of())
        place = pa.array(rows[found.pop("row")])
        ids = whom.ids()
        if not isinstance(ids, pa.Array | pa.ChunkedArray):
            ids = ids.to_arrow()
        columns = {whom.name: ids.take(place), "as_of": _arrow(whom.dates()).take(place)}
        return whom.build(columns | found)

    def summary(self, outcome: str | None = None, level: float = _LEVEL) -> Any:
        """Return the effects of the features on the log-odds of an outcome as a table.

        Parameters
        ----------
        outcome : str, optional
            Of which outcome, a key of `models_`; by default of the first.
        level : float
            Confidence level of the intervals, between 0 and 1.

        Returns
        -------
        table
            As that of `tercet.Propensity.summary`. Which features matter most is said by
            `models_[outcome].importance_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For an outcome that the model does not have, a level that cannot be, and another
            library's classifier, which has no such effects.
        """
        return self._require().models[self._outcome(outcome)].summary(level)

    @property
    def report_card_(self) -> ReportCard:
        """How the model did on later dates, and whether it may be used."""
        return self._require().card

    @property
    def audit_(self) -> SnapshotAudit:
        """What looked like the future in the rows of the fit."""
        return self._require().audit

    @property
    def recipe_(self) -> SnapshotRecipe:
        """How the features are built again at another date."""
        return self._require().recipe

    @property
    def models_(self) -> dict[str, Propensity]:
        """The propensity of each outcome, for effects and curves."""
        return dict(self._require().models)

    @property
    def bands_(self) -> dict[str, float]:
        """The bands of the first probability, by the probability that each begins at."""
        return dict(self._require().bands)

    @property
    def event_rates_(self) -> dict[str, float]:
        """The share of the fit's rows with the event, by outcome."""
        return dict(self._require().rates)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a JSON file that `tercet.load` reads: fits, recipe, report card.

        Parameters
        ----------
        path : path
            The file; it is replaced if it exists.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            For a path that cannot be used, or a model by another library's estimator.
        OSError
            If the file cannot be written.
        """
        _file.write(self, _arguments.path(path))

    @abstractmethod
    def _table(self, snapshots: Any, tables: Mapping[str, Any]) -> SnapshotTable:
        """Return the rows to learn from."""

    @abstractmethod
    def _outcomes(self, table: SnapshotTable) -> dict[str, Floats]:
        """Return the outcomes as 0 and 1, nan where a row has none; the main one first."""

    def _learn(
        self, table: SnapshotTable, outcomes: Mapping[str, Floats]
    ) -> tuple[dict[str, Propensity], dict[str, Floats | None]]:
        """Return a fitted propensity an outcome, and its probabilities of rows left out."""
        X, groups = matrix_of(table), table.groups
        models, held = {}, {}
        for name, values in outcomes.items():
            model = self._propensity(len(table._places) > 1).fit(
                X, values.astype(np.int64), groups=groups
            )
            models[name] = model
            left_out = model.out_of_fold_
            held[name] = None if left_out is None else left_out[:, 1]
        return models, held

    def _estimates(self, X: Any, table: SnapshotTable, level: float | None) -> dict[str, Estimate]:
        """Return the probabilities of every outcome."""
        return self._of_models(self._require().models, X, table, level)

    def _of_models(
        self,
        models: Mapping[str, Propensity],
        X: Any,
        table: SnapshotTable,
        level: float | None,
    ) -> dict[str, Estimate]:
        return {name: estimate(model, X, level) for name, model in models.items()}

    @abstractmethod
    def _columns(
        self, found: Mapping[str, Estimate], X: Any, table: SnapshotTable
    ) -> dict[str, Any]:
        """Return the columns of a score by the names that the customers' table will have."""

    def _bands_of(self, rate: float) -> dict[str, float]:
        """Return the bands of the main probability."""
        return usual_bands(rate) if self.bands is None else read_bands(self.bands)

    def _settings_more(self) -> None:
        """Check what a model has besides the settings of all."""

    def _check_settings(self) -> None:
        _arguments.whole(self.test_dates, "test_dates", "a whole number, at least 1")
        _arguments.word(self.overlap, "overlap", ("error", "drop"))
        _arguments.truth(self.anyway, "anyway")
        if self.bands is not None:
            read_bands(self.bands)
        self._settings_more()

    def _propensity(self, several: bool) -> Any:
        """Return a propensity to fit: errors by customer where customers have several rows."""
        given = self.estimator
        if isinstance(given, Propensity | ClassifierPropensity):
            return type(given)(**given.get_params(deep=False))
        if hasattr(given, "fit") and hasattr(given, "predict_proba"):
            return ClassifierPropensity(given, random_state=self.random_state, n_jobs=self.n_jobs)
        if given is not None:
            expected = "None, a tercet.Propensity, or a classifier with fit and predict_proba"
            raise _arguments.refusal(given, "estimator", expected)
        return Propensity(
            features=self._shape,
            standard_errors="cluster" if several else "model",
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )

    def _warn(self) -> None:
        fitted = self._require()
        for finding in fitted.audit.findings:
            if finding.kind in ("leak", "too good"):
                warn(f"{finding.kind}: {finding.words}", UserWarning)
        unfit = self._each_is_scored and fitted.card.unfit
        if not self.anyway and (not fitted.card or unfit):
            warn(fitted.card.text(), UserWarning)

    def _check_card(self, anyway: Any) -> None:
        card = self._require().card
        if not card and not (_arguments.truth(anyway, "anyway") or self.anyway):
            message = f"{card.text()} To score regardless: score(..., anyway=True)"
            raise DataError(message)

    def _whom(self, customers: Any, as_of: Any, tables: Any) -> Whom:
        recipe = self._require().recipe
        if isinstance(customers, SnapshotTable):
            self._check_rows(customers)
            return Whom.everybody(customers)
        if as_of is None:
            raise _arguments.refusal(as_of, "as_of", "the date at which customers are scored")
        given: dict[str, Any] = dict(zip(TABLES[:-1], tables, strict=True))
        if "customers" in recipe.tables:
            if customers is None or not _is_attributes(customers):
                message = (
                    "customers: expected the table of customers; features were built from its "
                    "columns"
                )
                raise ParameterError(message, "customers")
            given["customers"] = customers
        snapshots = recipe.features(as_of=as_of, **given)
        if customers is None:
            return Whom.everybody(snapshots)
        return Whom.of(customers, snapshots, recipe)

    def _check_rows(self, table: SnapshotTable) -> None:
        missing = [
            one for one in self._require().recipe.feature_names if one not in table._features
        ]
        if missing:
            message = (
                f"the rows lack {len(missing)} features that the model was fitted with "
                f"({listed(missing)}); build them with recipe_.features"
            )
            raise DataError(message, missing[0])

    def _level(self, level: Any) -> float | None:
        if level is not None:
            return _arguments.number(level, "level", "a number between 0 and 1")
        main = next(iter(self._require().models.values()))
        return _LEVEL if has_intervals(main) else None

    def _outcome(self, outcome: Any) -> str:
        known = list(self._require().models)
        return known[0] if outcome is None else _arguments.word(outcome, "outcome", known)

    def _words_of(self) -> dict[str, str]:
        plan = self._require().recipe._plan
        return {feature.name: feature.words for feature in plan.features}

    def _require(self) -> Fitted:
        if self._fitted is None:
            message = (
                f"this {type(self).__name__} is not fitted yet; call fit(snapshots, ...) first"
            )
            raise NotFittedError(message)
        return self._fitted

    def _of_snapshots(self, snapshots: Any, tables: Mapping[str, Any]) -> SnapshotTable | None:
        """Return rows that are built already; None where they are to be built."""
        if isinstance(snapshots, SnapshotTable):
            if tables:
                name = next(iter(tables))
                message = f"{name}: expected none; the rows are built already"
                raise ParameterError(message, name)
            target = snapshots._built.plan.target
            if target.kind not in self._targets or target.when or not snapshots.outcome_names:
                expected = (
                    f"rows of {' or '.join(self._targets)}, with whether it happened, made by "
                    f"tercet.Snapshots (these are of {target.kind})"
                )
                raise ParameterError(f"snapshots: expected {expected}", "snapshots")
            return snapshots
        if not isinstance(snapshots, Snapshots):
            expected = "a tercet.Snapshots (dates and lengths of time), or the table that it built"
            raise _arguments.refusal(snapshots, "snapshots", expected)
        return None

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None

    def __repr__(self) -> str:
        return self._call() if self._fitted is None else self._shown().text()

    def _repr_html_(self) -> str:
        if self._fitted is None:
            return _display.code(self._call())
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        fitted = self._require()
        rows = []
        for name in fitted.models:
            rate = _display.per_cent(fitted.rates.get(name), 1)
            judged = next((one for one in fitted.card._judged if one.name == name), None)
            if judged is None and name not in fitted.rates:
                continue  # A model of some of the rows, as of where leads go: it has no figures.
            auc = "-" if judged is None else _display.decimals(judged.figure("auc"), 3)
            lift = "-" if judged is None else _display.decimals(judged.figure("lift@10%"), 2)
            rows.append((name, rate, auc, lift))
        words = [
            (
                f"{_display.count(fitted.n)} rows at {len(fitted.dates)} "
                f"date{'' if len(fitted.dates) == 1 else 's'} ({fitted.dates[0]}"
                f"{'' if len(fitted.dates) == 1 else f' to {fitted.dates[-1]}'}), "
                f"{len(fitted.recipe.feature_names)} features of {', '.join(fitted.recipe.tables)}."
            ),
            fitted.card.text(),
        ]
        return _display.Grid(self._call(), ("outcome", "rate", "AUC", "lift@10%"), rows, words)

    @classmethod
    def _from_json(cls, text: str) -> Self:
        """Return the model that a JSON text holds."""
        model: Self = _file.read(cls, json.loads(text))
        return model


def has_intervals(model: Any) -> bool:
    """Whether a propensity's probabilities have intervals."""
    return isinstance(model, Propensity) and model.standard_errors != "none"


def estimate(model: Any, X: Any, level: float | None) -> Estimate:
    """Return a propensity's probabilities of the outcome."""
    p = np.ascontiguousarray(model.predict_proba(X)[:, 1])
    if level is None:
        return Estimate(p)
    ends = model.predict_interval(X, level)
    # Where a calibration has steps, all three are one number but for its last digit.
    return Estimate(p, np.minimum(ends[:, 0], p), np.maximum(ends[:, 1], p))


def with_ends(name: str, found: Estimate) -> dict[str, Any]:
    """Return a probability's columns: itself, its lower and upper end."""
    columns: dict[str, Any] = {name: found.p}
    if found.lower is not None:
        columns |= {f"{name}_lower": found.lower, f"{name}_upper": found.upper}
    return columns


def outcome_column(table: SnapshotTable, name: str) -> NDArray[np.float64]:
    """Return an outcome of a table's rows as 0 and 1, nan where there is none."""
    column = table._built.outcomes[name]
    if not isinstance(column, np.ndarray):
        column = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    found: Floats = column[table._rows].astype(np.float64)
    return found


def _check_both(outcomes: Mapping[str, Floats], table: SnapshotTable) -> None:
    """Refuse an outcome that is the same in all rows."""
    for name, values in outcomes.items():
        there = values[~np.isnan(values)]
        if len(there) and 0.0 < there.mean() < 1.0:
            continue
        what = "is missing" if not len(there) else f"is {int(there[0])}"
        message = (
            f"outcome '{name}' {what} in all {len(there) or len(values):,} rows: there is nothing "
            "to learn; take other dates or a longer outcome"
        )
        raise DataError(message, name)


def _is_attributes(customers: Any) -> bool:
    from tercet.value.propensity._customers import is_table

    return is_table(customers)


def _arrow(column: Any) -> Any:
    return column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)

"""What models of customers share: from snapshots to a judged fit that is kept and shown."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tercet import _arguments, _display
from tercet._warning import warn
from tercet.data.snapshot_table import SnapshotTable
from tercet.data.snapshots import Snapshots
from tercet.exceptions import DataError, ParameterError
from tercet.value.models import _file
from tercet.value.models._bands import read_bands, usual_bands
from tercet.value.models._fitted import TABLES, Fitted
from tercet.value.models._judging import matrix_of
from tercet.value.models._scoring import Scoring
from tercet.value.propensity import ClassifierPropensity, Propensity

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from tercet._columns import Floats
    from tercet.data.snapshot_audit import SnapshotAudit
    from tercet.data.snapshot_recipe import SnapshotRecipe
    from tercet.value.models.report_card import ReportCard
    from tercet.value.propensity._settings import Features

_LEVEL = 0.95


class SnapshotModel(Scoring):
    """A model that is fitted to snapshots of customers, and scores customers at a date."""

    estimator: Any
    bands: Any
    test_dates: int
    overlap: Any
    anyway: bool
    replications: int
    random_state: int
    n_jobs: int | None
    #: What a file calls the model, what is predicted, and the outcomes of snapshots it is for.
    _file_kind: ClassVar[str]
    _noun: ClassVar[str]
    _targets: ClassVar[tuple[str, ...]]
    #: How numbers enter where the caller does not say.
    _shape: ClassVar[Features] = "spline"

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
        if not self.anyway and (not fitted.card or fitted.card.unfit):
            warn(fitted.card.text(), UserWarning)

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
            judged = next((one for one in fitted.card._judged if one.name == name), None)
            known = None if judged is None else judged.n_events / max(judged.n, 1)
            rate = _display.per_cent(fitted.rates.get(name, known), 1)
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

"""Scores and reasons of customers at a date, by a model that is fitted to snapshots."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet import _arguments
from tercet._warning import warn
from tercet.data.snapshot_table import SnapshotTable
from tercet.exceptions import DataError, NotFittedError, ParameterError
from tercet.value.models import _why
from tercet.value.models._bands import band_of, decile_of
from tercet.value.models._estimates import Estimate, estimate, has_intervals
from tercet.value.models._fitted import TABLES, Fitted
from tercet.value.models._judging import Judging, matrix_of
from tercet.value.models._stored import listed
from tercet.value.models._whom import Whom
from tercet.value.propensity._customers import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._time import TimeLike
    from tercet.value.propensity import Propensity

_LEVEL = 0.95


class Scoring(Judging):
    """A fitted model of customers, as far as it scores them."""

    anyway: bool
    #: Why somebody at risk has no probability.
    _nothing_left: ClassVar[str] = ""
    _fitted: Fitted | None = None

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
            those scored whose probability is highest), reasons; and where customers were given, a
            model is of `first_only`, or the report card says no for some, `not_scored`: why
            somebody has no probability. A probability besides the first that the report card says
            no for is missing in all rows.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            For a table that lacks a column, a customer who occurs twice, and if the report card
            says no.
        ParameterError
            For a table that is missing or was not used in the fit, or a date outside the data.

        Warns
        -----
        UserWarning
            If the report card says no for one of several probabilities, which is left out.
        """
        fitted = self._require()
        self._check_card(anyway)
        given = (subscriptions, purchases, events, contacts, stages)
        whom = self._whom(customers, as_of, given)
        n_reasons = _arguments.whole(reasons, "reasons", "a whole number, at least 0")
        X = matrix_of(whom.snapshots)
        found = self._given_out(X, whom.snapshots, self._level(level), anyway)
        columns: dict[str, Any] = {whom.name: whom.ids(), "as_of": whom.dates()}
        for name, values in self._columns(found, X, whom.snapshots).items():
            columns[name] = whom.spread(values)
        main = next(iter(found.values())).p
        columns["band"] = whom.spread(band_of(main, fitted.bands))
        columns["decile"] = whom.spread(decile_of(main))
        if n_reasons:
            model = next(iter(fitted.models.values()))
            for k, told in enumerate(_why.sentences(model, X, n_reasons, self._words_of())):
                without = pc.if_else(pa.array(np.isnan(main)), pa.scalar(None, told.type), told)
                columns[f"reason_{k + 1}"] = whom.spread(without)
        first_only = whom.snapshots.recipe._plan.target.first_only
        if whom.why is not None or first_only or np.isnan(main).any():
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

    def _estimates(self, X: Any, table: SnapshotTable, level: float | None) -> dict[str, Estimate]:
        """Return the probabilities of every outcome."""
        return self._of_models(self._require().models, X, table, level)

    def _given_out(
        self, X: Any, table: SnapshotTable, level: float | None, anyway: bool
    ) -> dict[str, Estimate]:
        """Return the probabilities to show; nan where the report card says no."""
        found, unfit = self._estimates(X, table, level), self._require().card.unfit
        if anyway or self.anyway or not unfit:
            return found
        return self._withheld(found, table, unfit)

    def _withheld(
        self, found: dict[str, Estimate], table: SnapshotTable, unfit: Sequence[str]
    ) -> dict[str, Estimate]:
        """Return probabilities without those of outcomes that the report card says no for."""
        hidden = [name for name in found if name in unfit]
        if hidden:
            message = (
                f"no probabilities of {', '.join(hidden)}: the report card says no. To score "
                "regardless: anyway=True"
            )
            warn(message, UserWarning)
        return {
            name: one.without(slice(None)) if name in hidden else one for name, one in found.items()
        }

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
            if customers is None or not is_table(customers):
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


def _arrow(column: Any) -> Any:
    return column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)

"""What is to be predicted: its words, who is at risk of it, and what came of it.

Everything before a date is known, everything from the date on is not: whoever is at risk is so by
what happened before it, and an outcome is what happens in [opens, closes) of the date's window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._snapshots.cells import first_in_windows
from tercet._snapshots.clock import NEVER
from tercet._snapshots.duration import DAY, NO_TIME, Duration
from tercet._snapshots.feature import slugs
from tercet._snapshots.windows import bounds
from tercet._tracking import DAYS_PER_UNIT
from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tercet._columns import Floats, Integers
    from tercet._snapshots.case import Case
    from tercet._snapshots.rows import Rows
    from tercet._snapshots.windows import Window

#: The kinds of outcome.
Kind: TypeAlias = Literal["churn", "inactivity", "purchases", "feature_use", "leads"]

#: The table that each kind is about.
MAIN: Final[dict[str, str]] = {
    "churn": "subscriptions",
    "inactivity": "purchases",
    "purchases": "purchases",
    "feature_use": "events",
    "leads": "stages",
}

#: Why a customer has no row, by number; 0 is who has one.
REASONS: Final = (
    "",
    "not known before the date",
    "no subscription before the date",
    "all subscriptions ended before the date",
    "subscription ended between the date and the outcome window",
    "no purchase before the date",
    "no purchase lately",
    "no stage before the date",
    "in the last stage, or lost, before the date",
    "moved on between the date and the outcome window",
    "outcome window ends after the data",
    "not active lately",
)
(
    _AT_RISK,
    _UNKNOWN,
    _NO_SUBSCRIPTION,
    _ENDED,
    _ENDED_IN_GAP,
    _NO_PURCHASE,
    _NO_PURCHASE_LATELY,
    _NO_STAGE,
    _LAST_STAGE,
    _MOVED_IN_GAP,
    _NOT_OBSERVED,
    _NOT_ACTIVE,
) = range(len(REASONS))


@dataclass(frozen=True)
class Target:
    """An outcome.

    Attributes
    ----------
    kind : str
        Which.
    when : bool
        Whether it is a time and an event instead of yes or no.
    unit : str
        The unit of that time.
    listed : tuple of str
        Products or features with an outcome of their own; of churn, the reasons that count.
    first_only : bool
        Whether those who had a product before the date have no outcome for it.
    stages, lost : tuple of str
        The order of stages, and those that are lost.
    grace : Duration
        A subscription that follows within it continues the one before.
    within : Duration or None
        At risk of inactivity is only who bought within this time before the date; of purchases and
        uses, who was active within it: bought, used something, answered a contact, or has a running
        subscription.
    """

    kind: Kind
    when: bool = False
    unit: str = "day"
    listed: tuple[str, ...] = ()
    first_only: bool = False
    stages: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    grace: Duration = NO_TIME
    within: Duration | None = None

    def names(self) -> dict[str, str]:
        """Return the columns of the outcome and what they say."""
        if self.when:
            ends = {"churn": "the end of the subscription", "leads": "the next stage"}
            event = ends.get(self.kind, "the first one")
            return {
                "duration": f"{self.unit}s from the start of the outcome window to {event}, or "
                "until observation ended",
                "event": "0 not within the time observed, else the number of the event",
            }
        if self.kind == "churn":
            why = f" because of {' or '.join(self.listed)}" if self.listed else ""
            return {"churns": f"whether the subscription ends in the outcome window{why}"}
        if self.kind == "inactivity":
            return {"inactive": "whether nothing is bought in the outcome window"}
        if self.kind == "leads":
            return {
                "moves": "whether a later stage is come into in the outcome window",
                "next_stage": "the first later or lost stage come into; 'stays' for none",
            }
        verb, what = ("buys", "bought") if self.kind == "purchases" else ("uses", "used")
        if not self.listed:
            return {verb: f"whether anything is {what} in the outcome window"}
        any_of = {f"{verb}_any": f"whether any of them is {what} in the outcome window"}
        parameter = "products" if self.kind == "purchases" else "features"
        each = zip(self.listed, slugs(self.listed, parameter), strict=True)
        return {
            f"{verb}_{short}": f"whether {name} is {what} in the outcome window"
            for name, short in each
        } | any_of

    def states(
        self, case: Case, windows: Sequence[Window], *, observed: bool
    ) -> npt.NDArray[np.int8]:
        """Return for each date and customer the number of the reason for having no row.

        Parameters
        ----------
        case : Case
            The tables.
        windows : sequence of Window
            The dates.
        observed : bool
            Whether the outcome must have been observed: not when a customer is to be scored.
        """
        lately = self._lately(case, windows) if self.within is not None else None
        found = np.zeros((len(windows), len(case)), dtype=np.int8)
        known = case.known_from()
        for window, state in zip(windows, found, strict=True):
            if self.kind == "churn":
                self._churn_states(case, window, state, observed)
            elif self.kind == "inactivity":
                state[case.firsts["purchases"].all >= window.as_of] = _NO_PURCHASE
                if lately is not None:
                    state[(state == 0) & ~lately[window.place]] = _NO_PURCHASE_LATELY
            elif self.kind == "leads":
                self._lead_states(case, window, state, observed)
            else:
                state[known >= window.as_of] = _UNKNOWN
                if lately is not None:
                    state[(state == 0) & ~lately[window.place]] = _NOT_ACTIVE
            if observed and not self._observed(case, window):
                state[state == 0] = _NOT_OBSERVED
        return found

    def outcomes(
        self, case: Case, windows: Sequence[Window], rows: Rows
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the columns of the outcome, and the names of its events, from number 0 on."""
        opens = np.array([window.opens for window in windows])[rows.k]
        closes = np.array([window.closes for window in windows])[rows.k]
        if self.kind == "churn":
            when, event, names = self._ends(case, windows, rows)
        elif self.kind == "leads":
            when, event, names = self._moves(case, windows, rows)
        else:
            return self._events(case, windows, rows, opens, closes)
        inside = when < closes
        if self.when:
            return self._timed(case, when, event, opens, closes), names
        if self.kind == "churn":
            if self.listed:
                inside &= np.isin(event, [names.index(reason) for reason in self.listed])
            return {"churns": inside.astype(np.int64)}, ()
        ahead = inside & (event <= len(self.stages) - 1)
        texts = pa.array(names, pa.large_string()).take(np.where(inside, event, 0))
        stage = pc.if_else(pa.array(inside), texts, "stays")
        return {"moves": ahead.astype(np.int64), "next_stage": stage}, ()

    def _observed(self, case: Case, window: Window) -> bool:
        if self.when:
            return window.opens < case.end
        return self.grace.after(window.closes) <= case.end

    def _lately(self, case: Case, windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
        """Return for each date who bought, or was active, within some time before it."""
        within = self.within or NO_TIME
        table = bounds(windows, "start", "as_of")
        low = pa.array([within.before(window.as_of) for window in windows], pa.int64())
        table = table.set_column(table.column_names.index("low"), "low", low)
        lately = np.zeros((len(windows), len(case)), dtype=bool)
        # A contact is the company's doing; an answer to it is the customer's.
        signs = (
            ("purchases",) if self.kind == "inactivity" else ("purchases", "events", "responses")
        )
        for name in signs:
            if name in case.logs:
                found = first_in_windows(case.logs[name], table)
                code = case.everybody.codes(found["customer"])
                lately[found["k"].cast(pa.int64()).to_numpy(), code] = True
        if case.book is not None and self.kind != "inactivity":
            for window in windows:
                lately[window.place] |= case.book.latest_active(window.as_of) >= 0
        return lately

    def _churn_states(
        self, case: Case, window: Window, state: npt.NDArray[np.int8], observed: bool
    ) -> None:
        book = case.book
        assert book is not None  # noqa: S101 - the plan asks for the table
        active = book.latest_active(window.as_of)
        state[active < 0] = _ENDED
        state[~book.begun(window.as_of)] = _NO_SUBSCRIPTION
        if observed:
            end = np.where(active >= 0, book.spell_end[active], NEVER)
            state[(state == 0) & (end < window.opens)] = _ENDED_IN_GAP

    def _lead_states(
        self, case: Case, window: Window, state: npt.NDArray[np.int8], observed: bool
    ) -> None:
        pipeline = case.pipeline
        assert pipeline is not None  # noqa: S101 - the plan asks for the table
        now = pipeline.at(window.as_of)
        state[now < 0] = _NO_STAGE
        last = (now >= 0) & (pipeline.place[now] >= len(self.stages) - 1)
        state[last] = _LAST_STAGE
        if observed:
            when, _ = pipeline.moves(now, window.as_of)
            state[(state == 0) & (when < window.opens)] = _MOVED_IN_GAP

    def _ends(
        self, case: Case, windows: Sequence[Window], rows: Rows
    ) -> tuple[Integers, Integers, tuple[str, ...]]:
        book = case.book
        assert book is not None  # noqa: S101 - the plan asks for the table
        places = np.concatenate(
            [book.latest_active(window.as_of)[rows.at(window.place)] for window in windows]
        )
        when = book.spell_end[places]
        reasons = book.reasons()
        if self.listed:
            _check_reasons(self.listed, reasons)
        if reasons is None:
            return when, np.ones(len(when), dtype=np.int64), ("censored", "churn")
        reasons = pc.fill_null(reasons, "no reason")
        names = pc.unique(reasons.filter(pa.array(book.spell_end < NEVER)))
        names = names.take(pc.array_sort_indices(names))
        events = pc.index_in(reasons.take(pa.array(places)), value_set=names).fill_null(0)
        event = events.to_numpy(zero_copy_only=False).astype(np.int64) + 1
        return when, event, ("censored", *names.to_pylist())

    def _moves(
        self, case: Case, windows: Sequence[Window], rows: Rows
    ) -> tuple[Integers, Integers, tuple[str, ...]]:
        pipeline = case.pipeline
        assert pipeline is not None  # noqa: S101 - the plan asks for the table
        found = []
        for window in windows:
            moves = pipeline.moves(pipeline.at(window.as_of), window.opens)
            found.append([column[rows.at(window.place)] for column in moves])
        when, whereto = (np.concatenate(columns) for columns in zip(*found, strict=True))
        if self.when:
            # The first stage cannot be come into from an earlier one: its number means "not yet".
            return when, whereto, ("censored", *pipeline.names[1:])
        return when, whereto, tuple(pipeline.names)

    def _events(
        self,
        case: Case,
        windows: Sequence[Window],
        rows: Rows,
        opens: Integers,
        closes: Integers,
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return outcomes that are rows of a log."""
        main = MAIN[self.kind]
        table = first_in_windows(case.logs[main], bounds(windows, "opens", "closes"), self.listed)
        # Beyond the end of observation nothing counts, even where there are rows.
        found = rows.scattered(table, case.everybody, fill=NEVER)
        names = list(self.names())
        of = [found[f"first_{place}"] for place in range(len(self.listed))]
        if self.when:
            when = np.minimum.reduce(of) if of else found["first"]
            event = np.argmin(of, axis=0) + 1 if of else np.ones(len(rows), dtype=np.int64)
            events = self.listed or ("purchase" if main == "purchases" else "use",)
            return self._timed(case, when, event, opens, closes), ("censored", *events)
        if self.kind == "inactivity":
            return {"inactive": (found["first"] >= NEVER).astype(np.int64)}, ()
        if not of:
            return {names[0]: (found["first"] < NEVER).astype(np.int64)}, ()
        as_of = np.array([window.as_of for window in windows])[rows.k]
        columns: dict[str, Any] = {}
        open_to = np.zeros(len(rows), dtype=bool)
        hit = np.zeros(len(rows), dtype=bool)
        for name, ticks, first in zip(names, of, case.firsts[main].of, strict=False):
            had = (first[rows.code] < as_of) & self.first_only
            happens = (ticks < NEVER) & ~had
            columns[name] = _gaps(happens, had)
            open_to |= ~had
            hit |= happens
        columns[names[-1]] = _gaps(hit, ~open_to)
        return columns, ()

    def _timed(
        self, case: Case, when: Integers, event: Integers, opens: Integers, closes: Integers
    ) -> dict[str, Any]:
        end = np.minimum(closes, case.end)
        length = 1.0 if case.clock.period else DAY * DAYS_PER_UNIT[self.unit]
        duration: Floats = (np.minimum(when, end) - opens) / length
        return {"duration": duration, "event": np.where(when < end, event, 0)}


def _check_reasons(listed: Sequence[str], reasons: Any) -> None:
    """Raise ParameterError for a reason for which no subscription ended."""
    known = [] if reasons is None else pc.unique(reasons).drop_null().to_pylist()
    for reason in listed:
        if reason not in known:
            there = f"the reasons in the table ({', '.join(map(repr, sorted(known)))})"
            if reasons is None:
                there = "a column of reasons in subscriptions (see columns)"
            raise ParameterError(f"end_reasons = {reason!r}: expected {there}", "end_reasons")


def _gaps(happens: npt.NDArray[np.bool_], gaps: npt.NDArray[np.bool_]) -> Any:
    """Return 0 and 1 with nulls; without any, as plain whole numbers."""
    values = happens.astype(np.int64)
    return pa.array(values, mask=gaps) if gaps.any() else values

"""The true hazards of an invented software company, and the chances that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tercet import _arguments
from tercet.datasets._drawing import day_of, positive_days, rows_of, shrinking
from tercet.datasets._leads import LOST, STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats, Integers
    from tercet._time import TimeLike
    from tercet.datasets._leads import Leads

__all__ = ["SoftwareTruth"]

#: Why subscriptions end.
REASONS: Final = ("cancel", "payment", "upgrade")

#: Hazards of cancelling go by months of 30 days: many leave early, and some at each renewal.
MONTH: Final = 30.0
_BY_MONTH: Final = np.array([1.5] * 3 + [1.0] * 9 + [2.5] + [0.8] * 11 + [2.0] + [0.7] * 15)


def by_month(month: Integers) -> Floats:
    """Return the factor of the hazard of cancelling in some months of a subscription."""
    found: Floats = _BY_MONTH[np.minimum(month, len(_BY_MONTH) - 1)]
    return found


class Hazards(NamedTuple):
    """The rates a day of customers, engaged and after their engagement has faded.

    Attributes
    ----------
    cancel, payment, upgrade : pair of numpy.ndarray
        Of each reason to end, in both states; those of `cancel` are multiplied by the month's
        factor.
    fading : numpy.ndarray
        Of the engagement to fade; it does not come back.
    """

    cancel: tuple[Floats, Floats]
    payment: tuple[Floats, Floats]
    upgrade: tuple[Floats, Floats]
    fading: Floats


@dataclass(frozen=True)
class Customers:
    """Customers as they are, times in days of the calendar."""

    start: Floats
    faded: Floats
    until: Floats
    hazards: Hazards
    uses: Mapping[str, tuple[Floats, Floats]]


class SoftwareTruth:
    """What is true of the customers and leads of `simulate_software`.

    The chances are those of somebody who knows everything but the future: rates, and whether the
    engagement has faded. They are exact; they follow from a Markov chain of two states (engaged,
    faded) in competition with what ends it, whose rates are constant within months of the
    subscription.

    Attributes
    ----------
    customers : table
        One row a customer: `customer_id`; `engagement`, `trouble` and `growth` that nobody sees
        (standard deviations); `employees`, also where not known; rates a day: `fading_rate`,
        `cancel_rate` (of an engaged customer between the fourth and the twelfth month),
        `payment_rate`, `upgrade_rate` and `<feature>_rate`; `faded_at` (missing for who never did).
    leads : table
        One row a lead: `customer_id`, `fit` that nobody sees, `employees`, and a rate a day for
        each step: `visitor_to_trial_rate`, ...; rates of moving on fall to four tenths when a lead
        has been in a stage for 30 days.

    Examples
    --------
    >>> import tercet as tc
    >>> company = tc.datasets.simulate_software(500, seed=1)
    >>> ends = company.truth.churn_probability("2025-01-01", 90)
    >>> cancels = company.truth.churn_probability("2025-01-01", 90, "cancel")
    >>> bool((cancels <= ends)[ends > 0].all())
    True
    """

    def __init__(
        self, customers: Any, leads: Any, of_customers: Customers, of_leads: Leads
    ) -> None:
        self.customers = customers
        self.leads = leads
        self._customers = of_customers
        self._leads = of_leads

    def churn_probability(
        self,
        as_of: TimeLike,
        days: float,
        reason: str | Sequence[str] | None = None,
        *,
        customers: Any = None,
    ) -> Floats:
        """Return how likely each subscription ends within some days from a date.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        reason : str or sequence of str, optional
            Only ends for these reasons ("cancel", "payment", "upgrade"), none of the others having
            come before; by default for any.
        customers : sequence of int, optional
            Whose; by default all, in the order of the table of customers.

        Returns
        -------
        numpy.ndarray
            Probabilities; NaN for who has no subscription at the date.

        Raises
        ------
        ParameterError
            For a reason or customer that does not exist, or a window that is none.
        """
        wanted = _arguments.some_of(reason, "reason", REASONS)
        begin, length = day_of(as_of), positive_days(days)
        chances = self._incidences(begin, length, customers, None)
        found: Floats = np.sum([chances[one] for one in wanted], axis=0)
        return found

    def churn_hazard(
        self, as_of: TimeLike, reason: str | Sequence[str] | None = None, *, customers: Any = None
    ) -> Floats:
        """Return the hazard of the end of each subscription at a date, a day.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The instant.
        reason : str or sequence of str, optional
            The reasons to count; by default all.
        customers : sequence of int, optional
            Whose; by default all, in the order of the table of customers.

        Returns
        -------
        numpy.ndarray
            Rates a day; NaN for who has no subscription at the date.

        Raises
        ------
        ParameterError
            For a reason or customer that does not exist.
        """
        wanted = _arguments.some_of(reason, "reason", REASONS)
        begin, own = day_of(as_of), self._customers
        rows = rows_of(customers, 1, len(own.start))
        faded = own.faded[rows] < begin
        month = np.maximum(begin - own.start[rows], 0.0) // MONTH
        found = np.zeros(len(faded))
        for one in wanted:
            engaged, after = getattr(own.hazards, one)
            rate = np.where(faded, after[rows], engaged[rows])
            found += rate * by_month(month.astype(np.int64)) if one == "cancel" else rate
        found[~self._active(begin, rows)] = np.nan
        return found

    def feature_use_probability(
        self, as_of: TimeLike, days: float, feature: str, *, customers: Any = None
    ) -> Floats:
        """Return how likely each customer uses a feature within some days from a date.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        feature : str
            The feature.
        customers : sequence of int, optional
            Whose; by default all, in the order of the table of customers.

        Returns
        -------
        numpy.ndarray
            Probabilities; NaN for who has no subscription at the date.

        Raises
        ------
        ParameterError
            For a feature or customer that does not exist, or a window that is none.
        """
        name = _arguments.word(feature, "feature", tuple(self._customers.uses))
        begin, length = day_of(as_of), positive_days(days)
        return self._incidences(begin, length, customers, self._customers.uses[name])["use"]

    def stage_probability(
        self, as_of: TimeLike, days: float, stage: str | None = None, *, customers: Any = None
    ) -> Floats:
        """Return how likely each lead goes from its stage to another within some days.

        Parameters
        ----------
        as_of : str, date, datetime or numpy.datetime64
            The first instant of the window.
        days : float
            Its length.
        stage : str, optional
            The stage that it goes to next: "trial", "qualified", "customer" or "lost"; by default
            any but "lost".
        customers : sequence of int, optional
            Numbers of leads; by default all, in the order of the table of leads.

        Returns
        -------
        numpy.ndarray
            Probabilities; NaN for who is in no stage at the date, or is a customer or lost.

        Raises
        ------
        ParameterError
            For a stage or lead that does not exist, or a window that is none.
        """
        names = (*STAGES[1:], LOST)
        wanted = STAGES[1:] if stage is None else (_arguments.word(stage, "stage", names),)
        begin, length = day_of(as_of), positive_days(days)
        own = self._leads
        rows = rows_of(customers, len(self._customers.start) + 1, len(own.closed), "leads")
        return own.stage_probability(begin, length, wanted, rows)

    def _active(self, begin: float, rows: Any) -> Any:
        own = self._customers
        return (own.start[rows] < begin) & (own.until[rows] >= begin)

    def _incidences(
        self, begin: float, length: float, customers: Any, use: tuple[Floats, Floats] | None
    ) -> dict[str, Floats]:
        """Return the chance of each reason to come first; with a use, of it to come first."""
        own = self._customers
        rows = rows_of(customers, 1, len(own.start))
        start, fading = own.start[rows], own.hazards.fading[rows]
        ways = {one: getattr(own.hazards, one) for one in REASONS}
        if use is not None:
            ways["use"] = use
        rates = {one: (engaged[rows], after[rows]) for one, (engaged, after) in ways.items()}
        # The share of the engaged and of the faded who are still there.
        faded = (own.faded[rows] < begin).astype(np.float64)
        engaged = 1.0 - faded
        found = {one: np.zeros(len(start)) for one in rates}
        done = np.zeros(len(start))
        tenure = np.maximum(begin - start, 0.0)
        while (done < length).any():
            month = np.floor((tenure + done) / MONTH + 1e-12).astype(np.int64)
            stretch = np.minimum((month + 1) * MONTH - tenure, length) - done
            factor = by_month(month)
            hazards = {
                one: (first * factor, second * factor) if one == "cancel" else (first, second)
                for one, (first, second) in rates.items()
            }
            out = fading + np.sum([first for first, _ in hazards.values()], axis=0)
            out_faded = np.sum([second for _, second in hazards.values()], axis=0)
            # Days spent in both states on this stretch, on average.
            days = engaged * -np.expm1(-out * stretch) / out
            stays = np.exp(-out * stretch)
            # (e^-at - e^-bt) / (b - a) without dividing by zero where the rates are equal.
            apart = (out_faded - out) * stretch
            met = shrinking(apart)
            faded_next = faded * np.exp(-out_faded * stretch) + (
                engaged * fading * stays * stretch * met
            )
            days_faded = (faded + fading * days - faded_next) / out_faded
            for one, (first, second) in hazards.items():
                found[one] += first * days + second * days_faded
            engaged, faded = engaged * stays, faded_next
            done = done + stretch
        away = ~self._active(begin, rows)
        for chance in found.values():
            chance[away] = np.nan
        return found

    def __repr__(self) -> str:
        n, leads = len(self._customers.start), self._leads.came.shape[1]
        return f"Truth of {n:,} customers and {leads:,} leads of a software company"

"""Features of what customers did: how often, how much, how lately, how regularly, when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet._snapshots.cells import HOURS
from tercet._snapshots.duration import DAY, Duration
from tercet._snapshots.feature import EVER, Feature, slugs
from tercet._snapshots.log import MILLIONTHS
from tercet._snapshots.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tercet._columns import Floats, Integers

# As many blocks as one 64-bit integer holds without its sign, and one to spare.
_MOST_BLOCKS: Final = 62
_BLOCKS: Final = ((1, "days"), (7, "weeks"), (30, "months"), (365, "years"))


@dataclass(frozen=True)
class Blocks:
    """The stretches that a customer was active in or not.

    Attributes
    ----------
    length : int
        In ticks.
    name : str
        As in `active_weeks_180d`.
    words : str
        As in "weeks with a purchase".
    """

    length: int
    name: str
    words: str

    @classmethod
    def of(cls, observation: Duration, *, period: bool) -> Blocks:
        """Return the blocks of an observation window: 62 at most."""
        if period:
            length = -(-observation.longest // _MOST_BLOCKS)
            words = "periods" if length == 1 else f"spans of {length} periods"
            return cls(length, "periods" if length == 1 else "spans", words)
        days = -(-observation.longest // DAY)
        for length, name in _BLOCKS:
            if days <= 28 or (length > 1 and -(-days // length) <= _MOST_BLOCKS):
                words = name if length <= 7 else f"spans of {length} days"
                return cls(length * DAY, name, words)
        length = -(-days // _MOST_BLOCKS)
        return cls(length * DAY, "spans", f"spans of {length} days")


@dataclass(frozen=True)
class Activity:
    """Which features a log has.

    Attributes
    ----------
    table : str
        "purchases", "events", "contacts" or "responses".
    observation : Duration
        The length of the window.
    blocks : Blocks
        Of streaks.
    period : bool
        Whether times are integer periods.
    timed : bool
        Whether there are times of day.
    has_amount, has_label : bool
        Whether there are amounts and labels.
    listed : tuple of str
        The labels with features of their own.
    """

    table: str
    observation: Duration
    blocks: Blocks
    period: bool
    timed: bool
    has_amount: bool
    has_label: bool
    listed: tuple[str, ...] = ()

    @property
    def _words(self) -> tuple[str, str, str]:
        """Return the noun, its plural, and what labels are called."""
        if self.table == "responses":
            return "response", "responses", "channel"
        role = ROLES[self.table]
        return role.noun, role.plural, str(role.label)

    def features(self) -> list[Feature]:
        """Return the features, in the order of `values`."""
        noun, plural, label = self._words
        span, within = self.observation.label, f"in {self.observation.words}"
        unit = "period" if self.period else "day"
        block = self.blocks
        found = [(f"{plural}_{span}", f"{plural} {within}")]
        found += [
            (f"{noun}_{unit}s_{span}", f"{unit}s with {_a(noun)} {within}"),
            (
                f"{plural}_trend_{span}",
                (
                    f"{plural}, recent half of {self.observation.words} against the earlier half "
                    "(-1 all earlier, 0 alike, 1 all recent)"
                ),
            ),
            (f"{unit}s_since_{noun}_{span}", f"{unit}s since the last {noun} {within}"),
            (f"{noun}_gap_mean_{span}", f"mean {unit}s from one {noun} to the next {within}"),
            (
                f"{noun}_gap_cv_{span}",
                f"how uneven the gaps between {plural} are {within} (0 as a clock, 1 as chance)",
            ),
            (
                f"{noun}_active_{block.name}_{span}",
                f"{block.words} with {_a(noun)} {within}, counted back from the date",
            ),
            (
                f"{noun}_streak_{block.name}_{span}",
                f"{block.words} in a row with {_a(noun)} up to the date",
            ),
            (
                f"{noun}_longest_streak_{block.name}_{span}",
                f"most {block.words} in a row with {_a(noun)} {within}",
            ),
        ]
        if not self.period:
            share = f"share of {plural} {within}"
            found.append((f"{plural}_weekend_share_{span}", f"{share} on Saturday or Sunday"))
            if self.timed:
                found += [
                    (f"{plural}_{name}_share_{span}", f"{share} from {start} to {end} o'clock")
                    for start, end, name in HOURS
                ]
        if self.has_amount:
            what = "amount" if self.table == "purchases" else "value"
            stem = what if self.table == "purchases" else f"{noun}_{what}"
            found += [
                (f"{stem}_{span}", f"{what} of all {plural} {within}"),
                (f"{stem}_mean_{span}", f"mean {what} of {_a(noun)} {within}"),
                (f"{stem}_max_{span}", f"largest {what} of {_a(noun)} {within}"),
                (
                    f"{stem}_trend_{span}",
                    (
                        f"{what} of {plural}, recent half of {self.observation.words} against the "
                        "earlier half (-1 to 1)"
                    ),
                ),
            ]
        if self.has_label:
            found.append((f"{label}s_{span}", f"different {label}s of {plural} {within}"))
            for name, short in zip(self.listed, self._slugs, strict=True):
                found.append((f"{plural}_{short}_{span}", f"{plural} of {name} {within}"))
        window = f"{self.observation.words} before the date"
        features = [Feature(name, words, self.table, window) for name, words in found]
        name, words = f"{unit}s_since_first_{noun}", f"{unit}s since the first {noun} of all"
        features.append(Feature(name, words, self.table, EVER))
        if self.has_label:
            verb, past = ("owns", "bought") if self.table == "purchases" else ("knows", "used")
            for name, short in zip(self.listed, self._slugs, strict=True):
                words = f"whether {name} was ever {past} before the date"
                features.append(Feature(f"{verb}_{short}", words, self.table, EVER))
        return features

    @property
    def _slugs(self) -> list[str]:
        return slugs(self.listed, f"{self._words[2]}s")

    def values(
        self,
        sums: Mapping[str, Integers],
        labels: Mapping[str, Integers] | None,
        first: Integers,
        first_of: Sequence[Integers],
        window: Mapping[str, Integers],
    ) -> list[Any]:
        """Return the columns of the features.

        Parameters
        ----------
        sums : mapping
            What `cells.activity` added up, one value a row; 0 for who did nothing.
        labels : mapping, optional
            What `cells.label_counts` counted.
        first : numpy.ndarray
            The first tick of all, NEVER without one before the date.
        first_of : sequence of numpy.ndarray
            The same for each listed label.
        window : mapping
            `start`, `middle` and `as_of` of each row's window.
        """
        day = 1 if self.period else DAY
        n, days, as_of = sums["n"], sums["days"], window["as_of"]
        recent = as_of - window["middle"]
        earlier = window["middle"] - window["start"]
        found: list[Any] = [n, days]
        found.append(_trend(sums["n_recent"], n - sums["n_recent"], recent, earlier))
        found.append(_where(n > 0, (as_of - sums["last"]) / day))
        found.append(_ratio(sums["gap"], days - 1))
        found.append(_uneven(sums["gap"], sums["gap2"], days - 1))
        found += list(_runs(sums["blocks"]))
        if not self.period:
            found.append(_ratio(sums["weekend"], n))
            if self.timed:
                found += [_ratio(sums[name], n) for _, _, name in HOURS]
        if self.has_amount:
            amount, lately = sums["amount"], sums["amount_recent"]
            found.append(amount / MILLIONTHS)
            found.append(_ratio(amount / MILLIONTHS, n))
            found.append(_where(n > 0, sums["largest"] / MILLIONTHS))
            found.append(_trend(lately, amount - lately, recent, earlier))
        if self.has_label:
            counts = labels or {}
            found.append(counts["breadth"])
            found += [counts[f"n_{place}"] for place in range(len(self.listed))]
        found.append(_where(first < as_of, (as_of - first) / day))
        if self.has_label:
            found += [(ticks < as_of).astype(np.int64) for ticks in first_of]
        return found


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _where(condition: Any, values: Any) -> Floats:
    """Return values where a condition holds, else NaN."""
    found: Floats = np.where(condition, values, np.nan)
    return found


def _ratio(part: Any, whole: Any) -> Floats:
    """Return a quotient, NaN where there is nothing to divide by."""
    return _where(whole > 0, part / np.maximum(whole, 1))


def _trend(recent: Integers, earlier: Integers, late: Integers, early: Integers) -> Floats:
    """Return the difference of two rates over their sum; NaN without events."""
    ahead, behind = recent / np.maximum(late, 1), earlier / np.maximum(early, 1)
    whole = np.abs(ahead) + np.abs(behind)
    return _where(whole > 0, (ahead - behind) / np.where(whole > 0, whole, 1.0))


def _uneven(gap: Integers, gap2: Integers, n: Integers) -> Floats:
    """Return the standard deviation of gaps over their mean; NaN with fewer than two.

    n Σg² - (Σg)² is of whole numbers and never negative, so that gaps which are all equal give 0.
    """
    spread = np.sqrt((n * gap2 - gap * gap).astype(np.float64).clip(0))
    return _where((n >= 2) & (gap > 0), spread / np.maximum(gap, 1))


def _runs(bits: Integers) -> tuple[Integers, Integers, Integers]:
    """Return how many bits are set, how many in a row from the lowest, and most in a row."""
    count = np.zeros_like(bits)
    streak = np.zeros_like(bits)
    unbroken = np.ones_like(bits)
    longest = np.zeros_like(bits)
    run = np.zeros_like(bits)
    for place in range(int(bits.max(initial=0)).bit_length()):
        bit = (bits >> place) & 1
        count += bit
        unbroken &= bit
        streak += unbroken
        run = (run + 1) * bit
        np.maximum(longest, run, out=longest)
    return count, streak, longest

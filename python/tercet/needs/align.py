"""Which segment of one solution is which of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._columns import column_error, floats
from tercet._frames import check_same_rows, new_table
from tercet.exceptions import ParameterError
from tercet.needs import _respondents
from tercet.needs.latent_class import LatentClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats, Integers
    from tercet._frames import Kind

__all__ = ["SegmentAlignment", "align_segments"]

#: More segments than any solution has that people have to understand.
_MOST = 1_000
_EXPECTED = (
    "two fitted LatentClass, or two assignments of the same respondents: arrays of segment numbers "
    "or what predict_proba returns"
)


class SegmentAlignment:
    """The segments of a second solution matched with those of a first.

    Made by `align_segments`.

    Attributes
    ----------
    table : table
        One row a segment of the second solution: `segment`, `match` (the segment of the first; null
        where the second has more segments), `similarity`.
    matches : dict
        For each segment of the second solution its match in the first, or None.
    similarity : numpy.ndarray of shape (K,)
        How much each segment of the second and its match have in common, from 0 to 1: the Jaccard
        index of their members, or the overlap of their answers.
    adjusted_rand : float or None
        How far the two assignments agree: 1 if they are the same, 0 if no more than by chance. None
        where models were compared by their answers.
    n_first, n_second : int
        How many segments the two solutions have.
    """

    def __init__(
        self, found: Mapping[str, Any], sizes: tuple[int, int], kind: Kind | None = None
    ) -> None:
        self.n_first, self.n_second = sizes
        # Segments that nobody was assigned to are unknown to the core.
        absent = self.n_second - len(found["matches"])
        matched = [*found["matches"], *[None] * absent]
        self.matches = {
            number: None if match is None else match + 1
            for number, match in enumerate(matched, start=1)
        }
        self.similarity: Floats = np.concatenate([found["similarity"], np.zeros(absent)])
        self.adjusted_rand: float | None = found["adjusted_rand"]
        self._kind = kind

    @property
    def table(self) -> Any:
        """One row a segment of the second: its match in the first, and their similarity."""
        columns = {
            "segment": np.array(list(self.matches), dtype=np.int64),
            "match": pa.array(list(self.matches.values()), pa.int64()),
            "similarity": self.similarity,
        }
        return new_table(columns, self._kind)

    def relabel(self, predictions: ArrayLike) -> NDArray[Any]:
        """Return predictions of the second solution under the numbers of the first.

        Parameters
        ----------
        predictions : array of shape (n,) or (n, K)
            What `predict` or `predict_proba` of the second solution returned.

        Returns
        -------
        numpy.ndarray
            Of numbers: those of the first solution. Segments without a match get numbers after
            them. Of probabilities: a column a segment of the first solution, 0 where it has no
            match, then the second's segments without a match.

        Raises
        ------
        DataError
            For numbers that are no segments of the second solution; it names the row.

        Examples
        --------
        >>> import numpy as np
        >>> import tercet as tc
        >>> alignment = tc.align_segments(np.array([1, 1, 2, 2, 2]), np.array([2, 2, 1, 1, 3]))
        >>> print(alignment.relabel([1, 2, 3]))
        [2 1 3]
        """
        numbers = self._numbers()
        values = np.asarray(predictions)
        if values.ndim == 2:
            members = _probabilities(values, "predictions", self.n_second)
            width = max([self.n_first, *numbers])
            relabelled: Floats = np.zeros((len(members), width))
            relabelled[:, np.array(numbers) - 1] = members
            return relabelled
        found = _assigned(values, "predictions")
        beyond = found > self.n_second
        if beyond.any():
            row = int(beyond.argmax())
            reason = f"is {found[row]}, and the second solution has {self.n_second} segments"
            raise column_error("predictions", reason, row)
        renumbered: Integers = np.array(numbers, dtype=np.int64)[found - 1]
        return renumbered

    def text(self) -> str:
        """Return the matches in sentences.

        Examples
        --------
        >>> import numpy as np
        >>> import tercet as tc
        >>> print(tc.align_segments(np.array([1, 1, 2, 2]), np.array([2, 2, 1, 1])).text())
        Segment 1 is 2 of the first solution (1.00 in common), 2 is 1 (1.00). Adjusted Rand index
        1.00.
        """
        spelled_out = next((number for number, match in self.matches.items() if match), None)
        said = []
        for (number, match), similarity in zip(self.matches.items(), self.similarity, strict=True):
            if match is None:
                said.append(f"{number} has no match")
            elif number == spelled_out:
                shared = f"{similarity:.2f} in common"
                said.append(f"{number} is {match} of the first solution ({shared})")
            else:
                said.append(f"{number} is {match} ({similarity:.2f})")
        sentence = f"Segment {', '.join(said)}."
        if self.adjusted_rand is None:
            return sentence
        return f"{sentence} Adjusted Rand index {self.adjusted_rand:.2f}."

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _shown(self) -> _display.Grid:
        rand = self.adjusted_rand
        pairs = zip(self.matches.items(), self.similarity, strict=True)
        return _display.Grid(
            title=f"{self.n_second} segments matched with {self.n_first}",
            header=("segment", "match", "similarity"),
            rows=[
                (str(number), "-" if match is None else str(match), f"{similarity:.2f}")
                for (number, match), similarity in pairs
            ],
            words=[] if rand is None else [f"Adjusted Rand index {rand:.2f}."],
        )

    def _numbers(self) -> list[int]:
        """Return the number of each segment of the second solution; new ones without a match."""
        fresh = self.n_first
        numbers = []
        for match in self.matches.values():
            if match is None:
                fresh += 1
            numbers.append(fresh if match is None else match)
        return numbers


def align_segments(
    first: LatentClass | ArrayLike,
    second: LatentClass | ArrayLike,
    *,
    weights: ArrayLike | None = None,
) -> SegmentAlignment:
    """Find which segment of a second solution is which of a first.

    Two assignments of the same respondents are compared by their members, two models (of two
    waves, say) by what their segments answer. The matching is that of the greatest similarity in
    total, so that no segment is matched twice.

    Parameters
    ----------
    first, second : LatentClass or array of shape (n,) or (n, K)
        Two fitted models with items in common; or two assignments: segment numbers from 1, or
        probabilities, of which the largest counts. The similarity of two models is the overlap
        of the distributions of their answers, averaged over the items that both have.
    weights : array of shape (n,), optional
        How much each respondent counts; for assignments only.

    Returns
    -------
    SegmentAlignment
        `table`, `matches`, `similarity`, `adjusted_rand`, and `relabel` for predictions.

    Raises
    ------
    DataError
        For assignments of different lengths or without a number, and for an item whose answers
        cannot be compared.
    ParameterError
        For a model and an array, or two models without an item in common.

    References
    ----------
    Hubert, L. and Arabie, P. (1985). "Comparing partitions." Journal of Classification 2(1),
    193-218.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> old, new = np.array([1, 1, 1, 2, 2, 3]), np.array([3, 3, 3, 1, 1, 2])
    >>> alignment = tc.align_segments(old, new)
    >>> alignment.matches
    {1: 2, 2: 3, 3: 1}
    >>> print(alignment.relabel(new), alignment.adjusted_rand)
    [1 1 1 2 2 3] 1.0
    """
    models = isinstance(first, LatentClass), isinstance(second, LatentClass)
    if all(models):
        one = _respondents.checked_model(first, "first")
        other = _respondents.checked_model(second, "second")
        if weights is not None:
            message = "weights = ...: expected none; models are compared by their answers"
            raise ParameterError(message, "weights")
        found = _tercet.align_models(one._require(), other._require())
        sizes = len(one.shares_), len(other.shares_)
        return SegmentAlignment(found, sizes, other._kind)
    if any(models):
        which = "second" if models[0] else "first"
        raise _arguments.refusal((first, second)[models[0]], which, _EXPECTED)
    check_same_rows(second, first, "second", "first")
    check_same_rows(weights, first, "weights", "first")
    members, others = _members(first, "first"), _members(second, "second")
    if len(members[0]) != len(others[0]):
        reason = (
            f"has {len(others[0]):,} rows and the first {len(members[0]):,}; pass assignments of "
            "the same respondents in the same order"
        )
        raise column_error("second", reason)
    found = _tercet.align_assignments(
        members[0] - 1, others[0] - 1, _weights(weights, len(members[0]))
    )
    return SegmentAlignment(found, (members[1], others[1]))


def _members(assignment: Any, name: str) -> tuple[Integers, int]:
    """Return the segment of each respondent, and how many segments there are."""
    values = np.asarray(assignment)
    if values.ndim == 2 and values.shape[1]:
        members = _probabilities(values, name, values.shape[1])
        return members.argmax(axis=1) + 1, values.shape[1]
    found = _assigned(values, name)
    return found, int(found.max())


def _assigned(values: NDArray[Any], name: str) -> Integers:
    """Return segment numbers, all of them from 1."""
    if values.ndim != 1 or not len(values):
        raise column_error(name, f"is no column of segments; expected {_EXPECTED}")
    numbers = floats(pa.array(values, from_pandas=True), name)
    bad = ~((numbers >= 1) & (numbers <= _MOST) & (np.floor(numbers) == numbers))
    if bad.any():
        row = int(bad.argmax())
        reason = f"is {numbers[row]:g}; segments are numbered from 1, to {_MOST:,} at most"
        raise column_error(name, reason, row)
    found: Integers = numbers.astype(np.int64)
    return found


def _probabilities(values: NDArray[Any], name: str, width: int) -> Floats:
    """Return rows of probabilities, one a segment."""
    try:
        found: Floats = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        reason = "holds no numbers; pass what predict_proba returned"
        raise column_error(name, reason) from None
    if found.shape[1] != width:
        reason = f"has {found.shape[1]} columns; expected {width}, one a segment"
        raise column_error(name, reason)
    bad = ~(np.isfinite(found) & (found >= 0)).all(axis=1)
    if bad.any():
        reason = "holds something else than probabilities; pass what predict_proba returned"
        raise column_error(name, reason, int(bad.argmax()))
    return found


def _weights(weights: Any, n_rows: int) -> Floats | None:
    if weights is None:
        return None
    values = np.asarray(weights)
    if values.ndim != 1 or len(values) != n_rows:
        shape = " x ".join(str(n) for n in values.shape) or "one"
        raise column_error("weights", f"has {shape} values for {n_rows:,} rows; give one a row")
    found = floats(pa.array(values, from_pandas=True), "weights")
    bad = ~((found > 0) & np.isfinite(found))
    if bad.any():
        row = int(bad.argmax())
        reason = f"is {found[row]:g}; a respondent's weight is a positive number"
        raise column_error("weights", reason, row)
    return found

"""Other libraries' models, fitted to all customers and to all but each of several parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments
from tercet._mixing import mixed
from tercet.value.propensity._encoding import Coding, coding_of, copied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats
    from tercet._features import Attribute

    Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Template:
    """An unfitted regressor or classifier, and how it takes customers.

    Attributes
    ----------
    model : estimator
        What is copied.
    coding : Coding
        How features are encoded for it.
    name : str
        The constructor's argument, for messages.
    """

    model: Any
    coding: Coding
    name: str

    @classmethod
    def of(
        cls, model: Any, name: str, attributes: Sequence[Attribute], named: bool, least: int
    ) -> Template:
        """Return the template of a constructor's argument."""
        expected = "a regressor with fit and predict, or a classifier with predict_proba"
        if isinstance(model, type):
            raise _arguments.refusal(model, name, f"{expected}, not a class: call it")
        if not hasattr(model, "fit") or not (
            hasattr(model, "predict") or hasattr(model, "predict_proba")
        ):
            raise _arguments.refusal(model, name, expected)
        return cls(model, coding_of(model, attributes, named, least), name)

    @property
    def gives_probabilities(self) -> bool:
        """Whether it is a classifier."""
        return hasattr(self.model, "predict_proba")

    def fit(self, coded: Floats, values: Any) -> Fitted:
        """Return a copy that is fitted to these rows; a classifier to whole numbers."""
        if self.gives_probabilities:
            values = values.astype(np.int64)
        # A classifier of one class is refused by most libraries, and its answer is known.
        if len(values) and (values == values[0]).all() and self.gives_probabilities:
            return Fitted(int(values[0]), self.coding)
        return Fitted(copied(self.model).fit(self.coding.encoded(coded), values), self.coding)


@dataclass(frozen=True)
class Fitted:
    """A fitted copy of a template; of a single class its number."""

    model: Any
    coding: Coding

    def mean(self, coded: Floats) -> Floats:
        """Return the expected value of each row: of a classifier the probability of 1."""
        if isinstance(self.model, int) or hasattr(self.model, "predict_proba"):
            return self.probabilities(coded, 2)[:, 1]
        found = np.asarray(self.model.predict(self.coding.encoded(coded)), dtype=np.float64)
        return found.reshape(len(coded))

    def probabilities(self, coded: Floats, n_classes: int) -> Floats:
        """Return the probabilities of the classes 0 to `n_classes` - 1."""
        found = np.zeros((len(coded), n_classes))
        if isinstance(self.model, int):
            found[:, self.model] = 1.0
            return found
        p = np.asarray(self.model.predict_proba(self.coding.encoded(coded)), dtype=np.float64)
        found[:, np.asarray(self.model.classes_, dtype=np.int64)] = p
        return found


def folds_of(codes: Any, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the part of each row, the arms spread evenly over parts."""
    order = np.lexsort((mixed(len(codes), seed), codes))
    found = np.empty(len(codes), dtype=np.int64)
    found[order] = np.arange(len(codes)) % folds
    return found


def labels_of(arms: tuple[Any, ...]) -> NDArray[Any]:
    """Return arms as an array that keeps what they are."""
    found = np.array(arms)
    return found if len(arms) and found.dtype.kind in "biufU" else np.array(arms, dtype=object)

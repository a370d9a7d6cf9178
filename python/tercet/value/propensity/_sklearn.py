"""What every classifier has as scikit-learn wants it, which is not imported before it asks."""

from __future__ import annotations

import functools
import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tercet._estimator import Saved
from tercet.exceptions import NotFittedError, ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from tercet._columns import Floats

#: What rows may bring besides features and outcome.
_FIT = ("sample_weight", "offset", "groups")
_SCORE = ("sample_weight",)
#: What a request may be, as scikit-learn has it: passed on, under another name, not, or never.
Request = bool | str | None


class Classifier(Saved):
    """What follows from probabilities, tags, and which metadata meta-estimators pass on."""

    _metadata_request: Any

    @property
    @abstractmethod
    def classes_(self) -> NDArray[Any]:
        """The labels, sorted; of two the last is the outcome."""

    @abstractmethod
    def predict_proba(self, X: Any) -> Floats:
        """Return each customer's probability of every class."""

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `predict_proba`.

        Returns
        -------
        numpy.ndarray of shape (n, K)
            Logarithms of probabilities.

        Raises
        ------
        NotFittedError, DataError
            As `predict_proba` does.
        """
        with np.errstate(divide="ignore"):
            found: Floats = np.log(self.predict_proba(X))
        return found

    def predict(self, X: Any) -> NDArray[Any]:
        """Return each customer's most probable class.

        Of a rare outcome that is hardly ever the outcome. To count, add up probabilities; to
        decide, see `tercet.best_cutoff`.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `predict_proba`.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Labels.

        Raises
        ------
        NotFittedError, DataError
            As `predict_proba` does.
        """
        found: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows whose most probable class is right, as scikit-learn does.

        It says little of probabilities; see `tercet.score_probabilities`.

        Parameters
        ----------
        X : table or array of shape (n, p)
            As for `predict_proba`.
        y : array of shape (n,)
            The labels.
        sample_weight : array of shape (n,), optional
            How much each row counts.

        Returns
        -------
        float
            The share, from 0 to 1.

        Raises
        ------
        NotFittedError, DataError
            As `predict_proba` does.
        """
        found = self.predict(X)
        labels = np.asarray(y).ravel()
        if len(labels) != len(found):
            message = f"y = {len(labels):,} labels: expected {len(found):,}, one a row of X"
            raise ParameterError(message, "y")
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return float(np.average(found == labels, weights=weights))

    def _require(self) -> Any:
        try:
            return super()._require()
        except NotFittedError as error:
            if "sklearn" not in sys.modules:
                raise
            raise _not_fitted_too()(*error.args) from None

    def set_fit_request(
        self,
        *,
        sample_weight: Request = None,
        offset: Request = None,
        groups: Request = None,
    ) -> Self:
        """Say which metadata scikit-learn's meta-estimators pass on to `fit`.

        It has an effect with `sklearn.set_config(enable_metadata_routing=True)` only.

        Parameters
        ----------
        sample_weight, offset, groups : bool, str or None
            True: passed on where given; False: not; None: an error where given; a text: passed on
            from metadata of that name.

        Returns
        -------
        self
        """
        return self._request("fit", sample_weight=sample_weight, offset=offset, groups=groups)

    def set_score_request(self, *, sample_weight: Request = None) -> Self:
        """Say which metadata scikit-learn's meta-estimators pass on to `score`.

        Parameters
        ----------
        sample_weight : bool, str or None
            As for `set_fit_request`.

        Returns
        -------
        self
        """
        return self._request("score", sample_weight=sample_weight)

    def get_metadata_routing(self) -> Any:
        """Return what was requested, as scikit-learn has it.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
        """
        from sklearn.utils.metadata_routing import MetadataRequest

        kept = getattr(self, "_metadata_request", None)
        if kept is not None:
            return kept
        made = MetadataRequest(owner=self)
        for method, names in (("fit", _FIT), ("score", _SCORE)):
            for name in names:
                getattr(made, method).add_request(param=name, alias=None)
        return made

    def _request(self, method: str, **requests: Request) -> Self:
        routing = self.get_metadata_routing()
        for name, request in requests.items():
            getattr(routing, method).add_request(param=name, alias=request)
        self._metadata_request = routing
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(categorical=True, string=True, allow_nan=True),
        )


@functools.cache
def _not_fitted_too() -> type[NotFittedError]:
    """Return a class of errors that scikit-learn's own code catches as its own."""
    from sklearn.exceptions import NotFittedError as Theirs

    class NotFitted(NotFittedError, Theirs):  # type: ignore[misc]  # scikit-learn has no types
        """A result was asked of a model that has not been fitted."""

        def __reduce__(self) -> Any:
            return NotFittedError, self.args

    NotFitted.__name__ = NotFitted.__qualname__ = NotFittedError.__name__
    return NotFitted

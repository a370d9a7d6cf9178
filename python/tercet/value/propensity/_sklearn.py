"""What only scikit-learn asks a classifier for; nothing here is imported before it asks."""

from __future__ import annotations

import functools
import sys
from typing import Any, Self

from tercet._estimator import Saved
from tercet.exceptions import NotFittedError

#: What rows may bring besides features and outcome.
_FIT = ("sample_weight", "offset", "groups")
_SCORE = ("sample_weight",)
#: What a request may be, as scikit-learn has it: passed on, under another name, not, or never.
Request = bool | str | None


class Classifier(Saved):
    """Tags of a classifier, and which metadata meta-estimators pass on to it."""

    _metadata_request: Any

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

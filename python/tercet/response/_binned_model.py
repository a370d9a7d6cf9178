"""What models of features in bins have in common: the features, and what a file keeps of them."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tercet._estimator import Saved, note_of
from tercet._features import Feature
from tercet.exceptions import NotFittedError
from tercet.value.propensity._customers import read_again
from tercet.value.propensity._settings import params_as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tercet._features import Attribute


class BinnedModel(Saved):
    """A model of numbers and levels in bins, fitted to a table or an array."""

    _features: tuple[Feature, ...] = ()

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self._require().features)

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The features' names, where the fit saw a table."""
        engine = self._require()
        if not self._named:
            message = "feature_names_in_: the model was fitted to an array, whose columns have none"
            raise NotFittedError(message)
        return np.array(engine.features, dtype=object)

    @property
    def n_observations_(self) -> int:
        """Number of rows of the fit."""
        return int(self._require().report["n_observations"])

    @property
    def how_it_ended_(self) -> str:
        """How the fit ended, in words."""
        return str(self._require().report["how_it_ended"])

    @property
    def _named(self) -> bool:
        return bool(note_of(self._require()).get("named", True))

    def _attributes(self, X: Any) -> list[Attribute]:
        """Read the features again, as the core takes them."""
        name = type(self).__name__
        found = read_again(X, [feature.name for feature in self._features], self._named, name)
        if found.named != self._named:
            has, was = ("feature names", "without") if found.named else ("no feature names", "with")
            message = f"X has {has}, but {name} was fitted {was} them; columns go by place"
            warnings.warn(message, UserWarning, stacklevel=self._depth())
        return found.attributes(self._features)

    def _adopt(self, engine: Any) -> None:
        """Take over what the model notes of features."""
        told = note_of(engine).get("features")
        if told is None:  # fitted in Rust, which knows numbers from levels itself
            learned = json.loads(engine.to_json())["schema"]["binning"]["features"]
            self._features = tuple(Feature(one["name"], one["as"] == "levels") for one in learned)
        else:
            self._features = tuple(Feature.of(one) for one in told)

    @classmethod
    def _around(cls, engine: Any, settings: Mapping[str, Any]) -> Self:
        model = super()._around(engine, settings)
        model._adopt(engine)
        return model

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        if self._engine is not None:
            self._adopt(self._engine)

    def _describe(self, schema: dict[str, Any]) -> None:
        note = note_of(self._require())
        schema["note"] = {**note, "params": params_as_json(self.get_params())}

    @classmethod
    def _stored(cls, engine: Any) -> Mapping[str, Any]:
        kept = note_of(engine).get("params")
        if kept is not None:
            found: Mapping[str, Any] = kept
            return found
        settings: dict[str, Any] = json.loads(engine.settings)
        settings["random_state"] = settings.pop("seed")
        return settings

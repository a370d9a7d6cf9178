"""Arguments of a propensity as the core takes them, and as a file keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from tercet import _arguments
from tercet.value.evaluation.calibration import Method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Features: TypeAlias = Literal["spline", "bins", "linear"]
Penalty: TypeAlias = Literal["l2", "elastic_net"]
Strength: TypeAlias = Literal["auto", "estimated", "cv"] | float
Solver: TypeAlias = Literal["newton", "linfa"]
Errors: TypeAlias = Literal["model", "robust", "cluster", "none"]

_STRENGTHS = ("auto", "estimated", "cv")
_AT_LEAST_1 = "a whole number, at least 1"
_AT_LEAST_2 = "a whole number, at least 2"


def of_fit(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a fit; ranges are checked in the core."""
    intervals = params["intervals"]
    if intervals is not None:
        expected = "a whole number from 1 to 500, or None"
        intervals = _arguments.whole(intervals, "intervals", expected)
    return {
        "features": _arguments.word(params["features"], "features", get_args(Features)),
        "intervals": intervals,
        "bins": _arguments.whole(params["bins"], "bins", _AT_LEAST_2),
        "ordered": list(levels_in_order(params["ordered"])),
        "min_level_count": _arguments.whole(
            params["min_level_count"], "min_level_count", _AT_LEAST_1
        ),
        "penalty": _arguments.word(params["penalty"], "penalty", get_args(Penalty)),
        "l1_ratio": _arguments.finite(params["l1_ratio"], "l1_ratio", "a number from 0 to 1"),
        "strength": _strength(params["strength"]),
        "standardize": _arguments.truth(params["standardize"], "standardize"),
        "solver": _arguments.word(params["solver"], "solver", get_args(Solver)),
        "folds": _arguments.whole(params["folds"], "folds", _AT_LEAST_2),
        "one_standard_error": _arguments.truth(params["one_standard_error"], "one_standard_error"),
        "seed": _seed(params["random_state"]),
        "standard_errors": _arguments.word(
            params["standard_errors"], "standard_errors", get_args(Errors)
        ),
        "max_iterations": _arguments.iterations(params["max_iterations"]),
        "tolerance": _arguments.finite(params["tolerance"], "tolerance", "a small positive share"),
    }


def of_file(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in the words of a model file."""
    plain = of_fit(params)
    ratio = plain.pop("l1_ratio")
    wrap(plain)
    if plain["penalty"] == "elastic_net":
        plain["penalty"] = {"elastic_net": {"l1_ratio": ratio}}
    return plain


def from_file(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that the settings in a model file stand for."""
    found = dict(settings)
    found["random_state"] = found.pop("seed")
    found["ordered"] = tuple(found["ordered"])
    unwrap(found, ("features", "penalty", "strength"))
    return found


def wrap(plain: dict[str, Any]) -> None:
    """Put how numbers enter, and a strength that is a number, into the words of a model file.

    What is a word with a number is a mapping of one entry there.
    """
    intervals, bins = plain.pop("intervals"), plain.pop("bins")
    shapes: dict[str, Any] = {
        "spline": {"spline": {"intervals": intervals}},
        "bins": {"bins": {"bins": bins}},
        "linear": "linear",
    }
    plain["features"] = shapes[plain["features"]]
    if not isinstance(plain["strength"], str):
        plain["strength"] = {"fixed": plain["strength"]}


def unwrap(found: dict[str, Any], names: Sequence[str]) -> None:
    """Turn mappings of one entry, as a model file has them, into arguments."""
    for name in names:
        if isinstance(found[name], dict):
            ((word, inner),) = found[name].items()
            found[name] = inner if word == "fixed" else word
            if isinstance(inner, dict):
                found.update(inner)


def of_calibration(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the calibration, as `tercet.Calibration` has them."""
    return {
        "method": _arguments.word(params["calibration"], "calibration", get_args(Method)),
        "shift": None,
        "interpolate": True,
        "folds": _arguments.whole(params["folds"], "folds", _AT_LEAST_2),
        "seed": _seed(params["random_state"]),
        "max_iterations": 100,
    }


def levels_in_order(ordered: Any) -> dict[str, Sequence[Any] | None]:
    """Return the ordered features, each with its levels in order where they are given."""
    if isinstance(ordered, dict):
        found = dict(ordered)
    elif hasattr(ordered, "__iter__") and not isinstance(ordered, str):
        found = dict.fromkeys(ordered)
    else:
        found = {None: None}
    listed = (levels is None or isinstance(levels, list | tuple) for levels in found.values())
    if not all(isinstance(name, str) for name in found) or not all(listed):
        expected = "names of columns, or a dict of names and lists of levels in order"
        raise _arguments.refusal(ordered, "ordered", expected)
    return found


def params_as_json(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a constructor's arguments as a file keeps them."""
    return {name: _json(value) for name, value in params.items() if name != "n_jobs"}


def params_of_json(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a file has kept."""
    found = dict(kept)
    if isinstance(found.get("ordered"), list):
        found["ordered"] = tuple(found["ordered"])
    return found


def _json(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {name: _json(one) for name, one in value.items()}
    return [_json(one) for one in value] if isinstance(value, list | tuple) else value


def _strength(value: Any) -> str | float:
    if isinstance(value, str):
        return _arguments.word(value, "strength", _STRENGTHS)
    expected = 'one of "auto", "estimated", "cv", or a number, at least 0'
    return _arguments.finite(value, "strength", expected)


def _seed(value: Any) -> int:
    return _arguments.seed(value, "random_state")

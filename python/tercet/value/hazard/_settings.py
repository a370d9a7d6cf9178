"""Arguments of a hazard as the core takes them, and as a file keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from tercet import _arguments
from tercet.value.propensity._settings import Features, levels_in_order, unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping

Baseline: TypeAlias = Literal["spline", "steps"]
Closed: TypeAlias = Literal["auto", "right", "left"]
Errors: TypeAlias = Literal["auto", "model", "robust", "cluster", "none"]
Strength: TypeAlias = Literal["estimated"] | float

_AT_LEAST_1 = "a whole number, at least 1"


def of_fit(params: Mapping[str, Any], closed: str, has_groups: bool) -> dict[str, Any]:
    """Return the settings of a fit; ranges are checked in the core.

    `closed` is what "auto" stands for; with groups "auto" errors are by cluster.
    """
    named = _arguments.word(params["closed"], "closed", get_args(Closed))
    errors = _arguments.word(params["standard_errors"], "standard_errors", get_args(Errors))
    if errors == "auto":
        errors = "cluster" if has_groups else "model"
    return {
        "period": _arguments.finite(params["period"], "period", "a positive number"),
        "closed": closed if named == "auto" else named,
        "baseline": _arguments.word(params["baseline"], "baseline", get_args(Baseline)),
        "baseline_intervals": _count(params, "baseline_intervals", "from 1 to 100, or None"),
        "features": _arguments.word(params["features"], "features", get_args(Features)),
        "intervals": _count(params, "intervals", "from 1 to 500, or None"),
        "bins": _arguments.whole(params["bins"], "bins", "a whole number, at least 2"),
        "ordered": list(levels_in_order(params["ordered"])),
        "min_level_count": _arguments.whole(
            params["min_level_count"], "min_level_count", _AT_LEAST_1
        ),
        "time_varying_effects": _names(params["time_varying_effects"]),
        "strength": _strength(params["strength"]),
        "standard_errors": errors,
        "max_iterations": _arguments.iterations(params["max_iterations"]),
        "tolerance": _arguments.finite(params["tolerance"], "tolerance", "a small positive share"),
    }


def of_file(params: Mapping[str, Any], fitted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in the words of a model file.

    What predictions depend on, the periods, stays as it was fitted.
    """
    plain = of_fit(params, fitted["closed"], has_groups=False)
    plain["period"], plain["closed"] = fitted["period"], fitted["closed"]
    if params["standard_errors"] == "auto":
        plain["standard_errors"] = fitted["standard_errors"]
    wrap(plain)
    plain["intervals"] = plain.pop("baseline_intervals")
    return plain


def from_file(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that the settings in a model file stand for."""
    found = dict(settings)
    found["baseline_intervals"] = found.pop("intervals")
    for name in ("ordered", "time_varying_effects"):
        found[name] = tuple(found[name])
    unwrap(found, ("features", "strength"))
    return found


def _count(params: Mapping[str, Any], name: str, expected: str) -> int | None:
    value = params[name]
    if value is None:
        return None
    return _arguments.whole(value, name, f"a whole number {expected}")


def _names(value: Any) -> list[str]:
    if not len(value) if hasattr(value, "__len__") else False:
        return []
    return _arguments.names(value, "time_varying_effects", "a list of different features")


def _strength(value: Any) -> str | float:
    if isinstance(value, str):
        return _arguments.word(value, "strength", ("estimated",))
    return _arguments.finite(value, "strength", '"estimated", or a number, at least 0')

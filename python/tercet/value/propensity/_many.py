"""Propensities of several outcomes of the same rows, drawn to what they have in common."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tercet import _arguments, _tercet
from tercet.value.propensity import _outcome, _settings
from tercet.value.propensity._customers import read_customers, warn_of_numbers_as_text
from tercet.value.propensity._order import in_order
from tercet.value.propensity.calibration import LeftOut
from tercet.value.propensity.propensity import Propensity, _with_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tercet._columns import Floats, Integers
    from tercet._features import Attribute

_CLASSES = np.array([0, 1])
#: With fewer events a map that cross-validation chooses is chosen by chance.
_MAPPED = 200


@dataclass(frozen=True)
class Together:
    """Rows with several outcomes, as the core takes them.

    Attributes
    ----------
    attributes : list
        The features.
    outcomes : dict
        0 and 1 by name, nan where a row has no such outcome.
    groups : tuple or None
        The customer of each row.
    settings : dict
        Of the fit.
    note : dict
        What a model keeps.
    n_jobs : int or None
        Threads.
    """

    attributes: list[Attribute]
    outcomes: Mapping[str, Floats]
    groups: tuple[str, NDArray[np.uint32]] | None
    settings: dict[str, Any]
    note: dict[str, Any]
    n_jobs: int | None

    def learnable(self, rows: Integers | slice) -> list[str]:
        """Return the outcomes of which some rows have both kinds."""
        found = []
        for name, values in self.outcomes.items():
            there = values[rows][~np.isnan(values[rows])]
            if len(there) and 0.0 < there.mean() < 1.0:
                found.append(name)
        return found

    def taken(self, rows: Integers | slice) -> list[Attribute]:
        """Return some rows of the features."""
        found: list[Attribute] = []
        for name, values, levels in self.attributes:
            column: Any = np.ascontiguousarray(values[rows])
            found.append((name, column, levels))
        return found

    def fit(self, rows: Integers | slice) -> dict[str, Any]:
        """Return a fitted engine by outcome, of those that can be learnt from some rows."""
        names = self.learnable(rows)
        attributes = self.taken(rows)
        groups = None if self.groups is None else (self.groups[0], self.groups[1][rows])
        note = json.dumps(self.note)
        values = {name: self.outcomes[name][rows] for name in names}
        weights = [(~np.isnan(one)).astype(np.float64) for one in values.values()]
        own = any((one == 0.0).any() for one in weights)
        pairs = [(name, np.nan_to_num(one) > 0.5) for name, one in values.items()]
        if len(names) == 1:
            (pair,), (weight,) = pairs, weights
            engine, _ = _tercet.FittedPropensity.fit(
                attributes,
                (*pair, []),
                ("known", weight) if own else None,
                None,
                groups,
                settings=self.settings,
                note=note,
                n_jobs=self.n_jobs,
            )
            return {names[0]: engine}
        engines = _tercet.FittedPropensity.fit_many(
            attributes,
            pairs,
            None,
            groups,
            settings=self.settings,
            notes=[note] * len(names),
            own_weights=weights if own else None,
            n_jobs=self.n_jobs,
        )
        return dict(zip(names, engines, strict=True))


def fit_many(
    template: Propensity,
    X: Any,
    outcomes: Mapping[str, Floats],
    groups: Any,
    folds: Sequence[tuple[Integers, Integers]],
) -> tuple[dict[str, Propensity], dict[str, Floats | None]]:
    """Fit a propensity an outcome.

    Parameters
    ----------
    template : Propensity
        The settings.
    X : table
        The features.
    outcomes : mapping
        0 and 1 by name, nan where a row has no such outcome.
    groups : array
        The customer of each row.
    folds : sequence
        For each fold the rows to learn from and those left out.

    Returns
    -------
    models : dict
        By outcome; without those that are the same in all rows.
    held : dict
        Calibrated probabilities of rows left out, None where there are too few to leave any out.
    """
    params = template.get_params()
    mapping = _settings.of_calibration(params)
    customers = read_customers(X)
    learned = customers.learn()
    attributes = in_order(customers.attributes(learned), template.ordered, customers)
    warn_of_numbers_as_text(attributes, list(_settings.levels_in_order(template.ordered)))
    note = {
        "params": _settings.params_as_json(params),
        "features": [feature.note() for feature in learned],
        "named": customers.named,
        "classes": _outcome.noted_classes(_CLASSES),
    }
    together = Together(
        attributes,
        outcomes,
        _outcome.read_groups(groups, customers),
        _settings.of_fit(params),
        note,
        _arguments.threads(template.n_jobs),
    )
    engines = together.fit(slice(None))
    crossed = {} if mapping["method"] == "none" else _crossed(together, folds)
    models: dict[str, Propensity] = {}
    held: dict[str, Floats | None] = {}
    for name, engine in engines.items():
        p, of_fold = crossed.get(name, (None, None))
        held[name] = None
        if p is not None:
            there = ~np.isnan(outcomes[name])
            few = mapping["method"] == "auto" and outcomes[name][there].sum() < _MAPPED
            left_out = LeftOut(
                _outcome.Outcome(name, _CLASSES, outcomes[name][there].astype(np.uint16)),
                p[there].reshape(-1, 1),
                of_fold[there],
                None,
                None if together.groups is None else together.groups[1][there],
            )
            maps, after, told = left_out.calibrate(
                {**mapping, "method": "none"} if few else mapping, customers.kind, together.n_jobs
            )
            engine = _with_note(engine, {**note, "maps": maps.note(), "calibration": told._note()})
            whole = np.full(len(p), np.nan)
            whole[there] = after[:, 0]
            held[name] = whole
        models[name] = Propensity._around(engine, params)
    return models, held


def _crossed(
    together: Together, folds: Sequence[tuple[Integers, Integers]]
) -> dict[str, tuple[Any, Any]]:
    """Return predictions of rows left out and their folds, of what every fold can learn."""
    names = set(together.outcomes)
    for rest, _ in folds:
        names &= set(together.learnable(rest))
    if not names:
        return {}
    n = len(next(iter(together.outcomes.values())))
    of_fold = np.zeros(n, dtype=np.uint16)
    found = {name: np.empty(n) for name in names}
    for place, (rest, out) in enumerate(folds):
        of_fold[out] = place
        engines = together.fit(rest)
        left = together.taken(out)
        for name in names:
            p = engines[name].probabilities(left, n_jobs=together.n_jobs)
            found[name][out] = p[:, 0]
    return {name: (p, of_fold) for name, p in found.items()}

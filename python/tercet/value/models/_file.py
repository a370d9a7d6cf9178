"""Files of models that are fitted to snapshots: the envelope of all models, in one JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tercet import _frames, _tercet
from tercet.data.snapshot_audit import SnapshotAudit, SnapshotFinding
from tercet.data.snapshot_recipe import SnapshotRecipe
from tercet.exceptions import ModelFileError, ParameterError, UnsupportedVersionError
from tercet.value.models._stored import noted, restored, write_whole
from tercet.value.models.report_card import ReportCard
from tercet.value.propensity import Propensity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._frames import Kind

_VERSION: Final = 1


def write(model: Any, path: str) -> None:
    """Write a fitted model."""
    write_whole(path, json.dumps(envelope(model), allow_nan=False) + "\n")


def envelope(model: Any) -> dict[str, Any]:
    """Return a fitted model as plain values."""
    fitted = model._require()
    for name, one in fitted.models.items():
        if not isinstance(one, Propensity):
            message = (
                f"estimator: '{name}' was fitted by {type(one.estimator).__name__}, which tercet "
                "cannot write to a file; use pickle or joblib"
            )
            raise ParameterError(message, "estimator")
    params = {**model.get_params(), "n_jobs": None}
    if isinstance(params.get("estimator"), Propensity):
        kept = params["estimator"].get_params()
        params["estimator"] = {name: _plain(value) for name, value in kept.items()}
    return {
        "format": "tercet",
        "kind": model._file_kind,
        "version": _VERSION,
        "written_by": _tercet.__version__,
        "schema": {
            "recipe": fitted.recipe.to_dict(),
            "dates": fitted.dates,
            "n": fitted.n,
            "kind_of_table": fitted.kind,
        },
        "settings": {name: _plain(value) for name, value in params.items()},
        "fitted": {
            "models": {
                name: json.loads(one._as_it_is_now().to_json())
                for name, one in fitted.models.items()
            },
            "bands": fitted.bands,
            "rates": noted(fitted.rates),
        },
        "report": {"card": fitted.card._note(), "audit": _audit_note(fitted.audit)},
    }


def read(cls: Any, content: Mapping[str, Any]) -> Any:
    """Return the model that an envelope holds.

    Raises
    ------
    UnsupportedVersionError
        If a newer tercet wrote it.
    ModelFileError
        If it is damaged.
    """
    from tercet.value.models._fitted import Fitted

    version = content.get("version")
    if not isinstance(version, int) or version > _VERSION:
        message = (
            f"was written by a newer tercet (version {version} of the format, {_VERSION} is the "
            "newest known here); install a newer tercet"
        )
        raise UnsupportedVersionError(message)
    try:
        schema, fitted, report = content["schema"], content["fitted"], content["report"]
        kind: Kind = schema["kind_of_table"]
        models = {}
        for name, one in fitted["models"].items():
            models[name] = Propensity._from_json(json.dumps(one))
            models[name]._kind = kind
        settings = dict(content["settings"])
        if isinstance(settings.get("estimator"), dict):
            kept = settings["estimator"]
            if isinstance(kept.get("ordered"), list):
                kept["ordered"] = tuple(kept["ordered"])
            settings["estimator"] = Propensity(**kept)
        # Settings that are newer than the file are as by default.
        known = [name for name in cls._parameter_names() if name in settings]
        model = cls(**{name: settings[name] for name in known})
        model._fitted = Fitted(
            models,
            SnapshotRecipe.from_dict(schema["recipe"]),
            ReportCard._of(report["card"], kind),
            _audit_of(report["audit"], kind),
            dict(fitted["bands"]),
            restored(fitted["rates"]),
            schema["n"],
            list(schema["dates"]),
            kind,
        )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        message = f"this model file is damaged ({type(error).__name__}: {error}); save it again"
        raise ModelFileError(message) from error
    return model


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def _audit_note(audit: SnapshotAudit) -> dict[str, Any]:
    table = _frames.read_whole(audit.features)
    return {
        "findings": [[one.kind, one.column, one.words] for one in audit.findings],
        "best": noted([list(one) for one in audit._best]),
        "features": {
            "feature": table.arrow("feature").to_pylist(),
            "auc": noted(table.floats("auc", missing_as_nan=True)),
            "missing": noted(table.floats("missing", missing_as_nan=True)),
        },
    }


def _audit_of(note: Mapping[str, Any], kind: Kind) -> SnapshotAudit:
    findings = [SnapshotFinding(*one) for one in note["findings"]]
    columns = {**note["features"], "auc": restored(note["features"]["auc"])}
    columns["missing"] = restored(note["features"]["missing"])
    best = [(name, auc, missing) for name, auc, missing in restored(note["best"])]
    return SnapshotAudit(findings, _frames.new_table(columns, kind), best)

"""Reading saved models, of whatever kind they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tercet import _arguments, _tercet
from tercet.exceptions import ModelFileError
from tercet.needs import (
    GaussianMixtureSegments,
    KMeansSegments,
    LatentClass,
    MaxDiff,
    SegmentProjection,
    TypingTool,
)
from tercet.response import CausalForest, PolicyTree, SegmentBook
from tercet.value.evaluation import Calibration
from tercet.value.hazard import HazardModel
from tercet.value.lifetime import BGNBD, GammaGamma
from tercet.value.models import ChurnModel, FeatureUseModel, LeadScore, PurchaseModel
from tercet.value.propensity import Propensity

if TYPE_CHECKING:
    import os

    from tercet._estimator import Saved
    from tercet.value.models._model import SnapshotModel

__all__ = ["load"]

_MODELS: dict[str, type[Saved | SnapshotModel | SegmentBook]] = {
    "bg_nbd": BGNBD,
    "calibration": Calibration,
    "causal_forest": CausalForest,
    "churn_model": ChurnModel,
    "feature_use_model": FeatureUseModel,
    "gamma_gamma": GammaGamma,
    "gaussian_mixture": GaussianMixtureSegments,
    "hazard": HazardModel,
    "k_means": KMeansSegments,
    "latent_class": LatentClass,
    "lead_score": LeadScore,
    "max_diff": MaxDiff,
    "policy_tree": PolicyTree,
    "propensity": Propensity,
    "purchase_model": PurchaseModel,
    "segment_book": SegmentBook,
    "segment_projection": SegmentProjection,
    "typing_tool": TypingTool,
}


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model that was saved by tercet, from Python or from Rust.

    Parameters
    ----------
    path : path
        A file that a model's `save` wrote; a byte order mark at its start is passed over.

    Returns
    -------
    model
        The fitted model, of the class that was saved; it predicts the same numbers, bit for bit. Of
        a book of segments, the `SegmentBook`.

    Raises
    ------
    ModelFileError
        If the file is empty, cut short, damaged, or no model file; the message names it.
    UnsupportedVersionError
        If a newer tercet wrote it.
    OSError
        If it cannot be read (`FileNotFoundError` where there is none).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import tercet as tc
    >>> customers = tc.datasets.simulate_purchases(500, seed=1).transactions
    >>> model = tc.BGNBD().fit(tc.purchase_summary(customers))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.json"
    ...     model.save(path)
    ...     tc.load(path).params_ == model.params_
    True
    """
    name = _arguments.path(path)
    try:
        return _read(Path(name).read_bytes())
    except ModelFileError as error:
        raise type(error)(f"{name}: {error}") from error


def _read(content: bytes) -> Any:
    """Return the model in a file's bytes."""
    if not content:
        raise ModelFileError("not a whole tercet model file (it is empty)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelFileError(f"not a tercet model file (it is not text: {error})") from error
    return model_of(text)


def model_of(text: str) -> Any:
    """Return the model in a JSON text, of whatever kind it is."""
    kind = _tercet.model_kind(text)
    if kind not in _MODELS:
        message = f"holds a model of kind '{kind}', which this tercet does not know; upgrade it"
        raise ModelFileError(message)
    return _MODELS[kind]._from_json(text)

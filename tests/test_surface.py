"""The public surface: nothing of the extension left unwrapped, nothing public undocumented."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tercet as tc
from tercet import _tercet

PACKAGE = Path(tc.__file__).parent


def public_modules() -> list[str]:
    """Every module of tercet whose name, and whose parents' names, are public."""
    found = pkgutil.walk_packages([str(PACKAGE)], prefix="tercet.")
    names = [module.name for module in found]
    return ["tercet", *(name for name in names if not re.search(r"\._", name))]


MODULES = public_modules()


def public_things() -> dict[str, object]:
    """Every class, function and method that a public module lists in `__all__`."""
    things: dict[str, object] = {}
    for module in map(importlib.import_module, MODULES):
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                things[f"{thing.__module__}.{thing.__qualname__}"] = thing
    for path, thing in list(things.items()):
        if inspect.isclass(thing):
            for name, member in inspect.getmembers(thing):
                ours = getattr(member, "__module__", None) or getattr(
                    getattr(member, "fget", None), "__module__", ""
                )
                if not name.startswith("_") and str(ours).startswith("tercet"):
                    things[f"{path}.{name}"] = member
    return things


THINGS = public_things()


def test_the_search_finds_what_there_is():
    assert {"tercet", "tercet.exceptions", "tercet.value.lifetime", "tercet.plots"} <= set(MODULES)
    for name in ("lifetime_value", "BGNBD.fit", "BGNBD.params_", "GammaGamma.expected_spend"):
        assert any(path.endswith(name) for path in THINGS), name
    assert len(THINGS) > 40
    assert len(FUNCTIONS) > 15
    assert len(EXPORTING) > 5


def test_every_name_of_the_extension_is_wrapped():
    names = [name for name in dir(_tercet) if not name.startswith("__")] + ["__version__"]
    assert {"FittedBgNbd", "FittedGammaGamma", "summarize_purchases"} <= set(names)
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    unused = [name for name in names if not re.search(rf"_tercet(\.| import ){name}\b", source)]
    assert not unused


@pytest.mark.parametrize(
    ("engine", "found"),
    [
        (_tercet.FittedBgNbd, {"fit", "estimates", "report", "to_json"}),
        (_tercet.FittedGammaGamma, {"fit", "estimates", "report", "to_json"}),
        (_tercet.FittedCalibration, {"fit", "calibrate", "report", "to_json"}),
        (_tercet.FittedLatentClass, {"fit", "posterior", "report", "to_json"}),
        (_tercet.FittedSegmentProjection, {"fit", "probabilities", "quality", "to_json"}),
        (_tercet.FittedTypingTool, {"fit", "sizes", "confusion", "to_json"}),
        (_tercet.FittedCausalForest, {"fit", "effects", "intervals", "to_json"}),
        (_tercet.FittedPolicyTree, {"fit", "apply", "value_on", "to_json"}),
        (_tercet.FittedHazard, {"fit", "survival", "part", "to_json"}),
        (_tercet.FittedPropensity, {"fit", "probabilities", "reasons", "to_json"}),
        (_tercet.FittedMaxDiff, {"fit", "posterior", "simulate", "to_json"}),
        (_tercet.FittedKMeansSegments, {"fit", "posterior", "centers", "to_json"}),
        (_tercet.FittedGaussianMixtureSegments, {"fit", "posterior", "covariances", "to_json"}),
        (_tercet.PurchaseSummary, {"first_row", "frequency", "n_new_customers"}),
    ],
)
def test_everything_that_the_extensions_classes_have_is_used(engine, found):
    names = {name for name in dir(engine) if not name.startswith("_")}
    assert found <= names
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    # tercet.load reads the text itself, so that it can ask which kind of model it holds.
    assert not {name for name in names if not re.search(rf"\.{name}\b", source)}


@pytest.mark.parametrize("path", THINGS)
def test_everything_public_is_documented(path):
    docstring = inspect.getdoc(THINGS[path])
    assert docstring, path
    assert docstring.splitlines()[0].endswith("."), "the first line is a sentence"


# scikit-learn's own signatures are documented there.
FUNCTIONS = [
    path
    for path, thing in THINGS.items()
    if inspect.isfunction(thing) and not path.endswith((".get_params", ".set_params"))
]


@pytest.mark.parametrize("path", FUNCTIONS)
def test_every_parameter_is_documented(path):
    docstring = inspect.getdoc(THINGS[path]) or ""
    for name in inspect.signature(THINGS[path]).parameters:
        # A line such as "name : type", or "one, name, another : type".
        listed = re.search(rf"^([\w*]+, )*\**{name}(, [\w*]+)*( :|$)", docstring, re.MULTILINE)
        assert name == "self" or listed, name


EXPORTING = [name for name in MODULES if hasattr(importlib.import_module(name), "__all__")]


@pytest.mark.parametrize("module", EXPORTING)
def test_exports_are_sorted_and_exist(module):
    loaded = importlib.import_module(module)
    # Names in capitals come first, as ruff has them.
    names = sorted(loaded.__all__, key=lambda name: (not name.isupper(), name))
    assert loaded.__all__ == names
    assert all(hasattr(loaded, name) for name in loaded.__all__)


def test_constructors_store_their_arguments_and_do_nothing_else():
    for unfitted in (
        tc.BGNBD(),
        tc.Calibration(),
        tc.CausalForest(),
        tc.ChurnModel(),
        tc.ClassifierPropensity(None),
        tc.DRLearner(None),
        tc.FeatureUseModel(),
        tc.GammaGamma(),
        tc.GaussianMixtureSegments(2),
        tc.HazardModel(),
        tc.KMeansSegments(2),
        tc.LatentClass(2),
        tc.LeadScore(["new", "won"]),
        tc.MaxDiff(),
        tc.PolicyTree(),
        tc.Propensity(),
        tc.PurchaseModel(),
        tc.SegmentProjection(),
        tc.TLearner(None),
        tc.TypingTool(tc.LatentClass(2)),
        tc.XLearner(None),
    ):
        thing = object()
        names = list(unfitted.get_params())
        model = type(unfitted)(**dict.fromkeys(names, thing))
        assert vars(model) == dict.fromkeys(names, thing)


HEAVY = ("matplotlib", "pandas", "polars", "duckdb", "sklearn", "typer", "tqdm")


def test_importing_tercet_imports_no_optional_package():
    code = f"import sys, tercet; print([name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_estimators_need_no_scikit_learn(tmp_path):
    (tmp_path / "sklearn.py").write_text("raise ImportError('not here')")
    code = (
        "import pickle, tercet as tc\n"
        "rows = {'frequency': [2, 0, 1], 'recency': [5.0, 0, 3], 'T': [9.0, 9, 8]}\n"
        "model = tc.BGNBD().set_params(n_jobs=1)\n"
        "import warnings; warnings.simplefilter('ignore')\n"
        "model.fit(rows, weights=[50, 60, 70])\n"
        "assert pickle.loads(pickle.dumps(model)).params_ == model.params_\n"
        "repr(model), model._repr_html_(), model.get_params()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_no_wall_clock_is_read():
    files = list(PACKAGE.rglob("*.py"))
    assert len(files) > 15
    clock = re.compile(r"\b(now|utcnow|today|time\.time|monotonic|perf_counter)\(")
    assert not [path for path in files if clock.search(path.read_text())]

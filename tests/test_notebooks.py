"""Every notebook runs from top to bottom, and the committed one is what its source says."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
SOURCES = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
notebooks = pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])

MACHINE = re.compile(r"/(?:home|root|work|tmp|usr|Users|var)/|[A-Z]:\\\\", re.ASCII)


def builder() -> ModuleType:
    """`notebooks/build.py`, which makes the committed notebooks."""
    spec = importlib.util.spec_from_file_location("build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outputs_of(notebook: Any) -> list[Any]:
    """All outputs of all cells."""
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def printed_by(notebook: Any) -> str:
    """What the cells print."""
    return "".join(output.get("text", "") for output in outputs_of(notebook))


def pictures_of(notebook: Any) -> int:
    """How many pictures a notebook shows."""
    return sum("image/png" in output.get("data", {}) for output in outputs_of(notebook))


#: What a notebook says of public data, what it says without them, and how many pictures it shows.
SAID = {
    "01_customer_value": ("These are the CDNOW customers", "these are simulated customers", 8),
    "03_macro_segments": ("These are the Australian tourists", "this is an invented retailer", 5),
    "04_churn_purchase_lead": (
        "These are the customers of a telephone company",
        "The telephone company's file is not here",
        6,
    ),
    "05_micro_segments": (
        "customers of Hillstrom's shop",
        "Hillstrom's file is not here",
        6,
    ),
}


def test_notebooks_were_found() -> None:
    assert [source.stem for source in SOURCES] == list(SAID)


@notebooks
@pytest.mark.slow
def test_notebook_runs_on_public_data(
    source: Path, data_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = data_file("cdnow/CDNOW_sample.txt").parents[1]
    monkeypatch.setenv("TERCET_DATA", str(folder.resolve()))
    notebook = builder().execute(source)
    with_data, _, pictures = SAID[source.stem]
    assert pictures_of(notebook) >= pictures
    assert with_data in printed_by(notebook)


@notebooks
@pytest.mark.slow
def test_notebook_runs_without_public_data(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERCET_DATA", str(tmp_path))
    notebook = builder().execute(source)
    _, without_data, pictures = SAID[source.stem]
    assert pictures_of(notebook) >= pictures
    assert without_data in printed_by(notebook)


@notebooks
def test_committed_notebook_is_that_source(source: Path) -> None:
    committed = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    written = jupytext.read(source)
    assert ["".join(cell["source"]) for cell in committed["cells"]] == [
        cell["source"] for cell in written.cells
    ], "run `make notebooks`"


@notebooks
def test_committed_notebook_has_outputs_and_no_machine(source: Path) -> None:
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    committed = json.loads(text)
    assert not [o for o in outputs_of(committed) if o["output_type"] in {"error", "stderr"}]
    assert pictures_of(committed) >= SAID[source.stem][2]
    for cell in committed["cells"]:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/png", None)
    assert not MACHINE.search(json.dumps(committed))

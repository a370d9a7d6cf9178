"""Build the notebooks: run every `NN_title.py` and write the `.ipynb` beside it, with its outputs.

    python notebooks/build.py            # all of them
    python notebooks/build.py 01         # those whose name starts so

The percent scripts are the source; the notebooks are what they print, for readers on the web.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
TIMEOUT_SECONDS = 300


def sources() -> list[Path]:
    """The notebooks' sources, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def execute(source: Path) -> Any:
    """Run a source from top to bottom; a cell that fails raises."""
    notebook = jupytext.read(source)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name="python3",
        # Times of execution would change with every build.
        record_timing=False,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()
    return notebook


def tidy(notebook: Any) -> Any:
    """Drop what differs from machine to machine or from run to run."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02}"
        cell["metadata"] = {}
    return notebook


def main(prefixes: list[str]) -> None:
    """Build the notebooks whose names start with one of the prefixes."""
    chosen = [s for s in sources() if not prefixes or s.name.startswith(tuple(prefixes))]
    if not chosen:
        sys.exit(f"no notebook starts with {' or '.join(prefixes)}")
    for source in chosen:
        print(f"running {source.name} ...", flush=True)
        nbformat.write(tidy(execute(source)), source.with_suffix(".ipynb"))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Files appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tercet.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE_SUFFIXES: Final = (".parquet", ".csv")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `path` if the block ends without an error.

    A symbolic link stays: what it points to is replaced.
    """
    path = path.resolve()
    # The same folder, hence the same file system: the rename cannot be half done.
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def check_table_path(path: Path, option: str) -> None:
    """Refuse, before any work is done, a path that the table could not be written to."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise ParameterError(
            f"{option} {str(path)!r}: the extension says how to write it; use .parquet or .csv"
        )
    if path.is_dir():
        raise ParameterError(f"{option} {str(path)!r} is a folder; name a file")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise ParameterError(
            f"{option} {str(path)!r}: there is no folder {str(folder)!r}; create it first"
        )
    _check_writable(folder, f"{option} {str(path)!r}")


def check_folder(path: Path, option: str) -> None:
    """Refuse, before any work is done, a folder that could not be made or written to."""
    if path.exists() and not path.is_dir():
        raise ParameterError(f"{option} {str(path)!r} is a file; name a folder")
    place = path.resolve()
    nearest = next(folder for folder in (place, *place.parents) if folder.exists())
    if not nearest.is_dir():
        raise ParameterError(f"{option} {str(path)!r}: {str(nearest)!r} is a file, not a folder")
    _check_writable(nearest, f"{option} {str(path)!r}")


def _check_writable(folder: Path, argument: str) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ParameterError(
            f"{argument}: you may not write to the folder {str(folder)!r}; choose another one"
        )


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet or CSV, as the extension says."""
    with replacing(path) as partial:
        if path.suffix.lower() == ".parquet":
            pyarrow.parquet.write_table(table, partial)
        else:
            pyarrow.csv.write_csv(table, partial)

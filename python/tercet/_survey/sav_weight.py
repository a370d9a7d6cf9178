"""The variable by which a file of SPSS is weighted: its header has the number of its record.

The layout is that of the PSPP developers' guide, "System File Format": a header of 176 bytes, whose
bytes 76 to 80 are the number (from 1) of the weight's variable record, and variable records of 32
bytes each, with a label and missing values behind them. Text that is longer than eight bytes has
further records that are no variables.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

_MAGIC: Final = (b"$FL2", b"$FL3")
_HEADER: Final = 176
_VARIABLE: Final = 2
_CONTINUED: Final = -1
# Text of more than 255 bytes is several variables in the records and one for the reader.
_LONGEST: Final = 255


def weight_variable(path: Path, names: Sequence[str]) -> str | None:
    """Return the name of the weight; None if the file has none.

    Parameters
    ----------
    path : Path
        A file whose first bytes are readable.
    names : sequence of str
        Its variables, in order.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
        if len(head) < _HEADER or not head.startswith(_MAGIC):
            return None
        order = "<" if struct.unpack_from("<i", head, 64)[0] in (2, 3) else ">"
        wanted = struct.unpack_from(f"{order}i", head, 76)[0]
        place = _place_of_record(file, order, wanted) if wanted > 0 else None
    return names[place] if place is not None and place < len(names) else None


def _place_of_record(file: BinaryIO, order: str, wanted: int) -> int | None:
    """Return which variable a record is, from 0; None if it cannot be told."""
    place = -1
    for number in range(1, wanted + 1):
        record = file.read(32)
        if len(record) < 32:
            return None
        kind, width, has_label, n_missing = struct.unpack_from(f"{order}4i", record)
        if kind != _VARIABLE or width >= _LONGEST:
            return None
        place += width != _CONTINUED
        if number == wanted:
            return place if width == 0 else None
        if has_label:
            length = struct.unpack(f"{order}i", file.read(4))[0]
            file.seek((length + 3) // 4 * 4, 1)
        file.seek(8 * abs(n_missing), 1)
    return None

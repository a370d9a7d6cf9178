"""What is particular to files of Qualtrics: header records, columns about the interview, tests.

A CSV or TSV export has three header records: the names of the columns, the questions, and a record
of JSON objects such as `{"ImportId":"QID5_1"}`. Exports for SPSS have the columns only.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tercet._columns import column_error
from tercet._survey.dropped import dropped_rows
from tercet._survey.source import Role, Said
from tercet.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tercet._columns import Integers
    from tercet._survey.dropped import Dropped

#: Columns about the interview: import id, and the name in exports.
_ABOUT: Final = {
    "startDate": "StartDate",
    "endDate": "EndDate",
    "status": "Status",
    "ipAddress": "IPAddress",
    "progress": "Progress",
    "duration": "Duration (in seconds)",
    "finished": "Finished",
    "recordedDate": "RecordedDate",
    "_recordId": "ResponseId",
    "recipientLastName": "RecipientLastName",
    "recipientFirstName": "RecipientFirstName",
    "recipientEmail": "RecipientEmail",
    "externalDataReference": "ExternalReference",
    "locationLatitude": "LocationLatitude",
    "locationLongitude": "LocationLongitude",
    "distributionChannel": "DistributionChannel",
    "userLanguage": "UserLanguage",
}
_STATUS: Final = {
    "0": "ip address",
    "1": "survey preview",
    "2": "survey test",
    "4": "imported",
    "8": "spam",
    "9": "survey preview spam",
    "12": "imported spam",
    "16": "offline",
    "17": "offline survey preview",
    "32": "ex",
    "40": "ex spam",
    "48": "ex offline",
    "256": "synthetic",
}
# Which responses are no respondents'.
_NOT_MEANT: Final = re.compile(r"preview|test|spam|synthetic")
_QUESTION: Final = re.compile(r"^(?:\d+_)?QID\d+")
_TIMER: Final = re.compile(r"_(?:FIRST_CLICK|LAST_CLICK|PAGE_SUBMIT|CLICK_COUNT)$")
_DISPLAY_ORDER: Final = re.compile(r"_DO(?:_|$)")
_SPECIFY: Final = re.compile(r"QID\d+.*_\d+_TEXT$|_\d+_TEXT$")
# What Qualtrics makes of answers: groups, topics and moods of text, files, signatures, the browser.
_DERIVED: Final = re.compile(
    r"_NPS_GROUP$|SENTIMENT|TOPIC|_TEXT_.|_GROUP_LABEL$|_FILE_|_SIGNATURE"
    r"|QID\d+_(?:BROWSER|VERSION|OS|RESOLUTION)$",
    re.IGNORECASE,
)
# The same in names. Files of SPSS have underscores where others have blanks and hyphens.
_TIMER_NAME: Final = re.compile(r"_(?:(?:First|Last)[ _]Click|Page[ _]Submit|Click[ _]Count)$")
_DERIVED_NAME: Final = re.compile(
    r"_NPS_GROUP$|(?: - |___)(?:(?:Parent[ _])?Topics?\b|Topic[ _]|Sentiment|Emotion|Effort"
    r"|Actionability)|_(?:Browser|Version|Operating[ _]System|Resolution)$"
    r"|^Q_[A-Z][A-Za-z]+$|^SC\d+$"
)
_ORDER_NAME: Final = re.compile(r"^(?P<of>.+?)_DO(?:_.*)?$")
_BLOCK: Final = re.compile(r"^(?:FL|BL|BR|EX)_\w+$")
_FINISHED: Final = frozenset({"true", "1", "1.0", "yes", "wahr", "vrai", "verdadero"})
_COMPLETE: Final = frozenset({"100", "100.0"})
_ENOUGH: Final = 3


def import_ids(record: Sequence[str]) -> list[str] | None:
    """Return the import ids of a header record; None if it is not one of them."""
    found = []
    for cell in record:
        cell = cell.strip()
        if not cell:
            found.append("")
            continue
        if not cell.startswith("{"):
            return None
        try:
            value = json.loads(cell)
        except ValueError:
            return None
        if not isinstance(value, dict) or "ImportId" not in value:
            return None
        found.append(str(value["ImportId"]))
    return found if any(found) else None


def canonical(name: str) -> str | None:
    """Return what a column about the interview is called in CSV exports; None for other columns."""
    return _CANONICAL.get(_letters(name))


def is_qualtrics(names: Iterable[str]) -> bool:
    """Whether a table has columns that only exports of Qualtrics have."""
    return len({canonical(name) for name in names} - {None}) >= _ENOUGH


def check_headers(path: Path, head: Sequence[Sequence[str]], asked: bool) -> list[str] | None:
    """Return the import ids of a file; None if it is no export of Qualtrics.

    Raises
    ------
    DataError
        If it is one without its header records, or is said to be one.
    """
    ids = import_ids(head[2]) if len(head) > 2 else None
    if ids is not None:
        return ids
    if len(head) > 1 and import_ids(head[1]) is not None:
        lacks = "the record of questions (its second line)"
    elif asked or is_qualtrics(head[0]):
        lacks = 'the record {"ImportId": ...} (its third line)'
    else:
        return None
    looks = "was read as" if asked else "looks like"
    raise DataError(
        f"{path} {looks} an export of Qualtrics, but lacks {lacks}; export it again as CSV and "
        "leave its first three lines alone, or pass "
        'format="csv" if its first line is the only header'
    )


def check_no_headers(column: Any, name: str) -> None:
    """Refuse a table in which header lines of an export were taken for responses."""
    for row, cell in enumerate(column.slice(0, 2).to_pylist()):
        if isinstance(cell, str) and cell.strip().startswith('{"ImportId"'):
            reason = (
                "holds a header line of Qualtrics, not a response; read the file with "
                "tercet.read_survey, or drop the rows before the first response"
            )
            raise column_error(name, reason, row)


def said_of(names: Sequence[str], texts: Sequence[str], ids: Sequence[str]) -> dict[str, Said]:
    """Return what the header records say of each column."""
    found = {}
    for place, name in enumerate(names):
        text = re.sub(r"\s+", " ", texts[place]).strip() if place < len(texts) else ""
        import_id = ids[place] if place < len(ids) else ""
        found[name] = Said(
            text="" if text == name else text,
            role=_role(name, import_id),
            typed_in=import_id.endswith("_TEXT"),
        )
    return found


def display_orders(names: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Return the columns that say in what order something was shown.

    Parameters
    ----------
    names : sequence of str
        All columns.
    ids : sequence of str
        Their import ids; none where a file has none.
    """
    found = []
    for place, name in enumerate(names):
        import_id = ids[place] if place < len(ids) else ""
        if _DISPLAY_ORDER.search(import_id):
            found.append(name)
        elif match := _ORDER_NAME.match(name):
            # Not a question such as "TO_DO": the order is that of another column or a block.
            of = match["of"]
            others = (one for one in names if _ORDER_NAME.match(one) is None)
            if (
                import_id
                or _BLOCK.match(of)
                or any(f"{one}_".startswith(f"{of}_") for one in others)
            ):
                found.append(name)
    return found


def role_of_name(name: str) -> Role:
    """Return what a column of an export is for, where only its name says so."""
    if canonical(name) is not None or _TIMER_NAME.search(name):
        return "about"
    return "other" if _DERIVED_NAME.search(name) or _SPECIFY.search(name) else "answer"


def keep_responses(
    columns: Mapping[str, Any], rows: Integers, unfinished: str, previews: str
) -> tuple[Any, list[Dropped]]:
    """Return which rows to keep, and what is left out.

    Parameters
    ----------
    columns : mapping
        The columns about the interview, by their canonical names.
    rows : array
        The rows of the file.
    unfinished, previews : {"drop", "keep"}
        The rules.
    """
    keep = np.ones(len(rows), dtype=bool)
    ids = columns.get("ResponseId")
    dropped = []
    for reason, rule, find in (
        ("preview, test or spam", previews, _not_meant),
        ("unfinished", unfinished, _unfinished),
    ):
        mask = find(columns) if rule == "drop" else None
        if mask is not None:
            mask &= keep
            if mask.any():
                dropped.append(dropped_rows(reason, rows, ids, mask))
                keep &= ~mask
    return keep, dropped


def _role(name: str, import_id: str) -> Role:
    if import_id in _ABOUT or _TIMER.search(import_id) or _TIMER_NAME.search(name):
        return "about"
    if not import_id:
        return role_of_name(name)
    if not _QUESTION.match(import_id) or _DERIVED.search(import_id):
        return "other"
    return "other" if _SPECIFY.search(import_id) or _SPECIFY.search(name) else "answer"


def _not_meant(columns: Mapping[str, Any]) -> Any:
    mask = None
    if "Status" in columns:
        words = [_STATUS.get(word, word) for word in _words(columns["Status"])]
        mask = np.array([_NOT_MEANT.search(word) is not None for word in words], dtype=bool)
        mask = mask[_places(columns["Status"])]
    if "DistributionChannel" in columns:
        words = _words(columns["DistributionChannel"])
        shown = np.array([word in ("preview", "test") for word in words], dtype=bool)
        shown = shown[_places(columns["DistributionChannel"])]
        mask = shown if mask is None else mask | shown
    return mask


def _unfinished(columns: Mapping[str, Any]) -> Any:
    if "Finished" in columns:
        column, done = columns["Finished"], _FINISHED
    elif "Progress" in columns:
        column, done = columns["Progress"], _COMPLETE
    else:
        return None
    finished = np.array([word in done for word in _words(column)], dtype=bool)
    if not finished.any():
        shown = ", ".join(repr(word) for word in _words(column)[:4])
        says = f"no response is finished (the column says {shown})"
        raise DataError(f'{says}; pass unfinished="keep" to read them')
    return ~finished[_places(column)]


def _words(column: Any) -> list[str]:
    """Return the distinct values of a column in small letters; the last is for missing ones."""
    distinct = pc.unique(column.drop_null()).to_pylist()
    return [*(str(value).strip().casefold() for value in distinct), ""]


def _places(column: Any) -> Any:
    """Return for each row the place of its value in `_words`."""
    distinct = pc.unique(column.drop_null())
    places = pc.index_in(column, value_set=distinct)
    return pc.fill_null(places, len(distinct)).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())


_CANONICAL: Final = {_letters(name): name for name in _ABOUT.values()}

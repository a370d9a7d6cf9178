"""Files with two header lines: questions, and beneath them options or statements (SurveyMonkey)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tercet._survey.source import Role, Said

if TYPE_CHECKING:
    from collections.abc import Sequence

# Under a question with one column SurveyMonkey writes what kind of answer it is.
_NO_PART: Final = frozenset({"", "response", "open-ended response"})
_OF_SURVEY_MONKEY: Final = frozenset({"respondent id", "collector id"})
_ABOUT: Final = frozenset(
    {
        *_OF_SURVEY_MONKEY,
        *("date created", "date modified", "start date", "end date", "start time", "end time"),
        *("ip address", "email address", "first name", "last name", "custom data 1"),
    }
)


def has_two(head: Sequence[Sequence[str]]) -> bool:
    """Whether the second record belongs to the header.

    It does if it has nothing in the first column, which has a name, and either words under columns
    without a name, or the word "Response" in a file with SurveyMonkey's columns.
    """
    if len(head) < 2 or len(head[0]) != len(head[1]):
        return False
    above, below = ([cell.strip() for cell in record] for record in head[:2])
    if not above[0] or below[0]:
        return False
    names, parts = ({cell.casefold() for cell in record} for record in (above, below))
    if names & _OF_SURVEY_MONKEY and parts & (_NO_PART - {""}):
        return True
    under = [low for high, low in zip(above, below, strict=True) if not high]
    return bool(under) and all(under) and not any(map(_is_number, below))


def joined(head: Sequence[Sequence[str]]) -> tuple[list[str], dict[str, Said]]:
    """Return the names of the columns from both records, and what is said of each.

    The parts of a question are named "question - part", so that they are found to belong together.
    """
    names: list[str] = []
    said: dict[str, Said] = {}
    question = ""
    for high, low in zip(head[0], head[1], strict=True):
        question = " ".join(high.split()) or question
        part = " ".join(low.split())
        name = question if part.casefold() in _NO_PART else f"{question} - {part}"
        place = 2
        while name in said:
            name, place = f"{name} ({place})", place + 1
        names.append(name)
        about = not part and question.casefold() in _ABOUT
        other = part.casefold().startswith("other (please specify")
        role: Role = "about" if about else "other" if other else "answer"
        said[name] = Said(text=name, role=role)
    return names, said


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True

"""Rating scales that everybody knows, so that answers in words get their order.

A label is looked up in one scale at a time: either a ladder (a list of steps, each with its
synonyms) or a pair of opposites with adverbs of degree, such as "strongly disagree". A set of
labels is a scale if each has a place in it and no two share one. Labels are English ones.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tercet._survey.brackets import bracket_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Adverbs from strong to weak; a bare adjective is 5. Scales mix few of them, and never two of one
# rank.
_DEGREES: Final = {
    **dict.fromkeys(("extremely", "exceptionally"), 9.0),
    **dict.fromkeys(("completely", "totally", "absolutely", "fully", "entirely", "wholly"), 8.0),
    **dict.fromkeys(("strongly", "very much", "definitely", "highly"), 7.0),
    "very": 6.0,
    "mostly": 4.8,
    **dict.fromkeys(("generally", "largely"), 4.6),
    "quite": 4.0,
    **dict.fromkeys(("moderately", "reasonably"), 3.5),
    "fairly": 3.0,
    "rather": 2.6,
    "somewhat": 2.0,
    "tend to": 1.8,
    "partly": 1.6,
    "slightly": 1.0,
    **dict.fromkeys(("a little", "a little bit", "mildly", "a bit"), 0.8),
}
_PLAIN: Final = 5.0
_NEGATIONS: Final = {
    "not at all": -9.5,
    "not": -5.0,
    **dict.fromkeys(
        ("not very", "not too", "not so", "not that", "not particularly", "not really"), -3.0
    ),
}
_PAIRS: Final = (
    ("agree", "disagree"),
    ("agreement", "disagreement"),
    ("satisfied", "dissatisfied", "unsatisfied"),
    ("likely", "unlikely"),
    ("probable", "improbable"),
    ("important", "unimportant"),
    ("essential", "inessential"),
    ("interested", "uninterested", "disinterested"),
    ("interesting", "uninteresting", "boring"),
    ("happy", "unhappy"),
    ("easy", "difficult", "hard"),
    ("simple", "complicated"),
    ("good", "bad", "poor"),
    ("positive", "negative"),
    ("useful", "useless"),
    ("helpful", "unhelpful"),
    ("clear", "unclear"),
    ("effective", "ineffective"),
    ("comfortable", "uncomfortable"),
    ("confident", "unconfident"),
    ("concerned", "unconcerned"),
    ("worried", "unworried"),
    ("familiar", "unfamiliar"),
    ("aware", "unaware"),
    ("relevant", "irrelevant"),
    ("appealing", "unappealing"),
    ("attractive", "unattractive"),
    ("appropriate", "inappropriate"),
    ("acceptable", "unacceptable"),
    ("necessary", "unnecessary"),
    ("reliable", "unreliable"),
    ("valuable", "worthless"),
    ("willing", "unwilling"),
    ("favorable", "unfavorable"),
    ("favourable", "unfavourable"),
    ("favor", "oppose"),
    ("favour", "oppose"),
    ("support", "oppose"),
    ("approve", "disapprove"),
    ("like", "dislike"),
    ("true", "untrue", "false"),
    ("convenient", "inconvenient"),
    ("expensive", "cheap", "inexpensive"),
    ("fast", "slow"),
    ("high", "low"),
    ("large", "small"),
    ("strong", "weak"),
)
_MIDDLES: Final = {
    "neutral",
    "neither",
    "neither nor",
    "undecided",
    "indifferent",
    "mixed",
    "medium",
    "moderate",
    "average",
    "fair",
    "ok",
    "okay",
}

# A ladder a paragraph, from the lowest step to the highest; the words between bars are synonyms.
# How often (in words, by the calendar); how much; how good; against the average or something else;
# too little or too much; intentions; how well something fits; and some short ones.
_LADDERS: Final = """
never | not at all; almost never | hardly ever | nearly never; very rarely | very seldom;
rarely | seldom | infrequently; occasionally | once in a while | now and then;
sometimes | some of the time; about half the time | half the time | half of the time;
often | frequently | regularly | a lot of the time; very often | very frequently;
usually | most of the time | mostly;
almost always | nearly always | almost all of the time;
always | all the time | all of the time | every time

never; less than once a year | less often than once a year;
once a year | yearly | annually | every year;
a few times a year | several times a year | 2-3 times a year | once or twice a year;
every few months | once every few months | quarterly | every 3 months | every three months;
less than once a month | less than monthly | less often than once a month;
once a month | monthly | every month | about once a month;
2-3 times a month | a few times a month | several times a month | every two weeks |
fortnightly | every other week; less than once a week;
once a week | weekly | every week | about once a week;
2-3 times a week | a few times a week | several times a week | more than once a week |
2-3 days a week; 4-6 times a week | most days | 4-6 days a week;
almost every day | nearly every day;
daily | once a day | every day | about once a day; 2-3 times a day;
several times a day | multiple times a day | more than once a day | a few times a day;
hourly | every hour

none | none at all | not at all | nothing | no extent;
very little | hardly at all | to a very small extent;
a little | a little bit | slightly | a bit | to a small extent | to a slight extent;
some | somewhat | to some extent; a moderate amount | moderately | to a moderate extent;
quite a bit | quite a lot | considerably | mostly; a lot | much | very | to a large extent;
very much | a great deal | extremely | to a great extent | to a very large extent;
completely | totally | entirely | fully

terrible | awful; very poor | very bad; poor | bad | below average | needs improvement;
fair | average | acceptable | ok | okay | adequate | satisfactory; good | above average;
very good; excellent | outstanding | exceptional; perfect

far below average | well below average; somewhat below average | moderately below average;
below average; slightly below average; average; slightly above average; above average;
somewhat above average | moderately above average; far above average | well above average

much worse | a lot worse; worse; somewhat worse | slightly worse | a little worse;
about the same | the same | same | no change | unchanged;
somewhat better | slightly better | a little better; better; much better | a lot better

much less | a lot less; less; somewhat less | slightly less | a little less;
about the same | the same | same | no change | unchanged;
somewhat more | slightly more | a little more; more; much more | a lot more

far too little | much too little; too little; slightly too little | somewhat too little;
about right | just right | the right amount; slightly too much | somewhat too much;
too much; far too much | much too much

definitely not | definitely no | definitely would not | definitely will not |
no, definitely not;
probably not | probably no | probably would not | probably will not | no, probably not;
might or might not | may or may not | maybe | perhaps | possibly;
probably | probably yes | probably would | probably will | yes, probably;
definitely | definitely yes | definitely would | definitely will | yes, definitely

does not describe me | does not describe me at all | not at all like me;
describes me slightly well | not much like me;
describes me moderately well | somewhat like me; describes me very well | mostly like me;
describes me extremely well | very much like me

not a priority; low priority; medium priority; high priority; essential | top priority

low; medium | moderate; high

small; medium; large

beginner | novice; intermediate; advanced; expert
"""

_ADVERBS = "|".join(sorted(map(re.escape, _DEGREES), key=len, reverse=True))
_DENIALS = "|".join(sorted(map(re.escape, _NEGATIONS), key=len, reverse=True))
_NUMBERED = re.compile(r"^\(?(-?\d{1,3})\)?\s*(?:$|[-–—=.:,(]\s*(\D.*)$|\s+(\D.*)$)")


def known_order(labels: Sequence[str]) -> list[int] | None:
    """Return the positions of labels from the lowest to the highest; None if they are no scale."""
    if len(labels) < 2:
        return None
    plain = [_plain(label) for label in labels]
    for scale in _SCALES:
        places = [scale(label) for label in plain]
        found = [place for place in places if place is not None]
        if len(found) == len(places) and len(set(found)) == len(found):
            return sorted(range(len(found)), key=found.__getitem__)
    return bracket_order(labels)


def known_numbers(labels: Sequence[str]) -> list[float] | None:
    """Return the numbers of a scale whose steps are numbered and not all named.

    So are "1 - not at all", "2", "3", "4", "5 - extremely": at least one step is a bare number.
    """
    found = [_NUMBERED.match(label.strip()) for label in labels]
    numbers = [float(match[1]) for match in found if match]
    if len(numbers) < len(labels) or len(set(numbers)) < len(numbers) or len(numbers) < 3:
        return None
    bare = [match for match in found if match and not (match[2] or match[3])]
    return numbers if 0 < len(bare) < len(numbers) else None


def is_ordered(labels: Sequence[str]) -> bool:
    """Whether labels stand in the order of a known scale, upwards or downwards."""
    order = known_order(labels)
    if order is None:
        numbers = known_numbers(labels)
        order = None if numbers is None else sorted(range(len(numbers)), key=numbers.__getitem__)
    return order is not None and order in (sorted(order), sorted(order, reverse=True))


def _plain(label: str) -> str:
    text = label.strip().casefold().replace("’", "'").replace("–", "-")
    numbered = _NUMBERED.match(text)
    if numbered:
        text = numbered[2] or numbered[3] or text
    text = re.sub(r"\s+", " ", text).strip(" .!;:()")
    text = re.sub(r"\bper (?=year|month|week|day)", "a ", text)
    return re.sub(r"^i (?=\w)", "", text)


def _opposites(words: tuple[str, ...]) -> Callable[[str], float | None]:
    negatives = words[1:]
    either = "|".join(map(re.escape, words))
    pattern = re.compile(
        rf"^(?:(?P<denied>{_DENIALS}) )?(?:(?P<before>{_ADVERBS}) )?(?P<word>{either})"
        rf"(?: (?P<after>{_ADVERBS}))?(?: of me| for me| to me| me)?$"
    )
    middle = re.compile(rf"^neither .*\b(?:{either})\b.*$")

    def place(label: str) -> float | None:
        if label in _MIDDLES or middle.match(label):
            return 0.0
        found = pattern.match(label)
        if found is None or (found["before"] and found["after"]):
            return None
        if found["denied"]:
            denied_plainly = not (found["before"] or found["after"] or found["word"] in negatives)
            return _NEGATIONS[found["denied"]] if denied_plainly else None
        degree = _DEGREES.get(found["before"] or found["after"] or "", _PLAIN)
        return -degree if found["word"] in negatives else degree

    return place


def _ladder(steps: str) -> Callable[[str], float | None]:
    places = {
        " ".join(word.split()): float(step)
        for step, synonyms in enumerate(steps.split(";"))
        for word in synonyms.split("|")
    }
    return places.get


_SCALES: Final = (*map(_opposites, _PAIRS), *map(_ladder, _LADDERS.strip().split("\n\n")))

"""Recency, frequency and money as scores, by cut points that are found once and applied later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tercet._snapshots.feature import AT_DATE, Feature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tercet._columns import Floats, Integers

#: What is scored, and the letter of each.
MEASURES: Final = {"recency": "r", "frequency": "f", "money": "m"}


def find_cuts(measures: Mapping[str, Floats], n_scores: int) -> dict[str, list[float]]:
    """Return the cut points of each measure: its quantiles at 1/k, ..., (k - 1)/k.

    A quantile is a value that occurs: the smallest that at least so large a share does not exceed.
    So scores of data in which values repeat do not hang on the order of rows, and cut points may
    coincide; then a score is given to nobody.

    Parameters
    ----------
    measures : mapping
        Values by measure; nan for customers who have none, and do not count.
    n_scores : int
        How many scores there are.
    """
    shares = np.arange(1, n_scores) / n_scores
    found = {}
    for name, values in measures.items():
        known = values[~np.isnan(values)]
        if name == "recency":
            # Cut from the best end, so that here, too, a customer on a cut point is below it.
            cuts = -np.quantile(-known, shares, method="inverted_cdf")
        else:
            cuts = np.quantile(known, shares, method="inverted_cdf")
        found[name] = [float(cut) for cut in cuts]
    return found


def scored(measure: str, values: Floats, cuts: list[float]) -> Integers:
    """Return scores from 1 to one more than there are cut points, best highest; 0 for nan.

    A score is one more than the number of cut points that the value is beyond: equal values have
    equal scores, and whoever is beyond everybody that was seen has the first or the last one.
    """
    known = ~np.isnan(values)
    towards = -1.0 if measure == "recency" else 1.0
    beyond = (towards * values[:, None] > towards * np.array(cuts)[None, :]).sum(axis=1)
    return np.where(known, beyond + 1, 0)


def columns(
    measures: Mapping[str, Floats], cuts: Mapping[str, list[float]], observation: str
) -> tuple[list[Feature], list[Any]]:
    """Return the scores' columns: one a measure, and all together as text."""
    features, values, digits = [], [], []
    for name, letter in MEASURES.items():
        if name not in measures:
            continue
        n_scores = len(cuts[name]) + 1
        scores = scored(name, measures[name], cuts[name])
        words = {
            "recency": "how lately a purchase was made",
            "frequency": f"on how many days purchases were made in {observation}",
            "money": f"the amount of purchases in {observation}",
        }[name]
        features.append(
            Feature(
                f"{letter}_score", f"{words}, from 1 to {n_scores} (best)", "purchases", AT_DATE
            )
        )
        values.append(pa.array(scores, mask=scores == 0))
        digits.append(scores)
    most = max(len(one) + 1 for one in cuts.values())
    known = np.all([one > 0 for one in digits], axis=0)
    code = sum(one * (most + 1) ** place for place, one in enumerate(reversed(digits)))
    distinct, place = np.unique(code, return_inverse=True)
    joint = "" if most < 10 else "-"
    powers = [(most + 1) ** k for k in reversed(range(len(digits)))]
    texts = [joint.join(str(one // power % (most + 1)) for power in powers) for one in distinct]
    codes = pa.array(place, mask=~known)
    features.append(
        Feature("rfm", "the scores of recency, frequency, money", "purchases", AT_DATE, "text")
    )
    values.append(pa.array(texts, pa.large_string()).take(codes))
    return features, values


def grid(r: Any, f: Any, money: Floats | None, n_scores: int) -> dict[str, Any]:
    """Count customers by their scores of recency and frequency."""
    recency = np.asarray(pa.array(r).fill_null(0))
    frequency = np.asarray(pa.array(f).fill_null(0))
    known = (recency > 0) & (frequency > 0)
    place = (recency[known] - 1) * n_scores + frequency[known] - 1
    count = np.bincount(place, minlength=n_scores**2)
    rows = np.arange(n_scores**2)
    found: dict[str, Any] = {
        "r_score": rows // n_scores + 1,
        "f_score": rows % n_scores + 1,
        "customers": count,
        "share": count / max(int(known.sum()), 1),
    }
    if money is not None:
        total = np.bincount(place, np.nan_to_num(money[known]), minlength=n_scores**2)
        found["money"] = total
        found["money_mean"] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found

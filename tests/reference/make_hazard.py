"""Reference values for hazards: `tests/reference/hazard/*.json`.

Producers: statsmodels' Logit (one event; with model-based and cluster-robust errors) and MNLogit
(two events) on one row a person and period, written out; lifelines' KaplanMeierFitter and
AalenJohansenFitter; concordance and Brier scores by their definitions, over all pairs.

    python tests/reference/make_hazard.py      # needs statsmodels, lifelines, numpy, pandas
"""

import json
from pathlib import Path

import lifelines
import numpy as np
import pandas as pd
import statsmodels
import statsmodels.api as sm

FOLDER = Path(__file__).parent / "hazard"
PRODUCER = f"statsmodels {statsmodels.__version__}, lifelines {lifelines.__version__}"


def draw(seed: int, n: int, periods: int) -> dict:
    """Two numbers, a category of three levels, whole times, two events, groups, late entries."""
    random = np.random.default_rng(seed)
    x = np.round(random.normal(size=(n, 2)), 4)
    level = random.integers(0, 3, n)
    odds = -2.6 + x @ np.array([0.6, -0.4]) + np.array([0.0, 0.5, -0.5])[level]
    other = -3.0 + x @ np.array([-0.3, 0.5])
    last = random.integers(2, periods + 1, n)
    duration, event = last.copy(), np.zeros(n, dtype=int)
    for row in range(n):
        for t in range(1, last[row] + 1):
            a, b = np.exp(odds[row] - 0.1 * t), np.exp(other[row])
            u = random.random() * (1 + a + b)
            if u < a + b:
                duration[row], event[row] = t, 1 if u < a else 2
                break
    entry = np.where(random.random(n) < 0.4, random.integers(0, periods, n), 0)
    entry = np.where(entry < duration, entry, 0)
    return {
        "x1": x[:, 0].tolist(),
        "x2": x[:, 1].tolist(),
        "level": level.tolist(),
        "duration": duration.astype(float).tolist(),
        "event": event.tolist(),
        "entry": entry.astype(float).tolist(),
        "group": random.integers(0, n // 3, n).tolist(),
        "weight": random.integers(1, 4, n).astype(float).tolist(),
    }


def expanded(data: dict, steps: bool) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    """One row a person and period."""
    rows, outcomes, owners = [], [], []
    last = int(max(data["duration"]))
    at_risk = np.array(data["duration"]) - np.array(data["entry"])
    most = np.bincount(data["level"], at_risk).argmax()
    for row, (duration, event) in enumerate(zip(data["duration"], data["event"], strict=True)):
        for t in range(int(data["entry"][row]) + 1, int(duration) + 1):
            columns = {"x1": data["x1"][row], "x2": data["x2"][row]}
            for level in range(3):
                if level != most:
                    columns[f"level {level}"] = float(data["level"][row] == level)
            if steps:
                columns |= {f"period {s}": float(s == t) for s in range(1, last + 1)}
            else:
                columns["constant"] = 1.0
            rows.append(columns)
            outcomes.append(event if t == duration else 0)
            owners.append(row)
    return pd.DataFrame(rows), pd.Series(outcomes), np.array(owners)


def logit(data: dict, steps: bool) -> dict:
    """Both events as one."""
    rows, outcomes, owners = expanded(data, steps)
    groups = np.array(data["group"])[owners]
    weights = np.array(data["weight"])[owners]
    happened = (outcomes > 0).astype(float)
    options = {"disp": False, "method": "newton", "tol": 1e-14, "maxiter": 200}
    model = sm.Logit(happened, rows).fit(**options)
    cluster = sm.Logit(happened, rows).fit(
        **options, cov_type="cluster", cov_kwds={"groups": groups}
    )
    weighted = sm.GLM(happened, rows, family=sm.families.Binomial(), freq_weights=weights).fit(
        tol=1e-14, tol_criterion="params", maxiter=200
    )
    return {
        "steps": steps,
        "names": list(rows.columns),
        "coefficients": model.params.tolist(),
        "standard_errors": {"model": model.bse.tolist(), "cluster": cluster.bse.tolist()},
        "log_likelihood": float(model.llf),
        "weighted": weighted.params.tolist(),
        "weighted_errors": weighted.bse.tolist(),
    }


def multinomial(data: dict, until: float) -> dict:
    """Both events; what comes after `until`, where some periods have none, is not looked at."""
    duration, entry = np.array(data["duration"]), np.array(data["entry"])
    event = np.where(duration > until, 0, data["event"])
    kept = entry < until
    parts = {**data, "duration": np.minimum(duration, until), "event": event}
    parts = {name: np.asarray(values)[kept].tolist() for name, values in parts.items()}
    rows, outcomes, _ = expanded(parts, True)
    fit = sm.MNLogit(outcomes, rows).fit(disp=False, method="newton", tol=1e-14, maxiter=200)
    return {
        "until": until,
        "names": list(rows.columns),
        "coefficients": np.asarray(fit.params).T.tolist(),
        "standard_errors": np.asarray(fit.bse).T.tolist(),
        "log_likelihood": float(fit.llf),
    }


def curves(data: dict) -> dict:
    """Kaplan-Meier with late entries; Aalen-Johansen without, times told apart."""
    duration, event = np.array(data["duration"]), np.array(data["event"])
    entry = np.array(data["entry"])
    fitter = lifelines.KaplanMeierFitter().fit(duration, event > 0, entry=entry)
    plain = lifelines.KaplanMeierFitter().fit(duration, event > 0)
    times = np.unique(duration)

    def at(table: pd.DataFrame) -> list:
        return [table[table.index <= t].iloc[-1].tolist() for t in times]

    return {
        "times": times.tolist(),
        "late": at(fitter.survival_function_),
        "late_interval": at(fitter.confidence_interval_),
        "plain": at(plain.survival_function_),
        "plain_interval": at(plain.confidence_interval_),
        "aalen_johansen": aalen_johansen(data),
    }


def aalen_johansen(data: dict) -> dict:
    """Times without ties, which lifelines jitters."""
    random = np.random.default_rng(9)
    n = len(data["duration"])
    duration = np.array(data["duration"]) + np.round(random.random(n) * 0.5, 9)
    event = np.array(data["event"])
    found = {"duration": duration.tolist(), "events": []}
    times = np.sort(duration)
    for k in (1, 2):
        fitter = lifelines.AalenJohansenFitter().fit(duration, event, event_of_interest=k)
        table, ends = fitter.cumulative_density_, fitter.confidence_interval_

        def at(frame: pd.DataFrame) -> list:
            rows = [frame[frame.index <= t].iloc[-1].tolist() for t in times]
            # Before the first event there is no interval.
            return [[-1.0 if np.isnan(value) else value for value in row] for row in rows]

        found["events"].append({"incidence": at(table), "interval": at(ends)})
    return found


def checks(data: dict) -> dict:
    """Concordance and Brier scores by definition."""
    duration = np.array(data["duration"])
    happened = np.array(data["event"]) > 0
    risk = np.round(np.array(data["x1"]) - 0.5 * np.array(data["x2"]), 1)
    times = np.unique(duration)

    def stays(t: float) -> float:
        product = 1.0
        for s in times[times < t]:
            lost = ((duration == s) & ~happened).sum()
            at_risk = (duration >= s).sum() - ((duration == s) & happened).sum()
            product *= 1 - lost / at_risk if at_risk > 0 else 1.0
        return product

    until = 6.0
    sums = np.zeros((2, 2))
    for i in np.flatnonzero(happened & (duration <= until)):
        later = (duration > duration[i]) | ((duration == duration[i]) & ~happened)
        score = np.where(risk[i] > risk, 1.0, np.where(risk[i] == risk, 0.5, 0.0))[later].sum()
        weight = stays(duration[i]) ** -2
        sums += np.array([[score, later.sum()], [weight * score, weight * later.sum()]])
    at = [2.0, 4.0, 6.0]
    probability = np.array([[1 / (1 + np.exp(2 - r - 0.2 * t)) for t in at] for r in risk])
    brier = []
    for place, t in enumerate(at):
        total = 0.0
        for i in range(len(duration)):
            p = probability[i, place]
            if duration[i] <= t and happened[i]:
                total += (1 - p) ** 2 / stays(duration[i])
            elif duration[i] >= t:
                total += p**2 / stays(t)
        brier.append(total / len(duration))
    return {
        "risk": risk.tolist(),
        "until": until,
        "harrell": sums[0, 0] / sums[0, 1],
        "uno": sums[1, 0] / sums[1, 1],
        "times": at,
        "probability": probability.tolist(),
        "brier": brier,
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    data = draw(7, 400, 8)
    case = {
        "case": "plain",
        "model": "hazard",
        "kind": "hazard",
        "producer": PRODUCER,
        "source": "Allison (1982), Sociological Methodology 13, 61-98",
        "script": "make_hazard.py",
        "data": data,
        "logit": [logit(data, steps) for steps in (True, False)],
        "multinomial": multinomial(data, 5.0),
        "curves": curves(data),
        "checks": checks(data),
    }
    (FOLDER / "plain.json").write_text(json.dumps(case, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()

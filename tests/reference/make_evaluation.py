"""Reference values for scores of probabilities and their calibration, by scikit-learn and scipy.

    python tests/reference/make_evaluation.py            write the cases
    python tests/reference/make_evaluation.py --check    compare with the files instead

AUC, average precision, log loss, Brier score and the isotonic map are scikit-learn's. The
decomposition of the Brier score is its definition with scikit-learn's isotonic regression
(Dimitriadis, Gneiting & Jordan 2021). Recalibration lines, sigmoid and beta maps are maximised
directly by scipy (Kull, Silva Filho & Flach 2017 for the beta map, its bounds a, b >= 0 by
L-BFGS-B and then a Newton polish). The calibration error, the lift (as a mean over random orders)
and DeLong's variance of the AUC (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, 837-845)
are written out here.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

FOLDER = Path(__file__).parent / "evaluation"
SMALLEST = np.finfo(float).eps
EXACT = {"rtol": 1e-10, "atol": 1e-12}
OPTIMISED = {"rtol": 1e-6, "atol": 1e-6}


def rows(name):
    """Outcomes, predictions and weights of a case."""
    rng = np.random.default_rng(list(name.encode()))
    n = 240
    truth = rng.beta(1.2, 4.0, n)
    p = expit(0.4 + 1.6 * logit(truth))
    if "ties" in name:
        p = np.round(p, 1)
        p[:3] = [0.3, 0.3, 0.3]
    y = (rng.random(n) < truth).astype(int)
    if "certain" in name:
        # Nobody with the event is below 0.05 and nobody without it above 0.9.
        p[y == 1] = np.maximum(p[y == 1], 0.06)
        p[y == 0] = np.minimum(p[y == 0], 0.85)
    if "bent" in name:
        p = p**3
    if "reversed" in name:
        p = np.where(y == 1, 0.25 + 0.5 * p, 0.3 + 0.6 * p)
    w = np.round(rng.gamma(2.0, 0.5, n) + 0.01, 3) if "weighted" in name else np.ones(n)
    return y, p, w


def newton(columns, y, w, offset=0.0, start=None):
    """Maximum likelihood of a logistic regression to the last digit; steps that lose are halved."""
    beta = np.zeros(columns.shape[1]) if start is None else np.array(start, dtype=float)

    def loss(at):
        eta = columns @ at + offset
        return np.sum(w * (np.logaddexp(0, eta) - y * eta))

    for _ in range(500):
        q = expit(columns @ beta + offset)
        gradient = columns.T @ (w * (y - q))
        information = columns.T @ (columns * (w * q * (1 - q))[:, None])
        step = np.linalg.solve(information + 1e-14 * np.eye(len(beta)), gradient)
        while loss(beta + step) > loss(beta) + 1e-12 and np.abs(step).max() > 1e-14:
            step /= 2
        beta += step
        if np.abs(step).max() < 1e-13:
            break
    return beta


def bins_of(p, w, k):
    """The group of every row: equal weights, equal predictions together."""
    group = np.empty(len(p), dtype=int)
    above = 0.0
    for value in np.unique(p)[::-1]:
        own = w[p == value].sum()
        group[p == value] = min(int(k * (above + own / 2) / w.sum()), k - 1)
        above += own
    return group


def calibration_error(y, p, w, k=10):
    group = bins_of(p, w, k)
    gaps = [abs((w * (y - p))[group == g].sum()) for g in np.unique(group)]
    return sum(gaps) / w.sum()


def lift(y, p, w, share):
    """Events among the best share, over their mean; ties give their part."""
    left, captured = share * w.sum(), 0.0
    for value in np.unique(p)[::-1]:
        own = w[p == value].sum()
        part = min(1.0, left / own)
        captured += part * (w * y)[p == value].sum()
        left -= part * own
        if left <= 0:
            break
    return captured / (w * y).sum() / share


def delong(y, p):
    """Variance of the AUC by its formula."""
    a, b = p[y == 1], p[y == 0]
    psi = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    return psi.mean(1).var(ddof=1) / len(a) + psi.mean(0).var(ddof=1) / len(b)


def scores(y, p, w):
    odds = logit(np.clip(p, SMALLEST, 1 - SMALLEST))
    line = newton(np.column_stack([np.ones_like(p), odds]), y, w, start=[0, 1])
    shift = newton(np.ones((len(p), 1)), y, w, offset=odds)
    brier = brier_score_loss(y, p, sample_weight=w)
    isotonic = IsotonicRegression().fit(p, y, sample_weight=w).predict(p)
    recalibrated = np.average((y - isotonic) ** 2, weights=w)
    rate = np.average(y, weights=w)
    uncertainty = rate * (1 - rate)
    exact = {
        "event_rate": rate,
        "auc": roc_auc_score(y, p, sample_weight=w),
        "average_precision": average_precision_score(y, p, sample_weight=w),
        "log_loss": log_loss(y, p, sample_weight=w),
        "brier": brier,
        "brier_reliability": brier - recalibrated,
        "brier_resolution": uncertainty - recalibrated,
        "brier_uncertainty": uncertainty,
        "ece": calibration_error(y, p, w),
        "lift@5%": lift(y, p, w, 0.05),
        "lift@10%": lift(y, p, w, 0.1),
        "lift@33%": lift(y, p, w, 0.33),
    }
    optimised = {"calibration_slope": line[1], "calibration_intercept": shift[0]}
    checks = [check(name, value, EXACT) for name, value in exact.items()]
    checks += [check(name, value, OPTIMISED) for name, value in optimised.items()]
    if np.all(w == 1):
        # By the bootstrap, so only about.
        error = np.sqrt(delong(y, p))
        checks.append(check("auc_standard_error", error, {"rtol": 0.08, "atol": 0.0}))
    return checks


def isotonic(y, p, w, grid):
    """scikit-learn's map, its ends kept away from 0 and 1 as tercet says that it does."""
    model = IsotonicRegression(out_of_bounds="clip").fit(p, y, sample_weight=w)
    x, v = model.X_thresholds_, model.y_thresholds_.copy()
    levels = np.unique(v)
    fitted = model.predict(p)
    if levels[0] == 0:
        v[v == 0] = min(0.5 / ((fitted == 0).sum() + 1), levels[1] / 2)
    if levels[-1] == 1:
        v[v == 1] = 1 - min(0.5 / ((fitted == 1).sum() + 1), (1 - levels[-2]) / 2)
    return np.interp(grid, x, v)


def beta(y, p, w):
    """Maximum likelihood under a, b >= 0: L-BFGS-B finds the side, Newton the digits."""
    q = np.clip(p, SMALLEST, 1 - SMALLEST)
    columns = np.column_stack([np.log(q), -np.log1p(-q), np.ones_like(q)])

    def loss(at):
        eta = columns @ at
        return np.sum(w * (np.logaddexp(0, eta) - y * eta)), columns.T @ (w * (expit(eta) - y))

    found = minimize(
        loss,
        [1.0, 1.0, 0.0],
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None), (0, None), (None, None)],
        options={"maxiter": 10_000, "ftol": 1e-15, "gtol": 1e-9},
    )
    free = found.x > 1e-7
    free[2] = True
    answer = np.zeros(3)
    answer[free] = newton(columns[:, free], y, w, start=found.x[free])
    assert np.all(answer[:2] >= 0), answer
    return answer


def calibrations(y, p, w):
    grid = np.array([0.0, 0.001, 0.03, 0.1, 0.2, 0.275, 0.5, 0.62, 0.8, 0.97, 1.0])
    q = np.clip(p, SMALLEST, 1 - SMALLEST)
    line = newton(np.column_stack([np.ones_like(q), logit(q)]), y, w, start=[0, 1])
    if line[1] < 0:
        line = np.array([logit(np.average(y, weights=w)), 0.0])
    a, b, c = beta(y, p, w)
    inside = np.clip(grid, SMALLEST, 1 - SMALLEST)
    rate, target = np.average(y, weights=w), 0.02
    ratio = target / (1 - target) / (rate / (1 - rate))
    steps = isotonic(y, p, w, grid)
    return [
        check("grid", grid, EXACT),
        check("isotonic", steps, EXACT),
        check("isotonic_shifted", steps * ratio / (1 - steps + steps * ratio), EXACT),
        check("sigmoid_parameters", line, OPTIMISED),
        check("sigmoid", expit(line[0] + line[1] * logit(inside)), OPTIMISED),
        check("beta_parameters", [a, b, c], OPTIMISED),
        check("beta", expit(c + a * np.log(inside) - b * np.log1p(-inside)), OPTIMISED),
    ]


def check(quantity, values, tolerance):
    return {"quantity": quantity, "values": np.asarray(values).tolist(), **tolerance}


CASES = {
    "distinct": scores,
    "ties": scores,
    "weighted": scores,
    "weighted-ties": scores,
    "map-distinct": calibrations,
    "map-weighted-ties": calibrations,
    "map-certain": calibrations,
    "map-bent": calibrations,
    "map-reversed": calibrations,
}


def case(name):
    y, p, w = rows(name)
    return {
        "case": name,
        "model": "evaluation",
        "kind": "calibration" if name.startswith("map") else "scores",
        "producer": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}",
        "source": "see the script",
        "script": "make_evaluation.py",
        "input": {"rows": {"y": y.tolist(), "p": p.tolist(), "sample_weight": w.tolist()}},
        "expected": CASES[name](y, p, w),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    only_check = parser.parse_args().check
    FOLDER.mkdir(exist_ok=True)
    different = []
    for name in CASES:
        path = FOLDER / f"{name}.json"
        made = case(name)
        if not only_check:
            path.write_text(json.dumps(made, indent=1) + "\n")
            continue
        there = json.loads(path.read_text())
        for new, old in zip(made["expected"], there["expected"], strict=True):
            tolerance = {"rtol": old["rtol"], "atol": old["atol"]}
            if not np.allclose(new["values"], old["values"], **tolerance):
                different.append(f"{name}: {new['quantity']}")
    print("\n".join(different) or f"{len(CASES)} cases")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())

"""Reference values for propensities: `tests/reference/propensity/*.json`.

Producers: scikit-learn's newton-cholesky (penalised fits), saga (elastic net; the tests check its
optimality conditions too) and statsmodels' Logit (free fits, with model-based, HC0 and
cluster-robust errors) and MNLogit (errors of several classes).

    python tests/reference/make_propensity.py      # needs scikit-learn, statsmodels, numpy
"""

import json
import statistics
from pathlib import Path

import numpy as np
import sklearn
import statsmodels
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

FOLDER = Path(__file__).parent / "propensity"
PRODUCER = f"scikit-learn {sklearn.__version__}, statsmodels {statsmodels.__version__}"


def draw(seed: int, n: int, scales: list[float]) -> dict:
    """Two numbers, a category of three levels, an outcome, weights, an offset, groups."""
    random = np.random.default_rng(seed)
    x = np.round(random.normal(size=(n, 2)), 4) * scales
    level = random.integers(0, 3, n)
    offset = np.round(random.normal(size=n) * 0.3, 4)
    group = random.integers(0, n // 4, n)
    odds = -0.4 + x @ (np.array([0.8, -0.5]) / scales) + np.array([0.0, 0.7, -0.6])[level] + offset
    outcome = (random.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    weights = random.integers(1, 4, n).astype(float)
    return {
        "x1": x[:, 0].tolist(),
        "x2": x[:, 1].tolist(),
        "level": level.tolist(),
        "outcome": outcome.tolist(),
        "weights": weights.tolist(),
        "offset": offset.tolist(),
        "group": group.tolist(),
    }


def columns(data: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.column_stack([data["x1"], data["x2"]]),
        np.eye(3)[data["level"]],
        np.array(data["outcome"]),
    )


def scaled(x: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    mean = np.average(x, axis=0, weights=weights)
    return (x - mean) / np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))


def ridge(data: dict, strength: float, weighted: bool) -> dict:
    """Slopes per standard deviation, an effect a level."""
    x, levels, outcome = columns(data)
    weights = np.array(data["weights"]) if weighted else None
    design = np.column_stack([scaled(x, weights), levels])
    model = LogisticRegression(C=1 / strength, solver="newton-cholesky", tol=1e-12, max_iter=500)
    model.fit(design, outcome, sample_weight=weights)
    probabilities = model.predict_proba(design)[:, 1]
    return {
        "strength": strength,
        "weighted": weighted,
        "coefficients": model.coef_[0].tolist(),
        "intercept": model.intercept_[0],
        "probabilities": probabilities.tolist(),
    }


def free(data: dict, with_offset: bool, scales: list[float]) -> dict:
    """Slopes per unit and levels against the most frequent one, with three kinds of errors.

    statsmodels is given numbers of one scale, and its answers are put back to the caller's.
    """
    x, levels, outcome = columns(data)
    x = x / scales
    reference = int(np.argmax(levels.sum(axis=0)))
    others = [k for k in range(3) if k != reference]
    design = np.column_stack([np.ones(len(outcome)), x, levels[:, others]])
    offset = np.array(data["offset"]) if with_offset else None
    model = sm.Logit(outcome, design, offset=offset)
    options = {"method": "newton", "tol": 1e-12, "maxiter": 100, "disp": 0}
    unit = np.array([1.0, *scales, 1.0, 1.0])
    fits = {
        "model": model.fit(**options),
        "robust": model.fit(**options, cov_type="HC0"),
        "cluster": model.fit(
            **options, cov_type="cluster", cov_kwds={"groups": np.array(data["group"])}
        ),
    }
    return {
        "offset": with_offset,
        "reference": reference,
        "names": ["intercept", "x1: per unit", "x2: per unit", *[f"level: {k}" for k in others]],
        "coefficients": (fits["model"].params / unit).tolist(),
        "log_likelihood": fits["model"].llf,
        "standard_errors": {name: (fit.bse / unit).tolist() for name, fit in fits.items()},
    }


def elastic_net(data: dict, strength: float, l1_ratio: float) -> dict:
    x, levels, outcome = columns(data)
    design = np.column_stack([scaled(x), levels])
    model = LogisticRegression(
        C=1 / strength, l1_ratio=l1_ratio, solver="saga", tol=1e-12, max_iter=200_000
    )
    model.fit(design, outcome)
    return {
        "strength": strength,
        "l1_ratio": l1_ratio,
        "coefficients": model.coef_[0].tolist(),
        "intercept": model.intercept_[0],
    }


def multinomial(data: dict, strength: float) -> dict:
    """The level as the outcome of the numbers and of what was the outcome."""
    x, _, outcome = columns(data)
    design = np.column_stack([scaled(np.column_stack([x, outcome]))])
    model = LogisticRegression(C=1 / strength, solver="newton-cholesky", tol=1e-12, max_iter=500)
    model.fit(design, data["level"])
    return {
        "strength": strength,
        "coefficients": model.coef_.tolist(),
        "probabilities": model.predict_proba(design).ravel().tolist(),
    }


def class_errors(data: dict, level: float = 0.9) -> dict:
    """Free slopes of three classes against their mean, with errors, and intervals of probabilities.

    The covariance of MNLogit's coefficients, which are against the first class, is carried over by
    the delta method: to distances from the classes' mean, and to each class's log-odds, by
    derivatives taken numerically.
    """
    x, _, outcome = columns(data)
    numbers = np.column_stack([x, outcome])
    spread = numbers.std(axis=0)
    design = np.column_stack([np.ones(len(numbers)), numbers / spread])
    fit = sm.MNLogit(np.array(data["level"]), design).fit(
        method="newton", maxiter=100, tol=1e-14, disp=0
    )
    theta = np.asarray(fit.params).ravel(order="F")  # class by class
    covariance = np.asarray(fit.cov_params())
    n, k, p = len(design), 3, design.shape[1]
    centre = np.kron((np.eye(k) - 1 / k)[:, 1:], np.eye(p))
    slopes, variances = centre @ theta, centre @ covariance @ centre.T
    errors = np.sqrt(np.diag(variances)).reshape(k, p)[:, 1:] / spread

    def odds(theta: np.ndarray) -> np.ndarray:
        lines = np.column_stack([np.zeros(n), design @ theta.reshape(k - 1, p).T])
        shares = np.exp(lines) / np.exp(lines).sum(axis=1, keepdims=True)
        return np.log(shares / (1 - shares))

    step = 1e-5
    derivatives = np.stack(
        [
            (odds(theta + step * e) - odds(theta - step * e)) / (2 * step)
            for e in np.eye(len(theta))
        ],
        axis=-1,
    )
    half = np.sqrt(np.einsum("nki,ij,nkj->nk", derivatives, covariance, derivatives))
    half *= statistics.NormalDist().inv_cdf(0.5 + level / 2)
    middle = odds(theta)
    ends = 1 / (1 + np.exp(-np.stack([middle - half, middle + half], axis=-1)))
    return {
        "slopes": (slopes.reshape(k, p)[:, 1:] / spread).tolist(),
        "standard_errors": errors.tolist(),
        "level": level,
        "intervals": ends.ravel().tolist(),
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    data = draw(5, 300, [1.0, 1.0])
    case = {
        "case": "classes",
        "kind": "class_errors",
        "producer": PRODUCER,
        "data": data,
        **class_errors(data),
    }
    (FOLDER / "classes.json").write_text(json.dumps(case) + "\n", encoding="utf-8")
    for name, seed, scales in [("plain", 1, [1.0, 1.0]), ("scales", 2, [1e6, 1e-6])]:
        data = draw(seed, 300, scales)
        case = {
            "case": name,
            "kind": "logistic",
            "producer": PRODUCER,
            "data": data,
            "ridge": [ridge(data, s, w) for s in (0.1, 1.0, 25.0) for w in (False, True)],
            "free": [free(data, with_offset, scales) for with_offset in (False, True)],
            "elastic_net": [elastic_net(data, s, r) for s in (5.0, 20.0) for r in (0.5, 1.0)],
            "multinomial": [multinomial(data, s) for s in (0.5, 10.0)],
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(case) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes the golden models that are missing: see README.md. Files that are there are left alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tercet as tc

FOLDER = Path(__file__).parent

CUSTOMERS = {
    "frequency": [0, 0, 1, 2, 7, 26, 300],
    "recency": [0.0, 0.0, 0.5, 30.43, 35.0, 30.86, 250.0],
    "T": [0.0, 38.86, 38.86, 38.86, 38.86, 31.0, 260.0],
    "monetary_value": [0.0, 0.0, 9.99, 22.35, 41.5, 12.0, 73.25],
}
RESPONDENTS = {
    "brand": ["own", "premium", "none", None, "own", None, "premium"],
    "care": [1, 5, None, 3, 2, None, 4],
    "spend": [12.5, None, 80.0, 3.25, 30.0, None, 60.0],
    "visits": [0, 4, None, 2, 11, None, 15],
    "returns": [0, 1, 9, None, 2, None, 14],
    "age": [18.0, 35.5, 71.0, 44.0, 29.0, 50.0, 62.0],
    "region": ["north", "south", "west", "west", "north", "south", "north"],
}
ATTRIBUTES = {
    "age": [18.0, 35.5, None, 44.0, 120.0, 62.0],
    "region": ["north", "south", "west", None, "abroad", "south"],
}
NUMBERS = {"spend": [12.5, 80.0, 3.25, 60.0], "age": [18.0, 71.0, 44.0, 62.0]}
CHOICES = {
    "respondent": ["ann"] * 6 + ["bob"] * 3 + ["eve"] * 4,
    "task": [1, 1, 1, 2, 2, 2, 1, 1, 1, 4, 4, 4, 4],
    "item": [
        *("price", "care", "brand", "speed", "care", "price"),
        *("brand", "speed", "care"),
        *("price", "care", "brand", "speed"),
    ],
    "choice": [
        *("best", None, "worst", None, "worst", "best"),
        *("best", "worst", None),
        *(None, "best", None, None),
    ],
}
LISTED = {
    "customer_id": [1, 2, 3, 4, 5, 6],
    "country": ["NO", "SE", None, "NO", "it's", ""],
    "orders": [0, 3, 2, None, 9, 1],
    "spend": [0.0, 12.5, -3.25, 80.0, None, 1e6],
    "opted_in": [True, False, None, True, True, False],
}
ROWS: dict[str, Any] = {
    "calibration": [0.0, 0.001, 0.02, 0.1, 0.25, 0.5, 0.9, 1.0],
    "bg_nbd": CUSTOMERS,
    "causal_forest": ATTRIBUTES,
    "policy_tree": ATTRIBUTES,
    "gamma_gamma": CUSTOMERS,
    "latent_class": RESPONDENTS,
    "propensity": ATTRIBUTES,
    "hazard": ATTRIBUTES,
    "segment_book": LISTED,
    "segment_projection": ATTRIBUTES,
    "typing_tool": RESPONDENTS,
    "max_diff": CHOICES,
    "k_means": NUMBERS,
    "gaussian_mixture": NUMBERS,
}
ITEMS = ["brand", "care", "spend", "visits", "returns"]
QUESTIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "calibration": [("predict", {})],
    "causal_forest": [("effect", {}), ("effect_interval", {"level": 0.9})],
    "policy_tree": [("apply", {})],
    "bg_nbd": [
        ("probability_alive", {}),
        ("expected_purchases", {"horizon": 39.0}),
        ("expected_purchases_new", {"horizon": 39.0}),
        ("time_until", {"probability": 0.5}),
        ("probability_alive_interval", {"level": 0.95}),
        ("expected_purchases_interval", {"horizon": 39.0, "level": 0.95}),
    ],
    "gamma_gamma": [
        ("expected_spend", {}),
        ("expected_spend_interval", {"level": 0.95}),
    ],
    "latent_class": [
        ("predict_proba", {}),
        ("predict_proba", {"items": ["care", "brand"]}),
        ("predict_proba", {"covariates": False}),
        ("predict", {}),
        ("log_likelihood", {}),
    ],
    "propensity": [("predict_proba", {}), ("predict_interval", {"level": 0.9})],
    "hazard": [
        ("predict_survival", {"times": [1.0, 3.5]}),
        ("survival_interval", {"times": [1.0, 3.5], "level": 0.9, "given": 2.0}),
        ("predict_cumulative_incidence", {"times": [4.0], "event": "payment"}),
        ("expected_remaining_time", {"horizon": 4.0}),
    ],
    "segment_book": [("evaluate", {})],
    "segment_projection": [("predict_proba", {}), ("predict", {})],
    "typing_tool": [
        ("predict_proba", {}),
        ("predict_proba", {"covariates": False}),
        ("predict", {}),
    ],
    "max_diff": [("predict_proba", {}), ("predict", {}), ("log_likelihood", {})],
    "k_means": [("predict_proba", {}), ("predict", {})],
    "gaussian_mixture": [("predict_proba", {}), ("predict", {}), ("log_likelihood", {})],
}


def models() -> dict[str, Any]:
    """The models to be saved, fitted on simulated customers and respondents."""
    log = tc.datasets.simulate_purchases(2_000, seed=1, backend="pyarrow")
    summary = tc.purchase_summary(
        log.transactions, amount="amount", observation_end=log.observation_end
    )
    segments = tc.LatentClass(
        2, kinds={"care": "ordinal", "visits": "count", "returns": "negative_binomial"}, prior=1.0
    )
    survey = respondents()
    segments = segments.fit(survey, ITEMS, "w", ["age", "region"])
    truth = tc.MaxDiff.from_params(
        ["brand", "care", "price", "speed"], [0.6, 0.4], [[-1, 0, 2, -1], [1, 1, -1.5, -0.5]]
    )
    choices = truth.simulate(300, tasks=6, shown=3, seed=1)
    numbers = ["spend", "age"]
    rng = np.random.default_rng(1)
    p = rng.beta(1, 4, 1_000)
    return {
        "calibration": tc.Calibration("beta", shift=0.05).fit(p**1.2, rng.random(1_000) < p),
        "bg_nbd": tc.BGNBD().fit(summary),
        "causal_forest": causal_forest(survey),
        "policy_tree": policy_tree(survey),
        "gamma_gamma": tc.GammaGamma().fit(summary),
        "latent_class": segments,
        "propensity": propensity(survey),
        "hazard": hazard(survey),
        "segment_book": book(),
        "segment_projection": tc.SegmentProjection(segments).fit(
            survey, ["age", "region"], weights="w"
        ),
        "typing_tool": tc.TypingTool(segments, 2, folds=5).fit(survey, "w"),
        "max_diff": tc.MaxDiff(2, prior=1.0).fit(choices),
        "k_means": tc.KMeansSegments(2).fit(survey, numbers),
        "gaussian_mixture": tc.GaussianMixtureSegments(2).fit(survey, numbers),
    }


def book() -> tc.SegmentBook:
    """Every kind of condition that asks for no date, references, and a list."""
    country, orders = {"column": "country"}, {"column": "orders"}
    parts = [
        {**country, "in": ["NO", "it's"]},
        {**country, "starts_with": "S"},
        {**country, "ends_with": "'s"},
        {**country, "contains": "O"},
        {**country, "!=": ""},
        {**orders, "between": [1, 2.5]},
        {**orders, "not_in": [0, 9]},
        {"column": "spend", "<": 0.5},
        {"column": "spend", "is_missing": True},
        {"column": "opted_in", "==": True},
    ]
    segments = [tc.Segment(f"part_{k}", part) for k, part in enumerate(parts)]
    segments.append(tc.Segment("none_of_them", {"not": {"any": parts[:4]}}, description="rest"))
    segments.append(
        tc.Segment(
            "good", {"all": [{"segment": "part_9"}, {"not": {"segment": "list"}}]}, version=3
        )
    )
    segments.append(tc.Segment("list", {"all": [{"everyone": True}, {**orders, ">=": 2}]}))
    return tc.SegmentBook(segments).freeze("list", LISTED, "2025-06-01")


def propensity(survey: dict[str, Any]) -> tc.Propensity:
    """A curve, a number that is missing at times, levels, and a calibration."""
    visited = np.where(survey["visits"] > 3, "often", "rarely")
    features = {name: survey[name] for name in ("age", "region")}
    features["age"] = np.where(survey["care"] == 1.0, np.nan, features["age"])
    return tc.Propensity(calibration="beta").fit(features, visited, survey["w"])


def causal_forest(survey: dict[str, Any]) -> tc.CausalForest:
    """Three arms, levels, and a number that is missing at times."""
    rng = np.random.default_rng(2)
    arm = rng.choice(["none", "mail", "call"], len(survey["age"]))
    spend = survey["spend"] + 10.0 * (arm == "mail") * (survey["age"] > 50)
    features = {name: survey[name] for name in ("age", "region")}
    features["age"] = np.where(survey["care"] == 1.0, np.nan, features["age"])
    spend = np.where(np.isnan(spend), 0.0, spend)
    return tc.CausalForest(n_trees=8, control="none").fit(features, arm, spend)


def policy_tree(survey: dict[str, Any]) -> tc.PolicyTree:
    """Three actions and their costs, levels, and a number that is missing at times."""
    rng = np.random.default_rng(3)
    arm = rng.choice(["none", "mail", "call"], len(survey["age"]))
    spend = np.where(np.isnan(survey["spend"]), 0.0, survey["spend"])
    spend = spend + 10.0 * (arm == "mail") * (survey["age"] > 50)
    spend = spend + 8.0 * (arm == "call") * (survey["region"] == "north")
    features = {name: survey[name] for name in ("age", "region")}
    features["age"] = np.where(survey["care"] == 1.0, np.nan, features["age"])
    tree = tc.PolicyTree(control="none", nuisance_trees=8)
    return tree.fit(features, arm, spend, "observed", cost={"mail": 1.0, "call": 2.0})


def hazard(survey: dict[str, Any]) -> tc.HazardModel:
    """Two events, a late entry, a number that is missing at times, an effect that changes."""
    features = {name: survey[name] for name in ("age", "region")}
    features["age"] = np.where(survey["care"] == 1.0, np.nan, features["age"])
    entry = np.where(survey["w"] > 1.2, 1.0, 0.0)
    duration = entry + 1.0 + survey["visits"] % 7
    event = np.where(survey["spend"] > 40, 2, np.where(survey["spend"] > 25, 1, 0))
    model = tc.HazardModel(period=2, events=["price", "payment"], time_varying_effects=["region"])
    return model.fit(features, duration, event, entry, survey["w"])


def respondents() -> dict[str, Any]:
    """A survey of two segments, with weights, covariates and missing answers."""
    rng = np.random.default_rng(1)
    n = 600
    age, region = rng.uniform(18, 80, n), rng.choice(["north", "south", "west"], n)
    segment = (rng.random(n) < 1 / (1 + np.exp(0.05 * (age - 50) + (region == "west")))).astype(int)
    cheap = rng.random(n) < np.where(segment == 0, 0.7, 0.2)
    brand = np.where(cheap, "own", np.where(rng.random(n) < 0.6, "premium", "none")).astype(object)
    brand[rng.random(n) < 0.1] = None
    care = rng.binomial(4, np.where(segment == 0, 0.3, 0.7)) + 1.0
    care[rng.random(n) < 0.1] = np.nan
    return {
        "brand": brand,
        "care": care,
        "spend": rng.normal(np.where(segment == 0, 20, 45), np.where(segment == 0, 6, 12)),
        "visits": rng.poisson(np.where(segment == 0, 1.5, 5.0)),
        "returns": rng.negative_binomial(2, np.where(segment == 0, 0.7, 0.4)),
        "age": age,
        "region": region,
        "w": rng.uniform(0.6, 1.4, n),
    }


def ask(model: Any, rows: Any, quantity: str, arguments: dict[str, Any]) -> Any:
    """What a model answers about the rows; infinity as "inf", which JSON can hold."""
    given = () if quantity == "expected_purchases_new" else (rows,)
    values = np.asarray(getattr(model, quantity)(*given, **arguments))
    return json.loads(json.dumps(values.tolist()).replace("Infinity", '"inf"'))


def write(path: Path, text: str) -> None:
    if path.exists():
        sys.stdout.write(f"{path.name} is there\n")
    else:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name} written\n")


def main() -> None:
    for kind, model in models().items():
        fresh = FOLDER / f".{kind}.json"
        model.save(fresh)
        text = fresh.read_text(encoding="utf-8")
        fresh.unlink()
        version = FOLDER / f"v{json.loads(text)['version']}"
        version.mkdir(exist_ok=True)
        scores = [
            {
                "quantity": quantity,
                "arguments": arguments,
                "values": ask(model, ROWS[kind], quantity, arguments),
            }
            for quantity, arguments in QUESTIONS[kind]
        ]
        estimates = getattr(model, "params_", None)
        told = {
            "written_by": tc.__version__,
            "estimates": estimates,
            "rows": ROWS[kind],
            "scores": scores,
        }
        write(version / f"{kind}.json", text)
        write(version / f"{kind}.scores.json", json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()

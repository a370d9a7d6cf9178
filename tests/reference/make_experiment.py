"""Reference values for experiments, by statsmodels and scipy.

    python tests/reference/make_experiment.py            write the cases
    python tests/reference/make_experiment.py --check    compare with the files instead

Effects and standard errors are those of statsmodels' OLS on dummies of the arms and their products
with centred covariates, a fit for every segment (HC2, HC3; for clusters a fit for every arm with
cov_type="cluster"). Without covariates intervals and p-values are scipy's of Welch's test. Limits
of Fieller are found as roots of the t-statistic of `mean - ratio * control`. Adjusted p-values are
statsmodels' multipletests; the sample ratio is scipy's chisquare; the confidence sequence is the
paper's formula with scipy's lambertw; shrinkage is the posterior summed on a dense grid of tau;
the test that effects are equal is statsmodels' anova_generic with use_var="bf".
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import optimize, special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_generic
from statsmodels.stats.power import normal_power_het

FOLDER = Path(__file__).parent / "experiment"
EXACT = {"rtol": 1e-9, "atol": 1e-11}
LEVEL = 0.95


def draw(name, n=360, *, repeated=False):
    """Customers of three arms with two covariates, two outcomes and two segments."""
    rng = np.random.default_rng(list(name.encode()))
    arm = rng.choice(["control", "a", "b"], n, p=[0.4, 0.35, 0.25])
    age, past = np.round(rng.normal(45, 12, n), 2), np.round(rng.gamma(2.0, 15.0, n), 2)
    segment = rng.choice(["x", "y"], n, p=[0.6, 0.4])
    rows = {"arm": arm, "segment": segment, "age": age, "past": past}
    if repeated:
        customer = rng.integers(0, n // 4, n)
        own = rng.choice(["control", "a", "b"], n // 4, p=[0.4, 0.35, 0.25])
        rows["arm"] = arm = own[customer]
        rows["customer"] = customer
        past = past + np.round(rng.normal(0, 10, n // 4), 2)[customer]
    lift = np.where(arm == "a", 4.0, np.where(arm == "b", -1.0, 0.0))
    lift = lift + (segment == "x") * (arm == "a") * 3 + 0.1 * (age - 45) * (arm == "b")
    rows["spend"] = np.round(20 + 0.6 * past + 0.2 * age + lift + rng.normal(0, 8, n), 2)
    chance = 0.25 + 0.12 * (arm == "a") + 0.08 * (segment == "y")
    rows["visit"] = (rng.random(n) < chance).astype(int)
    return rows


def parts(rows):
    """The rows of everyone and of each segment, in the order of the result."""
    yield np.ones(len(rows["arm"]), dtype=bool)
    for label in sorted(set(rows["segment"])):
        yield rows["segment"] == label


ARMS = ("a", "b")
OUTCOMES = ("spend", "visit")


def cells(rows):
    """Segment by segment, arm by arm, outcome by outcome."""
    for part in parts(rows):
        for arm in ARMS:
            for outcome in OUTCOMES:
                yield part, arm, np.asarray(rows[outcome], dtype=float)


def fieller(means, covariance, reach):
    """Limits of the ratio of two means, less 1: roots of its t-statistic."""
    (a, b), c = means, covariance
    middle = a / b

    def away(ratio):
        variance = c[0][0] - 2 * ratio * c[0][1] + ratio**2 * c[1][1]
        return (a - ratio * b) ** 2 - reach**2 * variance

    step = 20 * np.sqrt(c[0][0] + c[1][1]) / abs(b) + 1
    low = optimize.brentq(away, middle - step, middle, xtol=1e-15, rtol=1e-14)
    high = optimize.brentq(away, middle, middle + step, xtol=1e-15, rtol=1e-14)
    return low - 1, high - 1


def welch(rows):
    """Welch's test of every cell."""
    names = ("n", "n_control", "mean", "mean_control", "effect", "standard_error", "lower", "upper")
    found = {name: [] for name in (*names, "lift", "lift_lower", "lift_upper", "p")}
    for part, arm, y in cells(rows):
        a, b = y[part & (rows["arm"] == arm)], y[part & (rows["arm"] == "control")]
        test = stats.ttest_ind(a, b, equal_var=False)
        low, high = test.confidence_interval(LEVEL)
        va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
        reach = stats.t.ppf(0.5 + LEVEL / 2, test.df)
        lift = fieller((a.mean(), b.mean()), ((va, 0), (0, vb)), reach)
        values = (len(a), len(b), a.mean(), b.mean(), a.mean() - b.mean(), np.sqrt(va + vb))
        values = (*values, low, high, a.mean() / b.mean() - 1, *lift, test.pvalue)
        for name, value in zip(found, values, strict=True):
            found[name].append(float(value))
    p = np.array(found["p"])
    k = len(ARMS) * len(OUTCOMES)
    for method, name in (("fdr_bh", "fdr"), ("holm", "holm")):
        apart = [multipletests(part, method=method)[1] for part in (p[:k], p[k:])]
        found[f"p_adjusted {name} separate"] = np.concatenate(apart).tolist()
        found[f"p_adjusted {name} all"] = multipletests(p, method=method)[1].tolist()
    return found


def adjusted(rows, kind, *, population):
    """Lin's regression of every cell, all three arms in it."""
    found = {name: [] for name in ("mean", "mean_control", "effect", "standard_error")}
    found["variance_reduction"] = []
    for part, arm, y in cells(rows):
        x = np.column_stack([rows["age"], rows["past"]])[part]
        x = x - x.mean(axis=0)
        treated = np.asarray(rows["arm"])[part]
        dummies = np.column_stack([treated == one for one in ARMS]).astype(float)
        products = [dummies[:, [k]] * x for k in range(2)]
        design = sm.add_constant(np.column_stack([dummies, x, *products]))
        fit = sm.OLS(y[part], design).fit(cov_type=kind)
        k = ARMS.index(arm)
        slopes = fit.params[5 + 2 * k : 7 + 2 * k]
        n = part.sum()
        drawn = slopes @ np.cov(x.T) @ slopes / n if population else 0.0
        variance = fit.bse[1 + k] ** 2 + drawn
        plain = sm.OLS(y[part], sm.add_constant(dummies)).fit(cov_type=kind)
        found["mean_control"].append(float(fit.params[0]))
        found["mean"].append(float(fit.params[0] + fit.params[1 + k]))
        found["effect"].append(float(fit.params[1 + k]))
        found["standard_error"].append(float(np.sqrt(variance)))
        found["variance_reduction"].append(float(1 - variance / plain.bse[1 + k] ** 2))
    return found


def clustered(rows, *, covariates):
    """A regression for every arm with clusters, read off at the segment's mean covariates."""
    found = {name: [] for name in ("mean", "mean_control", "effect", "standard_error")}
    for part, arm, y in cells(rows):
        x = np.column_stack([rows["age"], rows["past"]])
        x = x - x[part].mean(axis=0)
        at = []
        for one in (arm, "control"):
            own = part & (rows["arm"] == one)
            design = sm.add_constant(x[own]) if covariates else np.ones((own.sum(), 1))
            groups = {"groups": rows["customer"][own]}
            fit = sm.OLS(y[own], design).fit(cov_type="cluster", cov_kwds=groups)
            at.append((fit.params[0], fit.bse[0] ** 2))
        (a, va), (b, vb) = at
        for name, value in zip(found, (a, b, a - b, np.sqrt(va + vb)), strict=True):
            found[name].append(float(value))
    return found


def sequence(rows, planned):
    """Confidence sequences around Welch's standard errors."""
    alpha = 1 - LEVEL
    rho2 = (-special.lambertw(-(alpha**2) * np.exp(-1), -1).real - 1) / planned
    plain = welch(rows)
    found = {"lower": [], "upper": [], "p": []}
    for n, m, effect, error in zip(
        *(plain[name] for name in ("n", "n_control", "effect", "standard_error")), strict=True
    ):
        x = (n + m) * rho2
        reach = np.sqrt(2 * (x + 1) / x * np.log(np.sqrt(x + 1) / alpha))
        found["lower"].append(effect - reach * error)
        found["upper"].append(effect + reach * error)
        z = effect / error
        found["p"].append(min(1.0, np.sqrt(x + 1) * np.exp(-(z**2) * x / 2 / (x + 1))))
    return found


def shrunken(effects, variances):
    """Means and limits of the segments' effects, by a dense grid of tau."""
    effects, variances = np.array(effects), np.array(variances)
    s0 = np.sqrt(len(effects) / (1 / variances).sum())
    u = (np.arange(200_000) + 0.5) / 200_000
    tau2 = (s0 * u / (1 - u)) ** 2
    w = 1 / (variances[:, None] + tau2)
    mean = (w * effects[:, None]).sum(0) / w.sum(0)
    log = 0.5 * np.log(w).sum(0) - 0.5 * np.log(w.sum(0))
    log -= 0.5 * (w * (effects[:, None] - mean) ** 2).sum(0)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    found = {"effect_shrunken": [], "shrunken_lower": [], "shrunken_upper": []}
    for effect, variance in zip(effects, variances, strict=True):
        drawn = variance / (variance + tau2)
        m = drawn * mean + (1 - drawn) * effect
        s = np.sqrt((1 - drawn) * variance + drawn**2 / w.sum(0))
        found["effect_shrunken"].append(float((weight * m).sum()))

        def below(x, share, m=m, s=s):
            return (weight * stats.norm.cdf((x - m) / s)).sum() - share

        span = (m.min() - 9 * s.max(), m.max() + 9 * s.max())
        tails = (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)
        ends = [optimize.brentq(below, *span, args=(tail,), xtol=1e-12) for tail in tails]
        found["shrunken_lower"].append(float(ends[0]))
        found["shrunken_upper"].append(float(ends[1]))
    return found


def pools():
    """Effects of segments that differ little, much, and not at all; two; sixty."""
    rng = np.random.default_rng(8)
    yield [28.0, 8, -3, 7, -1, 1, 18, 12], [225.0, 100, 256, 121, 81, 121, 100, 324]
    yield [-50.0, 20, 90, -10], [0.04, 0.09, 0.01, 0.04]
    yield [1.0, 1.01, 0.99], [0.04, 0.09, 0.01]
    yield [0.02, 0.05], [1e-4, 2e-4]
    variances = rng.gamma(2.0, 0.02, 60)
    yield rng.normal(0.3, np.sqrt(variances + 0.03)).tolist(), variances.tolist()


def columns(rows):
    return {name: np.asarray(values).tolist() for name, values in rows.items()}


def checks(found, tolerance=EXACT, settings=None):
    """A check for every quantity; a name of several words holds settings."""
    for name, values in found.items():
        quantity, *words = name.split()
        own = dict(settings or {})
        if words:
            own |= {"adjust": words[0], "family": words[1]}
        yield {"quantity": quantity, "arguments": own, "values": values, **tolerance}


def case(name, kind, given, expected, source):
    return {
        "case": name,
        "model": "experiment",
        "kind": kind,
        "producer": f"statsmodels {statsmodels.__version__}, scipy {scipy.__version__}",
        "source": source,
        "script": "make_experiment.py",
        "input": given,
        "expected": list(expected),
    }


def make():
    rows = draw("welch")
    given = {"rows": columns(rows), "covariates": [], "cluster": None}
    counts = [int((rows["arm"] == arm).sum()) for arm in ("a", "b", "control")]
    ratio = stats.chisquare(counts, np.array([0.35, 0.25, 0.4]) * sum(counts))
    extra = {"ratio.chi_squared": [float(ratio.statistic)], "ratio.p": [float(ratio.pvalue)]}
    expected = [*checks(welch(rows)), *checks(extra)]
    expected += checks(sequence(rows, 500.0), settings={"sequential": 500.0})
    yield case("welch", "effects", given, expected, "Welch (1947); Fieller (1954)")

    rows = draw("lin", 700)
    given = {"rows": columns(rows), "covariates": ["age", "past"], "cluster": None}
    expected = []
    for kind in ("HC2", "HC3"):
        for target in ("sample", "population"):
            found = adjusted(rows, kind, population=target == "population")
            settings = {"standard_errors": kind.lower(), "target": target}
            expected += checks(found, settings=settings)
    yield case("lin", "effects", given, expected, "Lin (2013); Negi & Wooldridge (2021)")

    for name, used in (("clusters", []), ("clusters_lin", ["age", "past"])):
        rows = draw(name, 900, repeated=True)
        given = {"rows": columns(rows), "covariates": used, "cluster": "customer"}
        found = clustered(rows, covariates=bool(used))
        expected = checks(found, settings={"target": "sample"})
        yield case(name, "effects", given, expected, "Liang & Zeger (1986)")

    for place, (effects, variances) in enumerate(pools()):
        given = {"effects": effects, "variances": variances}
        found = shrunken(effects, variances)
        loose = {"rtol": 2e-6, "atol": 1e-7}
        yield case(
            f"shrinkage_{place}", "shrinkage", given, checks(found, loose), "DuMouchel (1994)"
        )

    for place, (means, n, variances) in enumerate(groups()):
        given = {"effects": means, "weights": n, "variances": (variances / n), "freedoms": n - 1}
        found = anova_generic(means, variances, n, use_var="bf")
        values = {"f": found.statistic, "freedoms": found.df, "p": found.pvalue}
        values = {name: np.atleast_1d(value).tolist() for name, value in values.items()}
        source = "Brown & Forsythe (1974); Mehrotra (1997)"
        yield case(f"equality_{place}", "equality", columns(given), [*checks(values)], source)

    yield case("power", "power", {}, power_checks(), "statsmodels.stats.power.normal_power_het")


def groups():
    """Means of groups of several sizes with variances that differ."""
    rng = np.random.default_rng(7)
    for k, apart in ((2, 0.5), (5, 0.0), (40, 0.3)):
        n, variances = rng.integers(4, 60, k).astype(float), rng.gamma(2.0, 1.0, k)
        means = rng.normal(0, apart, k) + rng.normal(size=k) * np.sqrt(variances / n)
        yield means, n, variances


def power_checks():
    """Powers by statsmodels' normal power with unequal variances."""
    settings = [
        (0.05, None, 0.01, 16_000, 0.5, 0.5, 0.0),
        (0.3, None, -0.04, 5_000, 0.3, 0.7, 0.25),
        (20.0, 55.0, 1.5, 30_000, 0.5, 0.5, 0.4),
        (20.0, 55.0, 0.1, 1_000, 0.2, 0.8, 0.0),
    ]
    for baseline, deviation, effect, n, arm, control, reduction in settings:
        variances = (
            [deviation**2] * 2
            if deviation
            else [rate * (1 - rate) for rate in (baseline, baseline + effect)]
        )
        spread = (1 - reduction) * (variances[0] / control + variances[1] / arm)
        power = normal_power_het(effect, n, 0.05, std_null=np.sqrt(spread))
        given = {"baseline": baseline, "deviation": deviation, "effect": effect, "n": n}
        given |= {"arm": arm, "control": control, "variance_reduction": reduction}
        yield {"quantity": "power", "arguments": given, "values": [float(power)], **EXACT}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    compare = parser.parse_args().check
    FOLDER.mkdir(exist_ok=True)
    off = []
    for one in make():
        path = FOLDER / f"{one['case']}.json"
        text = json.dumps(one) + "\n"
        if compare:
            old = json.loads(path.read_text())["expected"]
            new = json.loads(text)["expected"]
            same = len(old) == len(new) and all(
                np.allclose(a["values"], b["values"], rtol=a["rtol"], atol=a["atol"])
                for a, b in zip(old, new, strict=True)
            )
            off += [] if same else [one["case"]]
        else:
            path.write_text(text)
    if off:
        sys.exit(f"other numbers than before: {', '.join(off)}")


if __name__ == "__main__":
    main()

"""High-precision reference values for the BG/NBD and Gamma-Gamma models.

Needs mpmath alone and shares no code with tercet. Every formula is the papers' own or an integral
that follows from their assumptions, evaluated with 60 significant digits:

- Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the
  Pareto/NBD Model, Marketing Science 24(2), 275-284: likelihood (their eq. 6), expected purchases
  of a new customer (eq. 9) and of a customer with a history (eq. 10).
- Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value: likelihood (eq. 1a), conditional
  expectation (eq. 5).

    python tests/reference/make_reference.py             write the cases
    python tests/reference/make_reference.py --check     compare with the files instead

The fits to the CDNOW sample need its files below TERCET_DATA (default: ../shared/data); without
them those cases are left as they are, and the script says so.
"""

import argparse
import csv
import json
import os
import random
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from mpmath import (
    exp,
    hyp2f1,
    hyp3f2,
    inf,
    inverse,
    isnan,
    log,
    log1p,
    loggamma,
    lu_solve,
    matrix,
    mp,
    mpf,
    nstr,
    quad,
    sqrt,
)

mp.dps = 60
# Two routes to one number must agree to this; the files keep 17 digits.
AGREEMENT = mpf(10) ** -20

HERE = Path(__file__).parent
DATA = Path(os.environ.get("TERCET_DATA", "../shared/data"))
PRODUCER = "tests/reference/make_reference.py (mpmath, 60 digits)"
BG_NBD_PAPER = "Fader, Hardie & Lee (2005), Marketing Science 24(2), 275-284"
GAMMA_GAMMA_PAPER = "Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value"


def agreed(first, second, what, tolerance=AGREEMENT):
    """The first of two values for the same quantity, after checking that they agree."""
    if abs(first - second) > tolerance * abs(first):
        raise ArithmeticError(
            f"{what}: {nstr(first, 30)} by one route, {nstr(second, 30)} by another"
        )
    return first


def quad_checked(integrand, cuts):
    """The integral over the intervals between `cuts`, after checking the error estimate."""
    value, error = quad(integrand, cuts, error=True)
    if error > mpf(10) ** -18 * abs(value):
        raise ArithmeticError(
            f"quadrature error {nstr(error, 3)} between {nstr(cuts[0], 5)} and {nstr(cuts[-1], 5)}"
        )
    return value


class BgNbd:
    """Purchases at rate lambda ~ Gamma(r, alpha); dropout after each with p ~ Beta(a, b)."""

    def __init__(self, r, alpha, a, b):
        self.r, self.alpha, self.a, self.b = (mpf(value) for value in (r, alpha, a, b))

    def odds_dead(self, x, t_x, T):
        """Ratio of the likelihood's terms: dropped out at the last purchase, or still alive."""
        if x == 0:
            return mpf(0)
        log_ratio = log((self.alpha + T) / (self.alpha + t_x))
        return self.a / (self.b + x - 1) * exp((self.r + x) * log_ratio)

    def probability_alive(self, x, t_x, T):
        return 1 / (1 + self.odds_dead(x, t_x, T))

    def log_likelihood(self, x, t_x, T):
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        return (
            log_beta(a, b + x)
            - log_beta(a, b)
            + loggamma(r + x)
            - loggamma(r)
            + r * log(alpha)
            - (r + x) * log(alpha + T)
            + log1p(self.odds_dead(x, t_x, T))
        )

    def expected_if_alive(self, x, T, horizon):
        """Purchases expected of a customer alive at T: the purchase rate's integral, a 3F2.

        Unlike equation 10 it has no pole at a = 1 and does not cancel for short horizons.
        """
        r, alpha, a, b = self.r + x, self.alpha + T, self.a, self.b + x
        return r * horizon / alpha * hyp3f2(r + 1, a, 1, a + b, 2, -horizon / alpha)

    def expected_purchases(self, x, t_x, T, horizon):
        """Equation 10, computed by the 3F2 and checked against the paper's own formula."""
        if horizon == 0:
            return mpf(0)
        r, alpha, a, b = self.r + x, self.alpha + T, self.a, self.b + x
        if_alive = self.expected_if_alive(x, T, horizon)
        if a != 1:
            bracket = 1 - (alpha / (alpha + horizon)) ** r * hyp2f1(
                r, b, a + b - 1, horizon / (alpha + horizon)
            )
            agreed(
                if_alive,
                (a + b - 1) / (a - 1) * bracket,
                f"expected_purchases({x}, {t_x}, {T}, {horizon})",
            )
        return self.probability_alive(x, t_x, T) * if_alive

    def expected_purchases_new(self, horizon):
        """Equation 9: a new customer is a customer with an empty history."""
        return self.expected_purchases(0, mpf(0), mpf(0), horizon)

    def purchase_rate(self, x, T, s):
        """Expected purchases per time unit, s after T, of a customer alive at T.

        Alive at T after x purchases, lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + x); each
        purchase ends the customer's life with probability p, so that the rate at s is E[lambda
        exp(-lambda p s)].
        """
        r, alpha, a, b = self.r + x, self.alpha + T, self.a, self.b + x
        return r / alpha * hyp2f1(r + 1, a, a + b, -s / alpha)

    def discounted_expected_purchases(self, x, t_x, T, horizon, rate):
        """The integral of exp(-rate s) times the purchase rate, cut where its scales change."""
        scale = (self.alpha + T) / (self.r + x)
        steps = [scale * mpf(4) ** power for power in range(-3, 12)]
        if rate > 0:
            steps += [mpf(multiple) / rate for multiple in (mpf(1) / 4, 1, 4, 16, 64)]
            # What comes later is discounted by more than exp(-64), 28 digits.
            horizon = min(horizon, 64 / rate)
        cuts = [mpf(0), *sorted(step for step in steps if step < horizon), horizon]

        def integrand(s):
            return exp(-rate * s) * self.purchase_rate(x, T, s)

        with mp.workdps(30):
            value = quad_checked(integrand, cuts)
        return self.probability_alive(x, t_x, T) * value

    def discounted_by_parts(self, x, t_x, T, horizon, rate):
        """The same after integration by parts, from expected purchases: slow, a check."""
        cuts = [mpf(0), *(horizon * mpf(4) ** -power for power in range(8, 0, -1)), horizon]

        def integrand(s):
            return exp(-rate * s) * self.expected_if_alive(x, T, s)

        with mp.workdps(30):
            value = integrand(horizon) + rate * quad_checked(integrand, cuts)
        return self.probability_alive(x, t_x, T) * value

    def time_until(self, x, t_x, T, probability):
        """How long the customer may stay silent until probability_alive falls to `probability`."""
        if x == 0:
            return inf
        odds = (1 - probability) / probability * (self.b + x - 1) / self.a
        silence = (self.alpha + t_x) * exp(log(odds) / (self.r + x)) - self.alpha - T
        return max(silence, mpf(0))


class GammaGamma:
    """Amounts ~ Gamma(p, nu), nu ~ Gamma(q, v); a row is the mean of x repeat purchases."""

    def __init__(self, p, q, v):
        self.p, self.q, self.v = (mpf(value) for value in (p, q, v))

    def log_likelihood(self, x, mean):
        p, q, v = self.p, self.q, self.v
        return (
            loggamma(p * x + q)
            - loggamma(p * x)
            - loggamma(q)
            + q * log(v)
            + (p * x - 1) * log(mean)
            + p * x * log(x)
            - (p * x + q) * log(v + x * mean)
        )

    def expected_spend(self, x, mean):
        return self.p * (self.v + x * mean) / (self.p * x + self.q - 1)

    def population_mean(self):
        return self.p * self.v / (self.q - 1) if self.q > 1 else inf


def log_beta(a, b):
    return loggamma(a) + loggamma(b) - loggamma(a + b)


# --- cases ----------------------------------------------------------------------------------------


def number(value):
    """A JSON number with all digits of the nearest double; "inf" for infinity."""
    if value == inf:
        return "inf"
    if isnan(value):
        raise ArithmeticError("a reference value is not a number")
    return float(value)


def check(quantity, values, rtol, atol=0.0, **arguments):
    """One entry of `expected`."""
    entry = {"quantity": quantity}
    if arguments:
        entry["arguments"] = {name: float(value) for name, value in arguments.items()}
    entry["values"] = [number(v) for v in values] if isinstance(values, list) else number(values)
    return entry | {"rtol": rtol, "atol": atol}


def case(name, model, kind, source, *, given, expected, data=None):
    """A file's content in the order in which one reads it."""
    content = {"case": name, "model": model, "kind": kind, "producer": PRODUCER, "source": source}
    content["script"] = "make_reference.py"
    if data is not None:
        content["data"] = data
    return content | {"input": given, "expected": expected}


# name: parameters, a length of time that matters to them, and why the set is here.
BG_NBD_SETS = {
    "grid-cdnow": ((0.243, 4.414, 0.793, 2.426), 39.0, "the published CDNOW estimates; a < 1"),
    "grid-a-is-1": ((0.8, 10.0, 1.0, 3.0), 30.0, "a = 1: the pole of equation 10"),
    "grid-a-near-1": ((0.8, 10.0, 1.0 + 1e-9, 3.0), 30.0, "next to the pole of equation 10"),
    "grid-a-above-1": ((0.5248, 6.183, 4.5, 1.7), 39.0, "fast dropout"),
    "grid-low-dropout": ((0.5, 10.0, 0.05, 5.0), 52.0, "hardly anybody drops out"),
    "grid-sparse": ((0.05, 30.0, 0.5, 1.0), 78.0, "hardly anybody comes back"),
    "grid-homogeneous": ((20.0, 100.0, 10.0, 90.0), 39.0, "customers much alike; large parameters"),
    "grid-no-heterogeneity": (
        (2.2, 1.0, 300.7, 3000.3),
        26.0,
        "dropout the same for everybody, nearly",
    ),
    "grid-daily": ((0.8, 60.0, 1.2, 8.0), 365.0, "the clock runs in days"),
    "grid-yearly": ((0.8, 60.0 / 365.25, 1.2, 8.0), 1.5, "the clock runs in years"),
    "grid-polarised": ((0.6, 3.0, 0.01, 0.02), 52.0, "dropout all or nothing"),
}
BG_NBD_NAMES = ("r", "alpha", "a", "b")
# mpmath's 2F1 does not converge everywhere where a and b are in the hundreds.
NOT_DISCOUNTED = {"grid-no-heterogeneity"}
FREQUENCIES = (1, 2, 3, 7, 26, 100, 300)


def bg_nbd_rows(seed, scale, n_rows):
    """Histories from a moment to ten thousand typical lengths; recency near 0, between, at T."""
    draw = random.Random(seed)
    rows = [(0, 0.0, scale * stretch) for stretch in (1e-6, 1.0, 1e4)]
    while len(rows) < n_rows:
        T = scale * 10.0 ** draw.choice((-6.0, -2.0, -0.3, 0.0, 0.0, 0.0, 1.0, 4.0))
        recency = T * draw.choice((1e-3, 0.3, 0.9, 0.999, 1.0))
        rows.append((draw.choice(FREQUENCIES), recency, T))
    return rows


def bg_nbd_grid(name):
    """Likelihood and predictions of one set over wide regimes."""
    parameters, scale, why = BG_NBD_SETS[name]
    model = BgNbd(*parameters)
    rows = bg_nbd_rows(name, scale, 48)
    exact = [(x, mpf(t_x), mpf(T)) for x, t_x, T in rows]
    checks = [
        check("log_likelihood", [model.log_likelihood(*row) for row in exact], 1e-12, 1e-11),
        check("probability_alive", [model.probability_alive(*row) for row in exact], 1e-11, 1e-300),
    ]
    for horizon in (0.0, 1e-4 * scale, scale, 10 * scale, 1e4 * scale):
        values = [model.expected_purchases(*row, mpf(horizon)) for row in exact]
        checks.append(check("expected_purchases", values, 1e-10, 1e-300, horizon=horizon))
        value = model.expected_purchases_new(mpf(horizon))
        checks.append(check("expected_purchases_new", value, 1e-10, horizon=horizon))
    for probability in (0.5, 0.05, 0.95):
        values = [model.time_until(*row, mpf(probability)) for row in exact]
        # The answer is a difference of times as long as the history; its last digits cancel.
        atol = 1e-13 * (float(model.alpha) + max(T for _, _, T in rows))
        checks.append(check("time_until", values, 1e-10, atol, probability=probability))
    given = given_rows(dict(zip(BG_NBD_NAMES, parameters, strict=True)), rows)
    source = f"{BG_NBD_PAPER}; {why}"
    return [case(name, "bg_nbd", "rows", source, given=given, expected=checks)]


def bg_nbd_discounted(name):
    """Discounted purchases for a few rows of the same set."""
    parameters, scale, why = BG_NBD_SETS[name]
    model = BgNbd(*parameters)
    rows = bg_nbd_rows(name, scale, 13)
    del rows[0], rows[1]  # histories of a moment and of ten thousand typical lengths
    exact = [(x, mpf(t_x), mpf(T)) for x, t_x, T in rows]
    regimes = [(1.0, 0.0), (1.0, 0.1), (1e4, 0.1), (1.0, 30.0)]
    checks = []
    for horizon, rate in [(stretch * scale, strength / scale) for stretch, strength in regimes]:
        arguments = mpf(horizon), mpf(rate)
        values = [model.discounted_expected_purchases(*row, *arguments) for row in exact]
        if horizon == scale:
            for row, value in zip(exact[:3], values[:3], strict=True):
                other = model.discounted_by_parts(*row, *arguments)
                agreed(value, other, f"{name}: discounted purchases of {row}", mpf(10) ** -16)
        quantity = "discounted_expected_purchases"
        checks.append(check(quantity, values, 1e-10, 1e-300, horizon=horizon, rate=rate))
    given = given_rows(dict(zip(BG_NBD_NAMES, parameters, strict=True)), rows)
    source = f"{BG_NBD_PAPER}; {why}"
    case_name = name.replace("grid", "discounted")
    return [case(case_name, "bg_nbd", "rows", source, given=given, expected=checks)]


def given_rows(parameters, rows, columns=("frequency", "recency", "T")):
    by_column = {column: [row[index] for row in rows] for index, column in enumerate(columns)}
    return {"parameters": parameters, "rows": by_column}


def bg_nbd_new_customers():
    """T = 0: nothing observed yet. A prediction for such a customer is that for a new one."""
    parameters = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    model = BgNbd(*parameters.values())
    rows = [(0, 0.0, 0.0)] * 2
    checks = [
        check("probability_alive", [mpf(1)] * 2, 0.0),
        check("time_until", [inf] * 2, 0.0, probability=0.5),
    ]
    for horizon in (1.0, 39.0, 520.0):
        value = model.expected_purchases_new(mpf(horizon))
        checks.append(check("expected_purchases", [value] * 2, 1e-12, horizon=horizon))
        checks.append(check("expected_purchases_new", value, 1e-12, horizon=horizon))
    return [
        case(
            "new-customers",
            "bg_nbd",
            "rows",
            BG_NBD_PAPER,
            given=given_rows(parameters, rows),
            expected=checks,
        )
    ]


GAMMA_GAMMA_SETS = {
    "grid-cdnow": ((6.25, 3.74, 15.44), "the published CDNOW estimates"),
    "grid-heavy-tail": ((2.0, 1.05, 30.0), "q near 1: the population mean is barely finite"),
    "grid-homogeneous": ((3.0, 400.0, 8000.0), "customers spend nearly the same on average"),
    "grid-regular": ((250.0, 4.0, 0.5), "a customer's purchases are nearly equal"),
    "grid-small-p": ((0.05, 2.5, 900.0), "amounts that vary by orders of magnitude"),
}


def gamma_gamma_grids():
    cases = []
    for name, (parameters, why) in GAMMA_GAMMA_SETS.items():
        model = GammaGamma(*parameters)
        draw = random.Random(name)
        centre = float(model.population_mean())
        rows = [
            (
                draw.choice((1, 1, 2, 3, 7, 26, 100, 300)),
                centre * 10.0 ** draw.choice((-4.0, -1.0, -0.2, 0.0, 0.5, 3.0)),
            )
            for _ in range(48)
        ]
        exact = [(x, mpf(mean)) for x, mean in rows]
        given = given_rows(
            dict(zip("pqv", parameters, strict=True)), rows, ("frequency", "monetary_value")
        )
        checks = [
            check("log_likelihood", [model.log_likelihood(*row) for row in exact], 1e-12, 1e-9),
            check("expected_spend", [model.expected_spend(*row) for row in exact], 1e-13),
            check("population_mean", model.population_mean(), 1e-13),
        ]
        source = f"{GAMMA_GAMMA_PAPER}; {why}"
        cases.append(case(name, "gamma_gamma", "rows", source, given=given, expected=checks))
    return cases


def gamma_gamma_new_customers():
    """Without a repeat purchase the best guess is the population's mean."""
    parameters = {"p": 6.25, "q": 3.74, "v": 15.44}
    model = GammaGamma(*parameters.values())
    given = given_rows(parameters, [(0, 0.0), (0, 0.0)], ("frequency", "monetary_value"))
    mean = model.population_mean()
    checks = [check("expected_spend", [mean] * 2, 1e-14), check("population_mean", mean, 1e-14)]
    return [
        case(
            "new-customers", "gamma_gamma", "rows", GAMMA_GAMMA_PAPER, given=given, expected=checks
        )
    ]


# --- maximum likelihood on the CDNOW sample -------------------------------------------------------


def maximise(objective, start, names):
    """Newton's method; returns the estimates, the maximum and the standard errors.

    The start is a published estimate, so that plain Newton converges; derivatives are central
    differences, which at 60 digits are good to 20 and more.
    """
    step = mpf(10) ** -15
    point = [mpf(value) for value in start]
    size = len(point)

    def shifted(*moves):
        moved = list(point)
        for index, move in moves:
            moved[index] += move * step * point[index]
        return objective(*moved)

    for _ in range(20):
        value = objective(*point)
        up = [shifted((i, 1)) for i in range(size)]
        down = [shifted((i, -1)) for i in range(size)]
        width = [step * point[i] for i in range(size)]
        gradient = matrix([(up[i] - down[i]) / (2 * width[i]) for i in range(size)])
        hessian = matrix(size)
        for i in range(size):
            hessian[i, i] = (up[i] - 2 * value + down[i]) / width[i] ** 2
            for j in range(i):
                corners = (
                    shifted((i, 1), (j, 1))
                    - shifted((i, 1), (j, -1))
                    - shifted((i, -1), (j, 1))
                    + shifted((i, -1), (j, -1))
                )
                hessian[i, j] = hessian[j, i] = corners / (4 * width[i] * width[j])
        move = lu_solve(hessian, gradient)
        point = [point[i] - move[i] for i in range(size)]
        if max(abs(move[i] / point[i]) for i in range(size)) < mpf(10) ** -18:
            covariance = inverse(-hessian)
            errors = [sqrt(covariance[i, i]) for i in range(size)]
            return (
                dict(zip(names, point, strict=True)),
                objective(*point),
                dict(zip(names, errors, strict=True)),
            )
    raise ArithmeticError("Newton's method did not converge")


def read_columns(file, columns):
    """Rows as tuples of float, or None where the file is absent."""
    path = DATA / file
    if not path.exists():
        print(f"  {file} is not below {DATA}: its cases are left as they are")
        return None
    with path.open(newline="") as lines:
        return [
            tuple(float(record[column]) for column in columns) for record in csv.DictReader(lines)
        ]


def fit_checks(estimates, errors, rtol):
    checks = [check(name, value, rtol) for name, value in estimates.items()]
    return checks + [
        check(f"standard_error.{name}", value, 10 * rtol) for name, value in errors.items()
    ]


def bg_nbd_fit():
    data = {
        "file": "cdnow/cdnow_customers_summary.csv",
        "columns": {"frequency": "frequency", "recency": "recency", "T": "T"},
    }
    rows = read_columns(data["file"], data["columns"].values())
    if rows is None:
        return []
    cells = Counter((int(x), mpf(t_x), mpf(T)) for x, t_x, T in rows)

    def log_likelihood(*parameters):
        model = BgNbd(*parameters)
        # The gamma and beta functions depend on x alone.
        by_count = {x: model.log_likelihood(x, mpf(0), mpf(0)) for x in {cell[0] for cell in cells}}
        total = mpf(0)
        for (x, t_x, T), weight in cells.items():
            start = (
                by_count[x]
                - log1p(model.odds_dead(x, mpf(0), mpf(0)))
                + (model.r + x) * log(model.alpha)
            )
            total += weight * (
                start - (model.r + x) * log(model.alpha + T) + log1p(model.odds_dead(x, t_x, T))
            )
        return total

    estimates, maximum, errors = maximise(
        log_likelihood, (0.242593, 4.413532, 0.792886, 2.425754), ("r", "alpha", "a", "b")
    )
    model = BgNbd(*estimates.values())
    agreed(
        maximum,
        sum(n * model.log_likelihood(*cell) for cell, n in cells.items()),
        "log-likelihood at the maximum",
    )
    total = sum(n * model.expected_purchases(*cell, mpf(39)) for cell, n in cells.items())
    checks = [
        *fit_checks(estimates, errors, 1e-7),
        check("log_likelihood", maximum, 0.0, 1e-7),
        check("aic", 8 - 2 * maximum, 0.0, 1e-6),
        check("n_observations", mpf(len(rows)), 0.0),
        check("expected_purchases_new", model.expected_purchases_new(mpf(39)), 1e-7, horizon=39),
        check(
            "sum.probability_alive",
            sum(n * model.probability_alive(*c) for c, n in cells.items()),
            1e-7,
        ),
        check("sum.expected_purchases", total, 1e-7, horizon=39),
    ]
    return [
        case("cdnow-exact", "bg_nbd", "fit", BG_NBD_PAPER, given={}, expected=checks, data=data)
    ]


def gamma_gamma_fit():
    data = {
        "file": "cdnow/cdnow_customers_summary_with_transactions.csv",
        "columns": {"frequency": "x", "monetary_value": "zbar"},
    }
    rows = read_columns(data["file"], data["columns"].values())
    if rows is None:
        return []
    repeaters = [(int(x), mpf(mean)) for x, mean in rows if x > 0]

    def log_likelihood(*parameters):
        model = GammaGamma(*parameters)
        by_count = {x: model.log_likelihood(x, mpf(1)) for x in {row[0] for row in repeaters}}
        total = mpf(0)
        for x, mean in repeaters:
            shape = model.p * x
            total += by_count[x] + (shape - 1) * log(mean)
            total += (shape + model.q) * log((model.v + x) / (model.v + x * mean))
        return total

    estimates, maximum, errors = maximise(
        log_likelihood, (6.2488, 3.7446, 15.4478), ("p", "q", "v")
    )
    model = GammaGamma(*estimates.values())
    agreed(
        maximum,
        sum(model.log_likelihood(*row) for row in repeaters),
        "log-likelihood at the maximum",
    )
    checks = [
        *fit_checks(estimates, errors, 1e-7),
        check("log_likelihood", maximum, 0.0, 1e-7),
        check("aic", 6 - 2 * maximum, 0.0, 1e-6),
        check("n_observations", mpf(len(repeaters)), 0.0),
        check("population_mean", model.population_mean(), 1e-7),
        check(
            "sum.expected_spend", sum(model.expected_spend(int(x), mpf(m)) for x, m in rows), 1e-7
        ),
    ]
    return [
        case(
            "cdnow-exact",
            "gamma_gamma",
            "fit",
            GAMMA_GAMMA_PAPER,
            given={},
            expected=checks,
            data=data,
        )
    ]


# --- the program ----------------------------------------------------------------------------------


def builders():
    for name in BG_NBD_SETS:
        yield f"bg_nbd {name}", partial(bg_nbd_grid, name)
        if name not in NOT_DISCOUNTED:
            yield f"bg_nbd {name}, discounted", partial(bg_nbd_discounted, name)
    yield "bg_nbd new customers", bg_nbd_new_customers
    yield "bg_nbd fit to CDNOW", bg_nbd_fit
    yield "gamma_gamma grids", gamma_gamma_grids
    yield "gamma_gamma new customers", gamma_gamma_new_customers
    yield "gamma_gamma fit to CDNOW", gamma_gamma_fit


def as_text(content):
    """JSON with a list of numbers on one line, so that a file reads like a table."""
    lists = []

    def fold(value):
        if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
            lists.append(json.dumps(value))
            return f"@{len(lists) - 1}@"
        if isinstance(value, list):
            return [fold(item) for item in value]
        if isinstance(value, dict):
            return {key: fold(item) for key, item in value.items()}
        return value

    text = json.dumps(fold(content), indent=2, ensure_ascii=False)
    for index, line in enumerate(lists):
        text = text.replace(f'"@{index}@"', line)
    return text + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="compare with the files instead of writing them"
    )
    parser.add_argument("--only", default="", help="only the parts whose name contains this")
    options = parser.parse_args()

    stale = []
    for name, build in builders():
        if options.only not in name:
            continue
        print(name, flush=True)
        for content in build():
            path = HERE / content["model"] / f"{content['case']}.json"
            text = as_text(content)
            if not options.check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(HERE)))
    if stale:
        sys.exit("not what this script computes: " + ", ".join(stale))


if __name__ == "__main__":
    main()

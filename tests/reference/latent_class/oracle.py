"""Latent class models maximised directly: what `make_latent_class.py` computes its cases with.

There is no EM algorithm here. The log-likelihood is climbed in unconstrained parameters (logits,
logarithms) by L-BFGS from many random starts; the best is polished by Newton's method in long
double. Hessians, the rows' scores and the Jacobians of the delta method are complex-step
derivatives, f'(x) = Im f(x + ih) / h, exact to rounding; the gradient is checked in the same way
against the log-likelihood itself.
"""

import math

import numpy as np
from scipy.linalg import lstsq
from scipy.optimize import minimize

STEP = np.longdouble(1e-30)
# A level's probability below this is tried at zero exactly.
RARE = 1e-5
# A logit that stands for a probability of zero.
NEVER = -70.0
# With free variances the likelihood has no maximum: segments of equal answers take it to infinity.
NARROWEST = 0.05


def log_sum(terms):
    """log(sum(exp(terms))) along the last axis, also for complex steps."""
    highest = terms.real.max(axis=-1, keepdims=True)
    return np.log(np.exp(terms - highest).sum(axis=-1, keepdims=True)) + highest


def log_softmax(logits):
    return logits - log_sum(logits)


def tilted(function, point, index):
    """The derivative of a function by one coordinate, exact to rounding."""
    moved = point.astype(np.clongdouble)
    moved[index] += 1j * STEP
    return function(moved).imag / STEP


# --- answers, one class a kind --------------------------------------------------------------------
#
# `part` holds an item's unconstrained parameters. `share` is one row a respondent and one column a
# segment: weight times posterior probability. `strength` is the prior's alpha / K, the pseudo-
# respondents that each segment gets.


class Levels:
    """What nominal and ordinal answers have in common: log-probabilities of levels by segment."""

    def __init__(self, name, column, spec, weights):
        self.name, self.n_levels = name, len(spec["levels"])
        place = {level: index for index, level in enumerate(spec["levels"])}
        self.hot = np.zeros((len(column), self.n_levels))
        for row, answer in enumerate(column):
            if answer is not None:
                self.hot[row, place[answer]] = 1.0
        marginal = weights @ self.hot
        self.marginal = marginal / marginal.sum()

    def log_density(self, part, k):
        return self.hot @ self.log_probabilities(part, k).T

    def log_prior(self, part, k, strength):
        return strength * (self.log_probabilities(part, k) * self.marginal).sum()

    def residuals(self, part, k, share, strength):
        """Counts less expected counts of the levels, by segment."""
        counts = share.T @ self.hot + strength * self.marginal
        return counts - np.exp(self.log_probabilities(part, k)) * counts.sum(axis=1, keepdims=True)


class Nominal(Levels):
    """A logit a segment and level; in each segment the likeliest level's is held."""

    def size(self, k):
        return k * self.n_levels

    def n_parameters(self, k):
        return k * (self.n_levels - 1)

    def start(self, k, rng):
        return rng.normal(size=(k, self.n_levels)).ravel()

    def log_probabilities(self, part, k):
        return log_softmax(part.reshape(k, self.n_levels))

    def gradient(self, part, k, share, strength):
        return self.residuals(part, k, share, strength).ravel()

    def ordered(self, part, k, order):
        logits = part.reshape(k, self.n_levels)[order]
        return (logits - logits.max(axis=1, keepdims=True)).ravel()

    def held(self, part, k):
        logits = part.reshape(k, self.n_levels)
        return (logits == logits.max(axis=1, keepdims=True)).ravel() | (part <= NEVER)

    def rare(self, part, k):
        log_probabilities = self.log_probabilities(part, k).ravel()
        return np.flatnonzero((log_probabilities < math.log(RARE)) & (part > NEVER))

    def quantities(self, part, k):
        return {f"probability.{self.name}": np.exp(self.log_probabilities(part, k))}


class Ordinal(Levels):
    """Adjacent categories: log p(level m | segment x) = a_m + b_x score_m - log of the sum."""

    def __init__(self, name, column, spec, weights):
        super().__init__(name, column, spec, weights)
        self.scores = np.array(spec.get("scores", range(self.n_levels)), dtype=float)

    def size(self, k):
        return self.n_levels + k

    def n_parameters(self, k):
        return self.n_levels - 1 + k - 1

    def start(self, k, rng):
        return np.concatenate([np.log(self.marginal), rng.normal(size=k) / np.ptp(self.scores) * 3])

    def log_probabilities(self, part, k):
        intercept, slope = part[: self.n_levels], part[self.n_levels :]
        return log_softmax(intercept + slope[:, None] * self.scores)

    def gradient(self, part, k, share, strength):
        residuals = self.residuals(part, k, share, strength)
        return np.concatenate([residuals.sum(axis=0), residuals @ self.scores])

    def ordered(self, part, k, order):
        """The first segment's slope is 0, and so is the first level's intercept."""
        intercept, slope = part[: self.n_levels], part[self.n_levels :][order]
        intercept = intercept + slope[0] * self.scores
        return np.concatenate([intercept - intercept[0], slope - slope[0]])

    def held(self, part, k):
        held = np.zeros(len(part), dtype=bool)
        held[[0, self.n_levels]] = True
        return held

    def rare(self, part, k):
        return np.array([], dtype=int)

    def quantities(self, part, k):
        return {
            f"probability.{self.name}": np.exp(self.log_probabilities(part, k)),
            f"intercept.{self.name}": part[: self.n_levels],
            f"slope.{self.name}": part[self.n_levels :],
        }


class Numbers:
    """What continuous answers and counts have in common: no parameter is held, none is rare."""

    def __init__(self, name, column, spec, weights):
        self.name = name
        self.seen = np.array([answer is not None for answer in column])
        self.answers = np.array([0.0 if answer is None else answer for answer in column])
        weights = weights * self.seen
        self.mean = weights @ self.answers / weights.sum()
        self.variance = weights @ (self.answers - self.mean) ** 2 / weights.sum()

    def held(self, part, k):
        return np.zeros(len(part), dtype=bool)

    def rare(self, part, k):
        return np.array([], dtype=int)

    def n_parameters(self, k):
        return self.size(k)


class Continuous(Numbers):
    """Normal; means and logarithms of standard deviations in units of the item's own scale."""

    def __init__(self, name, column, spec, weights):
        super().__init__(name, column, spec, weights)
        self.shared = spec["variance"] == "shared"

    def size(self, k):
        return k + (1 if self.shared else k)

    def start(self, k, rng):
        means = rng.choice(self.answers[self.seen], k)
        scale = np.full(self.size(k) - k, math.log(0.7))
        return np.concatenate([(means - self.mean) / math.sqrt(self.variance), scale])

    def mean_and_log_scale(self, part, k):
        scale = np.sqrt(np.longdouble(self.variance))
        mean = np.longdouble(self.mean) + scale * part[:k]
        return mean, np.log(scale) + part[k:] * np.ones(k)

    def log_density(self, part, k):
        mean, log_scale = self.mean_and_log_scale(part, k)
        standardised = (self.answers[:, None] - mean) * np.exp(-log_scale)
        log_density = -np.log(2 * np.longdouble(np.pi)) / 2 - log_scale - standardised**2 / 2
        return self.seen[:, None] * log_density

    def log_prior(self, part, k, strength):
        _, log_scale = self.mean_and_log_scale(part, k)
        return -strength / 2 * (2 * log_scale + self.variance * np.exp(-2 * log_scale)).sum()

    def gradient(self, part, k, share, strength):
        mean, log_scale = self.mean_and_log_scale(part, k)
        share = share * self.seen[:, None]
        standardised = (self.answers[:, None] - mean) * np.exp(-log_scale)
        by_mean = (share * standardised * np.exp(-log_scale)).sum(axis=0) * math.sqrt(self.variance)
        by_scale = (share * (standardised**2 - 1)).sum(axis=0)
        by_scale = by_scale + strength * (self.variance * np.exp(-2 * log_scale) - 1)
        by_scale = by_scale.sum(keepdims=True) if self.shared else by_scale
        return np.concatenate([by_mean, by_scale])

    def ordered(self, part, k, order):
        return np.concatenate([part[:k][order], part[k:] if self.shared else part[k:][order]])

    def quantities(self, part, k):
        mean, log_scale = self.mean_and_log_scale(part, k)
        return {
            f"mean.{self.name}": mean,
            f"standard_deviation.{self.name}": np.exp(log_scale),
        }

    def degenerate(self, part, k):
        _, log_scale = self.mean_and_log_scale(part, k)
        return bool(np.exp(log_scale).min() < NARROWEST * math.sqrt(self.variance))


class Poisson(Numbers):
    """Logarithm of the mean, by segment."""

    def __init__(self, name, column, spec, weights):
        super().__init__(name, column, spec, weights)
        self.counts = self.answers.astype(int)
        self.log_factorial = np.array([math.lgamma(1 + m) for m in self.counts])

    def size(self, k):
        return k

    def start(self, k, rng):
        return math.log(self.mean) + rng.normal(scale=0.7, size=k)

    def log_density(self, part, k):
        log_density = self.answers[:, None] * part - np.exp(part) - self.log_factorial[:, None]
        return self.seen[:, None] * log_density

    def log_prior(self, part, k, strength):
        return strength * (self.mean * part[:k] - np.exp(part[:k])).sum()

    def gradient(self, part, k, share, strength):
        mean = np.exp(part)
        share = share * self.seen[:, None]
        return (share * (self.answers[:, None] - mean)).sum(axis=0) + strength * (self.mean - mean)

    def ordered(self, part, k, order):
        return part[order]

    def quantities(self, part, k):
        return {f"mean.{self.name}": np.exp(part)}


class NegativeBinomial(Poisson):
    """Variance mu + mu^2 / size: logarithms of the means by segment and of the item's one size."""

    def size(self, k):
        return k + 1

    def start(self, k, rng):
        return np.append(super().start(k, rng), rng.normal())

    def rising(self, size, term):
        """The sum of term(size + m) over m < y for each answer y: a ratio of gammas, exactly."""
        terms = term(size + np.arange(self.counts.max() + 1))
        return np.concatenate([[0 * size], np.cumsum(terms)])[self.counts][:, None]

    def log_density(self, part, k):
        mean, size = np.exp(part[:k]), np.exp(part[k])
        total = np.log(size + mean)
        log_density = self.rising(size, np.log) - self.log_factorial[:, None]
        log_density = log_density + size * (part[k] - total)
        log_density = log_density + self.answers[:, None] * (part[:k] - total)
        return self.seen[:, None] * log_density

    def gradient(self, part, k, share, strength):
        mean, size = np.exp(part[:k]), np.exp(part[k])
        share = share * self.seen[:, None]
        answers = self.answers[:, None]
        by_mean = (share * (answers - mean)).sum(axis=0) * size / (size + mean)
        by_mean = by_mean + strength * (self.mean - mean)
        by_size = self.rising(size, np.reciprocal) + part[k] - np.log(size + mean) + 1
        by_size = by_size - (size + answers) / (size + mean)
        return np.append(by_mean, size * (share * by_size).sum())

    def ordered(self, part, k, order):
        return np.append(part[:k][order], part[k])

    def quantities(self, part, k):
        return {f"mean.{self.name}": np.exp(part[:k]), f"size.{self.name}": np.exp(part[k:])}


class Assignment:
    """Three-step: the segment assigned, with known probabilities given the true one."""

    def __init__(self, log_table, assigned):
        self.values = log_table.T[assigned]

    def size(self, k):
        return 0

    n_parameters = size

    def start(self, k, rng):
        return np.zeros(0)

    def log_density(self, part, k):
        return self.values

    def log_prior(self, part, k, strength):
        return 0.0

    def gradient(self, part, k, share, strength):
        return np.zeros(0)

    def ordered(self, part, k, order):
        return part

    def held(self, part, k):
        return np.zeros(0, dtype=bool)

    rare = held

    def quantities(self, part, k):
        return {}


FAMILIES = {
    "nominal": Nominal,
    "ordinal": Ordinal,
    "continuous": Continuous,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
}


# --- the model ------------------------------------------------------------------------------------


class Model:
    """A latent class model with data: the first parameters are membership's coefficients."""

    def __init__(self, k, items, weights, covariates=(), prior=0.0):
        self.k, self.items, self.weights = k, items, weights
        self.prior, self.covariates = prior, dict(covariates)
        columns = [np.ones(len(weights)), *self.covariates.values()]
        self.design = np.column_stack(columns)
        sizes = [k * self.design.shape[1], *(item.size(k) for item in items)]
        ends = np.cumsum(sizes)
        self.places = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        self.n = float(weights.sum())
        self.n_parameters = (k - 1) * self.design.shape[1]
        self.n_parameters += sum(item.n_parameters(k) for item in items)

    def parts(self, point):
        pieces = [point[place] for place in self.places]
        return pieces[0], list(zip(self.items, pieces[1:], strict=True))

    def log_membership(self, point):
        return log_softmax(self.design @ point[self.places[0]].reshape(self.k, -1).T)

    def log_joint(self, point):
        total = self.log_membership(point)
        for item, part in self.parts(point)[1]:
            total = total + item.log_density(part, self.k)
        return total

    def by_row(self, point):
        """The log-likelihood of each row, unweighted."""
        return log_sum(self.log_joint(point))[:, 0]

    def log_likelihood(self, point):
        return (self.weights * self.by_row(point)).sum()

    def objective(self, point):
        """What is maximised: the log-likelihood and the logarithm of the prior."""
        value = self.log_likelihood(point)
        if self.prior:
            strength = self.prior / self.k
            value = value + strength * self.log_membership(point)[0].sum()
            for item, part in self.parts(point)[1]:
                value = value + item.log_prior(part, self.k, strength)
        return value

    def posterior(self, point):
        joint = self.log_joint(point)
        return np.exp(joint - log_sum(joint))

    def gradient(self, point):
        strength = self.prior / self.k
        share = self.weights[:, None] * self.posterior(point)
        membership = np.exp(self.log_membership(point))
        residuals = share - self.weights[:, None] * membership
        by_membership = (residuals.T @ self.design).astype(point.dtype)
        if self.prior:
            by_membership[:, 0] += strength - self.prior * membership[0]
        pieces = [by_membership.ravel()]
        for item, part in self.parts(point)[1]:
            pieces.append(item.gradient(part, self.k, share, strength))
        return np.concatenate(pieces)

    def quantities(self, point):
        """Everything that a user reads, by name; the shares are those of the weighted rows."""
        membership = np.exp(self.log_membership(point))
        found = {"shares": (self.weights[:, None] * membership).sum(axis=0) / self.n}
        coefficients = point[self.places[0]].reshape(self.k, -1)
        if self.covariates:
            for column, name in enumerate(["intercept", *self.covariates]):
                found[f"coefficient.{name}"] = coefficients[1:, column]
        for item, part in self.parts(point)[1]:
            found |= item.quantities(part, self.k)
        return found

    def start(self, rng):
        coefficients = np.zeros(self.k * self.design.shape[1])
        return np.concatenate([coefficients, *(item.start(self.k, rng) for item in self.items)])

    def ordered(self, point, order):
        """The same model with its segments in another order and its redundant parameters at 0."""
        coefficients = point[self.places[0]].reshape(self.k, -1)[order]
        pieces = [(coefficients - coefficients[0]).ravel()]
        for item, part in self.parts(point)[1]:
            pieces.append(item.ordered(part, self.k, order))
        return np.concatenate(pieces)

    def held(self, point):
        """Which parameters are redundant, or stand for a probability of zero."""
        first = np.zeros(self.places[0].stop, dtype=bool)
        first[: self.design.shape[1]] = True
        pieces = [item.held(part, self.k) for item, part in self.parts(point)[1]]
        return np.concatenate([first, *pieces])

    def rare(self, point):
        found = []
        for place, (item, part) in zip(self.places[1:], self.parts(point)[1], strict=True):
            found += [
                place.start + index for index in np.flatnonzero(rare_mask(item, part, self.k))
            ]
        return found

    def degenerate(self, point):
        return any(
            item.degenerate(part, self.k)
            for item, part in self.parts(point)[1]
            if isinstance(item, Continuous)
        )


def rare_mask(item, part, k):
    mask = np.zeros(len(part), dtype=bool)
    mask[item.rare(part, k)] = True
    return mask


# --- maximising -----------------------------------------------------------------------------------


def climb(model, start):
    """L-BFGS in double precision."""
    climbed = minimize(
        lambda point: (-float(model.objective(point)), -model.gradient(point).astype(float)),
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-14, "gtol": 1e-6, "maxcor": 30},
    )
    return climbed.x


def hessian(model, point, free):
    rows = [tilted(model.gradient, point, index)[free] for index in free]
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def at_zero(model, point):
    """The same with every probability at zero that is better off there."""
    for index in model.rare(point):
        moved = point.copy()
        moved[index] = NEVER
        if model.objective(moved) >= model.objective(point):
            point = moved
    return point


def polish(model, point):
    """Newton's method in long double, with a ridge where the Hessian is not negative definite."""
    point = model.ordered(at_zero(model, point.astype(np.longdouble)), np.arange(model.k))
    for _ in range(60):
        free = np.flatnonzero(~model.held(point))
        gradient = model.gradient(point)[free]
        information = -hessian(model, point, free).astype(float)
        lowest = np.linalg.eigvalsh(information)[0]
        ridge = max(0.0, 1e-9 - 2 * lowest)
        step, *_ = lstsq(information + ridge * np.eye(len(free)), gradient.astype(float))
        value, length = model.objective(point), 1.0
        while length > 1e-9:
            moved = point.copy()
            moved[free] += np.longdouble(length) * step
            if model.objective(moved) >= value - np.longdouble(1e-16) * abs(value):
                point = moved
                break
            length /= 2
        if abs(float(gradient @ step)) < 1e-22 or length <= 1e-9:
            break
    return model.ordered(point, np.arange(model.k))


def check_maximum(model, point):
    """Stops unless the point is a maximum: also towards every probability that is zero."""
    free = np.flatnonzero(~model.held(point))
    gradient = model.gradient(point)
    for index in free:
        exact = tilted(model.objective, point, index)
        if abs(exact - gradient[index]) > 1e-9 * (1 + abs(exact)):
            raise ArithmeticError(f"gradient {index}: {gradient[index]}, by complex step {exact}")
    if abs(gradient[free]).max() > 1e-6:
        raise ArithmeticError(f"not at a maximum: gradient {abs(gradient[free]).max()}")
    value = model.objective(point)
    for index in np.flatnonzero(point <= NEVER):
        moved = point.copy()
        moved[index] = math.log(1e-7)
        if model.objective(moved) > value:
            raise ArithmeticError(f"parameter {index} is not better off at zero")


def maximum(model, starts, seed=1, *, by_share=True):
    """The highest maximum found, polished and checked; its segments by share unless told."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(starts):
        with np.errstate(all="ignore"):
            point = climb(model, model.start(rng))
        value = model.objective(point)
        if np.isfinite(value) and not model.degenerate(point):
            found.append((float(value), point))
    found.sort(key=lambda pair: -pair[0])
    # The first by a little may be a worse place to start than the second: polish a few.
    candidates = [polish(model, point) for value, point in found[:3] if value > found[0][0] - 1e-3]
    point = max(candidates, key=model.objective)
    if by_share:
        shares = model.quantities(point)["shares"].astype(float)
        point = polish(model, model.ordered(point, np.argsort(-shares, kind="stable")))
    check_maximum(model, point)
    near = sum(value > found[0][0] - 1e-3 for value, _ in found)
    print(f"    {near} of {starts} starts, {float(model.log_likelihood(point)):.9f}", flush=True)
    return point


def covariances(model, point):
    """Of the free parameters: by the observed information, the sandwich, the outer product."""
    if (point <= NEVER).any():
        raise ArithmeticError("no standard errors: an estimate is on the boundary")
    free = np.flatnonzero(~model.held(point))
    covariance = np.linalg.inv(-hessian(model, point, free).astype(float))
    scores = np.array([tilted(model.by_row, point, index) for index in free]).astype(float)
    weighted = scores * model.weights
    return {
        "standard_error": covariance,
        "robust_standard_error": covariance @ (weighted @ weighted.T) @ covariance,
        "outer_product_standard_error": np.linalg.inv(scores @ weighted.T),
    }


def jacobian_of(model, point, name):
    """Derivatives of a quantity by the free parameters, one row a parameter."""
    free = np.flatnonzero(~model.held(point))
    rows = [tilted(lambda moved: model.quantities(moved)[name], point, index) for index in free]
    return np.array([row.ravel() for row in rows]).astype(float)


def standard_errors(model, point):
    """By kind and quantity; the delta method."""
    errors = {}
    for kind, covariance in covariances(model, point).items():
        errors[kind] = {}
        for name, values in model.quantities(point).items():
            jacobian = jacobian_of(model, point, name)
            variances = np.einsum("pq,pr,rq->q", jacobian, covariance, jacobian)
            errors[kind][name] = np.sqrt(np.maximum(variances, 0)).reshape(values.shape)
    return errors

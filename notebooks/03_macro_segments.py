# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What do customers need?
#
# Customers of one category want different things from it. A company that knows the few basic
# kinds of need can choose which of them to serve. They are found by asking: a survey of some
# hundreds or thousands. But a campaign goes to everybody, and nearly nobody was asked. This
# notebook goes the whole way, from the answers of a sample to a probability for every customer,
# and says at each step how far it can be trusted.
#
# 1. [The survey](#The-survey)
# 2. [How many segments?](#How-many-segments?)
# 3. [Who they are](#Who-they-are)
# 4. [Would they come back?](#Would-they-come-back?)
# 5. [A few golden questions](#A-few-golden-questions)
# 6. [Every customer](#Every-customer)
# 7. [What the numbers do not say](#What-the-numbers-do-not-say)
#
# Statements that depend on the data are followed by a cell that asserts them.

# %%
import os
from pathlib import Path

import numpy as np
import pandas as pd

import tercet as tc
from tercet import plots

# %% [markdown]
# ## The survey
#
# The data are 1,000 Australian tourists who said which of 20 motives moved them on their last
# holiday (Dolnicar and Leisch, 2008), and twelve facts about each that a travel company might
# have on file. One half plays the survey, the other half the customers whom nobody asked; since
# their answers exist all the same, the projection can be checked at the end. Where the file is
# not at hand, a retailer is drawn whose customers' needs are known; the line printed below says
# which of the two you are reading.

# %%
data = Path(os.environ.get("TERCET_DATA", "../../shared/data")) / "survey"
is_vacmot = (data / "vacmot.csv").exists()

if is_vacmot:
    motives = pd.read_csv(data / "vacmot.csv")
    facts = pd.read_csv(data / "vacmot_descriptors.csv")
    everybody = pd.concat([motives, facts], axis=1)
    items, features = list(motives.columns), list(facts.columns)
    everybody.insert(0, "customer_id", np.arange(1, len(everybody) + 1))
    asked = np.random.default_rng(8).permutation(len(everybody)) < 500
    respondents, customers = everybody[asked], everybody[~asked]
    # Yes and no as a scale of two levels: so a style of answering can be told from needs.
    ordinal = dict.fromkeys(items, "ordinal")
    labels = {name: {0: "no", 1: "yes"} for name in items}
    survey = tc.Survey.from_frame(
        respondents, items=items, kinds=ordinal, labels=labels, respondent="customer_id"
    )
    print("These are the Australian tourists.")
else:
    company = tc.datasets.simulate_needs(10_000, n_respondents=800, seed=8)
    customers = company.customers
    respondents = company.respondents.merge(customers.drop(columns="segment"), on="customer_id")
    survey = company.survey
    features = ["age", "tenure", "orders", "discount_share", "online_share", "returns", "region"]
    items = list(survey.items)
    print("The tourists' file is not here: this is an invented retailer.")

print(f"{len(survey):,} respondents, {len(items)} items, {len(customers):,} customers not asked")

# %%
survey.quality

# %% [markdown]
# ## How many segments?
#
# A latent class model explains the answers by membership of a few segments. How many is the
# analyst's choice; the criteria weigh fit against complexity, the bootstrap test asks whether one
# segment more explains more than chance would, and stability says whether the same segments come
# back in other samples of the same people.

#
# Some people tick high on every scale, or say yes to every motive. Left alone, they become
# segments of "everything" and "nothing" that look like needs and are a style of answering. With
# `response_style="random_intercept"` each respondent has a style of their own, and segments are
# left with what is wanted *more than other things*. The criterion says which view the data
# prefer (lower is better):

# %%
styles = {"style ignored": "ignore", "style taken out": "random_intercept"}
compared = {
    words: tc.select_segments(
        survey,
        range(1, 6),
        response_style=style,
        starts=10,
        replications=0,
        stability=0,
        random_state=1,
    )
    for words, style in styles.items()
}
pd.DataFrame(
    {words: found.table.set_index("n_segments")["bic"] for words, found in compared.items()}
).round(1)

# %%
best = {words: found.table["bic"].min() for words, found in compared.items()}
assert best["style taken out"] < best["style ignored"]

# %% [markdown]
# So the style is taken out. A style is integrated out at every step, which makes the bootstrap
# slower than usual; few replications do for a first look.

# %%
style = "random_intercept"
selection = tc.select_segments(
    survey,
    range(1, 5),
    response_style=style,
    starts=10,
    replications=20,
    stability=5,
    random_state=1,
)
selection

# %%
plots.segment_criteria(selection)
# %%
assert selection.recommended is not None
assert selection.recommended >= 2

# %% [markdown]
# ## Who they are
#
# The recommended model, fitted again with more starts. Every start's result is kept: where only
# one of many reached the best solution, there may be a better one that none reached.

# %%
model = tc.LatentClass(selection.recommended, response_style=style, starts=20, random_state=1).fit(
    survey
)
print(
    f"{model.n_starts_at_best_} starts reached the best log-likelihood, {model.log_likelihood_:.2f}"
)
print(f"entropy R²: {model.entropy_r2_:.2f}")

# %%
plots.segment_sizes(model)
# %% [markdown]
# The profile sets each segment against the others, weighted by the probability with which each
# respondent belongs to it. Names are drafts from the most distinguishing answers; the last word
# is yours.

# %%
profile = model.profile(survey)
print(profile.text())

# %%
plots.segment_profile(profile)
# %%
assert model.converged_
assert model.shares_[-1] > 0.03

# %% [markdown]
# ## Would they come back?
#
# Respondents are drawn anew with replacement, the model is fitted again from fresh starts, and
# each old segment is compared with the new one that it overlaps most. From 0.75 a segment is
# called stable, from
# 0.6 a pattern (Hennig, 2007).

# %%
stability = tc.segment_stability(model, survey, replications=10, random_state=1)
stability

# %% [markdown]
# ## A few golden questions
#
# Asking everything again of every new customer is too much. The typing tool looks for the few
# questions whose answers find the segment that the whole questionnaire finds, and says, on
# respondents who were left out while it looked, how often they do.

# %%
tool = tc.TypingTool(
    model, n_questions=4, folds=5 if is_vacmot else 3, max_questions=8, random_state=1
).fit(survey)
print(tool.questionnaire())

# %%
plots.question_accuracy(tool)
# %%
agreement = tool.agreement_
at_four = agreement.loc[agreement["n_questions"] == 4].iloc[0]
assert at_four["cross_validated"] > at_four["majority"] + 0.1

# %% [markdown]
# ## Every customer
#
# Most customers will not answer even four questions. What is left is what the company knows of
# them. Needs show only weakly in such facts, so what comes out is a probability for each segment;
# the verdict says what it is worth.

# %%
projection = tc.SegmentProjection(model).fit(respondents, features=features)
print(projection.verdict_)

# %%
members = projection.predict_proba(customers)
base = projection.project(customers)
base.head()

# %% [markdown]
# Add the probabilities up and the segments keep their sizes; count everybody in the most probable
# segment and small segments all but vanish.

# %%
if is_vacmot:
    # They were asked after all: their own answers, by the model of the others.
    truth = model.predict_proba(customers).mean(axis=0)
else:
    # The model's segments have an order of their own; match them by who belongs to them.
    known = respondents[["customer_id"]].merge(customers[["customer_id", "segment"]])["segment"]
    n_true = int(customers["segment"].max())
    joint = np.array(
        [
            model.predict_proba(survey)[known.to_numpy() == need].mean(axis=0)
            for need in range(1, n_true + 1)
        ]
    )
    sizes = customers["segment"].value_counts(normalize=True).sort_index().to_numpy()
    truth = sizes @ joint

plots.projected_shares(projection, customers, truth=truth)
# %%
summed = members.mean(axis=0)
modal = np.bincount(members.argmax(axis=1), minlength=len(summed)) / len(members)
error_summed, error_modal = np.abs(summed - truth).sum() / 2, np.abs(modal - truth).sum() / 2
print(f"customers counted in the wrong segment: {error_summed:.1%} if probabilities are added up,")
print(f"{error_modal:.1%} if each is counted in the most probable one")
assert error_summed < error_modal

# %% [markdown]
# ## What the numbers do not say
#
# - **A segment is a description, not a fact of nature.** Other questions would have found others.
#   That it comes back in other samples says that it is there to be found by these questions.
# - **The p-values of a profile are too small** for the questions that made the segments: the
#   segments were chosen to differ in them.
# - **A projected customer is a probability.** Use it for sizes, for budgets and to decide whom to
#   ask the golden questions; do not tell a customer what segment the company thinks that they are
#   in.
# - **Who did not answer the survey is not in it.** Weights mend what is known to differ, such as
#   age.

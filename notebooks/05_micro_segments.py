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
# # On whom does a message work?
#
# A company sent one of two e-mails, or none, to customers drawn by lot. Did the mails pay? With whom?
# To whom should the next ones go, if there is money for a fifth of the customers only? And how does
# the answer get into the system that sends mails? This notebook goes the whole way, and at its end
# it holds what was found against the truth: the company is simulated, so the effect on every
# customer is known.
#
# 1. [The experiment](#The-experiment)
# 2. [What customers do](#What-customers-do)
# 3. [Did the mails work?](#Did-the-mails-work?)
# 4. [On whom?](#On-whom?)
# 5. [Segments that people can read](#Segments-that-people-can-read)
# 6. [Whom to write to](#Whom-to-write-to)
# 7. [Rules for the CRM](#Rules-for-the-CRM)
# 8. [Against the truth](#Against-the-truth)
# 9. [The next experiment](#The-next-experiment)
# 10. [E-mails of a real company](#E-mails-of-a-real-company)
# 11. [What the numbers do not say](#What-the-numbers-do-not-say)
#
# Statements that depend on the data are followed by a cell that asserts them.

# %%
import os
from pathlib import Path

import numpy as np
import pandas as pd

import tercet as tc
from tercet import plots

pd.set_option("display.max_colwidth", 100)

# %% [markdown]
# ## The experiment
#
# A company that delivers food. In April it sent a third of the customers a mail with a discount of
# 15% and a third one with recipes; the rest got nothing. Only customers who allow e-mails took part.

# %%
company = tc.datasets.simulate_company(60_000, seed=5)
mails = company.campaigns
mails.head(3)

# %% [markdown]
# What became of it: orders and spend in the four weeks after the mail. Who did not buy is a zero,
# not a missing value.

# %%
sent = mails["date"].iloc[0]
bought = company.purchases
after = bought[bought["date"].between(sent, sent + pd.Timedelta(days=28), inclusive="left")]
by_customer = after.groupby("customer_id")
mails = mails.assign(
    orders=mails["customer_id"].map(by_customer["date"].nunique()).fillna(0),
    spend=mails["customer_id"].map(by_customer["amount"].sum()).fillna(0.0),
)
mails.groupby("arm")[["orders", "spend"]].mean()

# %% [markdown]
# ## What customers do
#
# Whatever is to tell on whom a mail works has to be known before it is sent. `behaviour` adds up
# what each customer did before a date: recency, frequency and money, habits, use of the app, and
# the stage of the lifecycle, by the customer's own rhythm.

# %%
watched = {
    "features": ["recipes", "offers", "lists"],
    "products": ["wine", "meal kit", "spices", "cookware"],
    "columns": company.columns["customers"],
}
before = tc.behaviour(
    bought, company.events, customers=company.customers, as_of=sent, **watched
)
before

# %%
plots.rfm_grid(before)

# %% [markdown]
# And how did customers move in the three months before? The cut points and rhythms of the first
# date are those of the second, or nothing could be compared.

# %%
earlier = tc.behaviour(bought, as_of=sent - pd.Timedelta(days=90))
later = tc.behaviour(bought, as_of=sent, recipe=earlier.recipe)
plots.lifecycle_flow(earlier, later)

# %% [markdown]
# ## Did the mails work?
#
# Two mails, two outcomes, a few groups: `analyze_experiment` compares all of them at once. It
# checks whether the arms are as large as planned, takes away what earlier purchases explain,
# corrects for the number of questions asked, and draws effects of groups together as far as they
# do not differ.

# %%
table = mails.merge(before.table, on="customer_id")
result = tc.analyze_experiment(
    table,
    treatment="arm",
    control="none",
    outcomes=["orders", "spend"],
    segments=["came_by", "region", "lifecycle_stage"],
    covariates=["purchase_days_365d", "amount_365d"],
    customer="customer_id",
)
result

# %%
plots.effects_by_segment(result, outcome="orders")

# %% [markdown]
# Both mails bring orders. In money the discount brings less, since it takes 15% off the price. And
# effects differ between groups by more than chance, so that it pays to look closer.

# %%
everyone = result.table_[result.table_["segment"] == "everyone"].set_index(["arm", "outcome"])
assert (everyone.loc[(slice(None), "orders"), "p_adjusted"] < 0.01).all()
assert everyone.loc[("recipes", "spend"), "effect"] > everyone.loc[("discount", "spend"), "effect"]

# %% [markdown]
# ## On whom?
#
# A causal forest tells the effect on each customer from what was known before. Half of the
# customers teach it, the other half will judge it.

# %%
FEATURES = [
    "purchase_days_365d",
    "days_since_last_purchase",
    "amount_mean_365d",
    "basket_size_365d",
    "affinity_wine_365d",
    "affinity_meal_kit_365d",
    "affinity_spices_365d",
    "affinity_cookware_365d",
    "lifecycle_stage",
    "rhythm_days",
    "events_recipes_365d",
    "events_offers_365d",
    "events_lists_365d",
    "tenure_days",
    "region",
    "came_by",
    "age",
    "children",
]
draw = np.random.default_rng(5).random(len(table))
learn, judge = table[draw < 0.5], table[draw >= 0.5]
forest = tc.CausalForest(control="none", random_state=1)
forest.fit(learn[FEATURES], learn["arm"], learn["spend"], "observed")
forest

# %%
forest.importance().head(6)

# %% [markdown]
# Does it help to write to those first on whom the forest expects most? Of the recipes, on customers
# whom the forest has not seen:

# %%
effects = pd.DataFrame(forest.effect(judge[FEATURES]), columns=forest.arms_[1:], index=judge.index)
two = judge["arm"].isin(["none", "recipes"])
ranked = tc.rank_effects(
    effects.loc[two, "recipes"], judge.loc[two, "arm"], judge.loc[two, "spend"], control="none"
)
plots.qini(ranked)

# %%
ranked

# %%
assert ranked.better_than_random

# %% [markdown]
# ## Segments that people can read
#
# An order of customers is good enough for a machine. People ask: who are they? `discover_segments`
# looks for the rules that divide customers so that effects differ most, over all rules of two
# conditions. It looks on one half of the customers and measures on the other, so that the effects
# it tells are not those of the luckiest among thousands of groups.

# %%
found = tc.discover_segments(
    table[[*FEATURES, "arm", "spend"]],
    "arm",
    "spend",
    depth=2,
    control="none",
    propensity="observed",
    random_state=1,
)
found

# %%
found.table_[["arm", "rule", "share", "effect", "lower", "upper", "p_adjusted", "stability"]]

# %%
assert found.table_["found"].any()

# %% [markdown]
# ## Whom to write to
#
# A mail costs 0.30, of the spend a third is earned, and there is money for one customer in five. First a
# rehearsal, on the half of the experiment that the forest has not seen. Its effects choose; doubly
# robust scores, made from what these customers really did, say what that earns.

# %%
COST, MARGIN = 0.30, 0.33
scores = tc.CausalForest(control="none", random_state=2)
scores = scores.fit(judge[FEATURES], judge["arm"], judge["spend"], "observed").scores_
rehearsal = tc.allocate(
    effects,
    cost=COST,
    margin=MARGIN,
    budget=0.2 * len(judge) * COST,
    scores=pd.DataFrame(scores, columns=effects.columns),
)
rehearsal

# %%
plots.profit_by_budget(rehearsal)

# %% [markdown]
# Then the list for the mails to come, with what is known of customers on the first of July. Consent
# and recent contacts go before profit: nobody who did not allow e-mails, and nobody who had three
# messages in the last thirty days.

# %%
today = pd.Timestamp("2025-07-01")
now = tc.behaviour(bought, company.events, customers=company.customers, as_of=today, **watched)
customers = now.table
allowed = company.consent[company.consent["email"] & ~company.consent["do_not_contact"]]
expected = pd.DataFrame(forest.effect(customers[FEATURES]), columns=forest.arms_[1:])
expected.insert(0, "customer_id", customers["customer_id"])
plan = tc.allocate(
    expected,
    cost=COST,
    margin=MARGIN,
    budget=3_000,
    limits={"discount": 5_000},
    contact_history=company.contacts,
    contact_time="date",
    as_of=today,
    fatigue={"days": 30, "contacts": 3},
    eligible=customers["customer_id"].isin(allowed["customer_id"]),
)
plan

# %%
plan.table_.head()

# %%
chosen = plan.table_.dropna(subset="action")
assert chosen["customer_id"].isin(allowed["customer_id"]).all()
assert chosen["cost"].sum() <= 3_000
assert (chosen["action"] == "discount").sum() <= 5_000

# %% [markdown]
# ## Rules for the CRM
#
# Discovered segments are rules, like those that people write: data, from which come members, a
# sentence and SQL. Together with a few of one's own they make a book, which says who belongs where
# on any day, and who came and went since.

# %%
best = found.segments_[0]
best.sentence()

# %%
print(best.sql("postgres"))

# %%
book = tc.SegmentBook(
    [
        *found.segments_,
        {
            "id": "win_back",
            "description": "Bought often, and stays away",
            "where": {
                "all": [
                    {"column": "purchase_days_365d", ">=": 6},
                    {"column": "lifecycle_stage", "in": ["passive", "lost"]},
                ]
            },
        },
    ]
)
april = book.evaluate(before.table, as_of=sent)
july = book.evaluate(customers, as_of=today)
july

# %%
book.changes(april, july)

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
# A company sent one of two e-mails, or none, to customers drawn by lot. Did the mails pay? On whom?
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
# 15% and a third one with recipes; the rest got nothing. Only customers who allow e-mails took
# part.

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
before = tc.behaviour(bought, company.events, customers=company.customers, as_of=sent, **watched)
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
# corrects for the number of questions asked, and draws effects of groups together as far as they do
# not differ.

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
# customers teach it, the other half will judge it. It is asked for orders and not for spend: what
# an order is worth is known well enough, and whether there is one is far less noisy than its
# amount.

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
forest.fit(learn[FEATURES], learn["arm"], learn["orders"], "observed")
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
    effects.loc[two, "recipes"], judge.loc[two, "arm"], judge.loc[two, "orders"], control="none"
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
    table[[*FEATURES, "arm", "orders"]],
    "arm",
    "orders",
    depth=2,
    control="none",
    propensity="observed",
    random_state=1,
)
found

# %%
plots.effects_by_segment(found)

# %%
assert found.table_["found"].any()

# %% [markdown]
# ## Whom to write to
#
# A mail costs 0.30, and there is money for one customer in five. A third of an order's amount is
# earned; with the discount of 15% there is less left. First a rehearsal, on the half of the
# experiment that the forest has not seen: its effects choose, and doubly robust scores, made from
# what these customers really did, say what that earns.

# %%
COST, EARNED, CUT = 0.30, 0.33, 0.15


def margins(customers):
    """What an order earns, by action."""
    typical = before.table["amount_365d"].sum() / before.table["purchase_days_365d"].sum()
    amount = customers["basket_amount_365d"].fillna(typical)
    return pd.DataFrame({"discount": amount * (EARNED - CUT), "recipes": amount * EARNED})


scores = tc.CausalForest(control="none", random_state=2)
scores = scores.fit(judge[FEATURES], judge["arm"], judge["orders"], "observed").scores_
rehearsal = tc.allocate(
    effects,
    cost=COST,
    margin=margins(judge),
    budget=0.2 * len(judge) * COST,
    scores=pd.DataFrame(scores, columns=effects.columns, index=judge.index),
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
    margin=margins(customers),
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

# %% [markdown]
# ## Against the truth
#
# What nobody knows of real customers: how many orders each mail really brought, or would have.
# First the segments. Do the intervals hold the true effects?

# %%
inside = found.members(table)
true = {arm: company.truth.effect(arm, "orders", customers=table["customer_id"]) for arm in inside}
rows = found.table_.assign(
    true=[true[row.arm][inside[row.arm] == row.segment].mean() for row in found.table_.itertuples()]
)
rows[["arm", "segment", "share", "effect", "lower", "upper", "true"]].round(3)

# %%
covered = rows["true"].between(rows["lower"], rows["upper"])
assert covered.mean() >= 0.75
assert rows.loc[rows["found"], "effect"].corr(rows.loc[rows["found"], "true"]) > 0.9

# %% [markdown]
# Then the money. The promise of the effects, the figure by the experiment's scores, and what the
# chosen mails really bring:

# %%
earned = margins(judge)
picked = rehearsal.table_["action"].to_numpy()
real = 0.0
for arm in earned:
    own = picked == arm
    gain = company.truth.effect(arm, "orders", customers=judge["customer_id"][own])
    real += float((gain * earned[arm][own] - COST).sum())
pd.Series(
    {
        "promised by the effects": rehearsal.profit_,
        "by the experiment's scores": rehearsal.profit_by_scores_,
        "in truth": real,
    }
).round()

# %%
low, high = rehearsal.profit_by_scores_interval_
assert low < real < high

# %% [markdown]
# And did choosing pay? The same money spent on customers drawn by lot:

# %%
lot = np.random.default_rng(7).permutation(len(judge))[: rehearsal.n_]
everyone_gains = company.truth.effect("recipes", "orders", customers=judge["customer_id"].iloc[lot])
by_lot = float((everyone_gains * earned["recipes"].iloc[lot] - COST).sum())
assert real > 1.5 * by_lot
print(f"chosen: {real:,.0f}; by lot: {by_lot:,.0f}")

# %% [markdown]
# ## The next experiment
#
# What was learned wears off, and is tested again: of those on the list a tenth gets nothing, drawn
# by lot. How small an effect would that show?

# %%
next_time = tc.plan_experiment(
    baseline=float(mails.loc[mails["arm"] == "none", "orders"].mean()),
    deviation=float(mails["orders"].std()),
    n=plan.n_,
    arms={"control": 0.1, "mail": 0.9},
)
next_time

# %% [markdown]
# ## E-mails of a real company
#
# Kevin Hillstrom's data (2008): 64,000 customers of a shop, two e-mails and a control group, visits
# in the two weeks after. The same few lines:

# %%
folder = Path(os.environ.get("TERCET_DATA", "../../shared/data"))
file = folder / "response/hillstrom.csv"
if file.exists():
    shop = pd.read_csv(file)
    print(f"These are {len(shop):,} customers of Hillstrom's shop.")
    of_shop = tc.analyze_experiment(
        shop, "segment", "No E-Mail", ["visit", "spend"], segments=["newbie", "zip_code"]
    )
    print(of_shop)
else:
    shop = None
    print("Hillstrom's file is not here: what follows needs it.")

# %%
if shop is not None:
    known = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    women = shop[shop["segment"] != "Mens E-Mail"]
    rules = tc.discover_segments(
        women[[*known, "segment", "visit"]],
        "segment",
        "visit",
        control="No E-Mail",
        propensity="observed",
        random_state=1,
    )
    print(rules)

# %%
if shop is not None:
    plots.effects_by_segment(rules)

# %% [markdown]
# The e-mail with women's clothing brings visits of those who bought women's clothing before, and
# hardly any of new customers who bought men's only: plain, readable, and measured on customers who
# did not help to find it.

# %%
if shop is not None:
    top = rules.table_.iloc[0]
    assert top["found"]
    assert "womens" in top["rule"]

# %% [markdown]
# ## What the numbers do not say
#
# - **Chance decides who is in an arm, and nothing else does.** Where a person chose the receivers,
#   no forest undoes that; `propensity=None` corrects for what is among the features, and for that
#   only.
# - **Four weeks are four weeks.** An order that the discount brought may be one that would have
#   come in the fifth.
# - **A rule is not a cause.** Recipes work on those who look at recipes in the app. They would not
#   work on others who are made to look.
# - **The best of many look better than they are**, which is why segments are measured on customers
#   who did not find them, effects are drawn together, and profit is told by scores.
# - **Effects change.** Keep a group without mails, and look again.

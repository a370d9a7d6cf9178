"""Snapshots say how far they are, can be stopped, and take ids and labels of any kind alike."""

from __future__ import annotations

import numpy as np
import pytest

import tercet as tc


@pytest.fixture(scope="module")
def shop() -> tc.datasets.SimulatedShop:
    return tc.datasets.simulate_shop(400, seed=1)


@pytest.fixture(scope="module")
def snapshots(shop) -> tc.Snapshots:
    return tc.Snapshots(["2024-06-01", "2025-01-01"], "90d", "90d", columns=shop.columns)


def test_every_table_is_told(shop, snapshots):
    steps: list[tc.Step] = []
    snapshots.purchases(
        shop.purchases,
        events=shop.events,
        contacts=shop.contacts,
        customers=shop.customers,
        progress=steps.append,
    )
    told = [(step.phase, step.iteration, step.total) for step in steps]
    reading = [("reading tables", k, 4) for k in range(1, 5)]
    # Contacts bring responses with them.
    features = [("features", k, 5) for k in range(1, 6)]
    assert told == [*reading, *features, ("outcomes", 1, 1)]


def test_a_recipe_tells_too(shop, snapshots):
    recipe = snapshots.inactivity(shop.purchases).recipe
    steps: list[tc.Step] = []
    recipe.features(as_of="2025-06-30", purchases=shop.purchases, progress=steps.append)
    assert [step.phase for step in steps] == ["reading tables", "features"]


def test_an_error_in_progress_stops_the_call(shop, snapshots):
    def stop(step: tc.Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        snapshots.purchases(shop.purchases, progress=stop)


def test_progress_that_is_none_is_named(shop, snapshots):
    with pytest.raises(tc.exceptions.ParameterError, match="progress = 3"):
        snapshots.purchases(shop.purchases, progress=3)


def test_ids_of_words_give_what_numbers_give(shop, snapshots):
    numbers = snapshots.purchases(
        shop.purchases, products=["beans", "machine"], customers=shop.customers
    )

    def worded(table):
        # Widths are equal, so that the order of words is that of numbers.
        return table.assign(customer_id="c" + table["customer_id"].astype(str).str.zfill(6))

    words = snapshots.purchases(
        worded(shop.purchases), products=["beans", "machine"], customers=worded(shop.customers)
    )
    assert words.frame["customer_id"].iloc[0] == "c000001"
    for name in [*numbers.feature_names, *numbers.outcome_names]:
        np.testing.assert_array_equal(words.frame[name], numbers.frame[name], err_msg=name)

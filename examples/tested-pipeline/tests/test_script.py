"""The script's own logic: in milliseconds."""

from __future__ import annotations

import pandas as pd
from scripts.add_up import split, totals_of


def test_orders_without_a_country_or_an_amount_are_rejected() -> None:
    orders = pd.DataFrame({"country": ["DE", None, "FR"], "amount": [1.0, 2.0, 0.0]})
    valid, rejected = split(orders, 0.01)
    assert (list(valid["country"]), len(rejected)) == (["DE"], 2)


def test_totals_are_by_country() -> None:
    orders = pd.DataFrame({"country": ["DE", "FR", "DE"], "amount": [1.0, 2.0, 3.0]})
    assert totals_of(orders).to_dict("list") == {"country": ["DE", "FR"], "amount": [4.0, 2.0]}

"""From a log of purchases to one row a customer."""

from tercet.data.purchases import PurchaseSplit, purchase_summary, split_purchases

__all__ = ["PurchaseSplit", "purchase_summary", "split_purchases"]

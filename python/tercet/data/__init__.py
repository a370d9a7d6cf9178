"""From logs of purchases and from questionnaires to tables that the models take."""

from tercet.data.purchases import PurchaseSplit, purchase_summary, split_purchases
from tercet.data.survey import Item, QualityReport, Survey
from tercet.data.survey_file import read_survey

__all__ = [
    "Item",
    "PurchaseSplit",
    "QualityReport",
    "Survey",
    "purchase_summary",
    "read_survey",
    "split_purchases",
]

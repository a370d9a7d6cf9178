"""From logs of purchases and from questionnaires to tables that the models take."""

from tercet.data.purchases import PurchaseSplit, purchase_summary, split_purchases
from tercet.data.snapshot_audit import SnapshotAudit, SnapshotFinding
from tercet.data.snapshot_recipe import SnapshotRecipe
from tercet.data.snapshot_table import SnapshotSplit, SnapshotTable
from tercet.data.snapshots import Snapshots
from tercet.data.survey import Item, QualityReport, Survey
from tercet.data.survey_file import read_survey

__all__ = [
    "Item",
    "PurchaseSplit",
    "QualityReport",
    "SnapshotAudit",
    "SnapshotFinding",
    "SnapshotRecipe",
    "SnapshotSplit",
    "SnapshotTable",
    "Snapshots",
    "Survey",
    "purchase_summary",
    "read_survey",
    "split_purchases",
]

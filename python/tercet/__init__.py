"""Customer segmentation and customer value.

From a log of purchases to what each customer is worth:

>>> import tercet as tc
>>> log = tc.datasets.simulate_purchases(2_000, seed=1)
>>> summary = tc.purchase_summary(log.transactions, amount="amount", time_unit="week")
>>> model = tc.BGNBD(time_unit="week").fit(summary)
>>> spend = tc.GammaGamma().fit(summary)
>>> value = tc.lifetime_value(model, spend, summary, horizon=52, discount_rate=0.10, margin=0.3)
>>> list(value.columns)
['customer_id', 'probability_alive', 'expected_purchases', 'expected_spend', 'clv']

Tables may be pandas or polars frames, pyarrow tables, DuckDB relations or mappings of arrays;
tables that come back are of the same kind.
"""

from tercet import datasets, needs, plots
from tercet._progress import Step
from tercet._tercet import __version__
from tercet.data import (
    Item,
    PurchaseSplit,
    QualityReport,
    SnapshotAudit,
    SnapshotFinding,
    SnapshotRecipe,
    Snapshots,
    SnapshotSplit,
    SnapshotTable,
    Survey,
    purchase_summary,
    read_survey,
    split_purchases,
)
from tercet.exceptions import (
    ConvergenceWarning,
    DataError,
    ExperimentWarning,
    ModelFileError,
    NotFittedError,
    ParameterError,
    TercetError,
    UnsupportedVersionError,
    WeightsWarning,
)
from tercet.needs import (
    GaussianMixtureSegments,
    KMeansSegments,
    LatentClass,
    MaxDiff,
    SegmentAlignment,
    SegmentAttractiveness,
    SegmentOutcome,
    SegmentPredictors,
    SegmentProfile,
    SegmentProjection,
    SegmentSelection,
    SegmentStability,
    TypingTool,
    WaveComparison,
    align_segments,
    attractiveness,
    compare_waves,
    distal_outcome,
    rating_importance,
    segment_predictors,
    segment_stability,
    select_segments,
)
from tercet.persistence import load
from tercet.response import (
    Behaviour,
    BehaviourRecipe,
    ExperimentPlan,
    ExperimentResult,
    Segment,
    SegmentBook,
    SegmentChanges,
    SegmentMembers,
    analyze_experiment,
    behaviour,
    plan_experiment,
)
from tercet.value.evaluation import (
    BestCutoff,
    Calibration,
    DataCheck,
    GainTable,
    ProbabilityScores,
    Reliability,
    best_cutoff,
    enough_data,
    gain_table,
    reliability,
    score_probabilities,
)
from tercet.value.hazard import (
    HazardModel,
    HazardScores,
    aalen_johansen,
    kaplan_meier,
)
from tercet.value.lifetime import BGNBD, GammaGamma, lifetime_value
from tercet.value.models import (
    ChurnModel,
    FeatureUseModel,
    LeadScore,
    PurchaseModel,
    ReportCard,
    sales_potential,
)
from tercet.value.propensity import (
    ClassifierPropensity,
    Propensity,
    PropensityCalibration,
)

__all__ = [
    "BGNBD",
    "Behaviour",
    "BehaviourRecipe",
    "BestCutoff",
    "Calibration",
    "ChurnModel",
    "ClassifierPropensity",
    "ConvergenceWarning",
    "DataCheck",
    "DataError",
    "ExperimentPlan",
    "ExperimentResult",
    "ExperimentWarning",
    "FeatureUseModel",
    "GainTable",
    "GammaGamma",
    "GaussianMixtureSegments",
    "HazardModel",
    "HazardScores",
    "Item",
    "KMeansSegments",
    "LatentClass",
    "LeadScore",
    "MaxDiff",
    "ModelFileError",
    "NotFittedError",
    "ParameterError",
    "ProbabilityScores",
    "Propensity",
    "PropensityCalibration",
    "PurchaseModel",
    "PurchaseSplit",
    "QualityReport",
    "Reliability",
    "ReportCard",
    "Segment",
    "SegmentAlignment",
    "SegmentAttractiveness",
    "SegmentBook",
    "SegmentChanges",
    "SegmentMembers",
    "SegmentOutcome",
    "SegmentPredictors",
    "SegmentProfile",
    "SegmentProjection",
    "SegmentSelection",
    "SegmentStability",
    "SnapshotAudit",
    "SnapshotFinding",
    "SnapshotRecipe",
    "SnapshotSplit",
    "SnapshotTable",
    "Snapshots",
    "Step",
    "Survey",
    "TercetError",
    "TypingTool",
    "UnsupportedVersionError",
    "WaveComparison",
    "WeightsWarning",
    "__version__",
    "aalen_johansen",
    "align_segments",
    "analyze_experiment",
    "attractiveness",
    "behaviour",
    "best_cutoff",
    "compare_waves",
    "datasets",
    "distal_outcome",
    "enough_data",
    "gain_table",
    "kaplan_meier",
    "lifetime_value",
    "load",
    "needs",
    "plan_experiment",
    "plots",
    "purchase_summary",
    "rating_importance",
    "read_survey",
    "reliability",
    "sales_potential",
    "score_probabilities",
    "segment_predictors",
    "segment_stability",
    "select_segments",
    "split_purchases",
]

//! The compiled half of the Python package `tercet`: translation only.
//!
//! A module here carries the name of the module of the core that it translates. What is not a
//! translation is the boundary itself: `boundary` (threads, signals, progress), `arrays` (NumPy),
//! `records` (dictionaries) and `errors`.

// pyo3 hands arguments over by value, and a Python signature names each of them.
#![allow(clippy::needless_pass_by_value, clippy::too_many_arguments)]

mod arrays;
mod boundary;
mod data;
mod errors;
mod model;
mod needs;
mod persist;
mod records;
mod response;
mod simulate;
mod value;

/// The compiled half of tercet; use the classes and functions of `tercet` instead.
#[pyo3::pymodule]
mod _tercet {
    #[pymodule_export]
    use crate::data::{PurchaseSummary, check_unique_ids, summarize_purchases};
    #[pymodule_export]
    use crate::needs::{
        FittedGaussianMixtureSegments, FittedKMeansSegments, FittedLatentClass, FittedMaxDiff,
        FittedSegmentProjection, FittedTypingTool, align_assignments, align_models,
        best_worst_counts, distal_outcome, profile_segments, segment_predictors, segment_stability,
        select_segments, simulate_answers, simulate_answers_like, wave_drift,
    };
    #[pymodule_export]
    use crate::persist::model_kind;
    #[pymodule_export]
    use crate::response::allocation::allocate;
    #[pymodule_export]
    use crate::response::discovery::discover_segments;
    #[pymodule_export]
    use crate::response::experiment::{
        analyze_experiment, assign_arms, balance_of_arms, plan_experiment,
    };
    #[pymodule_export]
    use crate::response::ranking::rank_effects;
    #[pymodule_export]
    use crate::response::{
        FittedCausalForest, FittedPolicyTree, SegmentMemberships, SegmentRules, read_segment,
    };
    #[pymodule_export]
    use crate::simulate::{simulate_needs, simulate_purchases};
    #[pymodule_export]
    use crate::value::evaluation::{
        FittedCalibration, best_cutoff, enough_data, gain_table, reliability, score_probabilities,
    };
    #[pymodule_export]
    use crate::value::hazard::{FittedHazard, brier_scores, concordance, event_table};
    #[pymodule_export]
    use crate::value::lifetime::lifetime_value::lifetime_value;
    #[pymodule_export]
    use crate::value::lifetime::{FittedBgNbd, FittedGammaGamma};
    #[pymodule_export]
    use crate::value::{FittedPropensity, reason_words};

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

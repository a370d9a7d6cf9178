//! What was discovered.

use serde_json::Value;

/// A segment: customers whom a rule describes, and what an arm does to them. All numbers are of the half in
/// which the rule was not searched.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscoveredSegment {
    /// Who they are, as the tree of a [`Segment`](crate::response::rules::Segment)'s conditions.
    pub condition: Value,
    /// How many of them there are.
    pub n: usize,
    /// Their share of the half.
    pub share: f64,
    /// The arm's mean effect on them.
    pub effect: f64,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Its interval.
    pub ends: Option<[f64; 2]>,
    /// By how much it is above the effect on the other customers.
    pub difference: Option<f64>,
    /// That there is no difference.
    pub p: Option<f64>,
    /// The same, adjusted for the number of segments, of all arms.
    pub p_adjusted: Option<f64>,
    /// The effect drawn towards those of the arm's other segments.
    pub effect_shrunken: f64,
    /// Its interval.
    pub shrunken_ends: Option<[f64; 2]>,
    /// How much of it comes back in half samples: the mean over these of the largest overlap (Jaccard) with
    /// one of their segments. None where nothing was drawn.
    pub stability: Option<f64>,
    /// Whether the difference is clear of chance.
    pub found: bool,
    /// Whether treating them pays, by the half that was searched: the effect is above the cost.
    pub pays: bool,
}

/// The segments of one arm, which every customer is in one of; the largest effect first.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmSegments {
    /// The arm.
    pub arm: String,
    /// The mean effect on everybody.
    pub effect: f64,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Its interval.
    pub ends: Option<[f64; 2]>,
    /// That the effect is the same in all segments (Brown and Forsythe's test); none of a single one.
    pub differ_p: Option<f64>,
    /// The same, adjusted for the number of arms.
    pub differ_p_adjusted: Option<f64>,
    /// How far effects vary from segment to segment: a standard deviation, the posterior median.
    pub tau: Option<f64>,
    /// The segments.
    pub segments: Vec<DiscoveredSegment>,
    /// Whether no tree of the depth is better on the half that was searched.
    pub exact: bool,
}

/// What was discovered.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// An arm each but the control.
    pub arms: Vec<ArmSegments>,
    /// Rows of the half in which rules were searched.
    pub n_searched: usize,
    /// Rows of the half that tells effects.
    pub n_estimated: usize,
    /// Rows that a segment had at least in the search.
    pub min_leaf: usize,
}

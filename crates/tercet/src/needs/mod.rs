//! Level 1, needs: who wants what, from a survey to the whole customer base.

mod projection;

pub use projection::{
    CalibrationRow, Effect, FittedSegmentProjection, Penalty, PenaltyScore, ProjectionData,
    ProjectionQuality, SegmentProjection,
};

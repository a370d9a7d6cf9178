//! What several tests share.

pub(crate) mod draws;
pub(crate) mod overlapping;
pub(crate) mod reference;

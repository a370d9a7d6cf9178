//! The mathematics under the models; each file cites its formulas.

pub(crate) mod ascent;
pub(crate) mod assignment;
pub(crate) mod cholesky;
pub(crate) mod interval;
pub(crate) mod lanes;
pub(crate) mod multinomial;
pub(crate) mod multiplicity;
pub(crate) mod newton;
pub(crate) mod quadrature;
pub(crate) mod rising;
pub(crate) mod special;
pub(crate) mod sum;

//! `stepgate risk eval`: what the model is worth on a workload, beside the published one.

pub(crate) mod measures;
pub(crate) mod replay;
pub(crate) mod rows;

//! YAML to values, without knowing any setting: a tree with places, a serde decoder over it, every mistake of it.

pub(crate) mod collect;
mod decode;
mod decode_error;
pub(crate) mod parse;
pub(crate) mod placeholder;
mod spanned;
pub(crate) mod suggest;
pub(crate) mod tree;

pub(crate) use spanned::Spanned;
pub(crate) use tree::Span;

//! The integration tests: one binary, real sockets, the built `stepgate`.

mod cli;
mod support;
mod tidy;

//! How many cases a generated test runs.

use proptest::test_runner::Config;

/// So many, unless `PROPTEST_CASES` says otherwise, as `make fuzz` does.
pub(crate) fn cases(usual: u32) -> Config {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default(),
        None => Config::with_cases(usual),
    }
}

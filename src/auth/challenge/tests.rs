//! The golden table.

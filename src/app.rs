//! Composition root: settings to stores to flows to portal to proxy.

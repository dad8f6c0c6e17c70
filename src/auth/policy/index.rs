//! Finds the first rule that covers a path without asking each rule.
//!
//! Rules are put together by the literal text with which every path that they cover begins. A path meets few of these
//! texts, all of them its own beginnings. Where many rules have the same beginning (regular expressions have none), one
//! [`RegexSet`] tells at once which of them cover the path.

use std::iter::successors;
use std::ops::Deref;
use std::sync::Arc;

use regex::{RegexSet, RegexSetBuilder};

use super::pattern::{Matcher, PathPattern};
use super::rule::Rule;

/// So many rules of one prefix are asked one by one: that costs less than a set.
const MAX_LINEAR: usize = 8;

/// The largest set, compiled, in bytes. Rules that need more are asked one by one.
const MAX_SET_BYTES: usize = 64 << 20;

/// What a set may remember on each thread of the paths that it has seen, in bytes.
const SET_CACHE_BYTES: usize = 8 << 20;

/// Rules in the operator's order, and the index of their paths.
#[derive(Clone, Debug, Default)]
pub struct IndexedRules {
    rules: Vec<Arc<Rule>>,
    exact: PathIndex,
    loose: PathIndex,
    steady: bool,
}

impl IndexedRules {
    /// The first rule that covers a path and passes a test.
    pub(super) fn first(&self, path: &str, test: impl Fn(&Rule) -> bool) -> Option<&Arc<Rule>> {
        self.search(&self.exact, path, PathPattern::exact, test)
    }

    /// The first rule that covers a path loosely and passes a test. `path` must have gone through
    /// [`super::pattern::loosely`].
    pub(super) fn first_loosely(&self, path: &str, test: impl Fn(&Rule) -> bool) -> Option<&Arc<Rule>> {
        self.search(&self.loose, path, PathPattern::loose, test)
    }

    /// Whether every pattern is steady ([`PathPattern::is_steady`]).
    pub(super) const fn are_steady(&self) -> bool {
        self.steady
    }

    fn search(
        &self,
        index: &PathIndex,
        path: &str,
        matcher: fn(&PathPattern) -> &Matcher,
        test: impl Fn(&Rule) -> bool,
    ) -> Option<&Arc<Rule>> {
        let mut first = self.rules.len();
        for bucket in index.buckets_of(path) {
            let before = |n: &&usize| **n < first;
            let tested = |n: &usize| self.rules.get(*n).is_some_and(|rule| test(rule));
            let found = match &bucket.set {
                _ if bucket.rules.first().is_none_or(|n| *n >= first) => None,
                Some(set) => {
                    let covering = set.matches(path);
                    let rules = covering.iter().filter_map(|n| bucket.rules.get(n));
                    rules.take_while(before).find(|n| tested(n))
                }
                None => {
                    let covers = |n: &usize| self.rules.get(*n).is_some_and(|r| matcher(&r.pattern).matches(path));
                    bucket.rules.iter().take_while(before).find(|n| tested(n) && covers(n))
                }
            };
            first = found.copied().unwrap_or(first);
        }
        self.rules.get(first)
    }
}

impl From<Vec<Arc<Rule>>> for IndexedRules {
    fn from(rules: Vec<Arc<Rule>>) -> Self {
        let index = |matcher: fn(&PathPattern) -> &Matcher| PathIndex::new(rules.iter().map(|r| matcher(&r.pattern)));
        let (exact, loose) = (index(PathPattern::exact), index(PathPattern::loose));
        let steady = rules.iter().all(|rule| rule.pattern.is_steady());
        Self { rules, exact, loose, steady }
    }
}

impl FromIterator<Arc<Rule>> for IndexedRules {
    fn from_iter<T: IntoIterator<Item = Arc<Rule>>>(rules: T) -> Self {
        Self::from(rules.into_iter().collect::<Vec<_>>())
    }
}

impl Deref for IndexedRules {
    type Target = [Arc<Rule>];

    fn deref(&self) -> &[Arc<Rule>] {
        &self.rules
    }
}

/// Rules by the literal prefix of their paths, in the order of these texts.
#[derive(Clone, Debug, Default)]
struct PathIndex(Vec<Bucket>);

/// The rules of one prefix.
#[derive(Clone, Debug)]
struct Bucket {
    prefix: String,
    /// The longest other prefix that this one begins with.
    parent: Option<usize>,
    /// The places of the rules in the operator's order, ascending.
    rules: Vec<usize>,
    /// Tells which of many cover a path.
    set: Option<RegexSet>,
}

impl PathIndex {
    fn new<'a>(matchers: impl Iterator<Item = &'a Matcher> + Clone) -> Self {
        let few = matchers.clone().nth(MAX_LINEAR).is_none();
        let prefix = |matcher: &Matcher| if few { String::new() } else { matcher.prefix() };
        let mut sorted: Vec<_> = matchers.enumerate().map(|(place, m)| (prefix(m), place, m)).collect();
        sorted.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut buckets: Vec<Bucket> = Vec::new();
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            let Some((prefix, ..)) = group.first() else { continue };
            let parent = ancestors(&buckets, buckets.len().checked_sub(1))
                .find(|(_, bucket)| prefix.starts_with(&bucket.prefix))
                .map(|(place, _)| place);
            buckets.push(Bucket {
                prefix: prefix.clone(),
                parent,
                rules: group.iter().map(|(_, place, _)| *place).collect(),
                set: (group.len() > MAX_LINEAR).then(|| set(group.iter().map(|(.., m)| *m))).flatten(),
            });
        }
        Self(buckets)
    }

    /// The rules whose prefix a path begins with. All these prefixes are ancestors of the last one that does not sort
    /// behind the path, or that one itself.
    fn buckets_of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Bucket> {
        let behind = self.0.partition_point(|bucket| bucket.prefix.as_str() <= path);
        let candidates = ancestors(&self.0, behind.checked_sub(1));
        candidates.map(|(_, bucket)| bucket).filter(move |bucket| path.starts_with(&bucket.prefix))
    }
}

/// A bucket, its parent, and so on.
fn ancestors(buckets: &[Bucket], place: Option<usize>) -> impl Iterator<Item = (usize, &Bucket)> {
    let at = |place: usize| Some((place, buckets.get(place)?));
    successors(place.and_then(at), move |(_, bucket)| bucket.parent.and_then(at))
}

/// Many matchers as one; `None` if they are too large together.
fn set<'a>(matchers: impl Iterator<Item = &'a Matcher>) -> Option<RegexSet> {
    let expressions = matchers.map(Matcher::expression);
    RegexSetBuilder::new(expressions).size_limit(MAX_SET_BYTES).dfa_size_limit(SET_CACHE_BYTES).build().ok()
}

#[cfg(test)]
mod tests;

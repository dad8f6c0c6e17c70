//! Globs over the segments of a path: `*` stays within one segment, `**` spans any number of them.

/// A compiled glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Segment>);

/// What one segment of a path must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// `**`.
    Any,
    /// Text and `*`, in order.
    Text(Vec<Piece>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    Star,
}

impl Glob {
    /// Compiles the part after the leading slash. `star` marks wildcards, so that they cannot be
    /// taken for text that merely decodes to `*`.
    pub(super) fn new(segments: impl IntoIterator<Item = Vec<Option<char>>>) -> Self {
        Self(segments.into_iter().map(Segment::new).collect())
    }

    /// The same glob for paths in lower case without a slash at the end.
    pub(super) fn loose(&self) -> Self {
        let mut segments: Vec<Segment> = self.0.iter().map(Segment::lower).collect();
        if segments.len() > 1 && segments.last().is_some_and(Segment::is_empty) {
            segments.pop();
        }
        Self(segments)
    }

    /// Whether it covers a path that begins with `/`. Linear in the path for globs with one `**`.
    pub(super) fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else { return false };
        let (mut pattern, mut rest) = (self.0.as_slice(), Some(path));
        // Where to go on if the text after the last `**` does not fit: the `**` takes one segment more.
        let mut retry: Option<(&[Segment], Option<&str>)> = None;
        loop {
            match (pattern, rest) {
                ([], None) => return true,
                ([Segment::Any, after @ ..], _) => {
                    retry = Some((after, rest));
                    pattern = after;
                    continue;
                }
                ([Segment::Text(pieces), after @ ..], Some(path)) => {
                    let (segment, tail) = split(path);
                    if fits(pieces, segment) {
                        (pattern, rest) = (after, tail);
                        continue;
                    }
                }
                _ => {}
            }
            match retry {
                Some((after, Some(path))) => {
                    let (_, tail) = split(path);
                    retry = Some((after, tail));
                    (pattern, rest) = (after, tail);
                }
                _ => return false,
            }
        }
    }

    /// Whether it surely covers every path that `other` covers. May say no where the answer is yes.
    pub(super) fn covers(&self, other: &Self) -> bool {
        covers_segments(&self.0, &other.0)
    }

    /// Text with which every path begins that it covers.
    pub(super) fn prefix(&self) -> String {
        let mut prefix = String::new();
        for segment in &self.0 {
            let Segment::Text(pieces) = segment else { break };
            prefix.push('/');
            for piece in pieces {
                let Piece::Char(c) = piece else { return prefix };
                prefix.push(*c);
            }
        }
        prefix
    }

    /// The regular expression that matches the paths that it covers.
    pub(super) fn expression(&self) -> String {
        format!("\\A{}\\z", self.0.iter().map(Segment::expression).collect::<String>())
    }

    /// Whether it is `/**`.
    pub(super) fn is_everything(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|s| matches!(s, Segment::Any))
    }
}

impl Segment {
    fn new(chars: Vec<Option<char>>) -> Self {
        if chars == [None, None] {
            return Self::Any;
        }
        let mut pieces: Vec<Piece> = chars.into_iter().map(|c| c.map_or(Piece::Star, Piece::Char)).collect();
        pieces.dedup_by(|a, b| (*a, *b) == (Piece::Star, Piece::Star));
        Self::Text(pieces)
    }

    fn lower(&self) -> Self {
        let Self::Text(pieces) = self else { return Self::Any };
        let lower = |p: &Piece| match *p {
            Piece::Char(c) => c.to_lowercase().map(Piece::Char).collect(),
            Piece::Star => vec![Piece::Star],
        };
        Self::Text(pieces.iter().flat_map(lower).collect())
    }

    fn expression(&self) -> String {
        let Self::Text(pieces) = self else { return "(?:/[^/]*)*".to_owned() };
        let mut expression = "/".to_owned();
        match pieces.as_slice() {
            // A lone `*` needs at least one character.
            [Piece::Star] => expression.push_str("[^/]+"),
            pieces => pieces.iter().for_each(|piece| match piece {
                Piece::Char(c) => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
                Piece::Star => expression.push_str("[^/]*"),
            }),
        }
        expression
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(pieces) if pieces.is_empty())
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(segment, tail)| (segment, Some(tail)))
}

/// Whether pieces fit one whole segment. A lone `*` needs at least one character.
fn fits(pieces: &[Piece], segment: &str) -> bool {
    if pieces == [Piece::Star] {
        return !segment.is_empty();
    }
    let (mut pattern, mut text) = (pieces, segment.chars());
    let mut retry: Option<(&[Piece], std::str::Chars<'_>)> = None;
    loop {
        let mut ahead = text.clone();
        match (pattern, ahead.next()) {
            ([], None) => return true,
            ([Piece::Star, after @ ..], _) => {
                retry = Some((after, text.clone()));
                pattern = after;
                continue;
            }
            ([Piece::Char(c), after @ ..], Some(found)) if *c == found => {
                (pattern, text) = (after, ahead);
                continue;
            }
            _ => {}
        }
        let Some((after, mut from)) = retry.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after, from.clone());
        retry = Some((after, from));
    }
}

fn covers_segments(all: &[Segment], other: &[Segment]) -> bool {
    match (all, other) {
        ([], []) => true,
        ([Segment::Any, after @ ..], _) => {
            covers_segments(after, other) || matches!(other, [_, tail @ ..] if covers_segments(all, tail))
        }
        ([Segment::Text(a), after @ ..], [Segment::Text(b), tail @ ..]) => {
            covers_pieces(a, b) && covers_segments(after, tail)
        }
        _ => false,
    }
}

fn covers_pieces(all: &[Piece], other: &[Piece]) -> bool {
    if all == [Piece::Star] {
        // `*` needs a character; only an empty segment has none.
        return !other.is_empty();
    }
    covers_rest(all, other) && (other != [Piece::Star] || all == [Piece::Star])
}

fn covers_rest(all: &[Piece], other: &[Piece]) -> bool {
    match (all, other) {
        ([], []) => true,
        ([Piece::Star, after @ ..], _) => {
            covers_rest(after, other) || matches!(other, [_, tail @ ..] if covers_rest(all, tail))
        }
        ([Piece::Char(a), after @ ..], [Piece::Char(b), tail @ ..]) => a == b && covers_rest(after, tail),
        _ => false,
    }
}

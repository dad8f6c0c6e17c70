//! What a request names beside its target: the `Destination` of a copy or a move, and the resources whose state `If`
//! asks for (RFC 4918 §10.3, §10.4). Each is a [`Resource`] of the same host, judged like the target:
//!
//! - the destination as what is written (`PUT`) and, unless `Overwrite: F` says otherwise, deleted before that
//!   (`DELETE`, RFC 4918 §9.8.4, §9.9.3);
//! - the resources that `If` tags as what is read (`GET`): the answer tells whether a state is theirs.

use super::{Malformed, Resource, Tolerances};
use crate::auth::host;

/// So many resources may be tagged in one `If`: each costs a pass over the rules.
const MAX_TAGS: usize = 32;

/// The fields that name other resources, as received, and the port of the host that was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    /// As `Host` tells it.
    pub port: Option<u16>,
    /// Each `Destination`.
    pub destinations: &'a [&'a [u8]],
    /// Whether `Overwrite` lets a destination be replaced.
    pub overwrite: bool,
    /// Each `If`.
    pub conditions: &'a [&'a [u8]],
}

/// The other resources of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Related {
    destination: Option<Resource>,
    condition: Vec<Part>,
}

impl Related {
    pub(super) fn resources(&self) -> impl Iterator<Item = &Resource> {
        let tags = self.condition.iter().filter_map(|part| match part {
            Part::Tag(resource) => Some(resource),
            Part::Text(_) => None,
        });
        self.destination.iter().chain(tags)
    }
}

/// A piece of an `If`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Passed on as it came.
    Text(String),
    /// The resource that what follows is about.
    Tag(Resource),
}

/// Why the fields of a request that name other resources are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misnamed {
    /// The stable word for the log.
    pub reason: &'static str,
    /// What the app would have to tolerate: words of the configuration.
    pub lacking: Vec<&'static str>,
}

const fn misnamed(reason: &'static str) -> Misnamed {
    Misnamed { reason, lacking: Vec::new() }
}

impl Resource {
    /// The same request with the other resources that its fields name.
    ///
    /// # Errors
    /// [`Misnamed`]: a field stands twice, names another host, or cannot be read in one way.
    pub fn naming(mut self, fields: &Fields<'_>, tolerate: Tolerances) -> Result<Self, Misnamed> {
        let reader = Reader { host: &self.host, port: fields.port, tolerate };
        let destination = match fields.destinations {
            // Only these two have one (RFC 4918 §10.3). To all others it is nothing, and does not reach the app.
            [] => None,
            _ if !self.methods().any(|method| matches!(method, "COPY" | "MOVE")) => None,
            [one] => {
                let why = ["destination", "destination_elsewhere"];
                let deleted = if fields.overwrite { "DELETE" } else { "PUT" };
                let written = reader.resource(one, "PUT", why)?;
                Some(written.taken_for(deleted).map_err(|_| misnamed("destination"))?)
            }
            _ => return Err(misnamed("destination_doubled")),
        };
        let condition = match fields.conditions {
            [] | [b""] => Vec::new(),
            [one] => reader.condition(one)?,
            _ => return Err(misnamed("if_doubled")),
        };
        if destination.is_some() || !condition.is_empty() {
            self.related = Some(Box::new(Related { destination, condition }));
        }
        Ok(self)
    }

    /// The other resources of the request.
    pub fn others(&self) -> impl Iterator<Item = &Self> {
        self.related.iter().flat_map(|related| related.resources())
    }

    /// `Destination` for an app that knows itself as `base` (`http://10.0.0.5:8080`): a whole URL, whichever it was, because
    /// some apps know no other.
    pub fn destination(&self, base: &str) -> Option<String> {
        let destination = self.related.as_ref()?.destination.as_ref()?;
        Some(format!("{base}{}", destination.as_target()))
    }

    /// `If` for such an app.
    pub fn condition(&self, base: &str) -> Option<String> {
        let parts = &self.related.as_ref().filter(|related| !related.condition.is_empty())?.condition;
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Tag(resource) => {
                    for part in ["<", base, resource.as_target(), ">"] {
                        out.push_str(part);
                    }
                }
            }
        }
        Some(out)
    }
}

/// Reads references to resources of one host.
struct Reader<'a> {
    host: &'a str,
    port: Option<u16>,
    tolerate: Tolerances,
}

impl Reader<'_> {
    /// Reads a `Simple-ref` (RFC 4918 §8.3). `why`: the words for what cannot be read, and for what is not here.
    fn resource(
        &self,
        text: &[u8],
        method: &str,
        [unreadable, elsewhere]: [&'static str; 2],
    ) -> Result<Resource, Misnamed> {
        let text = std::str::from_utf8(text).map_err(|_| misnamed(unreadable))?.trim_matches([' ', '\t']);
        let target = if text.starts_with("//") {
            return Err(misnamed(elsewhere)); // a host, to whoever resolves it
        } else if text.starts_with('/') {
            text.to_owned()
        } else {
            let (scheme, rest) = text.split_once("://").ok_or_else(|| misnamed(unreadable))?;
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, target) = rest.split_at_checked(end).ok_or_else(|| misnamed(unreadable))?;
            if !self.is_here(scheme, authority) {
                return Err(misnamed(elsewhere));
            }
            let slash = if target.starts_with('/') { "" } else { "/" };
            format!("{slash}{target}")
        };
        let parsed = Resource::parse(self.host, method, target.as_bytes(), self.tolerate);
        parsed.map_err(|malformed| Misnamed {
            reason: unreadable,
            lacking: Malformed::tolerance(malformed)
                .map_or_else(Vec::new, |_| self.tolerate.lacking(target.as_bytes())),
        })
    }

    /// Whether a URL of this scheme and authority is of the host that was asked. Both schemes are: what ends TLS before
    /// us need not say so.
    fn is_here(&self, scheme: &str, authority: &str) -> bool {
        let default = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => 443,
            _ if scheme.eq_ignore_ascii_case("http") => 80,
            _ => return false,
        };
        host::authority(authority)
            .is_some_and(|(host, port)| host == self.host && port.unwrap_or(default) == self.port.unwrap_or(default))
    }

    /// `If` (RFC 4918 §10.4.2): lists of conditions, all without a tag, or all with one before them.
    fn condition(&self, text: &[u8]) -> Result<Vec<Part>, Misnamed> {
        let text = std::str::from_utf8(text).map_err(|_| misnamed("if"))?;
        let (mut parts, mut rest, mut tagged) = (Vec::new(), text.trim_start_matches([' ', '\t']), None);
        while let Some(first) = rest.chars().next() {
            let (part, tail) = match first {
                '<' => {
                    let (tag, tail) = rest.get(1..).and_then(|r| r.split_once('>')).ok_or_else(|| misnamed("if"))?;
                    (Part::Tag(self.resource(tag.as_bytes(), "GET", ["if", "if_elsewhere"])?), tail)
                }
                '(' => {
                    let end = list_end(rest).ok_or_else(|| misnamed("if"))?;
                    let (list, tail) = rest.split_at_checked(end).ok_or_else(|| misnamed("if"))?;
                    (Part::Text(list.to_owned()), tail)
                }
                _ => return Err(misnamed("if")),
            };
            let is_tag = matches!(part, Part::Tag(_));
            let tags = parts.iter().filter(|part| matches!(part, Part::Tag(_))).count();
            if is_tag && tags == MAX_TAGS {
                return Err(misnamed("if_too_long"));
            }
            let fits = match (tagged, parts.last()) {
                (None, _) => true,
                // A tag without a list behind it.
                (Some(true), Some(Part::Tag(_))) => !is_tag,
                (Some(with), _) => with || !is_tag,
            };
            if !fits {
                return Err(misnamed("if"));
            }
            tagged.get_or_insert(is_tag);
            rest = tail.trim_start_matches([' ', '\t']);
            parts.push(part);
            if !rest.is_empty() && !matches!(parts.last(), Some(Part::Tag(_))) {
                parts.push(Part::Text(" ".to_owned()));
            }
        }
        let whole = matches!(parts.last(), Some(Part::Text(_)));
        if whole { Ok(parts) } else { Err(misnamed("if")) }
    }
}

/// Where the list ends with which a text begins.
fn list_end(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        at += match rest.chars().next()? {
            ')' => return Some(at + 1),
            ' ' | '\t' => 1,
            '<' => rest.find('>')? + 1,
            // An entity tag; its quotes may hold any of these marks.
            '[' => {
                let weak = if rest.starts_with("[W/") { 2 } else { 0 };
                let opaque = rest.get(1 + weak..)?.strip_prefix('"')?;
                let end = opaque.find('"')?;
                opaque.get(end + 1..)?.starts_with(']').then_some(weak + end + 4)?
            }
            _ if rest.get(..3).is_some_and(|not| not.eq_ignore_ascii_case("not")) => 3,
            _ => return None,
        };
    }
}

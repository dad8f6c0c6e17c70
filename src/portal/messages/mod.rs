//! The sentences that people read, from one catalogue (Fluent): `messages/en.ftl`.
//!
//! `text!` gives a message as text, `markup!` one that holds markup of its own: `(key, name = value, …)`. A test reads
//! every use, so a key or a value that the catalogue does not know never gets past it.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::LazyLock;

use askama::filters::{Escaper, Html, HtmlSafe};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// The catalogue as it was written.
const CATALOGUE: &str = include_str!("../../../messages/en.ftl");

static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| {
    // What could not be read is left out; a test says so.
    let resource = FluentResource::try_new(CATALOGUE.to_owned()).unwrap_or_else(|(rest, _)| rest);
    let mut bundle = FluentBundle::new_concurrent(vec!["en".parse().unwrap_or_default()]);
    // Our values are names, addresses and times: marks around them would be copied along.
    bundle.set_use_isolating(false);
    let _ = bundle.add_resource(resource);
    bundle
});

/// A message as text, for askama to escape.
macro_rules! text {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::portal::messages::format($key, &[$((stringify!($name), $value.into())),*])
    };
}

/// A message with markup of its own; what is put into it is escaped.
macro_rules! markup {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::portal::messages::Markup::new($key, &[$((stringify!($name), $crate::portal::messages::Embed::embed(&$value))),*])
    };
}

pub(crate) use {markup, text};

/// The message of this key, with these values in it.
pub(crate) fn format(key: &'static str, values: &[(&'static str, FluentValue<'_>)]) -> String {
    let Some(pattern) = ENGLISH.get_message(key).and_then(|message| message.value()) else { return key.to_owned() };
    let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
    ENGLISH.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
}

/// HTML of our own making.
pub(crate) struct Markup(String);

impl Markup {
    pub(crate) fn new(key: &'static str, values: &[(&'static str, FluentValue<'_>)]) -> Self {
        Self(format(key, values))
    }

    pub(crate) fn link(href: &str, text: &str) -> Self {
        Self(format!("<a href=\"{}\">{}</a>", escaped(href), escaped(text)))
    }

    pub(crate) fn of_text(text: &str) -> Self {
        Self(escaped(text))
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

/// What may stand in markup.
pub(crate) trait Embed {
    fn embed(&self) -> FluentValue<'static>;
}

impl Embed for str {
    fn embed(&self) -> FluentValue<'static> {
        escaped(self).into()
    }
}

impl Embed for String {
    fn embed(&self) -> FluentValue<'static> {
        escaped(self).into()
    }
}

impl Embed for Markup {
    fn embed(&self) -> FluentValue<'static> {
        self.0.clone().into()
    }
}

impl Embed for u32 {
    fn embed(&self) -> FluentValue<'static> {
        (*self).into()
    }
}

impl<T: Embed + ?Sized> Embed for &T {
    fn embed(&self) -> FluentValue<'static> {
        (*self).embed()
    }
}

/// As askama escapes.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    // Writing into a string has nothing to fail on; should it fail, nothing unescaped goes out.
    match Html.write_escaped_str(&mut html, text) {
        Ok(()) => html,
        Err(_) => String::new(),
    }
}

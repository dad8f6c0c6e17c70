//! A log line for people at a terminal.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::cli::output::text::escape;

/// A readable format in which nothing hides: what drives a terminal, what nobody would see, and what would turn the line
/// around or begin another is escaped. So only the level has a colour, which is put in after that.
pub(crate) struct Text(Format);

impl Text {
    pub(crate) fn new() -> Self {
        Self(Format::default().with_ansi(false))
    }
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let line = escape(line.trim_end_matches('\n'));
        let level = event.metadata().level();
        match line.split_once(level.as_str()).filter(|_| writer.has_ansi_escapes()) {
            Some((time, rest)) => writeln!(writer, "{time}\u{1b}[{}m{level}\u{1b}[0m{rest}", colour(*level)),
            None => writeln!(writer, "{line}"),
        }
    }
}

/// As the library chooses it.
fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::cli::output::text::needs_escape;

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(colours: bool, what: impl FnOnce()) -> String {
        let out = Out::default();
        let writer = out.clone();
        let builder = tracing_subscriber::fmt().with_ansi(colours).event_format(Text::new());
        let subscriber = builder.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, what);
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn nothing_hides_in_a_line_or_begins_another(
            text in "([a-zé\\u{202a}-\\u{202e}\\u{2066}-\\u{2069}\\u{200b}-\\u{200f}\\u{ad}\\u{feff}\\u{e0001}-\\u{e007f}\\x00-\\x1f\\x7f-\\x9f]|\\PC){0,24}",
        ) {
            let line = written(false, || tracing::info!(text = text.as_str(), shown = %text, spoken = ?text, "{}", text));
            let body = line.strip_suffix('\n').unwrap();
            prop_assert_eq!(body.chars().find(|c| needs_escape(*c)), None, "{}", line);
            // What is plain stays as it is.
            let plain = !text.contains(needs_escape);
            prop_assert!(!plain || body.contains(&format!("shown={text}")), "{}", body);
        }
    }

    #[test]
    fn the_level_alone_is_coloured() {
        let line = written(true, || tracing::info!(shown = %"a\u{1b}[2Jb", "said"));
        assert!(line.contains(" \u{1b}[32mINFO\u{1b}[0m ") && line.contains(r"shown=a\u{1b}[2Jb"), "{line:?}");
        assert_eq!(line.matches('\u{1b}').count(), 2, "{line:?}");
    }
}

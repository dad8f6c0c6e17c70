//! A log line as JSON: `timestamp`, `level`, the fields of the event, `target`. CreatedAccount for every request, so it is put
//! together in one buffer, without a serializer's many small writes.

use std::fmt::{self, Write as _};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::cli::output::text::needs_escape;

/// Most lines of a request are shorter.
const USUAL: usize = 640;

/// Formats events as JSON, one per line.
pub(crate) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        writer.write_str(&line(&time, event)?)
    }
}

fn line(time: &str, event: &Event<'_>) -> Result<String, fmt::Error> {
    let about = event.metadata();
    let mut line = JsonLine { text: Vec::with_capacity(USUAL), debugged: String::new(), target: None };
    line.text.push(b'{');
    line.value("timestamp", time);
    line.field("level", about.level().as_str());
    event.record(&mut line);
    let target = line.target.take();
    line.field("target", target.as_deref().unwrap_or_else(|| about.target()));
    line.text.extend_from_slice(b"}\n");
    String::from_utf8(line.text).map_err(|_| fmt::Error)
}

struct JsonLine {
    text: Vec<u8>,
    /// What a value that is no text says of itself, before it is quoted.
    debugged: String,
    /// Where a record of `log` comes from; its event is the bridge's.
    target: Option<String>,
}

impl JsonLine {
    fn field(&mut self, name: &str, value: impl Serialize) {
        self.text.push(b',');
        self.value(name, value);
    }

    fn value(&mut self, name: &str, value: impl Serialize) {
        // Names are words of the program, which need no escapes.
        self.text.push(b'"');
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
        let from = self.text.len();
        // Memory takes everything, and these values can be told.
        let _ = serde_json::to_writer(&mut self.text, &value);
        self.escape(from);
    }

    /// Escapes what JSON lets through and nobody would see, or that would turn the line around where it is read.
    fn escape(&mut self, from: usize) {
        let encoded = self.text.get(from..).unwrap_or_default();
        if encoded.iter().all(|byte| *byte < 0x7f) {
            return;
        }
        let Some(encoded) = std::str::from_utf8(encoded).ok().filter(|encoded| encoded.contains(needs_escape)) else {
            return;
        };
        let mut shown = String::with_capacity(encoded.len() * 2);
        for c in encoded.chars() {
            if needs_escape(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Memory takes everything here too.
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            } else {
                shown.push(c);
            }
        }
        self.text.truncate(from);
        self.text.extend_from_slice(shown.as_bytes());
    }
}

impl Visit for JsonLine {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log.target" => self.target = Some(value.to_owned()),
            // Where in a library a record was written helps nobody who operates.
            name if name.starts_with("log.") => {}
            name => self.field(name, value),
        }
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        if !field.name().starts_with("log.") {
            self.field(field.name(), value);
        }
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field.name(), value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field.name(), value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field.name(), value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut debugged = std::mem::take(&mut self.debugged);
        debugged.clear();
        // What cannot say what it is leaves what it said so far.
        let _ = write!(debugged, "{value:?}");
        self.field(field.name(), &debugged);
        self.debugged = debugged;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

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

    fn told(what: impl FnOnce()) -> Vec<Value> {
        written(what).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn written(what: impl FnOnce()) -> String {
        let out = Out::default();
        let writer = out.clone();
        let subscriber = tracing_subscriber::fmt().event_format(Json).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, what);
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_kind_of_value_is_told_as_what_it_is() {
        let lines = told(|| {
            tracing::warn!(
                target: "access", text = "a", shown = %"b", debugged = ?"c", whole = 7_u64, signed = -7, part = 0.5, yes = true,
                nothing = None::<&str>, "said {}", 1
            );
        });
        let mut line = lines[0].clone();
        let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(time.as_str().unwrap().ends_with('Z') && time.as_str().unwrap().len() == 27, "{time}");
        let expected = json!({
            "level": "WARN", "message": "said 1", "text": "a", "shown": "b", "debugged": "\"c\"", "whole": 7, "signed": -7,
            "part": 0.5, "yes": true, "target": "access",
        });
        assert_eq!((lines.len(), line), (1, expected));
    }

    proptest! {
        /// Whatever a client sends, a line is one line, and says it exactly.
        #[test]
        fn no_value_leaves_its_place(text: String, shown in "[\\x00-\\x7f\u{80}-\u{9f}\u{2028}\"]{0,40}") {
            let lines = told(|| tracing::info!(text = text.as_str(), %shown, "x"));
            prop_assert_eq!(lines.len(), 1);
            prop_assert_eq!((lines[0]["text"].as_str(), lines[0]["shown"].as_str()), (Some(&*text), Some(&*shown)));
        }

        /// What would hide in a line, or turn it around, is seen in it, and is the same for who reads JSON.
        #[test]
        fn nothing_hides_in_a_line(text in "([a-zé\\u{202a}-\\u{202e}\\u{2066}-\\u{2069}\\u{200b}-\\u{200f}\\u{ad}\\u{feff}\\u{7f}-\\u{9f}\\u{e0001}-\\u{e007f}\"\\\\]|\\PC){0,24}") {
            let line = written(|| tracing::info!(text = text.as_str(), shown = %text, debugged = ?text, "{}", text));
            let hidden = line.trim_end_matches('\n').chars().find(|c| needs_escape(*c));
            prop_assert_eq!(hidden, None, "{}", line);
            let read: Value = serde_json::from_str(&line).unwrap();
            for field in ["text", "shown", "message"] {
                prop_assert_eq!(read[field].as_str(), Some(&*text));
            }
        }
    }
}

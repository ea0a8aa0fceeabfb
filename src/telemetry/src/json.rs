//! One JSON object per record. It does not choose which records there are.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};
use ytorch_core::{Clock, Timestamp};

/// Writes `time`, `level`, `component`, `instance`, then the fields of the spans round the event, then its own.
pub(crate) struct JsonLines {
    pub(crate) instance: String,
    pub(crate) clock: Clock,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(formatted) = span.extensions().get::<FormattedFields<JsonFields>>()
                && let Ok(Value::Object(of_span)) = serde_json::from_str(&formatted.fields)
            {
                fields.extend(of_span);
            }
        }
        event.record(&mut Collect(&mut fields));
        for reserved in ["time", "level", "component", "instance"] {
            // No field of an event can pass itself off as one of these.
            fields.remove(reserved);
        }
        let record = Record {
            time: self.clock.now(),
            level: metadata.level().as_str().to_ascii_lowercase(),
            component: metadata.target(),
            instance: &self.instance,
            fields,
        };
        let line = serde_json::to_string(&record).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

#[derive(Serialize)]
struct Record<'a> {
    time: Timestamp,
    level: String,
    component: &'a str,
    instance: &'a str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

struct Collect<'a>(&'a mut Map<String, Value>);

impl Visit for Collect<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut chain = value.to_string();
        let mut cause = value.source();
        while let Some(inner) = cause {
            chain.push_str(": ");
            chain.push_str(&inner.to_string());
            cause = inner.source();
        }
        self.0.insert(field.name().to_owned(), chain.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

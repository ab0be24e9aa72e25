//! Points in time as RFC 3339 writes them, in UTC with milliseconds.

use std::borrow::Cow;
use std::time::SystemTime;

use pixmill::Timestamp;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A point in time, such as `2026-11-23T18:00:00.000Z`.
#[derive(Clone, Copy)]
pub(crate) struct DateTime(pub(crate) Timestamp);

impl DateTime {
    fn text(self) -> String {
        humantime::format_rfc3339_millis(SystemTime::from(self.0)).to_string()
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_millis(SystemTime::from(self.0)))
    }
}

impl Type for DateTime {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_date-time".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ToJSON for DateTime {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.text()))
    }
}

impl ParseFromJSON for DateTime {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let value = value.unwrap_or_default();
        match value.as_str().map(humantime::parse_rfc3339) {
            Some(Ok(time)) => Ok(Self(time.into())),
            _ => Err(ParseError::expected_type(value)),
        }
    }
}

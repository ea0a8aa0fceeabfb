//! Parts of the document in words: types, sentences, names of anchors. It does not decide what is shown.

use std::fmt::Write as _;

use serde::Serialize;
use utoipa::openapi::{
    RefOr, Schema, SchemaFormat,
    schema::{ArrayItems, KnownFormat, Object, SchemaType, Type},
};

use crate::Html;

/// What every reference to a schema begins with.
pub(super) const SCHEMAS: &str = "#/components/schemas/";

/// The one name of an operation, which is also its anchor: `get-history-channels`.
pub(super) fn identifier(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let words = path.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_ascii_lowercase(), |name, word| name + "-" + word)
}

/// A sentence with its `code` set as code.
pub(super) fn sentence(text: &str) -> Html {
    let mut html = String::new();
    for (position, part) in text.split('`').enumerate() {
        let part = Html::text(part);
        // Every second part stands between two marks.
        let written = if position % 2 == 1 { write!(html, "<code>{part}</code>") } else { write!(html, "{part}") };
        written.expect("a text grows");
    }
    Html::trusted(html)
}

/// The paragraphs of a text.
pub(super) fn paragraphs(text: &str) -> Vec<Html> {
    text.split("\n\n").filter(|paragraph| !paragraph.is_empty()).map(sentence).collect()
}

/// The type of a value, with a link to it where it has a name.
pub(super) fn kind(schema: &RefOr<Schema>) -> Html {
    match schema {
        RefOr::Ref(reference) => name_of(&reference.ref_location).map_or_else(Html::default, link),
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(items) => Html::trusted(format!("list of {}", kind(items))),
            ArrayItems::False => "list".into(),
        },
        RefOr::T(Schema::Object(object)) => simple(object),
        RefOr::T(Schema::OneOf(choice)) => joined(&choice.items, "or"),
        RefOr::T(Schema::AnyOf(choice)) => joined(&choice.items, "or"),
        RefOr::T(Schema::AllOf(parts)) => joined(&parts.items, "with"),
        RefOr::T(_) => Html::default(),
    }
}

/// The name of the schema that a reference leads to.
pub(super) fn name_of(reference: &str) -> Option<&str> {
    reference.strip_prefix(SCHEMAS)
}

/// A value as JSON, without the quotes of a text.
pub(super) fn value(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn link(name: &str) -> Html {
    Html::link(&format!("#schema-{name}"), name)
}

/// Null is said last, wherever it stands.
fn joined(items: &[RefOr<Schema>], word: &str) -> Html {
    let mut kinds: Vec<String> = items.iter().map(|item| kind(item).to_string()).collect();
    kinds.sort_by_key(|kind| kind == "null");
    Html::trusted(kinds.join(&format!(" {word} ")))
}

fn simple(object: &Object) -> Html {
    if let Some(values) = &object.enum_values {
        let values: Vec<String> =
            values.iter().map(|one| format!("<code>{}</code>", Html::text(&value(one)))).collect();
        return Html::trusted(values.join(", "));
    }
    let types = match &object.schema_type {
        SchemaType::Type(one) => std::slice::from_ref(one),
        SchemaType::Array(several) => several.as_slice(),
        SchemaType::AnyValue => return "anything".into(),
    };
    let names: Vec<&str> = types.iter().map(|one| type_name(one, object)).collect();
    Html::text(&format!("{}{}", names.join(" or "), bounds(object)))
}

fn type_name(one: &Type, object: &Object) -> &'static str {
    match one {
        Type::String if object.format == Some(SchemaFormat::KnownFormat(KnownFormat::Binary)) => "file",
        Type::String => "text",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::Boolean => "true or false",
        Type::Object => "object",
        Type::Array => "list",
        Type::Null => "null",
    }
}

/// That a count is not negative goes without saying.
fn bounds(object: &Object) -> String {
    // The library keeps all bounds as fractions.
    let text = |bound: &Option<_>| bound.as_ref().map(|bound| value(bound).trim_end_matches(".0").to_owned());
    match (text(&object.minimum), text(&object.maximum)) {
        (Some(minimum), Some(maximum)) => format!(", {minimum} to {maximum}"),
        (Some(minimum), None) if minimum != "0" => format!(", {minimum} or more"),
        (None, Some(maximum)) => format!(", at most {maximum}"),
        _ => String::new(),
    }
}

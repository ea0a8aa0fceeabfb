//! How an operation is called with curl. It knows no address of a server: the page puts it in between.

use utoipa::openapi::{
    OpenApi, RefOr, Schema,
    path::{Operation, Parameter, ParameterIn},
};
use ytorch_core::InstanceName;

use super::{inner, object, parameters, resolved};
use crate::{
    QueryString,
    document::{is_secured, words},
    query::percent_encode,
};

/// How to call an operation with curl: what stands before the origin, and what behind it.
#[derive(Debug)]
pub(in crate::document) struct Call {
    pub(in crate::document) options: Vec<String>,
    pub(in crate::document) target: String,
}

impl Call {
    pub(super) fn new(
        document: &OpenApi,
        instance: &InstanceName,
        (method, path): (&str, &str),
        operation: &Operation,
    ) -> Self {
        let mut options = Vec::new();
        if is_secured(operation) {
            options.push(format!("-H \"Authorization: Bearer $(ytorch token {instance})\""));
        }
        match sent(operation) {
            Some(("multipart/form-data", schema)) => options.extend(files(document, schema)),
            Some((kind, _)) => options.push(format!("-X {method} -H 'Content-Type: {kind}' -d @body.json")),
            None if method != "GET" => options.push(format!("-X {method}")),
            None => {}
        }
        Self { options, target: target(path, operation) }
    }
}

/// The path with the examples that its parameters have.
fn target(path: &str, operation: &Operation) -> String {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in parameters(operation) {
        let Some(example) = example(parameter) else { continue };
        match parameter.parameter_in {
            ParameterIn::Path => path = path.replace(&format!("{{{}}}", parameter.name), &percent_encode(&example)),
            ParameterIn::Query => query.push((&parameter.name, example)),
            _ => {}
        }
    }
    let start = QueryString::new(path);
    query.into_iter().fold(start, |target, (name, example)| target.with(name, example)).to_string()
}

/// What is sent with an operation: its media type and its schema.
fn sent(operation: &Operation) -> Option<(&str, Option<&RefOr<Schema>>)> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let (kind, content) = body.content.iter().next()?;
    Some((kind, inner(content)?.schema.as_ref()))
}

/// One option for each field of a form.
fn files(document: &OpenApi, schema: Option<&RefOr<Schema>>) -> Vec<String> {
    let schema = match schema {
        Some(RefOr::Ref(reference)) => resolved(document, reference),
        other => other,
    };
    let names = schema.and_then(object).into_iter().flat_map(|object| object.properties.keys());
    names.map(|name| format!("-F {name}=@FILE")).collect()
}

/// The library lets nobody read it but as JSON.
fn example(parameter: &Parameter) -> Option<String> {
    let told = serde_json::to_value(parameter).ok()?;
    told.get("example").map(words::value)
}

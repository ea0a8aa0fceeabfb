//! The document as a page shows it: groups of operations, common answers, types. It asks for nothing while a page is shown:
//! it is built once.

mod call;

use utoipa::openapi::{
    OpenApi, Ref, RefOr, Response, Schema,
    path::{Operation, Parameter, ParameterIn},
    schema::Object,
};
use ytorch_core::InstanceName;

use self::call::Call;
use super::words;
use crate::{
    Html,
    components::{Cell, Column, Table},
    routes::operations,
};

/// The whole of it.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) introduction: Vec<Html>,
    pub(super) groups: Vec<Group>,
    pub(super) answers: Table,
    pub(super) types: Vec<NamedType>,
}

/// Operations under one heading.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) operations: Vec<Shown>,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) summary: Html,
    pub(super) description: Vec<Html>,
    pub(super) parameters: Option<Table>,
    pub(super) body: Option<Html>,
    pub(super) answers: Table,
    pub(super) common: Vec<String>,
    pub(super) call: Call,
}

/// One type that others name.
#[derive(Debug)]
pub(super) struct NamedType {
    pub(super) name: String,
    pub(super) description: Vec<Html>,
    pub(super) kind: Html,
    pub(super) fields: Option<Table>,
}

impl Reference {
    /// From the whole document.
    pub(super) fn new(document: &OpenApi, instance: &InstanceName) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                let shown = shown(document, instance, (method, path), operation);
                let name = operation.tags.iter().flatten().next().map_or("Others", String::as_str);
                match groups.iter_mut().find(|group| group.name == name) {
                    Some(group) => group.operations.push(shown),
                    None => groups.push(Group { name: name.to_owned(), operations: vec![shown] }),
                }
            }
        }
        let components = document.components.iter();
        let schemas = components.clone().flat_map(|components| &components.schemas);
        Self {
            introduction: document.info.description.as_deref().map(words::paragraphs).unwrap_or_default(),
            groups,
            answers: common_answers(document),
            types: schemas.map(|(name, schema)| named_type(document, name, schema)).collect(),
        }
    }
}

fn shown(
    document: &OpenApi,
    instance: &InstanceName,
    (method, path): (&'static str, &str),
    operation: &Operation,
) -> Shown {
    let mut own = Vec::new();
    let mut common = Vec::new();
    for (status, answer) in &operation.responses.responses {
        match answer {
            RefOr::T(response) => own.push(answer_row(status, response)),
            RefOr::Ref(_) => common.push(status.clone()),
        }
    }
    let parameters: Vec<&Parameter> = parameters(operation).collect();
    Shown {
        id: operation.operation_id.clone().unwrap_or_default(),
        method,
        path: path.to_owned(),
        summary: words::sentence(operation.summary.as_deref().unwrap_or_default()),
        description: operation.description.as_deref().map(words::paragraphs).unwrap_or_default(),
        parameters: (!parameters.is_empty()).then(|| parameter_table(&parameters)),
        body: body(operation),
        answers: answer_table("Answers", own),
        common,
        call: Call::new(document, instance, (method, path), operation),
    }
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    let all = operation.parameters.iter().flatten();
    all.filter_map(|parameter| if let RefOr::T(parameter) = parameter { Some(parameter) } else { None })
}

fn parameter_table(parameters: &[&Parameter]) -> Table {
    let row = |parameter: &&Parameter| -> Vec<Cell> {
        let place = match parameter.parameter_in {
            ParameterIn::Path => "path",
            ParameterIn::Header => "header",
            ParameterIn::Cookie => "cookie",
            _ => "query",
        };
        let schema = parameter.schema.as_ref();
        let usual = schema.and_then(object).and_then(|object| object.default.as_ref()).map(words::value);
        let usual = usual.map(|usual| format!(" Usual is `{usual}`.")).unwrap_or_default();
        let meaning = parameter.description.as_deref().unwrap_or_default().trim_end();
        vec![
            code(&parameter.name),
            place.into(),
            schema.map(words::kind).unwrap_or_default(),
            words::sentence(&format!("{meaning}{usual}")),
        ]
    };
    Table {
        caption: "Parameters".to_owned(),
        columns: ["Parameter", "In", "Type", "Meaning"].map(Column::text).into(),
        rows: parameters.iter().map(row).collect(),
        sorting: None,
    }
}

/// What is sent, in one line: its type, how it is written, and what to know about it.
fn body(operation: &Operation) -> Option<Html> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let contents = body.content.iter().filter_map(|(kind, content)| Some((kind, inner(content)?)));
    let kinds = contents.map(|(kind, content)| {
        let schema = content.schema.as_ref().map(words::kind).unwrap_or_default();
        format!("{schema} as {}. ", code(kind))
    });
    let meaning = words::sentence(body.description.as_deref().unwrap_or_default());
    Some(Html::trusted(format!("{}{meaning}", kinds.collect::<String>())))
}

fn answer_row(status: &str, response: &Response) -> Vec<Cell> {
    let first = response.content.values().find_map(inner);
    let kind = first.and_then(|content| content.schema.as_ref()).map_or_else(|| "–".into(), words::kind);
    vec![code(status), kind, words::sentence(&response.description)]
}

fn answer_table(caption: &str, rows: Vec<Vec<Cell>>) -> Table {
    let columns = ["Status", "Body", "Meaning"].map(Column::text).into();
    Table { caption: caption.to_owned(), columns, rows, sorting: None }
}

fn common_answers(document: &OpenApi) -> Table {
    let responses = document.components.iter().flat_map(|components| &components.responses);
    let mut rows: Vec<(&str, Vec<Cell>)> = Vec::new();
    for (name, response) in responses {
        let RefOr::T(response) = response else { continue };
        let status =
            super::answers::COMMON.iter().find(|common| common.name == name).map_or("", |common| common.status);
        rows.push((status, answer_row(status, response)));
    }
    rows.sort_by_key(|(status, _)| *status);
    answer_table("Errors of any address", rows.into_iter().map(|(_, row)| row).collect())
}

fn named_type(document: &OpenApi, name: &str, schema: &RefOr<Schema>) -> NamedType {
    let mut rows = Vec::new();
    fields(document, schema, &mut rows);
    let description = match schema {
        RefOr::T(Schema::Object(object)) => object.description.as_deref(),
        RefOr::T(Schema::AllOf(parts)) => parts.description.as_deref(),
        RefOr::T(Schema::OneOf(choice)) => choice.description.as_deref(),
        _ => None,
    };
    NamedType {
        name: name.to_owned(),
        description: description.map(words::paragraphs).unwrap_or_default(),
        kind: words::kind(schema),
        fields: (!rows.is_empty()).then(|| Table {
            caption: format!("Fields of {name}"),
            columns: ["Field", "Type", "Meaning"].map(Column::text).into(),
            rows,
            sorting: None,
        }),
    }
}

/// The fields of an object, with those of the objects that it is put together from.
fn fields(document: &OpenApi, schema: &RefOr<Schema>, rows: &mut Vec<Vec<Cell>>) {
    match schema {
        RefOr::Ref(reference) => {
            if let Some(schema) = resolved(document, reference) {
                fields(document, schema, rows);
            }
        }
        // What is its own comes last in the document, and matters most.
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter().rev().for_each(|part| fields(document, part, rows)),
        RefOr::T(Schema::Object(object)) => {
            for (name, schema) in &object.properties {
                let meaning = meaning(schema).unwrap_or_default();
                rows.push(vec![code(name), words::kind(schema), words::sentence(meaning)]);
            }
        }
        RefOr::T(_) => {}
    }
}

fn meaning(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(reference) => Some(&reference.description),
        RefOr::T(Schema::Object(object)) => object.description.as_deref(),
        RefOr::T(Schema::Array(array)) => array.description.as_deref(),
        // Of what may be null, the other choice says it.
        RefOr::T(Schema::OneOf(choice)) => {
            choice.description.as_deref().or_else(|| choice.items.iter().find_map(meaning))
        }
        RefOr::T(Schema::AllOf(parts)) => parts.description.as_deref(),
        RefOr::T(_) => None,
    }
}

fn resolved<'document>(document: &'document OpenApi, reference: &Ref) -> Option<&'document RefOr<Schema>> {
    document.components.as_ref()?.schemas.get(words::name_of(&reference.ref_location)?)
}

fn object(schema: &RefOr<Schema>) -> Option<&Object> {
    if let RefOr::T(Schema::Object(object)) = schema { Some(object) } else { None }
}

fn inner<T>(part: &RefOr<T>) -> Option<&T> {
    if let RefOr::T(part) = part { Some(part) } else { None }
}

fn code(text: &str) -> Html {
    Html::trusted(format!("<code>{}</code>", Html::text(text)))
}

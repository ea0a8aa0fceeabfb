//! The answers that any address may give, because the guards or the frame give them. What is a handler's own, it tells.

use utoipa::{
    ToSchema as _,
    openapi::{
        Content, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder,
        path::Operation,
        schema::{ObjectBuilder, Type},
    },
};

use super::is_secured;
use crate::error::ErrorBody;

/// One of them.
pub(super) struct Common {
    pub(super) name: &'static str,
    pub(super) status: &'static str,
    meaning: &'static str,
    /// A line of the header that comes with it, and what it says.
    header: Option<(&'static str, &'static str)>,
    can_come: fn(&Asked) -> bool,
}

/// What decides which of them can come.
struct Asked {
    is_secured: bool,
    changes: bool,
    has_parameters: bool,
}

/// All of them, by status.
pub(super) const COMMON: [Common; 8] = [
    Common {
        name: "NotUnderstood",
        status: "400",
        meaning: "A parameter or the body cannot be meant; `what` says which, `hint` what it looks like.",
        header: None,
        can_come: |asked| asked.has_parameters,
    },
    Common {
        name: "NotLoggedIn",
        status: "401",
        meaning: "Neither the token nor a session came with the request.",
        header: Some(("WWW-Authenticate", "How to log in: `Bearer`.")),
        can_come: |asked| asked.is_secured,
    },
    Common {
        name: "Refused",
        status: "403",
        meaning: "The request came from a page of another site, or from a session without its `X-CSRF-Token`.",
        header: None,
        can_come: |asked| asked.changes,
    },
    Common {
        name: "TooLarge",
        status: "413",
        meaning: "The body is larger than what is taken here, which is 64 KiB but for uploads.",
        header: None,
        can_come: |asked| asked.changes,
    },
    Common {
        name: "Misdirected",
        status: "421",
        meaning: "The server was called by a name that is not its own; see the setting `host_names`.",
        header: None,
        can_come: |_| true,
    },
    Common {
        name: "TooMany",
        status: "429",
        meaning: "Too many requests in a short time.",
        header: Some(("Retry-After", "After how many seconds to ask again.")),
        can_come: |asked| asked.is_secured,
    },
    Common {
        name: "Failed",
        status: "500",
        meaning: "Something went wrong on the server; its log has the details.",
        header: None,
        can_come: |_| true,
    },
    Common {
        name: "TooSlow",
        status: "504",
        meaning: "The answer took longer than 30 seconds, or 24 hours where something changes.",
        header: None,
        can_come: |_| true,
    },
];

impl Common {
    /// It as a part of the document that others refer to.
    pub(super) fn response(&self) -> Response {
        let body = Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
        let response = ResponseBuilder::new().description(self.meaning).content("application/json", body);
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let Some((name, description)) = self.header else { return response.build() };
        response.header(name, HeaderBuilder::new().schema(Some(text)).description(Some(description)).build()).build()
    }
}

/// Adds those that can come to an operation. What it says itself about a status stands.
pub(super) fn add(operation: &mut Operation, changes: bool) {
    let asked = Asked {
        is_secured: is_secured(operation),
        changes,
        has_parameters: changes || operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()),
    };
    for common in COMMON.iter().filter(|common| (common.can_come)(&asked)) {
        let reference = || RefOr::Ref(Ref::from_response_name(common.name));
        operation.responses.responses.entry(common.status.to_owned()).or_insert_with(reference);
    }
}

//! What the addresses of the API take, as its document says it. [`Parameters`](crate::web::parameters::Parameters) reads the
//! same; `deploy/schemathesis` holds the two together.
#![expect(dead_code, reason = "nobody makes these: only the document is made of them")]

use utoipa::{IntoParams, ToSchema};

use crate::store::Scope;

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// So many items at most; 0 is taken as 1, more than 1000 as 1000.
    #[param(minimum = 0, default = 50)]
    limit: Option<u64>,
    /// Which page of so many items; 0 is taken as 1.
    #[param(minimum = 0, default = 1)]
    page: Option<u64>,
}

/// Which views.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Scoped {
    /// Which views. Advertisements are no views: only `ads` has them.
    #[param(inline)]
    scope: Option<Scope>,
}

/// Which year.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfYear {
    /// Of this year only.
    #[param(minimum = 2004, maximum = 2100, example = 2024)]
    year: Option<u16>,
}

/// Which ranking.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Ranking {
    /// Of this year only.
    #[param(minimum = 2004, maximum = 2100, example = 2024)]
    year: Option<u16>,
    /// Which views.
    #[param(inline)]
    scope: Option<Scope>,
    /// 1 adds one row for all videos whose channel is unknown.
    #[param(minimum = 0, maximum = 1, default = 0)]
    unknown: Option<u8>,
    /// By what it is sorted.
    #[param(inline)]
    sort: Option<Sort>,
    /// Which way; `desc` is usual, but for names.
    #[param(inline)]
    order: Option<Order>,
}

/// By what the ranking is sorted.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", default = "views")]
enum Sort {
    Views,
    Name,
    Unique,
    Rewatched,
    First,
    Last,
}

/// Which way a list is sorted.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Order {
    Asc,
    Desc,
}

/// Which views, and from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Chosen {
    /// Of this month only, such as `2024-06`. A `year` beside it must be the same one.
    #[param(pattern = "^(20[0-9]{2}-)?(0?[1-9]|1[0-2])$", example = "2024-06")]
    month: Option<String>,
    /// Of this year only.
    #[param(minimum = 2004, maximum = 2100)]
    year: Option<u16>,
    /// Of this `channel_id` only; `unknown` for videos whose channel is unknown.
    #[param(min_length = 1)]
    channel: Option<String>,
    /// Which views. Advertisements are no views: only `ads` has them.
    #[param(inline)]
    scope: Option<Scope>,
    /// 0 leaves out videos whose channel is unknown.
    #[param(minimum = 0, maximum = 1, default = 1)]
    unknown: Option<u8>,
    /// Which way; `desc`, the latest first, is usual.
    #[param(inline)]
    order: Option<Order>,
    /// So many items at most; 0 is taken as 1, more than 1000 as 1000.
    #[param(minimum = 0, default = 50)]
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    #[param(pattern = "^[0-9]{1,18}\\.[0-9]{1,18}$")]
    cursor: Option<String>,
}

/// Which import.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfImport {
    /// The `id` of the import.
    #[param(minimum = 1, example = 1)]
    id: i64,
}

/// Whether to wait.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct Preference {
    /// `respond-async` asks not to wait for the end.
    #[param(rename = "Prefer", nullable = false, example = "respond-async")]
    prefer: Option<String>,
}

/// Files of an export.
#[derive(ToSchema)]
pub(super) struct Upload {
    /// Each of the files, with its name.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1)]
    export: Vec<Vec<u8>>,
}

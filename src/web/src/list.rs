//! How the API answers with lists that need no parts. Lists in parts differ in how they go on, so each has its own type.

use serde::Serialize;
use utoipa::ToSchema;

/// A list that is there as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct Whole<T> {
    /// All of it.
    pub items: Vec<T>,
}

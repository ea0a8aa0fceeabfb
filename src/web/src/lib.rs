//! The frame round every page: layout, assets, log-in, guards, errors.
//!
//! It knows nothing of SQLite or of what the pages are about.

pub mod assets;
pub mod auth;
pub mod components;
pub mod document;
pub mod error;
pub mod format;
pub mod frame;
pub mod html;
pub mod list;
pub mod page;
pub mod peer;
pub mod query;
pub mod routes;

mod correlation;
mod guard;
mod login;
mod measure;
mod patterns;
mod protect;
mod rate;

pub use auth::{Auth, LoginCode, Session};
pub use correlation::correlation;
pub use error::WebError;
pub use frame::{Frame, FrameSettings, NavEntry};
pub use html::Html;
pub use list::Whole;
pub use page::Page;
pub use peer::{Peer, Scheme};
pub use protect::{body_limit, own_routes, protect};
pub use query::QueryString;
pub use rate::RateLimit;
pub use routes::{Route, RouteKind, Routes};

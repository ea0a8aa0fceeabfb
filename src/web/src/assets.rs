//! The style sheet, the script and the icon: inside the binary, under addresses that change with their content.
//!
//! It does not compile or minify: what is in `assets/` is what the browser gets.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};
use ytorch_core::hexadecimal;

use crate::WebError;

/// One file of the frame.
#[derive(Debug)]
pub struct Asset {
    /// Its local address, with the hash of its content.
    pub href: String,
    content_type: &'static str,
    content: &'static str,
}

/// The style sheet.
pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("app", "css", "text/css; charset=utf-8", include_str!("assets/app.css")));
/// The script.
pub static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| asset("app", "js", "text/javascript; charset=utf-8", include_str!("assets/app.js")));
/// The icon.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| asset("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

fn asset(name: &str, extension: &str, content_type: &'static str, content: &'static str) -> Asset {
    let hash = hexadecimal(&Sha256::digest(content.as_bytes())[..8]);
    Asset { href: format!("/assets/{name}.{hash}.{extension}"), content_type, content }
}

pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let href = format!("/assets/{file}");
    let Some(asset) = [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.href == href) else {
        return WebError::of_status(StatusCode::NOT_FOUND).into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.content).into_response()
}

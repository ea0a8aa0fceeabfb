//! What several pages share: menus, columns, words for nothing. It asks no store and shows nothing by itself.

use ytorch_web::{
    QueryString,
    components::{Choice, Column, EmptyState, Filter},
};

use crate::store::{Period, Scope};

/// Stands for a channel's key where the channel of no record is known. No key looks like it.
pub(super) const UNKNOWN_CHANNEL: &str = "unknown";

/// The way from the first page to any other.
pub(super) fn crumbs() -> Vec<(String, String)> {
    vec![("/history".to_owned(), "Watch history".to_owned())]
}

/// What stands where rows would stand.
pub(super) fn nothing_found() -> EmptyState {
    EmptyState {
        what: "Nothing was found".to_owned(),
        hint: "Nothing in the history fits. Choose other filters, or import an export.".to_owned(),
        action: Some(("/history/imports".to_owned(), "Import an export".to_owned())),
    }
}

/// The menu of years.
pub(super) fn year_filter(years: &[Period], chosen: Option<i16>) -> Filter {
    let known = years.iter().map(|period| period.year);
    let mut listed: Vec<i16> = known.chain(chosen).collect();
    listed.sort_unstable_by(|one, other| other.cmp(one));
    listed.dedup();
    let name = |year: i16| choice(&year.to_string(), &year.to_string());
    Filter::Select {
        name: "year".to_owned(),
        label: "Year".to_owned(),
        choices: std::iter::once(choice("", "All years")).chain(listed.into_iter().map(name)).collect(),
        chosen: chosen.map_or(String::new(), |year| year.to_string()),
    }
}

/// The menu of scopes, with or without advertisements.
pub(super) fn scope_filter(chosen: Scope, with_ads: bool) -> Filter {
    let name = |scope: Scope| match scope {
        Scope::All => choice("", "Everything"),
        Scope::Videos => choice("videos", "Videos"),
        Scope::Music => choice("music", "Music"),
        Scope::Shorts => choice("shorts", "Shorts"),
        Scope::Ads => choice("ads", "Advertisements"),
    };
    Filter::Select {
        name: "scope".to_owned(),
        label: "Show".to_owned(),
        choices: Scope::ALL.into_iter().filter(|scope| with_ads || *scope != Scope::Ads).map(name).collect(),
        chosen: if chosen == Scope::All { String::new() } else { chosen.word().to_owned() },
    }
}

/// One entry of a menu.
pub(super) fn choice(value: &str, label: &str) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned() }
}

/// What stands where rows would stand, behind the last page.
pub(super) fn beyond_last(address: &QueryString, pages: u64) -> EmptyState {
    EmptyState {
        what: "There is no such page".to_owned(),
        hint: format!("The list has {pages} pages."),
        action: Some((address.clone().with("page", pages).to_string(), "To the last page".to_owned())),
    }
}

/// The columns of a table of years or months. Of advertisements only the number is counted.
pub(super) fn period_columns(first: &str, scope: Scope) -> Vec<Column> {
    let mut columns = vec![
        Column::text(first),
        Column::number("Views"),
        Column::number("Unique videos"),
        Column::number("Rewatched"),
        Column::number("Channels"),
        Column::number("Of unknown channels"),
    ];
    if scope == Scope::Ads {
        columns.truncate(2);
    }
    columns
}

/// An address that keeps the scope, which is left out where it is usual.
pub(super) fn scoped(query: QueryString, scope: Scope) -> QueryString {
    if scope == Scope::All { query } else { query.with("scope", scope.word()) }
}

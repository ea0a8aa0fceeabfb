//! What addresses say behind the question mark: read with words for what cannot be meant. It asks no store.

use std::{ops::RangeInclusive, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use ytorch_core::{Timestamp, Zone};
use ytorch_web::{QueryString, WebError, components::Order};

use crate::{model, store::Scope};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 1000;
/// Pages behind this one hold nothing: no history has so many rows.
const LAST_PAGE: u64 = 10_000_000;

/// Years outside this range are typing mistakes. In local time a view can fall into the year before or after.
pub(super) const YEARS: RangeInclusive<i16> = *model::YEARS.start() - 1..=*model::YEARS.end() + 1;

/// The query parameters of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

/// The part of time that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Everything.
    All,
    /// A local year.
    Year(i16),
    /// A local month, 1 to 12.
    Month(i16, i8),
}

impl Span {
    /// The numbers as the table of periods has them; 0 stands for all.
    pub(super) fn numbers(self) -> (i16, i8) {
        match self {
            Self::All => (0, 0),
            Self::Year(year) => (year, 0),
            Self::Month(year, month) => (year, month),
        }
    }

    /// The first instant, and the first one behind.
    pub(super) fn bounds(self, zone: &Zone) -> (Timestamp, Timestamp) {
        match self {
            Self::All => (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX)),
            Self::Year(year) => (zone.month_start(year, 1), zone.month_start(year, 13)),
            Self::Month(year, month) => (zone.month_start(year, month), zone.month_start(year, month + 1)),
        }
    }
}

impl Parameters {
    /// A parameter that is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is `1` or `0`, or what is usual.
    pub(super) fn flag(&self, name: &str, usual: bool) -> Result<bool, WebError> {
        match self.text(name) {
            None => Ok(usual),
            Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(word) => Err(not_meant(name, word)),
        }
    }

    /// `limit`: 50 unless something else is asked for, never less than 1 or more than 1000.
    pub(super) fn limit(&self) -> Result<u32, WebError> {
        let limit = self.count("limit")?;
        Ok(limit.map_or(DEFAULT_LIMIT, |limit| u32::try_from(limit).unwrap_or(LARGEST_LIMIT).clamp(1, LARGEST_LIMIT)))
    }

    /// `page`: the first is 1.
    pub(super) fn page(&self) -> Result<u64, WebError> {
        Ok(self.count("page")?.unwrap_or(1).clamp(1, LAST_PAGE))
    }

    /// A number from 0 on, as large as the API's document says: 63 bits.
    fn count(&self, name: &str) -> Result<Option<u64>, WebError> {
        let number = self.parsed::<i64>(name)?;
        number.map(|number| u64::try_from(number).map_err(|_| not_meant(name, &number.to_string()))).transpose()
    }

    /// `year`, if one is asked for.
    pub(super) fn year(&self) -> Result<Option<i16>, WebError> {
        match self.parsed("year")? {
            Some(year) if !YEARS.contains(&year) => Err(not_meant("year", &year.to_string())),
            year => Ok(year),
        }
    }

    /// `month=2024-06`, or `year=2024&month=6`, or `year=2024`, or nothing. A month without any year means nothing.
    pub(super) fn span(&self) -> Result<Span, WebError> {
        let year = self.year()?;
        let Some(text) = self.text("month") else {
            return Ok(year.map_or(Span::All, Span::Year));
        };
        let wrong = || not_meant("month", text);
        let (own_year, month) = match text.split_once('-') {
            Some((year, month)) => (Some(year.parse::<i16>().map_err(|_| wrong())?), month),
            None => (None, text),
        };
        let month = month.parse::<i8>().ok().filter(|month| (1..=12).contains(month)).ok_or_else(wrong)?;
        let contradicts = own_year.zip(year).is_some_and(|(own, other)| own != other);
        if contradicts || own_year.is_some_and(|year| !YEARS.contains(&year)) {
            return Err(wrong());
        }
        Ok(own_year.or(year).map_or(Span::All, |year| Span::Month(year, month)))
    }

    /// `scope`: everything unless something else is asked for.
    pub(super) fn scope(&self) -> Result<Scope, WebError> {
        self.text("scope").map_or(Ok(Scope::All), |word| Scope::from_word(word).ok_or_else(|| not_meant("scope", word)))
    }

    /// `sort`: one of the names, the first unless something else is asked for.
    pub(super) fn sort<T: Copy>(&self, names: &[(&'static str, T)]) -> Result<(&'static str, T), WebError> {
        let Some(word) = self.text("sort") else { return Ok(names[0]) };
        names.iter().find(|(name, _)| *name == word).copied().ok_or_else(|| not_meant("sort", word))
    }

    /// `order`: `asc` or `desc`, or what is usual.
    pub(super) fn order(&self, usual: Order) -> Result<Order, WebError> {
        match self.text("order") {
            None => Ok(usual),
            Some("asc") => Ok(Order::Ascending),
            Some("desc") => Ok(Order::Descending),
            Some(word) => Err(not_meant("order", word)),
        }
    }

    /// A parameter that must be of a certain form where it is there.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, WebError> {
        self.text(name).map(|text| text.parse().map_err(|_| not_meant(name, text))).transpose()
    }

    /// Forms send whatever was left empty, so for pages that is as good as nothing. Programs do not mean it.
    fn without_empty(mut self, path: &str) -> Result<Self, WebError> {
        let empty = self.0.iter().find(|(_, value)| value.is_empty()).filter(|_| path.starts_with("/api/"));
        if let Some((name, _)) = empty {
            let shown: String = name.chars().take(40).collect();
            return Err(WebError::bad_request(format!("`{shown}` is empty"), "leave it out, or say what is meant"));
        }
        self.0.retain(|(_, value)| !value.is_empty());
        Ok(self)
    }

    /// The address of this page with those of its parameters that are named.
    pub(super) fn address(&self, path: &str, names: &[&str]) -> QueryString {
        let pairs = names.iter().filter_map(|name| Some((name, self.text(name)?)));
        pairs.fold(QueryString::new(path), |query, (name, value)| query.with(name, value))
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let Query(pairs) = Query::try_from_uri(&parts.uri).map_err(|_| {
            WebError::bad_request("the address cannot be read", "start from the first page, and use its links")
        })?;
        Self(pairs).without_empty(parts.uri.path())
    }
}

fn not_meant(name: &str, text: &str) -> WebError {
    let hint = match name {
        "month" => "a month looks like 2024-06",
        "year" => "a year looks like 2024",
        "scope" => "it is one of all, videos, music, shorts, ads",
        "order" => "it is asc or desc",
        "sort" => "the heads of the table lead to what it can be",
        "unknown" => "it is 0 or 1",
        "limit" | "page" => "it is a number from 1 on",
        "cursor" => "it is the next_cursor of the answer before",
        _ => "start from the first page, and use its links",
    };
    let shown: String = text.chars().take(40).collect();
    WebError::bad_request(format!("`{shown}` cannot be meant as `{name}`"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Parameters(pairs.collect()).without_empty("/history/views").unwrap()
    }

    #[test]
    fn only_forms_may_send_what_was_left_empty() {
        let empty = || Parameters(vec![("scope".to_owned(), String::new())]);
        assert_eq!(empty().without_empty("/history/views").unwrap().scope().ok(), Some(Scope::All));
        assert_eq!(
            empty().without_empty("/api/v1/history/views").map_err(|error| error.status.as_u16()).err(),
            Some(400)
        );
    }

    #[test]
    fn months_are_read_in_either_form() {
        let span = |pairs: &[(&str, &str)]| parameters(pairs).span().map_err(|error| error.status.as_u16());
        assert_eq!(span(&[("month", "2024-06")]), Ok(Span::Month(2024, 6)));
        assert_eq!(span(&[("year", "2023"), ("month", "6")]), Ok(Span::Month(2023, 6)));
        assert_eq!(span(&[("year", "2023"), ("month", "")]), Ok(Span::Year(2023)));
        assert_eq!(span(&[("year", ""), ("month", "6")]), Ok(Span::All));
        assert_eq!(span(&[("year", "2024"), ("month", "2024-06")]), Ok(Span::Month(2024, 6)));
        assert_eq!(span(&[("year", "2023"), ("month", "2024-06")]), Err(400));
        for wrong in ["2024-13", "2003-01", "2101-01", "x", "2024-", "-1", "99999-01", "2024-06-01"] {
            assert_eq!(span(&[("month", wrong)]), Err(400), "{wrong}");
        }
    }

    #[test]
    fn limits_and_pages_are_kept_in_bounds() {
        let limit = |text| parameters(&[("limit", text)]).limit().map_err(|error| error.status.as_u16());
        assert_eq!(["", "0", "7", "99999999999"].map(limit), [Ok(50), Ok(1), Ok(7), Ok(1000)]);
        assert_eq!(limit("-1"), Err(400));
        assert_eq!(parameters(&[("page", "0")]).page().ok(), Some(1));
    }
}

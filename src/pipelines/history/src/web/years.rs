//! The history by years: a chart and a table of the same numbers. It counts nothing.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use ytorch_pipeline::Services;
use ytorch_web::{
    Html, Page, QueryString, WebError,
    components::{EmptyState, FilterBar, Heading, Table},
    format,
};

use super::{
    ask,
    parameters::Parameters,
    parts::{crumbs, nothing_found, period_columns, scope_filter, scoped},
};
use crate::store::{Period, Scope, periods};

const PATH: &str = "/history/years";

#[derive(Template)]
#[template(path = "years.html")]
struct YearsView {
    heading: Heading,
    filters: FilterBar,
    chart: Html,
    table: Option<Table>,
    empty: EmptyState,
}

pub(super) async fn show(State(services): State<Services>, parameters: Parameters) -> Result<Page, WebError> {
    let scope = parameters.scope()?;
    let found = ask(&services, move |connection| periods::years(connection, scope)).await?;
    let years = without_gaps(&found);
    let view = YearsView {
        heading: Heading {
            crumbs: crumbs(),
            title: "Years".to_owned(),
            lead: Some(format!("A year counts in {}.", services.frame.zone().name())),
        },
        filters: FilterBar { query: parameters.address(PATH, &["scope"]), filters: vec![scope_filter(scope, true)] },
        chart: chart(&found, scope),
        table: (!years.is_empty()).then(|| table(&years, scope)),
        empty: nothing_found(),
    };
    Page::render("Years", &view)
}

/// Columns from the first year to the last, each a link to the months of the year.
pub(super) fn chart(found: &[Period], scope: Scope) -> Html {
    let column = |year: &Period| ytorch_chart::Column {
        label: year.year.to_string(),
        count: year.views,
        href: Some(months_of(year.year, scope).to_string()),
    };
    let columns: Vec<_> = without_gaps(found).iter().rev().map(column).collect();
    Html::trusted(ytorch_chart::columns(&columns, "Views by year"))
}

/// Every year between the first and the last one, newest first; those in which nothing was watched are all zero.
fn without_gaps(found: &[Period]) -> Vec<Period> {
    let by_year: HashMap<i16, Period> = found.iter().map(|period| (period.year, *period)).collect();
    let (Some(first), Some(last)) = (by_year.keys().min(), by_year.keys().max()) else {
        return Vec::new();
    };
    let of = |year| by_year.get(&year).copied().unwrap_or(Period { year, ..Period::default() });
    (*first..=*last).rev().map(of).collect()
}

fn table(years: &[Period], scope: Scope) -> Table {
    let row = |year: &Period| {
        let link = |path: &str, text: &str| {
            Html::link(&scoped(QueryString::new(path).with("year", year.year), scope).to_string(), text)
        };
        vec![
            Html::link(&months_of(year.year, scope).to_string(), &year.year.to_string()),
            link("/history/views", &format::number(year.views)),
            format::number(year.unique_videos).into(),
            format::number(year.rewatched_videos).into(),
            link("/history/channels", &format::number(year.ranked_channels)),
            format::number(year.views_of_unknown_channel).into(),
        ]
    };
    Table {
        caption: "Years and what was watched in them".to_owned(),
        columns: period_columns("Year", scope),
        rows: years.iter().map(row).collect(),
        sorting: None,
    }
}

fn months_of(year: i16, scope: Scope) -> QueryString {
    scoped(QueryString::new("/history/months").with("year", year), scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_without_views_are_filled_in() {
        let period = |year, views| Period { year, views, ..Period::default() };
        let filled = without_gaps(&[period(2024, 3), period(2021, 5)]);
        let shown: Vec<_> = filled.iter().map(|period| (period.year, period.views)).collect();
        assert_eq!(shown, [(2024, 3), (2023, 0), (2022, 0), (2021, 5)]);
        assert!(without_gaps(&[]).is_empty());
    }
}

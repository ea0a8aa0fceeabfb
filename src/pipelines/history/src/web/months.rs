//! The history by months: bars that lead to the views of a month, and a table of the same numbers. It counts nothing.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use ytorch_chart::{MonthBar, month_bars};
use ytorch_pipeline::Services;
use ytorch_web::{
    Html, Page, QueryString, WebError,
    components::{EmptyState, FilterBar, Heading, Table},
    format,
};

use super::{
    ask,
    parameters::Parameters,
    parts::{crumbs, nothing_found, period_columns, scope_filter, scoped, year_filter},
};
use crate::store::{Period, Scope, periods};

const PATH: &str = "/history/months";

#[derive(Template)]
#[template(path = "months.html")]
struct MonthsView {
    heading: Heading,
    filters: FilterBar,
    chart: Html,
    table: Option<Table>,
    empty: EmptyState,
}

pub(super) async fn show(State(services): State<Services>, parameters: Parameters) -> Result<Page, WebError> {
    let (scope, year) = (parameters.scope()?, parameters.year()?);
    let (found, years) = ask(&services, move |connection| {
        Ok((periods::months(connection, year, scope)?, periods::years(connection, Scope::All)?))
    })
    .await?;
    let months = without_gaps(&found);
    let title = year.map_or("Months".to_owned(), |year| format!("Months of {year}"));
    let view = MonthsView {
        heading: Heading {
            crumbs: crumbs(),
            title: title.clone(),
            lead: Some("Newest first. A bar leads to the views of its month.".to_owned()),
        },
        filters: FilterBar {
            query: parameters.address(PATH, &["scope", "year"]),
            filters: vec![year_filter(&years, year), scope_filter(scope, true)],
        },
        chart: chart(&months, scope),
        table: (!months.is_empty()).then(|| table(&months, scope)),
        empty: nothing_found(),
    };
    Page::render(title, &view)
}

/// Every month between the first and the last one, newest first; those in which nothing was watched are all zero.
fn without_gaps(found: &[Period]) -> Vec<Period> {
    let position = |period: &Period| i32::from(period.year) * 12 + i32::from(period.month) - 1;
    let known: HashMap<i32, Period> = found.iter().map(|period| (position(period), *period)).collect();
    let (Some(first), Some(last)) = (known.keys().min(), known.keys().max()) else {
        return Vec::new();
    };
    let of = |position: i32| {
        let year = i16::try_from(position / 12).unwrap_or_default();
        let month = i8::try_from(position % 12 + 1).unwrap_or_default();
        known.get(&position).copied().unwrap_or(Period { year, month, ..Period::default() })
    };
    (*first..=*last).rev().map(of).collect()
}

fn chart(months: &[Period], scope: Scope) -> Html {
    let bar = |month: &Period| MonthBar {
        year: month.year,
        month: month.month,
        count: month.views,
        href: views_of(month, scope),
    };
    Html::trusted(month_bars(&months.iter().map(bar).collect::<Vec<_>>(), "Views by month"))
}

fn table(months: &[Period], scope: Scope) -> Table {
    let row = |month: &Period| {
        let name = format!("{:.3} {}", format::month_name(month.month), month.year);
        vec![
            Html::link(&views_of(month, scope), &name),
            format::number(month.views).into(),
            format::number(month.unique_videos).into(),
            format::number(month.rewatched_videos).into(),
            format::number(month.ranked_channels).into(),
            format::number(month.views_of_unknown_channel).into(),
        ]
    };
    Table {
        caption: "Months and what was watched in them".to_owned(),
        columns: period_columns("Month", scope),
        rows: months.iter().map(row).collect(),
        sorting: None,
    }
}

fn views_of(month: &Period, scope: Scope) -> String {
    let name = format!("{}-{:02}", month.year, month.month);
    scoped(QueryString::new("/history/views").with("month", name), scope).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_without_views_are_filled_in_across_the_turn_of_the_year() {
        let period = |year, month| Period { year, month, views: 1, ..Period::default() };
        let filled = without_gaps(&[period(2024, 2), period(2023, 11)]);
        let shown: Vec<_> = filled.iter().map(|period| (period.year, period.month, period.views)).collect();
        assert_eq!(shown, [(2024, 2, 1), (2024, 1, 0), (2023, 12, 0), (2023, 11, 1)]);
    }
}

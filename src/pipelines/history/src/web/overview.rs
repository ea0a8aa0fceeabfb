//! The first page: the history in a few numbers, or how to get one. It counts nothing.

use askama::Template;
use axum::extract::State;
use ytorch_core::{Timestamp, Zone};
use ytorch_pipeline::Services;
use ytorch_web::{
    Html, Page, Session, WebError,
    components::{Heading, Table, Tile, Tiles, UploadZone},
    format,
};

use super::{
    ask,
    imports::{import_table, upload_zone},
};
use crate::store::{Channel, ChannelOrder, ChannelQuery, Import, Period, Scope, channels, imports, periods};

const TOP: ChannelQuery = ChannelQuery {
    year: None,
    scope: Scope::All,
    include_unknown: false,
    order: ChannelOrder::Views,
    descending: true,
    limit: 10,
    offset: 0,
};

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewView {
    heading: Heading,
    tiles: Tiles,
    years: Html,
    channels: Table,
    last_import: Option<Table>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomeView {
    heading: Heading,
    upload: UploadZone,
    last_import: Option<Table>,
}

struct Facts {
    all: Period,
    music: Period,
    shorts: Period,
    ads: Period,
    bounds: Option<(Timestamp, Timestamp)>,
    years: Vec<Period>,
    channels: Vec<Channel>,
    last_import: Option<Import>,
}

pub(super) async fn show(State(services): State<Services>, session: Session) -> Result<Page, WebError> {
    let facts = ask(&services, |connection| {
        let of = |scope| periods::find(connection, 0, 0, scope);
        Ok(Facts {
            all: of(Scope::All)?,
            music: of(Scope::Music)?,
            shorts: of(Scope::Shorts)?,
            ads: of(Scope::Ads)?,
            bounds: periods::bounds(connection)?,
            years: periods::years(connection, Scope::All)?,
            channels: channels::list(connection, &TOP)?,
            last_import: imports::list(connection, 1, 0)?.pop(),
        })
    })
    .await?;
    let zone = services.frame.zone();
    let last_import = facts.last_import.clone().map(|import| {
        let import = import.with_progress(|job| services.queue.progress(job));
        import_table(&[import], zone, "The last import")
    });
    let Some(bounds) = facts.bounds else {
        let view = WelcomeView {
            heading: Heading {
                title: "Your watch history".to_owned(),
                lead: Some("Nothing is imported yet. It takes one file from Google Takeout.".to_owned()),
                ..Heading::default()
            },
            upload: upload_zone(&session),
            last_import,
        };
        return Page::render("Watch history", &view);
    };
    let lead = format!(
        "From {} to {}; days, months and years are counted in {}.",
        format::date(bounds.0, zone),
        format::date(bounds.1, zone),
        zone.name()
    );
    let view = OverviewView {
        heading: Heading { title: "Watch history".to_owned(), lead: Some(lead), ..Heading::default() },
        tiles: tiles(&facts, bounds, zone),
        years: super::years::chart(&facts.years, Scope::All),
        channels: super::channels::short_ranking(&facts.channels, &TOP),
        last_import,
    };
    Page::render("Watch history", &view)
}

fn tiles(facts: &Facts, (first, last): (Timestamp, Timestamp), zone: &Zone) -> Tiles {
    let Facts { all, music, shorts, ads, .. } = facts;
    let tile = |label: &str, value: String, note: Option<String>, href: &str| Tile {
        label: label.to_owned(),
        value,
        note,
        href: Some(href.to_owned()),
    };
    let share = |views: u64| Some(format!("{} of all views", format::percent(views, all.views)));
    Tiles {
        tiles: vec![
            tile("Views", format::number(all.views), None, "/history/views"),
            Tile {
                label: "Unique videos".to_owned(),
                value: format::number(all.unique_videos),
                note: Some(format!("{} rewatched", format::number(all.rewatched_videos))),
                href: None,
            },
            tile("Channels", format::number(all.ranked_channels), None, "/history/channels"),
            tile("Music", format::number(music.views), share(music.views), "/history/views?scope=music"),
            tile("Shorts", format::number(shorts.views), share(shorts.views), "/history/views?scope=shorts"),
            tile(
                "Of unknown channels",
                format::number(all.views_of_unknown_channel),
                share(all.views_of_unknown_channel),
                "/history/views?channel=unknown",
            ),
            tile(
                "Advertisements",
                format::number(ads.views),
                Some("not among the views".to_owned()),
                "/history/views?scope=ads",
            ),
            tile("First view", format::date(first, zone), None, "/history/views?order=asc"),
            tile("Last view", format::date(last, zone), None, "/history/views"),
        ],
    }
}

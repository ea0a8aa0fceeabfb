//! Every number of the API against the truth file and the recount, for every shape of export. Pages are not looked at.

use std::collections::BTreeMap;

use serde_json::Value;
use ytorch_tests::{
    Client, Export, Figures, Instance, Recipe, Recount,
    generator::Form,
    recount::{ChannelFigures, second},
    truth::Truth,
};

#[test]
fn plain_exports_of_three_seeds() {
    for seed in 1..=3 {
        proves(&Recipe::new(4_000, seed).json());
    }
}

#[test]
fn wild_exports_of_three_seeds() {
    for seed in 1..=3 {
        proves(&Recipe::new(4_000, seed).wild().json());
    }
}

#[test]
fn a_larger_export() {
    proves(&Recipe::new(20_000, 1).wild().json());
}

#[test]
fn every_language() {
    for locale in ["de", "en", "es", "fr", "it", "ja", "nl", "pt"] {
        proves(&Recipe::new(2_000, 1).wild().with(&["--locale", locale]).make(Form::Zip));
    }
}

#[test]
fn archives() {
    for form in [Form::Zip, Form::ZipParts(2), Form::Tgz] {
        proves(&Recipe::new(2_000, 2).wild().make(form));
    }
}

#[test]
fn pages_of_both_layouts() {
    for form in [Form::Html, Form::HtmlOld] {
        proves(&Recipe::new(2_000, 3).wild().make(form));
    }
}

#[test]
fn a_byte_order_mark_and_records_out_of_order() {
    proves(&Recipe::new(2_000, 1).with(&["--bom"]).json());
    proves(&Recipe::new(2_000, 1).with(&["--disorder", "500"]).json());
}

#[test]
fn a_year_counts_in_the_instance_s_own_time_zone() {
    let export = Recipe::new(4_000, 2).json();
    let figures = Recount::read(&[&export.json]).of_views();
    let berlin = Instance::start_with(&["--time-zone", "Europe/Berlin"]);
    let client = berlin.client();
    client.import(&export.files);
    assert_eq!(periods(&client, "months", "month"), figures.months_berlin);
    assert_eq!(periods(&client, "years", "year"), Figures::years(&figures.months_berlin));
    assert_ne!(
        figures.months_berlin, figures.months_utc,
        "an export in which the zone makes no difference proves little"
    );
}

#[test]
fn a_later_export_adds_only_what_is_new_in_either_order() {
    let earlier = Recipe::new(4_000, 3);
    let later = earlier.clone().with(&["--append", "600", "--drift", "--trim", "300"]);
    let (earlier, later) = (earlier.json(), later.json());
    let union = Truth::of_union(&later.truth);
    let figures = Recount::read(&[&earlier.json, &later.json]).of_views();
    for order in [[&earlier, &later], [&later, &earlier]] {
        let instance = Instance::start();
        let client = instance.client();
        let added: u64 = order.iter().map(|export| count(&client.import(&export.files)["views_added"])).sum();
        assert_eq!(added, union.count("views_distinct_second_video"));
        summary_matches(&client, &figures);
        assert_eq!(periods(&client, "months", "month"), figures.months_utc);
        ranking_matches(&client, &figures);
    }
}

#[test]
fn what_was_known_is_not_forgotten_when_a_later_export_has_lost_it() {
    let earlier = Recipe::new(4_000, 3);
    let later = earlier.clone().with(&["--append", "600", "--drift", "--trim", "300"]).json();
    let earlier = earlier.json();
    let instance = Instance::start();
    let client = instance.client();
    client.import(&earlier.files);
    let before = client.all_views("");
    client.import(&later.files);
    let after: BTreeMap<_, _> =
        client.all_views("").into_iter().map(|view| ((view.second, view.video.clone()), view)).collect();
    for view in before {
        let now = &after[&(view.second, view.video.clone())];
        assert!(now.title.is_some() >= view.title.is_some(), "{view:?} lost its title");
        assert!(view.channel.is_none() || now.channel == view.channel, "{view:?} became {now:?}");
        let retitled = || now.title == view.title.as_ref().map(|title| format!("{title} [updated]"));
        assert!(view.title.is_none() || now.title == view.title || retitled(), "{view:?} became {now:?}");
    }
}

/// Imports an export into an instance of its own and compares everything.
fn proves(export: &Export) {
    let instance = Instance::start();
    let client = instance.client();
    let truth = Truth::of_file(&export.truth);
    let import = client.import(&export.files);
    assert_eq!(count(&import["records_total"]), truth.count("records_total"), "{export:?}");
    assert_eq!(import["skipped"], *truth.skipped(), "{export:?}");
    assert_eq!(import["rejected"], 0, "{export:?}");
    assert_eq!(count(&import["views_added"]), truth.count("views_distinct_second_video"), "{export:?}");

    let figures = Recount::read(&[&export.json]).of_views();
    summary_matches(&client, &figures);
    let summary = client.json("/api/v1/history/summary");
    let seconds = |value: &Value| second(value.as_str().expect("an instant is text"));
    assert_eq!(seconds(&summary["first_view_at"]), second(truth.instant("first_view")), "{export:?}");
    assert_eq!(seconds(&summary["last_view_at"]), second(truth.instant("last_view")), "{export:?}");
    assert_eq!(periods(&client, "months", "month"), figures.months_utc, "{export:?}");
    assert_eq!(periods(&client, "years", "year"), Figures::years(&figures.months_utc), "{export:?}");
    ranking_matches(&client, &figures);

    let again = client.import(&export.files);
    assert_eq!(again["views_added"], 0, "a second import of {export:?}");
    summary_matches(&client, &figures);
}

fn summary_matches(client: &Client, figures: &Figures) {
    let summary = client.json("/api/v1/history/summary");
    let expected = [
        ("views", figures.views),
        ("views_music", figures.music),
        ("views_shorts", figures.shorts),
        ("views_without_channel", figures.without_channel),
        ("unique_videos", figures.unique_videos),
        ("unique_channels", figures.channels.len() as u64),
        ("rewatched_videos", figures.rewatched_videos),
    ];
    for (name, number) in expected {
        assert_eq!(summary[name], number, "`{name}` in {summary}");
    }
    assert_eq!(second(summary["first_view_at"].as_str().expect("there are views")), figures.first);
    assert_eq!(second(summary["last_view_at"].as_str().expect("there are views")), figures.last);
}

/// Compares the top 20, with all figures of each channel. Channels known only by a handle are not in the recount.
fn ranking_matches(client: &Client, figures: &Figures) {
    let answer = client.json("/api/v1/history/channels?limit=40");
    let items = answer["items"].as_array().expect("a ranking has items");
    let known: Vec<&Value> =
        items.iter().filter(|item| item["channel_id"].as_str().is_some_and(|id| id.starts_with("UC"))).collect();
    let expected = figures.ranking();
    assert!(known.len() >= 20, "too short a ranking: {answer}");
    for (item, (id, views)) in known.iter().zip(&expected).take(20) {
        assert_eq!(item["channel_id"], id.as_str(), "{item}");
        assert_eq!(item["views"], *views, "{item}");
        let found = ChannelFigures {
            views: count(&item["views"]),
            unique_videos: count(&item["unique_videos"]),
            rewatched_videos: count(&item["rewatched_videos"]),
            first: second(item["first_view_at"].as_str().expect("a channel has a first view")),
            last: second(item["last_view_at"].as_str().expect("a channel has a last view")),
        };
        assert_eq!(found, figures.channels[id], "{item}");
    }
}

/// Views per year or month; periods without views do not matter.
fn periods(client: &Client, list: &str, name: &str) -> BTreeMap<String, u64> {
    let answer = client.json(&format!("/api/v1/history/{list}"));
    let items = answer["items"].as_array().expect("a list has items").iter();
    let key = |item: &Value| item[name].as_str().map_or_else(|| item[name].to_string(), str::to_owned);
    items.map(|item| (key(item), count(&item["views"]))).filter(|(_, views)| *views > 0).collect()
}

fn count(value: &Value) -> u64 {
    value.as_u64().expect("a count is a whole number")
}

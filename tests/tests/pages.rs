//! What the pages say and where they lead: every link works, every bar leads to as many rows as it says, and paging shows
//! each row once.

use std::{
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::Write as _,
};

use serde_json::json;
use ytorch_tests::{Client, Instance, Recipe};

/// Pages that the crawl looks at: all of a small history, but for the combinations of its filters.
const PAGES: usize = 400;

fn with_history() -> Instance {
    let instance = Instance::start();
    instance.client().import(&Recipe::new(1_500, 7).wild().json().files);
    instance
}

fn page(client: &Client, path: &str) -> String {
    let reply = client.get(path);
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.body
}

/// The values of an attribute, in the order of the page, without their character references.
fn values<'a>(html: &'a str, attribute: &str) -> impl Iterator<Item = String> + 'a {
    let start = format!(" {attribute}=\"");
    let values: Vec<&str> = html.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    values.into_iter().map(|value| value.replace("&amp;", "&").replace("&#38;", "&"))
}

fn rows(html: &str) -> usize {
    let body = html.split("<tbody>").nth(1).and_then(|rest| rest.split("</tbody>").next()).unwrap_or_default();
    body.matches("<tr>").count()
}

#[test]
fn every_link_of_every_page_works() {
    let instance = with_history();
    let client = instance.client();
    // `/` only leads on.
    let mut found = BTreeSet::from(["/".to_owned(), "/history".to_owned()]);
    let mut waiting = VecDeque::from(["/history".to_owned()]);
    let mut seen = 0;
    while let Some(path) = waiting.pop_front().filter(|_| seen < PAGES) {
        seen += 1;
        let html = page(&client, &path);
        assert_eq!(html.matches("<h1").count(), 1, "{path} needs one heading");
        assert!(html.trim_end().ends_with("</html>"), "{path} is cut off");
        let is_page =
            |link: &String| link.starts_with('/') && !["/assets/", "/api/"].iter().any(|not| link.starts_with(not));
        for link in values(&html, "href").filter(is_page) {
            if found.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    assert_eq!(seen, PAGES, "the crawl came to an end too early");
}

#[test]
fn every_bar_leads_to_as_many_views_as_it_says() {
    let instance = with_history();
    let client = instance.client();
    for scope in ["", "?scope=music"] {
        let html = page(&client, &format!("/history/months{scope}"));
        let chart = html.split("<svg class=\"chart\"").nth(1).unwrap().split("</svg>").next().unwrap();
        let bars: Vec<(String, String)> = values(chart, "href").zip(values(chart, "aria-label").skip(1)).collect();
        assert!(bars.len() > 12, "too few bars: {bars:?}");
        for (href, label) in bars.iter().step_by(5) {
            let count = label.rsplit(' ').next().unwrap();
            let views = page(&client, href);
            assert!(views.contains(&format!("{count} views.")), "{label} leads to {href}, which says something else");
            assert_eq!(rows(&views), count.replace(',', "").parse::<usize>().unwrap().min(50), "{href}");
        }
    }
}

#[test]
fn a_channel_has_no_advertisements() {
    let instance = with_history();
    let client = instance.client();
    let channel =
        client.json("/api/v1/history/channels?limit=1")["items"][0]["channel_id"].as_str().unwrap().to_owned();
    for channel in [channel.as_str(), "unknown"] {
        assert_eq!(rows(&page(&client, &format!("/history/views?scope=ads&channel={channel}"))), 0, "{channel}");
    }
    assert_eq!(rows(&page(&client, "/history/views?scope=ads")), 50);
}

#[test]
fn paging_shows_every_row_once() {
    let instance = with_history();
    let client = instance.client();
    let views = client.json("/api/v1/history/summary")["views"].as_u64().unwrap();
    for query in ["limit=100", "limit=100&order=asc", "limit=100&sort=title", "limit=100&unknown=0"] {
        let mut next = Some(format!("/history/views?{query}"));
        let mut times = Vec::new();
        while let Some(path) = next {
            let html = page(&client, &path);
            let table = html.split("<tbody>").nth(1).unwrap_or_default();
            times.extend(table.split("<tr>").skip(1).map(|row| row.split("</tr>").next().unwrap().to_owned()));
            let link = html.split("rel=\"next\"").nth(1).map(|rest| values(rest, "href").next().unwrap());
            next = link;
        }
        let all = times.len();
        if query.ends_with("unknown=0") {
            let unknown = client.json("/api/v1/history/summary")["views_of_unknown_channel"].as_u64().unwrap();
            assert_eq!(all as u64, views - unknown, "{query}");
        } else {
            assert_eq!(all as u64, views, "{query}");
        }
        // Rows show minutes, so equal ones are possible, but not many.
        times.sort_unstable();
        times.dedup();
        assert!(times.len() + 10 > all, "{query}: {} of {all} rows differ", times.len());
    }
}

#[test]
fn a_sorted_list_has_what_an_import_brought_in_between() {
    let instance = with_history();
    let client = instance.client();
    let all = |client: &Client| {
        let views = client.json("/api/v1/history/summary")["views"].as_u64().unwrap();
        let shown: usize = (1..=4)
            .map(|number| rows(&page(client, &format!("/history/views?sort=title&limit=1000&page={number}"))))
            .sum();
        assert_eq!(shown as u64, views);
        views
    };
    let before = all(&client);
    client.import(&Recipe::new(1_500, 8).json().files);
    assert!(all(&client) > before, "the second export brought nothing");
}

#[test]
fn a_ranking_keeps_its_filters_and_agrees_with_the_api() {
    let instance = with_history();
    let client = instance.client();
    let html = page(&client, "/history/channels?year=2024&scope=videos&limit=20");
    let ranking = client.json("/api/v1/history/channels?year=2024&scope=videos&limit=20");
    let names = ranking["items"].as_array().unwrap().iter().filter_map(|channel| channel["channel_id"].as_str());
    let mut place = 0;
    for name in names {
        let found = html[place..].find(&format!("channel={}", name.replace('@', "%40")));
        place += found.unwrap_or_else(|| panic!("{name} is not there, or not in its place"));
    }
    // Other orders are kept sorted, page by page; they show the same channels.
    let keys = |path: &str| -> BTreeSet<String> {
        let html = page(&client, path);
        let table = html.split("<tbody>").nth(1).unwrap_or_default().to_owned();
        values(&table, "href").filter(|link| link.contains("channel=")).collect()
    };
    let all = |sort: &str| -> BTreeSet<String> {
        (1..=5).flat_map(|number| keys(&format!("/history/channels?limit=200&sort={sort}&page={number}"))).collect()
    };
    let by_views = all("views");
    assert!(by_views.len() > 200, "too few channels to prove anything");
    for sort in ["name", "unique", "rewatched", "first", "last"] {
        assert_eq!(all(sort), by_views, "{sort}");
    }
    let heads = html.split("<thead>").nth(1).unwrap().split("</thead>").next().unwrap();
    for link in values(heads, "href") {
        for kept in ["year=2024", "scope=videos", "limit=20", "sort="] {
            assert!(link.contains(kept), "{link} lost {kept}");
        }
    }
}

#[test]
fn an_impossible_date_is_rejected_and_breaks_no_page() {
    let instance = with_history();
    let client = instance.client();
    let at = |time: &str| json!({"header": "YouTube", "title": "Watched x", "titleUrl": "https://www.youtube.com/watch?v=x", "time": time});
    let export = json!([
        at("0001-01-01T00:00:00Z"),
        at("2004-12-31T23:59:59Z"),
        at("2100-01-01T00:00:00Z"),
        at("9999-12-31T23:59:59Z"),
        at("2005-01-01T00:00:00Z"),
        at("2099-12-31T23:59:59Z")
    ]);
    let path = instance.folder().join("times.json");
    File::create(&path).unwrap().write_all(export.to_string().as_bytes()).unwrap();
    let import = client.import(&[path]);
    assert_eq!((&import["views_added"], &import["rejected"]), (&2.into(), &4.into()));
    for period in ["/history/years", "/history/months"] {
        let html = page(&client, period);
        assert!(html.len() < 1_000_000, "{period} has {} bytes", html.len());
        for link in values(&html, "href").filter(|link| link.contains("2005") || link.contains("2099")) {
            page(&client, &link);
        }
    }
}

#[test]
fn titles_and_names_are_text_and_never_markup() {
    let instance = Instance::start();
    let client = instance.client();
    let evil = "<script>alert(1)</script> & \"quotes\" 'single' \u{202e}rtl 👩‍👩‍👧";
    let export = json!([{
        "header": "YouTube", "title": format!("Watched {evil}"), "titleUrl": "https://www.youtube.com/watch?v=abcdefghijk",
        "subtitles": [{"name": evil, "url": "https://www.youtube.com/channel/UC\"><script>"}],
        "time": "2024-06-01T10:00:00Z", "products": ["YouTube"], "activityControls": ["YouTube watch history"],
    }, {"title": evil, "titleUrl": evil, "time": evil}, evil]);
    let path = instance.folder().join("<b>evil.json");
    File::create(&path).unwrap().write_all(export.to_string().as_bytes()).unwrap();
    client.import(&[path]);
    for path in ["/history", "/history/channels", "/history/views", "/history/imports", "/history/imports/1"] {
        let html = page(&client, path);
        assert!(!html.contains("<script>") && !html.contains("<b>evil"), "{path} shows markup from outside");
    }
    let views = page(&client, "/history/views");
    assert!(views.contains("alert(1)") && views.contains("👩‍👩‍👧"), "the title is lost: {views}");
}

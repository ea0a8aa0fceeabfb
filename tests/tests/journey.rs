//! What a new person does, in a real browser: open the link, give an export, watch it, and read a month of the chart.

use std::path::Path;

use ytorch_tests::{Browser, Recipe, Recount, Ytorch, browser::Scripts, generator::Form};

/// The form for exports, on the empty overview and on the page of imports.
const FORM: &str = "form[enctype='multipart/form-data']";

#[test]
fn from_the_link_to_the_views_of_a_month() {
    from_the_link_to_the_views(Scripts::On, 60_000);
}

#[test]
fn the_same_without_scripts() {
    from_the_link_to_the_views(Scripts::Off, 3_000);
}

#[test]
fn the_browser_would_notice_errors_and_foreign_hosts() {
    for page in ["<script>console.error('x')</script>", "<img src='http://127.0.0.2:9/x.png'>"] {
        let browser = Browser::open(Scripts::On);
        browser.go(&format!("data:text/html,{page}<p>here"));
        browser.text_when("the page was not shown", |text| text.contains("here"));
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| browser.assert_clean("http://127.0.0.1")));
        assert!(outcome.is_err(), "nothing was noticed of {page}");
    }
}

#[test]
fn the_browser_runs_scripts_only_when_it_should() {
    for (scripts, expected) in [(Scripts::On, "ran"), (Scripts::Off, "still")] {
        let browser = Browser::open(scripts);
        browser.go(
            "data:text/html,<p id=here>still</p><script>document.getElementById('here').textContent='ran'</script>",
        );
        assert_eq!(browser.find("#here").text(), expected);
    }
}

#[test]
fn the_page_of_jobs_keeps_itself_up_to_date_and_a_button_does_the_work() {
    for scripts in [Scripts::On, Scripts::Off] {
        let ytorch = Ytorch::new();
        ytorch.create("default", &["--time-zone", "UTC"]);
        let base = ytorch.client("default").base().to_owned();
        let browser = Browser::open(scripts);
        browser.go(&ytorch.link("default"));
        browser.text_when("the first page did not appear", |text| text.contains("Takeout"));
        browser.go(&format!("{base}/admin"));
        browser.find("form[action='/admin/schedules/maintain/run'] button").click();
        browser.address_when("the button did not lead to the jobs", |address| address.ends_with("/jobs"));
        browser.text_when("the job did not end on the page", |text| text.contains("the database is whole"));
        if scripts == Scripts::On {
            // Asked for elsewhere, it appears on the page that is open already.
            let reply = ytorch.client("default").post("/api/v1/schedules/backup/run", &[], "");
            assert_eq!(reply.status, 202, "{}", reply.body);
            browser.text_when("the other job did not appear", |text| text.contains("backups/default-"));
        }
        browser.assert_clean(&base);
    }
}

fn from_the_link_to_the_views(scripts: Scripts, records: u32) {
    let export = Recipe::new(records, 1).make(Form::Zip);
    let figures = Recount::read(&[&export.json]).of_views();
    let ytorch = Ytorch::new();
    ytorch.create("default", &["--time-zone", "UTC"]);
    let base = ytorch.client("default").base().to_owned();

    let browser = Browser::open(scripts);
    browser.go(&ytorch.link("default"));
    let empty = browser.text_when("the empty state did not appear", |text| text.contains("Takeout"));
    assert!(!empty.contains("Error"), "{empty}");

    upload(&browser, &export.files[0], scripts);
    browser.address_when("the import's page was not reached", |address| address.contains("/imports/"));
    let total = figures.views.to_string();
    browser.text_when("the import did not finish", |text| digits(text).contains(&total));

    browser.go(&format!("{base}/history/months"));
    let (month, views) = figures.months_utc.iter().nth(figures.months_utc.len() / 2).expect("there are months");
    let bar = bar_of(&browser, month);
    bar.click();
    browser.address_when("the click led nowhere", |address| address.contains(month.as_str()));
    let text = browser.text_when("the views did not appear", |text| digits(text).contains(&views.to_string()));
    assert!(text.contains(&month[..4]), "{text}");
    browser.assert_clean(&base);
}

fn upload(browser: &Browser, file: &Path, scripts: Scripts) {
    browser.find(&format!("{FORM} input[type=file][name=export]")).choose(file);
    browser.find(&format!("{FORM} button")).click();
    if scripts == Scripts::On {
        // It asks twice a second how far the import is, so even a quick one is seen on its way.
        browser.find(&format!("{FORM} .progress:not([hidden]) progress"));
    }
}

/// The bar of a month in the chart: a link inside the drawing.
fn bar_of<'browser>(browser: &'browser Browser, month: &str) -> ytorch_tests::browser::Element<'browser> {
    browser.find(&format!("svg a[href*='{month}']"))
}

/// A text without what groups the digits of large numbers.
fn digits(text: &str) -> String {
    text.replace([',', '\u{202f}', '\u{a0}', '\u{2009}'], "")
}

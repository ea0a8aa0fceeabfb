//! The recount and the truth file must agree wherever they define the same thing. No product is involved.

use ytorch_tests::{Figures, Recipe, Recount, truth::Truth};

#[test]
fn the_recount_agrees_with_the_truth_of_plain_exports() {
    for seed in 1..=3 {
        agrees(&Recipe::new(3_000, seed));
    }
}

#[test]
fn the_recount_agrees_with_the_truth_of_wild_exports() {
    for seed in 1..=3 {
        agrees(&Recipe::new(3_000, seed).wild());
    }
}

#[test]
fn the_recount_agrees_with_the_truth_of_two_exports() {
    let earlier = Recipe::new(3_000, 2);
    let later = earlier.clone().with(&["--append", "500", "--drift", "--trim", "200"]);
    let (earlier, later) = (earlier.json(), later.json());
    let truth = Truth::of_union(&later.truth);
    let views = Recount::read(&[&earlier.json, &later.json]).of_views();
    assert_eq!(views.views, truth.count("views_distinct_second_video"));
    assert_eq!(views.unique_videos, truth.count("unique_videos"));
    assert_eq!(views.channels.len() as u64, truth.count("unique_channels"));
}

fn agrees(recipe: &Recipe) {
    let export = recipe.json();
    let truth = Truth::of_file(&export.truth);
    let recount = Recount::read(&[&export.json]);
    let rows = recount.of_rows();
    assert_eq!(recount.records, truth.count("records_total"));
    assert_eq!(recount.ads, truth.skipped()["ads"].as_u64().expect("a count"));
    assert_eq!(rows.views, truth.count("views"));
    assert_eq!(rows.music, truth.count("views_music"));
    assert_eq!(rows.shorts, truth.kind("short_url"));
    assert_eq!(rows.without_channel, truth.count("views_without_channel"));
    assert_eq!(rows.unique_videos, truth.count("unique_videos"));
    assert_eq!(rows.rewatched_videos, truth.count("rewatched_videos"));
    assert_eq!(rows.channels.len() as u64, truth.count("unique_channels"));
    assert_eq!(rows.months_utc, truth.per("per_month_utc"));
    assert_eq!(Figures::years(&rows.months_utc), truth.per("per_year_utc"));
    assert_eq!(Figures::years(&rows.months_berlin), truth.per("per_year_local"));
    assert_eq!(rows.ranking()[..20], truth.top_channels());
    let views = recount.of_views();
    assert_eq!(views.views, truth.count("views_distinct_second_video"));
    assert!(views.views < rows.views, "an export without repeated rows proves little");
}

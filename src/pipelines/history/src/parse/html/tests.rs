use proptest::prelude::*;

use super::*;

fn page(body: &str, caption: &str) -> String {
    format!(
        "<div class=\"outer-cell mdl-cell\"><div class=\"mdl-grid\"><div class=\"header-cell mdl-cell\">\
         <p class=\"mdl-typography--title\">YouTube<br></p></div><div class=\"content-cell mdl-cell \
         mdl-typography--body-1\">{body}</div><div class=\"content-cell mdl-typography--body-1 \
         mdl-typography--text-right\"></div><div class=\"content-cell mdl-typography--caption\">{caption}</div></div></div>"
    )
}

const PRODUCTS: &str = "<b>Products:</b><br>&emsp;YouTube<br>";
const REASON: &str = "<b>Why is this here?</b><br>&emsp;saved <a href=\"https://myaccount.google.com/\">here</a>.";

fn read(body: &str, caption: &str) -> Cell {
    cell(page(body, caption).as_bytes()).unwrap()
}

#[test]
fn a_view_has_its_title_channel_and_date() {
    for ending in ["", "<br>", "<br><p></p>"] {
        let body = format!(
            "Watched\u{a0}<a href=\"https://www.youtube.com/watch?v=abc&amp;t=1\">Tom &amp; Jerry&#39;s &lt;best&gt;</a><br>\
             <a href=\"https://www.youtube.com/channel/UC1\">A &quot;channel&quot;</a><br>Aug 17, 2026, 1:14:48 PM CEST{ending}"
        );
        let cell = read(&body, &format!("{PRODUCTS}{REASON}"));
        assert_eq!(cell.header, "YouTube");
        assert_eq!(cell.text_before_link.trim(), "Watched");
        assert_eq!(cell.title, "Tom & Jerry's <best>");
        assert_eq!(cell.url.as_deref(), Some("https://www.youtube.com/watch?v=abc&t=1"));
        assert_eq!(cell.channel_name.as_deref(), Some("A \"channel\""));
        assert_eq!(cell.channel_url.as_deref(), Some("https://www.youtube.com/channel/UC1"));
        assert_eq!(cell.date_text, "Aug 17, 2026, 1:14:48 PM CEST");
        assert!(!cell.has_details);
    }
}

#[test]
fn a_verb_behind_the_title_is_told_apart() {
    let cell =
        read("<a href=\"https://www.youtube.com/watch?v=abc\">Ein Film</a>\u{a0}angesehen<br>27.08.2026", PRODUCTS);
    assert_eq!((cell.text_before_link.as_str(), cell.title.as_str()), ("", "Ein Film"));
    assert_eq!(cell.text_after_link.trim(), "angesehen");
}

#[test]
fn a_description_is_no_channel_and_only_the_last_line_is_the_date() {
    let cell =
        read("Watched\u{a0}<a href=\"u\">t</a><br>Watched at 5:33 PM<br>Jan 1, 2026, 5:33:00 PM CET<br>", PRODUCTS);
    assert_eq!(cell.channel_name, None);
    assert_eq!(cell.date_text, "Jan 1, 2026, 5:33:00 PM CET");
}

#[test]
fn a_channel_can_lack_its_link() {
    let cell = read("Watched\u{a0}<a href=\"u\">t</a><br>4K solar<br>Jan 1, 2026, 5:33:00 PM CET<br>", PRODUCTS);
    assert_eq!((cell.channel_name.as_deref(), cell.channel_url), (Some("4K solar"), None));
}

#[test]
fn a_removed_video_has_a_sentence_and_no_address() {
    let cell = read("Watched a video that has been removed<br>Jan 1, 2026, 5:33:00 PM CET", PRODUCTS);
    assert_eq!((cell.title.as_str(), cell.url), ("Watched a video that has been removed", None));
}

#[test]
fn details_make_an_advertisement_in_any_language() {
    let details = "<b>Details:</b><br>&emsp;Von Google Anzeigen<br>";
    assert!(read("x", &format!("{PRODUCTS}{details}{REASON}")).has_details);
    assert!(read("x", &format!("{PRODUCTS}{details}")).has_details);
    assert!(!read("x", PRODUCTS).has_details);
}

#[test]
fn broken_markup_is_read_as_far_as_it_goes() {
    let whole = page("Watched\u{a0}<a href=\"u>v\">t</a><br>date", PRODUCTS);
    let stray = whole.replace("<div class=\"content-cell mdl-cell", "<div<div class=\"content-cell mdl-cell");
    assert_eq!(cell(stray.as_bytes()).unwrap().url.as_deref(), Some("u>v"));
    assert_eq!(cell(b"<div class=\"outer-cell\">"), Err("the record has no content".to_owned()));
    assert!(cell(b"<div class=\"outer-cell\">\xff").unwrap_err().starts_with("this is not UTF-8"));
}

#[test]
fn unknown_references_stay_as_they_are() {
    assert_eq!(decoded("a &amp; b &unknown; &#x1F600; &#xFFFFFFFF; & &"), "a & b &unknown; 😀 &#xFFFFFFFF; & &");
}

proptest! {
    #[test]
    fn any_title_comes_back(title in "[^\\x00]{0,60}") {
        let escaped = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let cell = read(&format!("Watched\u{a0}<a href=\"{escaped}\">{escaped}</a><br>date<br>"), PRODUCTS);
        prop_assert_eq!(&cell.title, &title);
        prop_assert_eq!(cell.url.as_deref(), Some(title.as_str()));
    }

    #[test]
    fn a_damaged_cell_never_panics(cut in 0_usize..700, place in 0_usize..700, byte in any::<u8>()) {
        let mut bytes = page("Watched\u{a0}<a href=\"u\">t &amp; u</a><br>Aug 17, 2026<br>", PRODUCTS).into_bytes();
        if let Some(old) = bytes.get_mut(place) {
            *old = byte;
        }
        bytes.truncate(cut);
        let _ = cell(&bytes);
    }
}

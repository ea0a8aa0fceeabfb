use proptest::prelude::*;

use super::*;

fn read_in(date: &str, zone: &str, exported_at: Option<&str>) -> Option<String> {
    let exported_at = exported_at.map(|text| crate::parse::time::timestamp(text).unwrap());
    let zone = Zone::named(zone).unwrap();
    let dates = PrintedDates::learn(&[date.to_owned()], &zone, exported_at);
    dates.instant(date).map(|instant| instant.to_jiff().to_string())
}

fn read(date: &str) -> Option<String> {
    read_in(date, "UTC", None)
}

/// Every shape that was seen, with the instant it means.
#[test]
fn dates_are_read_in_many_languages() {
    let afternoon = "2026-08-17T11:14:48Z";
    for date in [
        "Aug 17, 2026, 1:14:48 PM CEST",
        "Aug 17, 2026, 1:14:48\u{202f}PM CEST",
        "17 Aug 2026, 13:14:48 CEST",
        "17 aug 2026, 13:14:48 CEST",
        "17.08.2026, 13:14:48 MESZ",
        "17. Aug. 2026, 13:14:48 MESZ",
        "17 août 2026, 13:14:48 CEST",
        "17 août 2026, 13 h 14 min 48 s UTC+2",
        "17 ago 2026, 13:14:48 CEST",
        "17 ago 2026, 1:14:48 p. m. CEST",
        "17 de ago. de 2026, 13:14:48 CEST",
        "2026年8月17日 13:14:48 CEST",
        "2026年8月17日 下午1:14:48 [GMT+2]",
        "2026年8月17日下午1:14:48 GMT+2",
        "2026. 8. 17. 오후 1:14:48 GMT+2",
        "2026/08/17 20:14:48 JST",
        "17\u{200f}/08\u{200f}/2026، 1:14:48 م CEST",
        "١٧‏/٨‏/٢٠٢٦، ١:١٤:٤٨ م CEST",
        "17 Ağu 2026, 14:14:48 GMT+3",
        "17 авг. 2026 г., 14:14:48 MSK",
        "17 серп. 2026 р., 14:14:48 EEST",
        "17 sie 2026, 13:14:48 CEST",
        "17. 8. 2026 13:14:48 SELČ",
        "17.8.2026 klo 13.14.48 UTC+2",
        "17.08.2026 13.14.48 CEST",
        "2026-08-17 13:14:48 CEST",
        "2026. aug. 17. 13:14:48 CEST",
        "13:14:48 CEST, 17 thg 8, 2026",
        "18:14:48 GMT+7 17 thg 8, 2026",
        "17 ส.ค. 2569 18:14:48 ICT",
        "17 अग॰ 2026, 4:44:48 pm IST",
        "17 באוג׳ 2026, 14:14:48 IDT",
        "17 Αυγ 2026, 2:14:48 μ.μ. EEST",
        "Aug 17, 2026, 11:14:48 AM",
        "Aug 17, 2026, 11:14:48 AM UTC",
        "17 Aug 2026, 7:44:48 -0330",
    ] {
        // The Czech abbreviation is not in the table: then the instance's zone at the time of the export counts.
        assert_eq!(read_in(date, "Europe/Prague", None).as_deref(), Some(afternoon), "{date}");
    }
}

#[test]
fn midnight_and_noon_are_twelve_oclock() {
    assert_eq!(read("Aug 17, 2026, 12:00:01 AM UTC").as_deref(), Some("2026-08-17T00:00:01Z"));
    assert_eq!(read("Aug 17, 2026, 12:00:01 PM UTC").as_deref(), Some("2026-08-17T12:00:01Z"));
}

#[test]
fn a_winter_row_of_a_summer_export_has_the_offset_of_summer() {
    let july = Some("2026-07-01T00:00:00Z");
    assert_eq!(read_in("Jan 1, 2026, 1:00:00 PM BST", "Europe/London", july).as_deref(), Some("2026-01-01T12:00:00Z"));
    assert_eq!(read_in("1 janv. 2026, 13:00:00 CEST", "Europe/Paris", july).as_deref(), Some("2026-01-01T11:00:00Z"));
}

#[test]
fn an_ambiguous_abbreviation_is_that_of_the_instance() {
    let date = "Jan 1, 2026, 12:00:00 PM IST";
    assert_eq!(read_in(date, "Asia/Kolkata", None).as_deref(), Some("2026-01-01T06:30:00Z"));
    assert_eq!(read_in(date, "Asia/Jerusalem", None).as_deref(), Some("2026-01-01T10:00:00Z"));
    assert_eq!(read_in(date, "Europe/Dublin", Some("2026-07-01T00:00:00Z")).as_deref(), Some("2026-01-01T11:00:00Z"));
    let central = "Jan 1, 2026, 12:00:00 PM CST";
    assert_eq!(read_in(central, "Asia/Shanghai", None).as_deref(), Some("2026-01-01T04:00:00Z"));
    assert_eq!(read_in(central, "UTC", None).as_deref(), Some("2026-01-01T18:00:00Z"));
}

#[test]
fn day_and_month_are_told_apart_by_the_other_dates_of_the_page() {
    let both = |dates: &[&str]| {
        let dates: Vec<String> = dates.iter().map(|date| (*date).to_owned()).collect();
        let learned = PrintedDates::learn(&dates, &Zone::utc(), None);
        learned.instant(&dates[0]).map(|instant| instant.to_jiff().to_string())
    };
    assert_eq!(both(&["12.07.2026, 10:00:00 UTC"]).as_deref(), Some("2026-07-12T10:00:00Z"));
    assert_eq!(
        both(&["12/07/2026, 10:00:00 UTC", "12/30/2026, 10:00:00 UTC"]).as_deref(),
        Some("2026-12-07T10:00:00Z")
    );
}

#[test]
fn a_beginning_that_two_languages_share_means_what_the_page_s_language_says() {
    let read = |dates: [&str; 2]| {
        let dates = dates.map(str::to_owned);
        PrintedDates::learn(&dates, &Zone::utc(), None).instant(&dates[0]).map(|instant| instant.to_jiff().to_string())
    };
    let lip = "17 lip 2026, 10:00:00 UTC";
    assert_eq!(read([lip, "17 sie 2026, 10:00:00 UTC"]).as_deref(), Some("2026-07-17T10:00:00Z"));
    assert_eq!(read([lip, "17 kol 2026, 10:00:00 UTC"]).as_deref(), Some("2026-06-17T10:00:00Z"));
}

#[test]
fn what_is_no_date_is_refused() {
    for text in [
        "",
        "Watched at 5:33 PM",
        "Aug 32, 2026, 1:14:48 PM",
        "Foo 17, 2026, 1:14:48 PM",
        "99:99:99",
        "1405/05/26, 10:00:00",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_instant_printed_in_english_comes_back(seconds in 1_100_000_000_i64..4_000_000_000, offset in -12_i8..=14) {
        let instant = Timestamp::from_seconds(seconds);
        let local = instant.to_jiff().to_zoned(Offset::constant(offset).to_time_zone());
        let printed = local.strftime("%b %-d, %Y, %-I:%M:%S %p GMT").to_string() + &format!("{offset:+}");
        prop_assert_eq!(read(&printed), Some(instant.to_jiff().to_string()));
    }

    #[test]
    fn nothing_printed_panics(date in ".{0,60}", digits in "[0-9:./, apmGT+]{0,40}") {
        let _ = read(&date);
        let _ = read(&digits);
    }
}

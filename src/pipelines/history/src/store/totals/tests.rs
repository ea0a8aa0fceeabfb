//! Totals against a slow and plain count of the same views.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// All numbers of one set of views, counted plainly.
fn plain(views: &[StoredView]) -> Count {
    let mut times: BTreeMap<u32, u32> = BTreeMap::new();
    for view in views {
        *times.entry(view.video).or_default() += 1;
    }
    Count {
        views: views.len() as u32,
        unique_videos: times.len() as u32,
        rewatched_videos: times.values().filter(|times| **times > 1).count() as u32,
        first: views.iter().map(|view| view.second()).min().unwrap_or_default(),
        last: views.iter().map(|view| view.second()).max().unwrap_or_default(),
    }
}

fn of(views: &[StoredView], wanted: impl Fn(&StoredView) -> bool) -> Vec<StoredView> {
    views.iter().copied().filter(|view| wanted(view)).collect()
}

proptest! {
    #[test]
    fn every_total_is_that_of_a_plain_count(
        rows in proptest::collection::vec((0_i64..900, 0_u32..12, 0_u8..4, any::<bool>()), 0..200),
    ) {
        let zone = Zone::named("Europe/Berlin").unwrap();
        // A day and a bit apart, from New Year's Eve on, so that years, months and their edges are crossed.
        let mut views: Vec<StoredView> = rows
            .iter()
            .map(|(day, video, kind, named)| {
                // A channel belongs to the video, so all views of one have the same.
                StoredView::new(Timestamp::from_seconds(1_703_980_000 + day * 90_007), *video, video % 5, *kind, *named)
            })
            .collect();
        views.sort_unstable_by_key(|view| view.second());
        let by_id = [false, true, true, false, true];
        let key = |number: usize| format!("{}{}", if by_id[number] { "UC" } else { "@" }, 9 - number);
        let names = |number| ChannelNames { key: key(number), name: (number != 2).then(|| "Name".to_owned()) };
        let channels: Vec<ChannelNames> = std::iter::once(ChannelNames::default()).chain((1..5).map(names)).collect();
        let totals = add_up(&views, &zone, &channels, 12);
        for total in &totals.periods {
            let set = of(&views, |view| {
                let local = zone.local(Timestamp::from_seconds(view.second()));
                (total.year == 0 || total.year == local.year())
                    && (total.month == 0 || total.month == local.month())
                    && (total.scope == 0 || total.scope == Scope::of_kind(view.kind()) as u8)
            });
            prop_assert_eq!(total.count, plain(&set));
            let channels: BTreeSet<u32> = set.iter().map(|view| view.channel()).filter(|channel| *channel != 0).collect();
            prop_assert_eq!(total.ranked_channels as usize, channels.len());
            let known = channels.iter().filter(|channel| by_id[**channel as usize]).count();
            prop_assert_eq!(total.unique_channels as usize, known);
            prop_assert_eq!(total.without_channel as usize, of(&set, |view| !view.is_named()).len());
            prop_assert_eq!(total.of_unknown_channel as usize, of(&set, |view| view.channel() == 0).len());
        }
        for total in &totals.channels {
            let set = of(&views, |view| {
                view.channel() == total.channel
                    && (total.year == 0 || total.year == zone.local(Timestamp::from_seconds(view.second())).year())
                    && (total.scope == 0 || total.scope == Scope::of_kind(view.kind()) as u8)
            });
            prop_assert_eq!(total.count, plain(&set));
            // Keys in their order: (none) @6 UC5 UC7 UC8; all but channel 2, which shows its key, have the same name.
            prop_assert_eq!(total.key_rank, [0, 4, 3, 1, 2][total.channel as usize]);
            prop_assert_eq!(total.name_rank, [0, 3, 4, 1, 2][total.channel as usize]);
        }
        let whole = |year: i16| totals.channels.iter().filter(|total| total.year == year && total.is_total).map(|total| total.count.views).sum::<u32>();
        prop_assert_eq!(whole(0) as usize, views.len());
        let years: BTreeSet<i16> = views.iter().map(|view| zone.local(Timestamp::from_seconds(view.second())).year()).collect();
        prop_assert_eq!(years.iter().map(|year| whole(*year)).sum::<u32>() as usize, views.len());
    }
}

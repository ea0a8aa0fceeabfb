//! The dates of HTML exports: printed for people, in the account's language and in the one zone that was in force when
//! the export was made. It does not know where on a page they stand.

mod months;
mod zone;

use jiff::{civil, tz::Offset};
use ytorch_core::{Timestamp, Zone};

use self::{months::Language, zone::PrintedZone};

/// What follows or precedes an hour of the afternoon.
const AFTERNOON: &[&str] = &[
    "pm",
    "p.m.",
    "م",
    "오후",
    "下午",
    "午後",
    "午后",
    "晚上",
    "中午",
    "傍晚",
    "μ.μ.",
    "ب.ظ",
    "بعدازظهر",
    "अपराह्न",
    "หลังเที่ยง",
    "md",
    "пп",
    "du.",
    "សល្ងាច",
];

/// What follows or precedes an hour of the morning.
const MORNING: &[&str] = &[
    "am",
    "a.m.",
    "ص",
    "오전",
    "上午",
    "午前",
    "凌晨",
    "清晨",
    "早上",
    "π.μ.",
    "ق.ظ",
    "قبلازظهر",
    "पूर्वाह्न",
    "ก่อนเที่ยง",
    "pd",
    "дп",
    "de.",
    "ព្រឹក",
];

/// Reads the dates of one page, whose language and order of day and month were learned from some of them.
#[derive(Debug)]
pub(super) struct PrintedDates {
    language: Option<&'static Language>,
    is_month_first: bool,
    instance: Zone,
    /// An instant close to the export: the offset in force then holds for every row.
    exported_at: Timestamp,
}

impl PrintedDates {
    /// Learns from dates of the page, in any order. `instance` decides what an ambiguous abbreviation means;
    /// `exported_at` says which of its offsets was in force.
    pub(super) fn learn(dates: &[String], instance: &Zone, exported_at: Option<Timestamp>) -> Self {
        let shapes: Vec<Shape> = dates.iter().filter_map(|date| Shape::of(date)).collect();
        let words: Vec<&str> = shapes.iter().flat_map(|shape| shape.words.iter().map(String::as_str)).collect();
        let language = months::most_likely(&words);
        let pairs = || shapes.iter().filter_map(Shape::day_and_month);
        let is_month_first = pairs().any(|(_, second)| second > 12) && !pairs().any(|(first, _)| first > 12);
        let mut learned =
            Self { language, is_month_first, instance: instance.clone(), exported_at: Timestamp::from_seconds(0) };
        // Without the time of the export, its newest row is the closest.
        let newest = || shapes.iter().filter_map(|shape| learned.civil(shape)).max();
        let newest = || newest().and_then(|civil| timestamp(civil, 0));
        learned.exported_at = exported_at.or_else(newest).unwrap_or(Timestamp::from_seconds(0));
        learned
    }

    /// The instant that a date means; `None` if it cannot be read.
    pub(super) fn instant(&self, date: &str) -> Option<Timestamp> {
        let shape = Shape::of(date)?;
        let civil = self.civil(&shape)?;
        timestamp(civil, shape.zone.offset_seconds(&self.instance, self.exported_at))
    }

    fn civil(&self, shape: &Shape) -> Option<civil::DateTime> {
        let (place, year) = shape.year()?;
        let others: Vec<i16> = shape.others(place).collect();
        let month_by_name = || shape.words.iter().find_map(|word| months::month(word, self.language));
        let (month, day) = match *others {
            [day] => (month_by_name()?, day),
            [month, day] if place == 0 => (month, day),
            [month, day] if self.is_month_first => (month, day),
            [day, month] => (month, day),
            _ => return None,
        };
        let (hour, minute, second) = shape.time;
        let date = civil::Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
        let time = civil::Time::new(hour, minute, second.min(59), 0).ok()?;
        Some(date.to_datetime(time))
    }
}

fn timestamp(civil: civil::DateTime, offset_seconds: i32) -> Option<Timestamp> {
    let instant = Offset::from_seconds(offset_seconds).ok()?.to_timestamp(civil).ok()?;
    Some(Timestamp::from_seconds(instant.as_second()))
}

/// A printed date, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    /// Day, month and year, in the order of the page; the month can be among the words instead.
    numbers: Vec<i16>,
    words: Vec<String>,
    time: (i8, i8, i8),
    zone: PrintedZone,
}

impl Shape {
    fn of(date: &str) -> Option<Self> {
        let text = plain(date);
        let (start, end, mut time) = time_of_day(&text)?;
        let (before, half_before) = half_before(text[..start].trim_end());
        let (after, half_after) = half_after(text[end..].trim_start());
        match half_before.or(half_after) {
            Some(_) if time.0 > 12 => {}
            Some(Half::Morning) if time.0 == 12 => time.0 = 0,
            Some(Half::Afternoon) if time.0 < 12 => time.0 += 12,
            _ => {}
        }
        let (zone, rest) = PrintedZone::at_start(after);
        let mut shape = Self { numbers: Vec::new(), words: Vec::new(), time, zone };
        shape.take_words(before);
        shape.take_words(rest);
        Some(shape)
    }

    /// Numbers and what stands between them.
    fn take_words(&mut self, text: &str) {
        let mut rest = text.trim_start_matches(is_separator);
        while let Some(first) = rest.chars().next() {
            let is_number = first.is_ascii_digit();
            let end = rest.find(|letter: char| is_separator(letter) || letter.is_ascii_digit() != is_number);
            let (word, following) = rest.split_at(end.unwrap_or(rest.len()));
            match word.parse() {
                Ok(number) if is_number => self.numbers.push(number),
                _ => self.words.push(word.trim_end_matches('.').to_lowercase()),
            }
            rest = following.trim_start_matches(|letter| is_separator(letter) || letter == '.');
        }
    }

    /// The place and the value of the year: the only number that can be none of the others.
    fn year(&self) -> Option<(usize, i16)> {
        let place = self.numbers.iter().position(|number| *number > 31)?;
        let year = self.numbers[place];
        // Thailand counts from 543 years earlier.
        let year = if (2500..2700).contains(&year) { year - 543 } else { year };
        (1990..2200).contains(&year).then_some((place, year))
    }

    fn others(&self, year: usize) -> impl Iterator<Item = i16> + '_ {
        self.numbers.iter().enumerate().filter(move |(place, _)| *place != year).map(|(_, number)| *number)
    }

    /// The two numbers before a year, of which either can be the day.
    fn day_and_month(&self) -> Option<(i16, i16)> {
        match *self.numbers {
            [first, second, year] if year > 31 => Some((first, second)),
            _ => None,
        }
    }
}

fn is_separator(letter: char) -> bool {
    letter == ' ' || matches!(letter, ',' | '،' | '/' | '-' | '(' | ')' | '[' | ']')
}

/// The text with digits of any script as `0` to `9`, any space as a plain one, and no marks of writing direction.
fn plain(date: &str) -> String {
    /// The zeros of the scripts that dates are printed in; their other digits follow.
    const ZEROS: [char; 11] = ['٠', '۰', '०', '০', '੦', '૦', '௦', '๐', '໐', '၀', '០'];
    let plain_letter = |letter: char| match letter {
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        '：' => Some(':'),
        '−' | '–' => Some('-'),
        letter if letter.is_whitespace() => Some(' '),
        letter if letter.is_ascii() => Some(letter),
        letter => {
            let digit =
                ZEROS.iter().find_map(|zero| (letter as u32).checked_sub(*zero as u32).filter(|value| *value < 10));
            Some(digit.and_then(|value| char::from_digit(value, 10)).unwrap_or(letter))
        }
    };
    let text: String = date.chars().filter_map(plain_letter).collect();
    let text = text.replace("a. m.", "am").replace("p. m.", "pm");
    // French in Canada: `20 h 04 min 54 s`.
    if text.contains(" min ") { text.replace(" h ", ":").replace(" min ", ":").replace(" s ", " ") } else { text }
}

/// The first three numbers that are a time of day, and where they begin and end.
fn time_of_day(text: &str) -> Option<(usize, usize, (i8, i8, i8))> {
    time_separated_by(text, b':').or_else(|| time_separated_by(text, b'.'))
}

fn time_separated_by(text: &str, separator: u8) -> Option<(usize, usize, (i8, i8, i8))> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|start| {
        if start > 0 && (bytes[start - 1].is_ascii_digit() || bytes[start - 1] == separator) {
            return None;
        }
        let mut place = start;
        let mut number = |widths: std::ops::RangeInclusive<usize>, is_last: bool| {
            let width = bytes[place..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let value = widths.contains(&width).then(|| text[place..place + width].parse().ok())??;
            place += width;
            if !is_last {
                (bytes.get(place) == Some(&separator)).then_some(())?;
                place += 1;
            }
            Some(value)
        };
        let time = (number(1..=2, false)?, number(2..=2, false)?, number(2..=2, true)?);
        Some((start, place, time))
    })
}

#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

fn half_after(text: &str) -> (&str, Option<Half>) {
    let end = text.find([' ', ',']).unwrap_or(text.len());
    match half(&text[..end]) {
        Some(half) => (text[end..].trim_start(), Some(half)),
        None => (text, None),
    }
}

fn half_before(text: &str) -> (&str, Option<Half>) {
    let start = text
        .rfind(|letter: char| is_separator(letter) || letter.is_ascii_digit())
        .map_or(0, |start| start + text[start..].chars().next().map_or(0, char::len_utf8));
    // A date can touch it: `2026年8月17日下午`.
    let word = text[start..].trim_start_matches('日');
    match half(word) {
        Some(half) => (&text[..text.len() - word.len()], Some(half)),
        None => (text, None),
    }
}

fn half(word: &str) -> Option<Half> {
    let word = word.to_lowercase();
    let is_in = |words: &[&str]| words.contains(&word.as_str());
    match () {
        () if is_in(AFTERNOON) => Some(Half::Afternoon),
        () if is_in(MORNING) => Some(Half::Morning),
        () => None,
    }
}

#[cfg(test)]
mod tests;

//! The words round a title: `Watched …`, `… angesehen`. They are learned from the file, since they are translated and
//! change; the short list here is only for files with too few records to learn from.

use std::collections::HashMap;

use super::address::Address;

/// Records that a frame is learned from at least.
const FEWEST: usize = 20;

/// How many in a hundred must share a frame.
const SHARE: usize = 60;

/// Frames seen in exports: what stands before the title, and what behind it.
const KNOWN: &[(&str, &str)] = &[
    ("Watched ", ""),
    ("", " angesehen"),
    ("Angesehen: ", ""),
    ("Vous avez regardé ", ""),
    ("Has visto ", ""),
    ("Viste ", ""),
    ("Has escuchado ", ""),
    ("Hai guardato ", ""),
    ("Assistiu a ", ""),
    ("Você assistiu ", ""),
    ("Je hebt naar ", " gekeken"),
    ("", " を視聴しました"),
    ("", " izlənildi"),
    ("Menonton ", ""),
];

/// What stands round a title.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Frame {
    pub(super) prefix: String,
    pub(super) suffix: String,
}

impl Frame {
    /// The title inside, if the frame is round it.
    pub(super) fn strip<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.strip_prefix(self.prefix.as_str())?.strip_suffix(self.suffix.as_str())
    }

    /// Whether at least one side of the frame is there: sentences about removed videos change the other.
    pub(super) fn touches(&self, text: &str) -> bool {
        (!self.prefix.is_empty() && text.starts_with(&self.prefix))
            || (!self.suffix.is_empty() && text.ends_with(&self.suffix))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.prefix.is_empty() && self.suffix.is_empty()
    }
}

/// The frames of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) watch: Option<Frame>,
    pub(super) post: Option<Frame>,
}

/// Collects what frames are learned from.
#[derive(Default)]
pub(super) struct Lesson {
    watch_titles: Vec<String>,
    post_titles: Vec<String>,
    exact: Vec<Frame>,
}

impl Lesson {
    /// Looks at a record that is no advertisement.
    pub(super) fn look(&mut self, title: &str, url: &str) {
        match Address::of(url) {
            Address::Post => self.post_titles.push(title.to_owned()),
            address if address.video_id().is_some() => {
                // A removed video's title is its own address: what is left is the frame, to the letter.
                if let Some((prefix, suffix)) = title.split_once(url) {
                    self.exact.push(Frame { prefix: prefix.to_owned(), suffix: suffix.to_owned() });
                } else {
                    self.watch_titles.push(title.to_owned());
                }
            }
            _ => {}
        }
    }

    /// What was learned.
    pub(super) fn frames(self) -> Frames {
        let learned = most_common(&self.exact)
            .filter(|frame| is_usual(frame, &self.watch_titles))
            .or_else(|| shared(&self.watch_titles))
            .or_else(|| known(&self.watch_titles));
        Frames { watch: learned, post: shared(&self.post_titles) }
    }
}

/// The frame that occurs most often.
pub(super) fn most_common(frames: &[Frame]) -> Option<Frame> {
    let mut counts = HashMap::<&Frame, usize>::new();
    for frame in frames {
        *counts.entry(frame).or_default() += 1;
    }
    counts.into_iter().max_by(|one, other| (one.1, one.0).cmp(&(other.1, other.0))).map(|(frame, _)| frame.clone())
}

/// Whether most titles have the frame; without any titles there is nothing to say against it.
fn is_usual(frame: &Frame, titles: &[String]) -> bool {
    let having = titles.iter().filter(|title| frame.strip(title).is_some()).count();
    having * 100 >= titles.len() * SHARE
}

fn known(titles: &[String]) -> Option<Frame> {
    let frames =
        KNOWN.iter().map(|(prefix, suffix)| Frame { prefix: (*prefix).to_owned(), suffix: (*suffix).to_owned() });
    frames
        .filter(|frame| !titles.is_empty() && is_usual(frame, titles))
        .max_by_key(|frame| titles.iter().filter(|title| frame.strip(title).is_some()).count())
}

/// The longest words that most titles begin and end with.
fn shared(titles: &[String]) -> Option<Frame> {
    if titles.len() < FEWEST {
        return None;
    }
    let prefix = shared_beginning(titles.iter().map(|title| title.chars().collect()).collect());
    let suffix = shared_beginning(titles.iter().map(|title| title.chars().rev().collect()).collect());
    let whole_words = |text: String| {
        text.rfind(char::is_whitespace).map_or_else(String::new, |end| {
            let width = text[end..].chars().next().map_or(1, char::len_utf8);
            text[..end + width].to_owned()
        })
    };
    let frame = Frame { prefix: whole_words(prefix), suffix: whole_words(suffix).chars().rev().collect() };
    (!frame.is_empty()).then_some(frame)
}

fn shared_beginning(mut texts: Vec<Vec<char>>) -> String {
    // What most texts begin with stands together once they are sorted, and so in the middle.
    texts.sort_unstable();
    let needed = texts.len() * SHARE / 100;
    let middle = texts[texts.len() / 2].clone();
    let length = (1..=middle.len())
        .take_while(|length| texts.iter().filter(|text| text.starts_with(&middle[..*length])).count() > needed)
        .last()
        .unwrap_or(0);
    middle[..length].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(titles: &[&str]) -> Option<Frame> {
        let mut lesson = Lesson::default();
        for title in titles {
            lesson.look(title, "https://www.youtube.com/watch?v=abc");
        }
        lesson.frames().watch
    }

    #[test]
    fn a_removed_video_tells_the_frame_to_the_letter() {
        let frame = learn(&["Je hebt naar https://www.youtube.com/watch?v=abc gekeken"]).unwrap();
        assert_eq!((frame.prefix.as_str(), frame.suffix.as_str()), ("Je hebt naar ", " gekeken"));
        assert_eq!(frame.strip("Je hebt naar Watched pots gekeken"), Some("Watched pots"));
    }

    #[test]
    fn a_frame_in_an_unknown_language_is_learned() {
        let titles: Vec<String> = (0..40)
            .map(|number| format!("Olen katsonut {} video {number} loppuun", ["a", "b", "c", "d"][number % 4]))
            .collect();
        let frame = learn(&titles.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!((frame.prefix.as_str(), frame.suffix.as_str()), ("Olen katsonut ", " loppuun"));
    }

    #[test]
    fn few_titles_are_compared_with_known_frames_and_none_is_invented() {
        assert_eq!(learn(&["Hai guardato uno"]).unwrap().prefix, "Hai guardato ");
        assert_eq!(learn(&["Nothing known"]), None);
        assert_eq!(learn(&[]), None);
    }
}

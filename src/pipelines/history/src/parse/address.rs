//! What an address of a record leads to. It asks nobody; it only looks at the text.

use crate::model::is_video_id;

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address<'a> {
    /// A video on the main site.
    Video(&'a str),
    /// A video on YouTube Music.
    Music(&'a str),
    /// A Short.
    Short(&'a str),
    /// A stream.
    Live(&'a str),
    /// A community post.
    Post,
    /// The results of a search.
    Search,
    /// Anything else.
    Elsewhere,
}

impl<'a> Address<'a> {
    /// Reads an address.
    pub(super) fn of(url: &'a str) -> Self {
        let Some((_, rest)) = url.split_once("://") else {
            return Self::Elsewhere;
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.split(':').next().unwrap_or(host);
        if host.eq_ignore_ascii_case("youtu.be") {
            return segment(path).map_or(Self::Elsewhere, Self::Video);
        }
        let is_music = host.eq_ignore_ascii_case("music.youtube.com");
        if !is_music && !is_youtube(host) {
            return Self::Elsewhere;
        }
        let video = if is_music { Self::Music } else { Self::Video };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path == "watch" || path == "watch/" {
            return video_parameter(query).map_or(Self::Elsewhere, video);
        }
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match first {
            "shorts" => segment(rest).map_or(Self::Elsewhere, Self::Short),
            "live" => segment(rest).map_or(Self::Elsewhere, Self::Live),
            "embed" | "v" | "e" => segment(rest).map_or(Self::Elsewhere, video),
            "post" => Self::Post,
            "results" | "search" => Self::Search,
            _ => Self::Elsewhere,
        }
    }

    /// The id of the video, if it leads to one.
    pub(super) fn video_id(self) -> Option<&'a str> {
        match self {
            Self::Video(id) | Self::Music(id) | Self::Short(id) | Self::Live(id) => Some(id),
            Self::Post | Self::Search | Self::Elsewhere => None,
        }
    }
}

fn is_youtube(host: &str) -> bool {
    const SUFFIX: &[u8] = b"youtube.com";
    let host = host.as_bytes();
    let Some(start) = host.len().checked_sub(SUFFIX.len()) else {
        return false;
    };
    host[start..].eq_ignore_ascii_case(SUFFIX) && (start == 0 || host[start - 1] == b'.')
}

/// The parameter `v` of a query, if it can be a video's id. An empty one is a removed video of which nothing is left.
fn video_parameter(query: &str) -> Option<&str> {
    let query = query.split('#').next().unwrap_or(query);
    query.split('&').find_map(|pair| pair.strip_prefix("v=")).filter(|id| is_video_id(id))
}

fn segment(path: &str) -> Option<&str> {
    path.split(['/', '?', '#', '&']).next().filter(|id| is_video_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_they_say() {
        let cases = [
            ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", Address::Video("dQw4w9WgXcQ")),
            ("https://www.youtube.com/watch?t=42s&v=dQw4w9WgXcQ&list=PLx", Address::Video("dQw4w9WgXcQ")),
            ("http://m.youtube.com/watch?v=a_b-c", Address::Video("a_b-c")),
            ("https://youtube.com/watch?v=x#t=1", Address::Video("x")),
            ("https://youtu.be/dQw4w9WgXcQ?si=abc", Address::Video("dQw4w9WgXcQ")),
            ("https://music.youtube.com/watch?v=abc", Address::Music("abc")),
            ("https://www.youtube.com/shorts/abc", Address::Short("abc")),
            ("https://www.youtube.com/live/abc?feature=share", Address::Live("abc")),
            ("https://www.youtube.com/post/UgkxABC", Address::Post),
            ("https://www.youtube.com/results?search_query=rust", Address::Search),
            ("https://www.youtube.com/watch?v=", Address::Elsewhere),
            ("https://www.youtube.com/watch?v=../etc", Address::Elsewhere),
            ("https://www.youtube.com/playables/Ugk1", Address::Elsewhere),
            ("https://music.youtube.com/", Address::Elsewhere),
            ("https://www.google.com/url?q=https://www.youtube.com/watch?v=abc", Address::Elsewhere),
            ("https://notyoutube.com/watch?v=abc", Address::Elsewhere),
            ("watch?v=abc", Address::Elsewhere),
            ("", Address::Elsewhere),
        ];
        for (url, expected) in cases {
            assert_eq!(Address::of(url), expected, "{url}");
        }
    }
}

//! A browser's session without a browser: its cookie and its CSRF token. It keeps nothing of what the server sets later.

use crate::Client;

/// A session of a person who logged in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The value of the header `Cookie`.
    pub cookie: String,
    /// What must come with whatever changes something.
    pub csrf: String,
}

impl Session {
    /// Logs in by a one-time link and reads the CSRF token from a page.
    pub fn open(client: &Client) -> Self {
        let link = client.post("/api/v1/login-links", &[], "");
        assert_eq!(link.status, 201, "{}", link.body);
        let path = link.json()["path"].as_str().expect("a link has a path").to_owned();
        let stranger = client.anonymous();
        let reply = stranger.get(&path);
        assert_eq!(reply.status, 303, "{reply:?}");
        let cookie = reply.header("set-cookie").and_then(|cookie| cookie.split(';').next());
        let cookie = cookie.expect("a log-in sets a cookie").to_owned();
        let page = stranger.get_with("/history", &[("Cookie", &cookie)]);
        assert_eq!(page.status, 200, "the session opens nothing: {}", page.body);
        let csrf = page.body.split("<meta name=\"csrf\" content=\"").nth(1).and_then(|rest| rest.split('"').next());
        let csrf = csrf.filter(|csrf| !csrf.is_empty()).expect("a page tells its CSRF token").to_owned();
        Self { cookie, csrf }
    }
}

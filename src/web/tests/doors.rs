//! The frame and its guards, asked as a browser and as a script would. No network and no real time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test by it")]
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use tower::ServiceExt as _;
use ytorch_core::{Clock, Secret, Timestamp, Zone};
use ytorch_telemetry::Metrics;
use ytorch_web::{
    Frame, FrameSettings, Html, NavEntry, Page, RateLimit, Routes, Session, WebError, assets, auth, own_routes, protect,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

struct Site {
    router: Router,
    frame: Frame,
    clock: Clock,
}

struct Answer {
    status: StatusCode,
    response: Response<()>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The name and value of the cookie that was set.
    fn cookie(&self) -> &str {
        self.header("set-cookie").split(';').next().unwrap()
    }
}

async fn panics() -> Page {
    panic!("on purpose");
}

impl Site {
    fn new() -> Self {
        let clock = Clock::fixed(Timestamp::from_seconds(1_795_266_300));
        let frame = Frame::new(FrameSettings {
            instance: "friend".parse().unwrap(),
            zone: Zone::named("Europe/Berlin").unwrap(),
            token: Secret::new(TOKEN),
            navigation: vec![NavEntry { label: "Overview", href: "/" }, NavEntry { label: "Rows", href: "/rows" }],
            version: "0.1.0",
            clock: clock.clone(),
            rate_limit: RateLimit::per_second(0),
            hosts: vec!["video.example".to_owned()],
            metrics: Metrics::new(),
        });
        let page = async || Page::new("<i>Rows</i>", Html::text("<script>alert(1)</script>"));
        let router = Routes::new()
            .page("/", page)
            .page("/rows/all", page)
            .page("/rows/by/{year}", page)
            .page("/healthz", async || "ok")
            .page("/panic", panics)
            .page("/api/v1/panic", panics)
            .page("/api/v1/bad", async || WebError::bad_request("that is no year", "give a number"))
            .form("/change", async |body: String| body)
            .page("/csrf", async |session: Session| Page::new("x", Html::text(session.csrf())));
        let router = protect(router.merge(own_routes(&frame)), &frame);
        Self { router, frame, clock }
    }

    async fn send(&self, request: axum::http::request::Builder, body: &str) -> Answer {
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        let answer = Answer { status: parts.status, response: Response::from_parts(parts, ()), body };
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'; "), "{}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        answer
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request("GET", path, headers), "").await
    }

    async fn log_in(&self) -> String {
        let code = self.frame.auth().issue_code();
        let path = format!("/login?code={}", code.code.reveal());
        self.get(&path, &[]).await.cookie().to_owned()
    }

    fn csrf(&self, cookie: &str) -> String {
        self.frame.auth().session(cookie).unwrap().csrf().to_owned()
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> axum::http::request::Builder {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:8080");
    }
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

#[tokio::test]
async fn a_correlation_id_is_taken_over_if_it_is_sane_and_finds_a_panic_in_the_log() {
    let site = Site::new();
    let mine = ("authorization", "Bearer 0123456789abcdef0123456789abcdef");
    let given = site.get("/", &[mine, ("x-correlation-id", "my-id_1.2")]).await;
    assert_eq!(given.header("x-correlation-id"), "my-id_1.2");
    for odd in ["", "has space", "<b>", &"x".repeat(65)] {
        let answer = site.get("/", &[mine, ("x-correlation-id", odd)]).await;
        let made = answer.header("x-correlation-id");
        assert!(made.len() == 16 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    }
    for path in ["/panic", "/api/v1/panic"] {
        let answer = site.get(path, &[mine, ("x-correlation-id", "find-me")]).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.body.contains("ytorch logs --instance=friend --grep find-me"), "{}", answer.body);
    }
    assert_eq!(site.get("/healthz", &[]).await.status, StatusCode::OK, "a panic stopped the server");
}

#[tokio::test]
async fn a_stranger_is_asked_to_log_in() {
    let site = Site::new();
    let page = site.get("/rows/all?year=2024", &[]).await;
    assert_eq!(
        (page.status, page.header("location")),
        (StatusCode::SEE_OTHER, "/login?next=%2Frows%2Fall%3Fyear%3D2024")
    );
    assert_eq!(site.get("/patterns", &[]).await.status, StatusCode::SEE_OTHER);
    let api = site.get("/api/v1/bad", &[]).await;
    assert_eq!((api.status, api.header("content-type")), (StatusCode::UNAUTHORIZED, "application/json"));
    assert!(api.body.starts_with("{\"error\":{"), "{}", api.body);
    assert_eq!(site.get("/healthz", &[]).await.body, "ok");
    let form = site.get("/login?next=//evil.example", &[]).await;
    assert!(form.status.is_success() && form.body.contains("name=\"next\" value=\"/\""), "{}", form.body);
}

#[tokio::test]
async fn a_code_opens_one_session_once() {
    let site = Site::new();
    let code = site.frame.auth().issue_code();
    let path = format!("/login?code={}", code.code.reveal());
    let looked = site.send(request("HEAD", &path, &[]), "").await;
    assert_eq!((looked.status, looked.header("set-cookie")), (StatusCode::NO_CONTENT, ""));
    let first = site.get(&path, &[]).await;
    assert_eq!((first.status, first.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = first.header("set-cookie");
    assert!(cookie.starts_with("ytorch_session_friend="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(site.get("/", &[("cookie", first.cookie())]).await.status, StatusCode::OK);
    let again = site.get(&path, &[]).await;
    assert_eq!((again.status, again.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
}

#[tokio::test]
async fn a_code_from_another_site_moves_on_from_here() {
    let site = Site::new();
    let code = site.frame.auth().issue_code();
    let path = format!("/login?code={}", code.code.reveal());
    let page = site.get(&path, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.cookie().is_empty());
    assert!(page.body.contains("<meta http-equiv=\"refresh\" content=\"0;url=/\">"), "{}", page.body);
}

#[tokio::test]
async fn codes_and_sessions_run_out() {
    let site = Site::new();
    let cookie = site.log_in().await;
    let code = site.frame.auth().issue_code();
    let now = site.clock.now().second();
    site.clock.set(Timestamp::from_seconds(now + auth::CODE_SECONDS));
    assert!(!site.frame.auth().use_code(code.code.reveal()));
    site.clock.set(Timestamp::from_seconds(now + auth::SESSION_SECONDS - 1));
    assert_eq!(site.get("/", &[("cookie", &cookie)]).await.status, StatusCode::OK);
    site.clock.set(Timestamp::from_seconds(now + auth::SESSION_SECONDS));
    assert_eq!(site.get("/", &[("cookie", &cookie)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_forged_session_opens_nothing() {
    let site = Site::new();
    let cookie = site.log_in().await;
    let (name, value) = cookie.split_once('=').unwrap();
    let (expires, rest) = value.split_once('.').unwrap();
    let longer = format!("{name}={}.{rest}", expires.parse::<i64>().unwrap() + 1);
    assert_eq!(site.get("/", &[("cookie", &longer)]).await.status, StatusCode::SEE_OTHER);
    let elsewhere = cookie.replace("friend", "other");
    assert_eq!(site.get("/", &[("cookie", &elsewhere)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_token_opens_by_form_until_too_many_were_wrong() {
    let site = Site::new();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let good = site.send(request("POST", "/login", &form), &format!("token={TOKEN}&next=%2Frows%2Fall")).await;
    assert_eq!((good.status, good.header("location")), (StatusCode::SEE_OTHER, "/rows/all"));
    assert_eq!(site.get("/", &[("cookie", good.cookie())]).await.status, StatusCode::OK);
    for _ in 0..10 {
        assert_eq!(site.send(request("POST", "/login", &form), "token=wrong").await.status, StatusCode::FORBIDDEN);
    }
    let body = format!("token={TOKEN}");
    assert_eq!(site.send(request("POST", "/login", &form), &body).await.status, StatusCode::TOO_MANY_REQUESTS);
    site.clock.set(Timestamp::from_seconds(site.clock.now().second() + 60));
    assert_eq!(site.send(request("POST", "/login", &form), &body).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let site = Site::new();
    let bearer = ("authorization", "Bearer 0123456789abcdef0123456789abcdef");
    for (host, status) in [
        ("localhost", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("VIDEO.example:1", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1.evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("", StatusCode::MISDIRECTED_REQUEST),
    ] {
        assert_eq!(site.get("/", &[("host", host), bearer]).await.status, status, "{host}");
    }
    for (name, value, status) in [
        ("origin", "http://127.0.0.1:8080", StatusCode::OK),
        ("origin", "http://127.0.0.1:9090", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "same-site", StatusCode::FORBIDDEN),
        ("accept", "*/*", StatusCode::OK),
    ] {
        let answer = site.send(request("POST", "/change", &[bearer, (name, value)]), "x").await;
        assert_eq!(answer.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_change_by_cookie_needs_the_csrf_token() {
    let site = Site::new();
    let cookie = site.log_in().await;
    let csrf = site.csrf(&cookie);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let mine = ("cookie", cookie.as_str());
    let missing = site.send(request("POST", "/change", &[mine, form]), "a=1").await;
    assert_eq!(missing.status, StatusCode::FORBIDDEN);
    let body = format!("a=1&csrf={csrf}");
    assert_eq!(site.send(request("POST", "/change", &[mine, form]), &body).await.body, body);
    let by_header = request("POST", "/change", &[mine, ("x-csrf-token", &csrf)]);
    assert_eq!(site.send(by_header, "x").await.status, StatusCode::OK);
    let by_query = request("POST", &format!("/change?csrf={csrf}"), &[mine]);
    assert_eq!(site.send(by_query, "x").await.status, StatusCode::OK);
    let others = site.csrf(&site.log_in().await);
    let with_others = request("POST", "/change", &[mine, ("x-csrf-token", &others)]);
    assert_eq!(site.send(with_others, "x").await.status, StatusCode::FORBIDDEN);
    let left = site.send(request("POST", "/logout", &[mine, ("x-csrf-token", &csrf)]), "").await;
    assert!(left.header("set-cookie").starts_with("ytorch_session_friend=; Path=/; Max-Age=0"));
    assert!(site.get("/csrf", &[mine]).await.body.contains(&csrf));
}

#[tokio::test]
async fn pages_and_the_api_fail_each_in_their_way() {
    let site = Site::new();
    let cookie = site.log_in().await;
    let mine = ("cookie", cookie.as_str());
    for (path, status) in [
        ("/nowhere", StatusCode::NOT_FOUND),
        ("/api/v1/nowhere", StatusCode::NOT_FOUND),
        ("/change", StatusCode::METHOD_NOT_ALLOWED),
        ("/panic", StatusCode::INTERNAL_SERVER_ERROR),
        ("/api/v1/panic", StatusCode::INTERNAL_SERVER_ERROR),
        ("/api/v1/bad", StatusCode::BAD_REQUEST),
    ] {
        let answer = site.get(path, &[mine]).await;
        assert_eq!(answer.status, status, "{path}");
        let json = path.starts_with("/api/");
        assert_eq!(answer.body.starts_with("{\"error\":{"), json, "{path}: {}", answer.body);
        assert_eq!(answer.body.contains("To the first page"), !json, "{path}");
        assert!(!answer.body.contains("on purpose"));
    }
    assert_eq!(site.get("/change", &[mine]).await.header("allow"), "POST");
    let large = request("POST", "/change", &[mine, ("x-csrf-token", &site.csrf(&cookie))]);
    assert_eq!(site.send(large, &"x".repeat(70_000)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_frame_escapes_and_knows_where_it_is() {
    let site = Site::new();
    let cookie = site.log_in().await;
    let page = site.get("/rows/all", &[("cookie", &cookie)]).await;
    assert!(page.body.contains("<title>&#60;i&#62;Rows&#60;/i&#62; · friend · ytorch</title>"), "{}", page.body);
    assert!(page.body.contains("&#60;script&#62;alert(1)") && !page.body.contains("<script>alert"));
    assert!(page.body.contains("<a href=\"/rows\" aria-current=\"page\">"));
    assert_eq!(page.body.matches("aria-current").count(), 1);
    assert!(page.body.contains("Times in Europe/Berlin") && page.body.contains("rendered in "));
    assert!(page.header("server-timing").starts_with("total;dur="));
    assert_eq!(page.header("cache-control"), "no-store");
    let patterns = site.get("/patterns", &[("cookie", &cookie)]).await;
    assert!(patterns.status.is_success() && patterns.body.contains("&#60;b&#62;Odd&#60;/b&#62;"), "{}", patterns.body);
    assert!(
        patterns
            .body
            .contains("aria-sort=\"descending\"><a href=\"/patterns?kind=video&#38;sort=views&#38;order=asc\">")
    );
    assert!(!patterns.body.contains(" style=") && !patterns.body.contains("&#38;#"), "{}", patterns.body);
}

#[tokio::test]
async fn every_request_is_counted_by_its_route_and_its_end() {
    let site = Site::new();
    let mine = ("authorization", "Bearer 0123456789abcdef0123456789abcdef");
    site.get("/rows/by/2023", &[mine]).await;
    site.get("/rows/by/2024", &[mine]).await;
    site.get("/rows/by/2024", &[]).await;
    site.get("/rows/by/2024", &[mine, ("host", "evil.example")]).await;
    site.send(request("POST", "/rows/by/2024", &[mine]), "").await;
    site.get("/panic", &[mine]).await;
    site.get("/nowhere", &[mine]).await;
    site.send(request("BREW", "/coffee", &[mine]), "").await;
    let text = site.frame.metrics().text();
    let counts: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("ytorch_http_requests_total")).collect();
    assert_eq!(
        counts,
        [
            r#"{method="GET",route="/panic",status="500"} 1"#,
            r#"{method="GET",route="/rows/by/{year}",status="200"} 2"#,
            r#"{method="GET",route="/rows/by/{year}",status="303"} 1"#,
            r#"{method="GET",route="/rows/by/{year}",status="421"} 1"#,
            r#"{method="GET",route="unmatched",status="404"} 1"#,
            r#"{method="POST",route="/rows/by/{year}",status="405"} 1"#,
            r#"{method="other",route="unmatched",status="404"} 1"#,
        ]
    );
    let timed = r#"ytorch_http_request_duration_seconds_count{method="GET",route="/rows/by/{year}"} 4"#;
    assert!(text.lines().any(|line| line == timed), "{text}");
    assert!(text.lines().any(|line| line == "ytorch_http_requests_in_flight 0"), "{text}");
}

#[tokio::test]
async fn a_scraper_without_the_token_is_told_so_in_json() {
    let site = Site::new();
    for path in ["/metrics", "/metrics.json"] {
        let answer = site.get(path, &[]).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"), "{path}");
        assert!(answer.body.starts_with("{\"error\":{"), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn assets_answer_to_their_content_only() {
    let site = Site::new();
    for (asset, kind) in
        [(&*assets::STYLE, "text/css"), (&*assets::SCRIPT, "text/javascript"), (&*assets::ICON, "image/svg")]
    {
        let answer = site.get(&asset.href, &[]).await;
        assert!(answer.status.is_success() && answer.header("content-type").starts_with(kind));
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(site.get("/assets/app.0000000000000000.css", &[]).await.status, StatusCode::NOT_FOUND);
}

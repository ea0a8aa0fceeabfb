//! A real browser, driven through chromedriver's WebDriver protocol. It runs no script in the page.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

/// How long something may take to appear on a page, on however slow a machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// As usual.
    On,
    /// Turned off in the browser's settings.
    Off,
}

/// A chromium window. Dropping it closes it.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    agent: Agent,
    session: String,
    // Chromium writes its profile here until it is closed.
    _profile: TempDir,
}

/// An element of the page that is open.
#[derive(Debug)]
pub struct Element<'browser> {
    browser: &'browser Browser,
    path: String,
}

impl Browser {
    /// Opens an empty window.
    pub fn open(scripts: Scripts) -> Self {
        let profile = TempDir::with_prefix("ytorch-browser-").expect("a temporary folder can be made");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs; deploy/test installs it");
        let port = driver_port(&mut driver);
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
        let mut preferences = json!({});
        if scripts == Scripts::Off {
            preferences = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let arguments = [
            "--headless".to_owned(),
            // Chromium as root needs it, and so do hosts without user namespaces; the only pages are our own.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            "--window-size=1280,1000".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let wish = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments, "prefs": preferences},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, agent, session: base, _profile: profile };
        let answer = browser.post("", &wish);
        let number = answer["sessionId"].as_str().expect("a session has a number").to_owned();
        browser.session = format!("{}/{number}", browser.session);
        browser
    }

    /// Goes to an address.
    pub fn go(&self, address: &str) {
        self.post("/url", &json!({"url": address}));
    }

    /// The address of the page.
    pub fn address(&self) -> String {
        self.get("/url").as_str().expect("an address is text").to_owned()
    }

    /// All text that can be seen.
    pub fn text(&self) -> String {
        self.find("body").text()
    }

    /// The first element that a CSS selector names, as soon as there is one.
    pub fn find(&self, selector: &str) -> Element<'_> {
        let found = || self.all(selector).into_iter().next();
        self.until(&format!("`{selector}` did not appear"), found)
    }

    /// Every element that a CSS selector names now.
    pub fn all(&self, selector: &str) -> Vec<Element<'_>> {
        let answer = self.post("/elements", &json!({"using": "css selector", "value": selector}));
        let elements = answer.as_array().cloned().unwrap_or_default();
        let path = |element: &Value| element[ELEMENT].as_str().map(|id| format!("/element/{id}"));
        elements.iter().filter_map(path).map(|path| Element { browser: self, path }).collect()
    }

    /// Waits until the address satisfies a condition.
    pub fn address_when(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        self.until(what, || Some(self.address()).filter(|address| condition(address)))
    }

    /// Waits until the visible text satisfies a condition.
    pub fn text_when(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        self.until(what, || {
            // A page that is being replaced has no body for a moment.
            let body = self.all("body").into_iter().next()?;
            body.try_text().filter(|text| condition(text))
        })
    }

    /// Fails if the page wrote an error to the console, or asked any host but `base` for anything.
    pub fn assert_clean(&self, base: &str) {
        let console = self.post("/se/log", &json!({"type": "browser"}));
        let errors: Vec<&Value> =
            console.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE").collect();
        assert!(errors.is_empty(), "errors on the console: {errors:?}");
        let events = self.post("/se/log", &json!({"type": "performance"}));
        let foreign: BTreeSet<String> = events.as_array().into_iter().flatten().filter_map(requested).collect();
        let foreign: Vec<_> = foreign.iter().filter(|url| !url.starts_with(base) && !is_local(url)).collect();
        assert!(foreign.is_empty(), "requests to foreign hosts: {foreign:?}");
    }

    fn until<T>(&self, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = attempt() {
                return found;
            }
            if Instant::now() > until {
                let text = self.all("body").first().and_then(Element::try_text).unwrap_or_default();
                panic!("{what} on {}:\n{text}", self.address());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|answer| panic!("GET {path}: {answer}"))
    }

    fn try_get(&self, path: &str) -> Result<Value, Value> {
        let response = self.agent.get(format!("{}{path}", self.session)).call();
        value(response.expect("chromedriver answers"))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|answer| panic!("POST {path} {body}: {answer}"))
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, Value> {
        let request = self.agent.post(format!("{}{path}", self.session)).header("Content-Type", "application/json");
        value(request.send(body.to_string().as_bytes()).expect("chromedriver answers"))
    }
}

impl Element<'_> {
    /// Its visible text.
    pub fn text(&self) -> String {
        self.try_text().expect("the element is still on the page")
    }

    fn try_text(&self) -> Option<String> {
        let answer = self.browser.try_get(&format!("{}/text", self.path)).ok()?;
        answer.as_str().map(str::to_owned)
    }

    /// An attribute as it is written in the page.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let answer = self.browser.get(&format!("{}/attribute/{name}", self.path));
        answer.as_str().map(str::to_owned)
    }

    /// Clicks on it.
    pub fn click(&self) {
        self.browser.post(&format!("{}/click", self.path), &json!({}));
    }

    /// Chooses a file in a file field.
    pub fn choose(&self, file: &Path) {
        let path = file.to_str().expect("paths of tests are text");
        self.browser.post(&format!("{}/value", self.path), &json!({"text": path}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that died took its windows with it; the driver must end in any case.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn driver_port(driver: &mut Child) -> u16 {
    let stdout = BufReader::new(driver.stdout.take().expect("standard output is piped"));
    for line in stdout.lines().map_while(Result::ok) {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().expect("a port is a number");
        }
    }
    panic!("chromedriver did not start");
}

fn value(mut response: ureq::http::Response<ureq::Body>) -> Result<Value, Value> {
    let text =
        response.body_mut().with_config().limit(u64::MAX).read_to_string().expect("chromedriver answers in text");
    let mut answer: Value = serde_json::from_str(&text).expect("chromedriver answers in JSON");
    let value = answer["value"].take();
    if response.status().is_success() { Ok(value) } else { Err(value) }
}

/// The address that an entry of the performance log says was requested.
fn requested(entry: &Value) -> Option<String> {
    let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let message = &message["message"];
    (message["method"] == "Network.requestWillBeSent")
        .then(|| message["params"]["request"]["url"].as_str())?
        .map(str::to_owned)
}

/// Addresses that reach no host.
fn is_local(url: &str) -> bool {
    ["data:", "blob:", "about:", "chrome:"].iter().any(|scheme| url.starts_with(scheme))
}

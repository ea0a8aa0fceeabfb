//! Who may come in: signed session cookies, one-time log-in codes, and the token itself.
//!
//! It stores no sessions: a session is what it signed, until it runs out or the token changes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::{extract::FromRequestParts, http::request::Parts};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use ytorch_core::{Clock, InstanceName, Secret, Timestamp, hexadecimal};

use crate::{Scheme, WebError};

/// How long a session lives.
pub const SESSION_SECONDS: i64 = 30 * 24 * 3_600;
/// How long a log-in code can be used.
pub const CODE_SECONDS: i64 = 10 * 60;
/// How many log-in codes can be outstanding; the oldest gives way.
const CODES_OUTSTANDING: usize = 16;
/// So many wrong tokens in a minute, and the form is closed for the rest of it.
const WRONG_TOKENS_A_MINUTE: usize = 10;

/// The log-in state of one instance.
#[derive(Debug)]
pub struct Auth {
    token: Secret,
    cookie_name: String,
    clock: Clock,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    codes: VecDeque<(Secret, Timestamp)>,
    wrong_tokens: VecDeque<Timestamp>,
}

/// A code that opens one session when used in time.
#[derive(Clone, Debug)]
pub struct LoginCode {
    /// The code; `/login?code=` takes it.
    pub code: Secret,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What is known about the one who asks. Handlers take it to put the CSRF token into forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// Came with a session cookie.
    Browser {
        /// What forms must send back as the field `csrf`, the query parameter `csrf` or the header `X-CSRF-Token`.
        csrf: String,
    },
    /// Came with `Authorization: Bearer`; no CSRF token is needed.
    Bearer,
    /// Did not log in; only few paths let such a one through.
    Nobody,
}

impl Session {
    /// The CSRF token for forms; empty where none is needed.
    pub fn csrf(&self) -> &str {
        match self {
            Self::Browser { csrf } => csrf,
            Self::Bearer | Self::Nobody => "",
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        // A router without the guards has no sessions, and must not invent one.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self::Nobody))
    }
}

/// Why a token from the form was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefused {
    /// It is not the token.
    Wrong,
    /// Too many wrong ones in the last minute; it was not looked at.
    TooMany,
}

impl Auth {
    /// The log-in state for a token.
    pub fn new(token: &Secret, instance: &InstanceName, clock: Clock) -> Self {
        // Cookies are shared between the ports of a host, so the name tells the instances apart.
        let cookie_name = format!("ytorch_session_{instance}");
        Self { token: token.clone(), cookie_name, clock, memory: Mutex::default() }
    }

    /// What the cookie of a session is called.
    pub(crate) fn cookie_name(&self) -> &str {
        &self.cookie_name
    }

    /// Makes a code that opens one session within ten minutes.
    pub fn issue_code(&self) -> LoginCode {
        let code = Secret::generate();
        let expires_at = Timestamp::from_seconds(self.clock.now().second() + CODE_SECONDS);
        let mut memory = self.memory();
        if memory.codes.len() >= CODES_OUTSTANDING {
            memory.codes.pop_front();
        }
        memory.codes.push_back((code.clone(), expires_at));
        LoginCode { code, expires_at }
    }

    /// Whether somebody may still come with a code. Codes are in memory alone, so an end of the server would spoil them.
    pub fn awaits_a_code(&self) -> bool {
        let now = self.clock.now();
        self.memory().codes.iter().any(|(_, expires_at)| *expires_at > now)
    }

    /// Uses a code up. True if it was good.
    pub fn use_code(&self, code: &str) -> bool {
        let now = self.clock.now();
        let mut memory = self.memory();
        memory.codes.retain(|(_, expires_at)| *expires_at > now);
        let found = memory.codes.iter().position(|(known, _)| same(known.reveal(), code));
        found.is_some_and(|position| memory.codes.remove(position).is_some())
    }

    /// Looks at a token from the log-in form, at most so often a minute.
    pub fn check_form_token(&self, given: &str) -> Result<(), TokenRefused> {
        let now = self.clock.now();
        let mut memory = self.memory();
        memory.wrong_tokens.retain(|at| now.second() - at.second() < 60);
        if memory.wrong_tokens.len() >= WRONG_TOKENS_A_MINUTE {
            return Err(TokenRefused::TooMany);
        }
        if same(self.token.reveal(), given.trim()) {
            return Ok(());
        }
        memory.wrong_tokens.push_back(now);
        Err(TokenRefused::Wrong)
    }

    /// Whether a text is the token.
    pub fn is_token(&self, given: &str) -> bool {
        same(self.token.reveal(), given)
    }

    /// The `Set-Cookie` value that opens a fresh session.
    pub fn session_cookie(&self, scheme: Scheme) -> String {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).expect("the operating system gives random numbers");
        let expires = self.clock.now().second() + SESSION_SECONDS;
        let content = format!("{expires}.{}", hexadecimal(&random));
        let signature = self.sign("session", &content);
        self.set_cookie(&format!("{content}.{signature}"), SESSION_SECONDS, scheme)
    }

    /// The `Set-Cookie` value that ends the session in the browser.
    pub fn ending_cookie(&self, scheme: Scheme) -> String {
        self.set_cookie("", 0, scheme)
    }

    /// The session that a `Cookie` header opens.
    pub fn session(&self, cookie_header: &str) -> Option<Session> {
        let values = cookie_header.split(';').filter_map(|pair| pair.trim().split_once('='));
        values.filter(|(name, _)| *name == self.cookie_name).find_map(|(_, value)| self.verify(value))
    }

    fn verify(&self, value: &str) -> Option<Session> {
        let (content, signature) = value.rsplit_once('.')?;
        let (expires, _) = content.split_once('.')?;
        if !same(&self.sign("session", content), signature) {
            return None;
        }
        let expires: i64 = expires.parse().ok()?;
        (expires > self.clock.now().second()).then(|| Session::Browser { csrf: self.sign("csrf", content) })
    }

    fn set_cookie(&self, value: &str, seconds: i64, scheme: Scheme) -> String {
        // On plain loopback, browsers would not send a secure cookie back.
        let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.cookie_name)
    }

    fn sign(&self, purpose: &str, content: &str) -> String {
        let text = format!("ytorch {purpose}\n{}\n{content}", self.cookie_name);
        hexadecimal(&mac(self.token.reveal().as_bytes(), text.as_bytes()))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Every change to the memory is one call, so a panic elsewhere leaves it whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Compares without telling by its time where the texts differ, nor how long the known one is.
pub(crate) fn same(known: &str, given: &str) -> bool {
    let mut left = Hmac::<Sha256>::new_from_slice(b"compare").expect("HMAC takes keys of any length");
    left.update(given.as_bytes());
    left.verify_slice(&mac(b"compare", known.as_bytes())).is_ok()
}

//! Messages to the person who runs the instance: one POST to an address of theirs, such as a topic of ntfy.
//!
//! It decides nothing about what is worth a message. Where no address is set, no message is made.

use std::{pin::pin, time::Duration};

use reqwest::{Client, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use ytorch_core::{InstanceName, Secret};
use ytorch_jobs::{Context, JobError, JobKind, NewJob, Outcome, RetryPolicy};
use ytorch_store::{MEND_UNDECRYPTABLE, VaultError};

use crate::platform::Platform;

/// The kind of job.
pub(super) const KIND: &str = "platform_notify";
/// The service outside that the breaker stands for.
pub(crate) const SERVICE: &str = "notify";
/// The secret that is sent along as bearer token, if it is set.
pub(crate) const TOKEN: &str = "notify_token";

/// How soon it is noticed that nobody waits for the service any more.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A service that says when to come back and then does not say when is asked again after so long.
const USUAL_PAUSE: Duration = Duration::from_mins(1);

#[derive(Serialize, Deserialize)]
struct Payload {
    text: String,
}

/// What is sent, and how long that may take.
struct Message<'job> {
    url: &'job str,
    token: Option<&'job Secret>,
    instance: &'job InstanceName,
    patience: Duration,
    text: String,
}

/// How an answer is to be taken.
enum Answer {
    /// Nobody waits for it any more.
    GivenUp,
    Taken,
    /// The service works and wants us back later.
    Later(Duration),
    /// The service works and does not want this.
    Refused(StatusCode),
    /// The service does not work.
    Broken(String),
}

pub(super) fn kind(platform: &Platform) -> JobKind {
    let platform = platform.clone();
    JobKind::new(KIND, move |context: &Context, payload| send(&platform, context, payload)).retry(RetryPolicy::NETWORK)
}

/// A message with this text.
pub(super) fn new(text: &str) -> NewJob {
    let payload = Payload { text: text.to_owned() };
    NewJob::new(KIND, serde_json::to_string(&payload).unwrap_or_default()).subject("a message")
}

fn send(platform: &Platform, context: &Context, payload: &str) -> Result<Outcome, JobError> {
    let Some(url) = &platform.settings.notify_url else {
        return Ok(Outcome::Skipped("`notify_url` is not set any more".to_owned()));
    };
    let Payload { text } = serde_json::from_str(payload).map_err(|error| JobError::Fatal(error.to_string()))?;
    let token = platform.vault.get(TOKEN).map_err(|error| match error {
        VaultError::Undecryptable(_) => JobError::Fatal(format!("{error}; {MEND_UNDECRYPTABLE}")),
        _ => JobError::Fatal(error.to_string()),
    })?;
    let kept = |error: ytorch_store::StoreError| JobError::Retryable(error.to_string());
    let patience = Duration::from_secs(platform.settings.notify_timeout_seconds.into());
    let permit = match platform.breakers.ask(SERVICE).map_err(kept)? {
        Ok(permit) => permit,
        Err(until) => {
            return Err(JobError::WaitUntil(
                until,
                "the service is left alone, because it failed too often".to_owned(),
            ));
        }
    };
    match post(context, &Message { url, token: token.as_ref(), instance: &platform.instance, patience, text }) {
        Answer::GivenUp => Err(JobError::Cancelled),
        Answer::Taken => permit.succeeded().map_err(kept).map(|()| Outcome::done()),
        Answer::Later(pause) => {
            permit.succeeded().map_err(kept)?;
            Err(JobError::WaitUntil(
                platform.resources.clock.now().after(pause),
                "it asked us to come back later".to_owned(),
            ))
        }
        Answer::Refused(status) => {
            permit.succeeded().map_err(kept)?;
            Err(JobError::Fatal(format!("it refused the message: {status}; check `notify_url` and `{TOKEN}`")))
        }
        Answer::Broken(error) => {
            permit.failed(&error).map_err(kept)?;
            Err(JobError::Retryable(error))
        }
    }
}

/// Sends one request, on a runtime of its own: this is a job's thread, which may block.
fn post(context: &Context, message: &Message<'_>) -> Answer {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Answer::Broken(error.to_string()),
    };
    match runtime.block_on(unless_given_up(context, request(message))) {
        Some(Ok(response)) => answer(&response),
        Some(Err(error)) => Answer::Broken(in_words(&error)),
        None => Answer::GivenUp,
    }
}

/// Waits for something unless the server is to stop or the job was cancelled: nobody waits for a service that is silent.
async fn unless_given_up<T>(context: &Context, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(LOOK_EVERY, &mut work).await {
            Ok(done) => return Some(done),
            Err(_) if context.gives_up() => return None,
            Err(_) => {}
        }
    }
}

async fn request(message: &Message<'_>) -> reqwest::Result<Response> {
    let Message { url, token, instance, patience, text } = message;
    // The first one in the process counts; it is the same each time.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(*patience).redirect(reqwest::redirect::Policy::none());
    // Without TLS nobody vouches for anybody, so a machine that knows no authorities must do.
    let client = if url.starts_with("http://") { client.tls_certs_only([]) } else { client }.build()?;
    let request =
        client.post(*url).header("title", format!("ytorch: {instance}")).header(header::CONTENT_TYPE, "text/plain");
    let request = match token {
        Some(token) => request.bearer_auth(token.reveal()),
        None => request,
    };
    request.body(text.clone()).send().await
}

fn answer(response: &Response) -> Answer {
    let status = response.status();
    match status {
        _ if status.is_success() => Answer::Taken,
        StatusCode::TOO_MANY_REQUESTS => Answer::Later(retry_after(response)),
        StatusCode::SERVICE_UNAVAILABLE if response.headers().contains_key(header::RETRY_AFTER) => {
            Answer::Later(retry_after(response))
        }
        _ if status.is_server_error() => Answer::Broken(format!("it answered {status}")),
        _ => Answer::Refused(status),
    }
}

fn retry_after(response: &Response) -> Duration {
    let text = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds: Option<u64> = text.and_then(|text| text.trim().parse().ok());
    // The queue keeps to its own bounds; these keep the sum from running over.
    seconds.map_or(USUAL_PAUSE, |seconds| Duration::from_secs(seconds.clamp(1, 24 * 3600)))
}

/// The chain of causes, without the address, in which there may be a secret.
fn in_words(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    let is_untrusted = words.iter().any(|words| words.starts_with("invalid peer certificate"));
    let kind = match error {
        _ if is_untrusted => "this machine does not trust its certificate",
        _ if error.is_timeout() => "it did not answer in time",
        _ => "it could not be reached",
    };
    words.insert(0, kind.to_owned());
    words.dedup();
    words.join(": ")
}

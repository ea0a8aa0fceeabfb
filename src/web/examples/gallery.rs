//! Serves `/patterns` on a loopback port, to look at the parts while working on them. It keeps nothing.

use ytorch_core::{Clock, InstanceName, Secret, Zone};
use ytorch_telemetry::Metrics;
use ytorch_web::{Frame, FrameSettings, NavEntry, RateLimit, own_routes, protect};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let frame = Frame::new(FrameSettings {
        instance: InstanceName::default(),
        zone: Zone::system(),
        token: Secret::generate(),
        navigation: vec![NavEntry { label: "Patterns", href: "/patterns" }],
        version: env!("CARGO_PKG_VERSION"),
        clock: Clock::system(),
        rate_limit: RateLimit::per_second(0),
        hosts: Vec::new(),
        metrics: Metrics::new(),
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let code = frame.auth().issue_code().code;
    #[expect(clippy::print_stdout, reason = "an example talks to the person who started it")]
    {
        println!("http://{}/login?code={}&next=/patterns", listener.local_addr()?, code.reveal());
    }
    axum::serve(listener, protect(own_routes(&frame), &frame)).await
}

//! A service outside, to which the server sends messages. It answers everything alike and keeps what was sent.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service that listens as long as the test runs.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its address.
    pub url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// A service that answers every request with this status, such as `200 OK`.
    pub fn answering(status: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let service = Self { url: format!("http://{address}/topic"), received: Arc::default() };
        let (received, status) = (Arc::clone(&service.received), status.to_owned());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut part = [0; 4096];
                // The messages are short, so that the body ends with the first part in which there is something of it.
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                        _ => break,
                    }
                }
                if let Ok(mut received) = received.lock() {
                    received.push(String::from_utf8_lossy(&request).into_owned());
                }
                // Who asked may have gone; that is no matter of the service.
                let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        service
    }

    /// What was received so far: head and body of each request.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().map(|received| received.clone()).unwrap_or_default()
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, requests: usize) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let received = self.received();
            if received.len() >= requests {
                return received;
            }
            assert!(Instant::now() < until, "waited too long for {requests} messages: {received:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

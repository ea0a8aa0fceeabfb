//! A service outside that takes messages: it keeps what it is sent and answers as it is told. It speaks no TLS.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

/// How long a request may be on its way, on however slow a machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The service, for as long as the test lives.
#[derive(Debug)]
pub struct Listener {
    url: String,
    received: Receiver<Received>,
    answers: Arc<Mutex<VecDeque<String>>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The first line and the header, names in lower case.
    pub head: Vec<String>,
    /// The body.
    pub body: String,
}

impl Listener {
    /// A service that gives these answers one after another, the last one again and again. An answer is a status and lines of
    /// the header: `429 x\r\nRetry-After: 1`. An empty one is none: the line stays open and silent.
    pub fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
        let url = format!("http://{}/topic", listener.local_addr().expect("a listener has an address"));
        let (sender, received) = channel();
        let service = Self { url, received, answers: Arc::default() };
        service.answer_with(answers);
        let answers = Arc::clone(&service.answers);
        thread::spawn(move || serve(&listener, &answers, &sender));
        service
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers in another way from now on.
    pub fn answer_with(&self, answers: &[&str]) {
        *self.answers.lock().expect("no thread panics with it") = answers.iter().map(|&text| text.to_owned()).collect();
    }

    /// The next request, which must come.
    pub fn next(&self) -> Received {
        self.received.recv_timeout(PATIENCE).expect("no message came")
    }

    /// How many more requests have come.
    pub fn more(&self) -> usize {
        self.received.try_iter().count()
    }
}

impl Received {
    /// A line of the header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn serve(listener: &TcpListener, answers: &Mutex<VecDeque<String>>, sender: &Sender<Received>) {
    let mut silent = Vec::new();
    for mut stream in listener.incoming().flatten() {
        let Some(received) = read(&stream) else { continue };
        let answer = {
            let mut answers = answers.lock().expect("no thread panics with it");
            let next = answers.pop_front().unwrap_or_default();
            if answers.is_empty() {
                answers.push_back(next.clone());
            }
            next
        };
        if answer.is_empty() {
            silent.push(stream);
        } else {
            // Whoever has gone away does not want the answer.
            let _ = write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
        if sender.send(received).is_err() {
            return;
        }
    }
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut received = Received { head: Vec::new(), body: String::new() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => received.head.push(format!("{}: {value}", name.to_ascii_lowercase())),
            None if line.trim_end().is_empty() => break,
            None => received.head.push(line.trim_end().to_owned()),
        }
    }
    let length = received.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_string(&mut received.body).ok()?;
    Some(received)
}

//! A web server that has trouble, and the tools that talk to it.

use super::command::Scratch;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server on a free port of this machine. It ends with the test's process.
pub struct Server {
    pub url: String,
    requests: Arc<AtomicUsize>,
}

/// A status and headers, each with its `\r\n`, and a body.
pub type Answer = (String, Vec<u8>);

impl Server {
    /// It gives each connection its answer, and the last answer again and again.
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { url: url(&listener), requests: Arc::default() };
        let requests = Arc::clone(&server.requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let number = requests.fetch_add(1, Ordering::SeqCst);
                // A client that does not listen to the end is its own affair.
                let _gone = give(stream.unwrap(), &answers[number.min(answers.len() - 1)]);
            }
        });
        server
    }

    /// A port that was just free and has no server.
    pub fn absent() -> Self {
        Self { url: url(&TcpListener::bind("127.0.0.1:0").unwrap()), requests: Arc::default() }
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}/", listener.local_addr().unwrap())
}

fn give(mut stream: TcpStream, (head, body): &Answer) -> std::io::Result<()> {
    for line in BufReader::new(stream.try_clone()?).lines() {
        if line?.is_empty() {
            break;
        }
    }
    write!(stream, "HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}

/// `retry OPTIONS -- TOOL URL` for curl or wget, which read no settings of whoever runs the tests.
pub fn retry(scratch: &Scratch, options: &str, tool: &str, server: &Server) -> assert_cmd::Command {
    let mut retry = scratch.retry(options);
    retry.arg("--").args(tool.split_whitespace()).arg(&server.url);
    retry.env("HOME", scratch.path("")).env("CURL_HOME", scratch.path("")).env_remove("XDG_CONFIG_HOME");
    retry.env("NO_PROXY", "*").env("no_proxy", "*").env("WGETRC", scratch.path("wgetrc")).env("LC_ALL", "C");
    std::fs::write(scratch.path("wgetrc"), "").unwrap();
    retry
}

//! A provider of text messages: answers each request with what a test says, and tells what it was asked.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A request as it came.
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) head: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

/// The provider; ends with the runtime of its test.
pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) asked: mpsc::UnboundedReceiver<Asked>,
}

impl Provider {
    /// Answers with these, in turn: a status line with further fields, and a body. `None`: says nothing.
    pub(crate) async fn start(answers: Vec<Option<(&'static str, &'static str)>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = Vec::new();
                let asked = loop {
                    let mut piece = [0; 4096];
                    let count = stream.read(&mut piece).await.unwrap();
                    text.extend_from_slice(&piece[..count]);
                    if let Some(asked) = whole(&String::from_utf8_lossy(&text)) {
                        break asked;
                    }
                    assert!(count > 0, "half a request");
                };
                let _ = tell.send(asked);
                let Some((head, body)) = answer else {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                    continue;
                };
                let length = body.len();
                let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, asked }
    }
}

fn whole(text: &str) -> Option<Asked> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let head: Vec<_> =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
    let length = head.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    (body.len() >= length).then(|| Asked { line, head, body: body.to_owned() })
}

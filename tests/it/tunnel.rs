//! A live WebSocket ends with the session it was opened in.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::clients::Client;
use crate::support::gateway::Gateway;
use crate::support::process::wait_until;
use crate::support::totp;

fn address(gw: &Gateway) -> String {
    gw.demo["url"].as_str().unwrap().trim_start_matches("http://").replace("localhost", "127.0.0.1")
}

async fn websocket(gw: &Gateway, token: Option<&str>, path: &str) -> WebSocketStream<TcpStream> {
    let url = gw.demo["url"].as_str().unwrap();
    let mut request = format!("{}{path}", url.replace("http://", "ws://")).into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let stream = TcpStream::connect(address(gw)).await.unwrap();
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

/// Sends a text and waits for its echo.
async fn echoes(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    let told = timeout(Duration::from_secs(5), socket.next()).await.expect("an echo in time");
    assert_eq!(told.expect("open").unwrap(), Message::text(text));
}

async fn signed_in(gw: &Gateway, name: &str) -> Client {
    let (password, secret) = gw.user(name);
    let mut api = gw.api_client();
    let body = json!({ "username": name, "password": password, "otp": totp::code(&secret.unwrap()) });
    let login = api.post_json("/.stepgate/api/v1/login", &body).await;
    api.token = login.json()["access_token"].as_str().map(str::to_owned);
    assert!(api.token.is_some(), "{}", login.body);
    api
}

#[tokio::test]
async fn a_websocket_ends_with_its_session_and_no_other() {
    let gw = Gateway::demo();
    let (mut ann, root) = (signed_in(&gw, "ann").await, signed_in(&gw, "root").await);
    let mut hers = websocket(&gw, ann.token.as_deref(), "/ws").await;
    let mut other = websocket(&gw, root.token.as_deref(), "/ws").await;
    echoes(&mut hers, "one").await;
    echoes(&mut other, "one").await;

    assert_eq!(ann.post_json("/.stepgate/api/v1/logout", &json!({})).await.status, 204);
    let ended = timeout(Duration::from_secs(5), async {
        loop {
            match hers.next().await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(fault)) => panic!("no close frame: {fault}"),
                None => return None,
            }
        }
    });
    let frame = ended.await.expect("ended within five seconds").expect("with a reason");
    assert_eq!(frame.code, CloseCode::Policy, "1008");
    echoes(&mut other, "two").await; // somebody else's goes on
}

/// Whoever stops the gateway does not wait for clients that stay: a WebSocket, an idle connection.
#[tokio::test]
async fn nobody_who_stays_keeps_the_gateway_from_ending_at_once() {
    for signals in [&["INT"][..], &["TERM", "TERM"]] {
        let mut gw = Gateway::demo();
        let ann = signed_in(&gw, "ann").await;
        let mut socket = websocket(&gw, ann.token.as_deref(), "/ws").await;
        echoes(&mut socket, "one").await;
        let mut idle = gw.anonymous();
        assert_eq!(idle.get("/public/echo").await.status, 200);
        for signal in signals {
            gw.process.signal(signal);
            // Signals of one kind that come together are one.
            let heard = || std::net::TcpStream::connect(address(&gw)).is_err().then_some(());
            assert_eq!(wait_until(heard), Some(()));
        }
        assert_eq!(gw.process.wait(), Some(0), "{signals:?}");
        drop((socket, idle));
    }
}

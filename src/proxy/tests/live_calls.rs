//! Calls of gRPC that last, over one connection to one app: each ends with its own session.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::front::Front;
use super::rig::*;
use crate::auth::proof::{Method, Proofs};
use crate::auth::session::{Channel, Session, SessionToken};
use crate::auth::user::Identity;
use crate::flow::ports::{Clock, Sessions};
use crate::flow::testing::World;

/// Answers each call at once, says everything back, and never ends one by itself. Writes down whose calls ended.
async fn echoing(stream: tokio::net::TcpStream, ended: Arc<Mutex<Vec<String>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let ended = ended.clone();
        tokio::spawn(async move {
            let (head, mut body) = request.into_parts();
            let answer = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
            let mut says = respond.send_response(answer, false).unwrap();
            while let Some(Ok(piece)) = body.data().await {
                body.flow_control().release_capacity(piece.len()).unwrap();
                if says.send_data(piece, false).is_err() {
                    break;
                }
            }
            ended.lock().unwrap().push(head.uri.path().to_owned());
        });
    }
}

/// A call of somebody's.
struct Call {
    says: h2::SendStream<Bytes>,
    hears: h2::RecvStream,
}

impl Call {
    async fn open(front: &Front, name: &str, token: &SessionToken) -> Self {
        let request = Request::post(format!("https://app.test/guarded/pkg.Service/{name}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", token.expose()));
        let (answer, says) = front.h2().await.send_request(request.body(()).unwrap(), false).unwrap();
        let answer = within(answer).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/grpc");
        assert!(!answer.headers().contains_key("grpc-status"), "{:?}", answer.headers());
        Self { says, hears: answer.into_body() }
    }

    /// Whether what is said comes back; else with what the stream ended.
    async fn goes_on(&mut self) -> Result<(), Option<h2::Reason>> {
        let message = Bytes::from_static(b"\0\0\0\0\x02hi");
        self.says.send_data(message.clone(), false).map_err(|end| end.reason())?;
        let told = within(self.hears.data()).await.ok_or(None)?.map_err(|end| end.reason())?;
        self.hears.flow_control().release_capacity(told.len()).unwrap();
        assert_eq!(told, message);
        Ok(())
    }
}

#[tokio::test]
async fn a_call_ends_with_its_session_and_others_of_the_same_app_go_on() {
    let world = World::new();
    let now = Clock::now(&*world);
    let ended = Arc::new(Mutex::new(Vec::new()));
    let all = ended.clone();
    let mut settings = settings(&[upstream_of(move |stream| echoing(stream, all.clone())).await]);
    settings.apps[0].upstream.http2 = true;
    let (anns, bobs) = (SessionToken::mint(&[1; 32]), SessionToken::mint(&[2; 32]));
    for (name, id, token) in [("ann", "01ANN", &anns), ("bob", "01BOB", &bobs)] {
        let session = session(name, &[]);
        let identity = Identity { id: world.person(name), ..session.identity };
        let proofs = Proofs::none().with(Method::Password, now).with(Method::Totp, now);
        let (created_at, seen_at, channel) = (now, now, Channel::Bearer);
        let session = Session { id: id.to_owned(), identity, proofs, created_at, seen_at, channel, ..session };
        world.look(|s| s.sessions.insert(token.key(), (Arc::new(session), now.plus(Duration::from_secs(10_000)))));
    }
    let front = Front::start_over(settings, world.ports()).await;
    let mut ann = [Call::open(&front, "First", &anns).await, Call::open(&front, "Second", &anns).await];
    let mut bob = Call::open(&front, "Other", &bobs).await;
    // Long enough to be known as what lasts.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for call in ann.iter_mut().chain([&mut bob]) {
        assert_eq!(call.goes_on().await, Ok(()));
    }
    assert!(Sessions::revoke(&*world, &anns.key()).await.unwrap());
    for call in &mut ann {
        let end = within(call.hears.data()).await.expect("a reset, not an end").unwrap_err();
        assert_eq!(end.reason(), Some(h2::Reason::CANCEL));
    }
    assert_eq!(bob.goes_on().await, Ok(()));
    within(async {
        while ended.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut ended = ended.lock().unwrap().clone();
    ended.sort();
    assert_eq!(ended, ["/guarded/pkg.Service/First", "/guarded/pkg.Service/Second"], "towards the app as well");
    assert_eq!(bob.goes_on().await, Ok(()));
}

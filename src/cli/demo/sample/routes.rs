//! What the app has at which address.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{Extension, Request};
use axum::http::HeaderName;
use axum::http::StatusCode;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, UPGRADE};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Json, Router};
use data_encoding::BASE64;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::head::Head;
use super::raw_stream::Heads;
use super::{live, pages};
use crate::notify::kept::KeptLetters;

/// The largest body that is echoed, in bytes.
const MAX_ECHO: usize = 16 * 1024 * 1024;

const READ: &str = "GET, HEAD, OPTIONS";
const POSTED: &str = "GET, HEAD, POST, OPTIONS";

/// The head of the request that is answered, as it came.
type Raw = Extension<Arc<Head>>;

/// The app's routes; each request carries its `Head` and the connection's `Heads`.
pub(super) fn router(letters: Arc<KeptLetters>) -> Router {
    let kept = letters.clone();
    let outbox = get(async move || Json(kept.all()));
    let for_people = get(async move || Html(pages::letters(&letters.all())));
    let public = || at(POSTED, get(public).post(public));
    let admin = || at(POSTED, get(admin).post(admin));
    let unread = Router::new()
        .route("/", at(READ, get(async |Extension(head): Raw| Html(pages::home(&head)))))
        .route("/public", at(READ, get(self::public)))
        .route("/public/", public())
        .route("/public/{*path}", public())
        .route("/admin", at(READ, get(self::admin)))
        .route("/admin/", admin())
        .route("/admin/{*path}", admin())
        .route("/mailed", at(READ, get(mailed)))
        .route("/mailed/", at(READ, get(mailed)))
        .route("/mailed/{*path}", at(READ, get(mailed)))
        .route("/risky", at(READ, get(risky)))
        .route("/risky/", at(POSTED, get(risky).post(risky)))
        .route("/risky/{*path}", at(POSTED, get(risky).post(risky)))
        .route("/orders", at(READ, get(orders)))
        .route("/orders/", at(READ, get(orders)))
        .route("/orders/orders.js", at(READ, get(async || ([(CONTENT_TYPE, "text/javascript")], pages::ORDERS_SCRIPT))))
        .route(super::OUTBOX, at(READ, outbox))
        .route(super::LETTERS, at(READ, for_people))
        .route("/slow", at(READ, get(slow)))
        .route("/ws", at(READ, get(web_socket)))
        .route("/events", at(READ, get(async || live::events())))
        .route("/big", at(READ, get(async |Extension(head): Raw| live::big(head.number("bytes").unwrap_or(1 << 20)))))
        .route("/favicon.ico", at(READ, get(async || StatusCode::NO_CONTENT)))
        .fallback(async || (StatusCode::NOT_FOUND, Html(pages::not_found())))
        .layer(middleware::from_fn(drain));
    let form = get(async || ([(CACHE_CONTROL, "private, no-cache")], Html(pages::form()))).post(received);
    Router::new()
        .route("/echo", any(echo))
        .route("/public/echo", any(echo))
        .route("/orders/save", at(POSTED, post(echo)))
        .route("/form", at(POSTED, form))
        .route("/upload", at("POST, PUT, OPTIONS", post(upload).put(upload)))
        .merge(unread)
}

/// The same route, saying which methods it has.
fn at(methods: &'static str, route: MethodRouter) -> MethodRouter {
    route
        .options(async move || (StatusCode::NO_CONTENT, [(ALLOW, methods)]))
        .fallback(async move || ([(ALLOW, methods)], plain(StatusCode::METHOD_NOT_ALLOWED)).into_response())
}

/// An answer that only says its status.
pub(super) fn plain(status: StatusCode) -> Response {
    (status, format!("{status}\n")).into_response()
}

/// The same, as the last on its connection.
pub(super) fn refuse(status: StatusCode) -> Response {
    ([(CONNECTION, "close")], plain(status)).into_response()
}

/// Reads the bodies that no handler wants, so that the connection can be used again.
async fn drain(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match count(body).await {
        Ok(_) => next.run(Request::from_parts(parts, Body::empty())).await,
        Err(refused) => refused,
    }
}

async fn count(body: Body) -> Result<usize, Response> {
    let mut bytes = 0;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        bytes += piece.map_err(|_| refuse(StatusCode::BAD_REQUEST))?.len();
    }
    Ok(bytes)
}

async fn collect(body: Body) -> Result<Vec<u8>, Response> {
    let mut whole = Vec::new();
    let mut larger = body.size_hint().lower() > MAX_ECHO as u64;
    let mut pieces = body.into_data_stream();
    while !larger && let Some(piece) = pieces.next().await {
        whole.extend_from_slice(&piece.map_err(|_| refuse(StatusCode::BAD_REQUEST))?);
        larger = whole.len() > MAX_ECHO;
    }
    if larger { Err(refuse(StatusCode::PAYLOAD_TOO_LARGE)) } else { Ok(whole) }
}

/// The request as it arrived.
async fn echo(Extension(head): Raw, body: Body) -> Result<Json<Value>, Response> {
    let body = collect(body).await?;
    let headers: Vec<Value> = head.fields.iter().map(|(name, value)| json!([name, value])).collect();
    let (method, target) = (&head.method, &head.target);
    Ok(Json(match String::from_utf8(body) {
        Ok(body) => json!({ "method": method, "target": target, "headers": headers, "body": body }),
        Err(other) => {
            let body = BASE64.encode(other.as_bytes());
            json!({ "method": method, "target": target, "headers": headers, "body": body, "body_encoding": "base64" })
        }
    }))
}

async fn public(Extension(head): Raw) -> Html<String> {
    Html(pages::public(&head))
}

async fn admin(Extension(head): Raw) -> Html<String> {
    Html(pages::admin(&head))
}

async fn mailed(Extension(head): Raw) -> Html<String> {
    Html(pages::mailed(&head))
}

async fn risky(Extension(head): Raw) -> Html<String> {
    Html(pages::risky(&head))
}

async fn orders() -> ([(HeaderName, &'static str); 1], Html<String>) {
    ([(CONTENT_SECURITY_POLICY, pages::ORDERS_POLICY)], Html(pages::orders()))
}

async fn received(Extension(head): Raw, body: Body) -> Result<Html<String>, Response> {
    Ok(Html(pages::received(&head, &collect(body).await?)))
}

async fn upload(body: Body) -> Result<Json<Value>, Response> {
    Ok(Json(json!({ "bytes": count(body).await? })))
}

async fn slow(Extension(head): Raw) -> &'static str {
    tokio::time::sleep(Duration::from_secs(head.number("seconds").unwrap_or(3).min(300))).await;
    "This took its time.\n"
}

async fn web_socket(Extension(head): Raw, Extension(heads): Extension<Heads>, mut request: Request) -> Response {
    match live::accept(&head) {
        Some(answer) => {
            heads.tunnel(hyper::upgrade::on(&mut request));
            answer
        }
        None => {
            ([(UPGRADE, "websocket"), (CONNECTION, "Upgrade")], plain(StatusCode::UPGRADE_REQUIRED)).into_response()
        }
    }
}

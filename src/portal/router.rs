//! Every address under the reserved prefix, each once.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::context::{Context, run};
use super::state::PortalState;
use super::{api, browser};

type Route = MethodRouter<Arc<PortalState>>;

macro_rules! to {
    ($method:ident, $handler:path) => {
        $method(|ctx: Context| run(ctx, $handler))
    };
}

/// The router of all pages and calls.
pub(super) fn build(state: Arc<PortalState>) -> Router {
    let all = pages().into_iter().chain(calls().into_iter().map(|(_, path, route)| (path, route)));
    // Two methods on one address are merged by the router.
    all.fold(Router::new(), |router, (path, route)| router.route(path, route)).with_state(state)
}

/// The pages.
fn pages() -> Vec<(&'static str, Route)> {
    vec![
        ("/.stepgate/login", to!(get, browser::login::show).merge(to!(post, browser::login::submit))),
        (
            "/.stepgate/second-factor",
            to!(get, browser::second_factor::show).merge(to!(post, browser::second_factor::submit)),
        ),
        ("/.stepgate/enroll", to!(get, browser::enroll::show).merge(to!(post, browser::enroll::submit))),
        ("/.stepgate/step-up", to!(get, browser::step_up::show).merge(to!(post, browser::step_up::submit))),
        ("/.stepgate/account", to!(get, browser::account::show).merge(to!(post, browser::account::logout))),
        ("/.stepgate/logout", to!(get, browser::account::ask).merge(to!(post, browser::account::logout))),
        (
            "/.stepgate/backup-codes",
            to!(get, browser::backup_codes::show).merge(to!(post, browser::backup_codes::submit)),
        ),
        ("/.stepgate/signed-out", to!(get, browser::account::signed_out)),
        ("/.stepgate/assets/{name}", to!(get, browser::asset)),
    ]
}

/// The calls for machines: method, address, handler.
pub(super) fn calls() -> Vec<(&'static str, &'static str, Route)> {
    vec![
        ("get", "/.stepgate/session", to!(get, api::session::brief)),
        ("get", "/.stepgate/jwks.json", to!(get, api::openapi::jwks)),
        ("get", "/.stepgate/api/openapi.json", to!(get, api::openapi::document)),
        ("post", "/.stepgate/api/v1/login", to!(post, api::login::login)),
        ("post", "/.stepgate/api/v1/login/second-factor", to!(post, api::login::second_factor)),
        ("post", "/.stepgate/api/v1/logout", to!(post, api::session::logout)),
        ("get", "/.stepgate/api/v1/whoami", to!(get, api::session::whoami)),
        ("post", "/.stepgate/api/v1/elevate", to!(post, api::login::elevate)),
        ("post", "/.stepgate/api/v1/totp", to!(post, api::totp::begin)),
        ("post", "/.stepgate/api/v1/totp/confirm", to!(post, api::totp::confirm)),
        ("get", "/.stepgate/api/v1/totp/qr.png", to!(get, api::totp::picture)),
        ("post", "/.stepgate/api/v1/backup-codes", to!(post, api::backup_codes::renew)),
    ]
}

//! Every address under the reserved prefix, each once. A call brings its method, its address and its documentation along.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::Path;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Paths;
use utoipa_axum::PathItemExt as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::context::run;
use super::state::PortalState;
use super::{api, browser};

type Route = MethodRouter<Arc<PortalState>>;

macro_rules! to {
    ($method:ident, $handler:path) => {
        $method(run!($handler))
    };
}

/// A call as `#[utoipa::path]` documents it.
macro_rules! call {
    ($($room:ident)::+, $handler:ident) => {
        utoipa_axum::paste! {
            documented::<$($room)::+::[<__path_ $handler>], _, _>(run!($($room)::+::$handler))
        }
    };
}

/// The router of all pages and calls, and the document of the calls.
pub(super) fn build() -> (Router<Arc<PortalState>>, OpenApi) {
    let calls = calls().into_iter().fold(OpenApiRouter::with_openapi(api::openapi::head()), OpenApiRouter::routes);
    let (router, document) = calls.split_for_parts();
    let router = pages().into_iter().fold(router, |router, (path, route)| router.route(path, route));
    (router, api::openapi::completed(document))
}

/// Every address there is.
#[cfg(test)]
pub(super) fn addresses() -> Vec<String> {
    let pages = pages().into_iter().map(|(path, _)| path.to_owned());
    pages.chain(build().1.paths.paths.into_keys()).collect()
}

fn pages() -> Vec<(&'static str, Route)> {
    vec![
        ("/.stepgate/login", to!(get, browser::login::show).merge(to!(post, browser::login::submit))),
        ("/.stepgate/login-link", to!(get, browser::login_link::show).merge(to!(post, browser::login_link::submit))),
        (
            "/.stepgate/second-factor",
            to!(get, browser::second_factor::show).merge(to!(post, browser::second_factor::submit)),
        ),
        ("/.stepgate/enroll", to!(get, browser::enroll::show).merge(to!(post, browser::enroll::submit))),
        ("/.stepgate/passkey", to!(get, browser::passkey::show).merge(to!(post, browser::passkey::submit))),
        ("/.stepgate/step-up", to!(get, browser::step_up::show).merge(to!(post, browser::step_up::submit))),
        ("/.stepgate/account", to!(get, browser::account::show).merge(to!(post, browser::passkeys::submit))),
        ("/.stepgate/logout", to!(get, browser::account::ask).merge(to!(post, browser::account::logout))),
        (
            "/.stepgate/backup-codes",
            to!(get, browser::backup_codes::show).merge(to!(post, browser::backup_codes::submit)),
        ),
        ("/.stepgate/recover", to!(get, browser::recover::show).merge(to!(post, browser::recover::submit))),
        (
            "/.stepgate/recover-stop",
            to!(get, browser::recover_stop::show).merge(to!(post, browser::recover_stop::submit)),
        ),
        ("/.stepgate/turn-off", to!(get, browser::turn_off::show).merge(to!(post, browser::turn_off::submit))),
        ("/.stepgate/not-me", to!(get, browser::not_me::show).merge(to!(post, browser::not_me::submit))),
        ("/.stepgate/delete", to!(get, browser::delete::show).merge(to!(post, browser::delete::submit))),
        ("/.stepgate/notice", to!(get, browser::letter_notice::show).merge(to!(post, browser::letter_notice::submit))),
        ("/.stepgate/addresses", to!(get, browser::addresses::show).merge(to!(post, browser::addresses::submit))),
        ("/.stepgate/password", to!(get, browser::password::show).merge(to!(post, browser::password::submit))),
        ("/.stepgate/sessions", to!(get, browser::sessions::show).merge(to!(post, browser::sessions::submit))),
        ("/.stepgate/activity", to!(get, browser::activity::show)),
        ("/.stepgate/export", to!(get, browser::export::show).merge(to!(post, browser::export::submit))),
        ("/.stepgate/form", to!(get, browser::held_form::show).merge(to!(post, browser::held_form::submit))),
        ("/.stepgate/signup", to!(get, browser::sign_up::show).merge(to!(post, browser::sign_up::submit))),
        ("/.stepgate/done", to!(get, browser::done::show)),
        ("/.stepgate/step-up.js", to!(get, browser::step_up_script)),
        ("/", to!(get, browser::apps::show)),
        ("/.stepgate/depart", to!(get, browser::handoff::depart)),
        ("/.stepgate/arrive", to!(get, browser::handoff::arrive)),
        ("/.stepgate/signed-out", to!(get, browser::account::signed_out)),
        ("/.well-known/change-password", to!(get, browser::well_known::change_password)),
        ("/.well-known/passkey-endpoints", to!(get, browser::well_known::passkey_endpoints)),
        ("/.well-known/webauthn", to!(get, browser::well_known::webauthn)),
        ("/.stepgate/assets/{name}", to!(get, browser::asset)),
    ]
}

/// The calls for machines.
fn calls() -> Vec<UtoipaMethodRouter<Arc<PortalState>>> {
    vec![
        call!(api::session, brief),
        call!(api::openapi, jwks),
        call!(api::openapi, document),
        call!(api::login, login),
        call!(api::login, second_factor),
        call!(api::login_link, send),
        call!(api::login_link, redeem),
        call!(api::session, logout),
        call!(api::session, whoami),
        call!(api::login, elevate),
        call!(api::account, read),
        call!(api::account, change),
        call!(api::account, change_password),
        call!(api::export, activity_list),
        call!(api::export, export),
        call!(api::sessions, list),
        call!(api::sessions, revoke),
        call!(api::sessions, revoke_others),
        call!(api::sessions, forget_browsers),
        call!(api::totp, begin),
        call!(api::totp, confirm),
        call!(api::totp, picture),
        call!(api::totp, rename),
        call!(api::mfa, remove_app),
        call!(api::mfa, remove),
        call!(api::mfa, disable),
        call!(api::backup_codes, renew),
        call!(api::codes, send),
        call!(api::deletion, ask),
        call!(api::deletion, confirm),
        call!(api::recover, ask),
        call!(api::recover, verify),
        call!(api::recover, assertion),
        call!(api::recover, totp),
        call!(api::recover, finish),
        call!(api::addresses, list),
        call!(api::addresses, add),
        call!(api::addresses, confirm),
        call!(api::addresses, rename),
        call!(api::addresses, remove),
        call!(api::passkeys, options),
        call!(api::passkeys, add),
        call!(api::passkeys, list),
        call!(api::passkeys, rename),
        call!(api::passkeys, remove),
        call!(api::passkey_login, options),
        call!(api::passkey_login, login),
        call!(api::sign_up, begin),
        call!(api::sign_up, confirm),
    ]
}

/// The route of a handler, from what is written above it.
fn documented<P, H, T>(handler: H) -> UtoipaMethodRouter<Arc<PortalState>>
where
    P: Path + SchemaReferences + for<'t> Tags<'t>,
    H: Handler<T, Arc<PortalState>>,
    T: 'static,
{
    let mut operation = P::operation();
    let tags = P::tags().into_iter().map(str::to_owned);
    operation.tags.get_or_insert_default().extend(tags);
    let (mut schemas, mut paths) = (Vec::new(), Paths::new());
    P::schemas(&mut schemas);
    let route =
        P::methods().iter().fold(Route::new(), |route, method| route.on(method.to_method_filter(), handler.clone()));
    paths.add_path_operation(P::path(), P::methods(), operation);
    (schemas, paths, route)
}

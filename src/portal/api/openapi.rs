//! The document of the API (OpenAPI 3.1), generated from the handlers and their types; and the key set.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder, Server};

use super::json;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies::SESSION;
use crate::portal::error::PortalError;
use crate::portal::reply::Reply;

/// The media type of problems (RFC 9457).
const PROBLEM: &str = "application/problem+json";

#[derive(OpenApi)]
#[openapi(info(title = "Stepgate API", description = "Sign-in, sessions and enrolment, as the pages offer them."))]
struct Document;

/// What the document says before any call.
pub(crate) fn head() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document with the ways to authenticate, and with what every call may answer.
pub(crate) fn completed(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION))));
    let ceremony = ApiKeyValue::with_description("Authorization", "`Ceremony <ceremony>`");
    components.add_security_scheme("ceremony", SecurityScheme::ApiKey(ApiKey::Header(ceremony)));
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
    components.add_security_scheme("basic", SecurityScheme::Http(basic));
    for (path, item) in &mut document.paths.paths {
        let calls = [(&mut item.get, false), (&mut item.post, true), (&mut item.patch, true), (&mut item.delete, true)];
        for (operation, changes) in calls.into_iter().filter_map(|(call, changes)| Some((call.as_mut()?, changes))) {
            let mut more: Vec<DocumentedResponse> = EVERYWHERE.to_vec();
            if changes {
                more.extend(CHANGING);
            }
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                more.extend(READ);
                let may_be_empty = MAY_BE_EMPTY.contains(&path.as_str());
                body.required = Some(if may_be_empty { Required::False } else { Required::True });
            }
            complete(operation, &more);
        }
    }
    document
}

/// Status and description of a problem.
type DocumentedResponse = (&'static str, &'static str);

/// What any address may answer.
const EVERYWHERE: [DocumentedResponse; 3] = [
    ("405", "`method_not_allowed`: another method than those documented"),
    ("413", "`too_large`"),
    ("default", "Another problem: `bad_request`, `too_slow`, `misdirected`, `too_many_requests`, `headers_too_large`"),
];
/// What calls that change something may answer.
const CHANGING: [DocumentedResponse; 1] =
    [("403", "`cross_site`: a browser was made to send this by another site; bearer tokens are not asked for that")];
/// What calls that read a body may answer.
const READ: [DocumentedResponse; 2] =
    [("400", "`malformed_request`"), ("415", "`unsupported_media_type`: a body that is not `application/json`")];
/// Calls whose body may be left out: an empty one counts as `{}`.
const MAY_BE_EMPTY: [&str; 13] = [
    "/.stepgate/api/v1/account",
    "/.stepgate/api/v1/account/delete",
    "/.stepgate/api/v1/addresses/{id}",
    "/.stepgate/api/v1/mfa",
    "/.stepgate/api/v1/mfa/disable",
    "/.stepgate/api/v1/backup-codes",
    "/.stepgate/api/v1/login",
    "/.stepgate/api/v1/logout",
    "/.stepgate/api/v1/totp",
    "/.stepgate/api/v1/recover/totp",
    "/.stepgate/api/v1/recover/finish",
    "/.stepgate/api/v1/passkeys/options",
    "/.stepgate/api/v1/login/passkey/options",
];

/// Adds the answers that the handler does not give by itself, and a description to every answer.
fn complete(operation: &mut Operation, more: &[DocumentedResponse]) {
    let answers = &mut operation.responses.responses;
    for (status, description) in more {
        match answers.get_mut(*status) {
            Some(RefOr::T(known)) if known.description.is_empty() => (*description).clone_into(&mut known.description),
            Some(RefOr::T(known)) => known.description = format!("{}; or {description}", known.description),
            Some(RefOr::Ref(_)) => {}
            None => {
                let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build();
                let answer = ResponseBuilder::new().description(*description).content(PROBLEM, problem).build();
                answers.insert((*status).to_owned(), RefOr::T(answer));
            }
        }
    }
    for (status, answer) in answers {
        describe(status, answer);
    }
}

/// A description of every answer: OpenAPI 3.1 asks for one.
fn describe(status: &str, answer: &mut RefOr<utoipa::openapi::Response>) {
    if let RefOr::T(answer) = answer
        && answer.description.is_empty()
    {
        answer.description = match status {
            "200" => "Done",
            "400" => "`malformed_request`",
            "503" => "`unavailable` or `busy`, with Retry-After",
            _ => "A problem",
        }
        .to_owned();
    }
}

/// This document.
#[utoipa::path(get, path = "/.stepgate/api/openapi.json", tag = "about", responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn document(ctx: &Context) -> Result<Reply, HandlerError> {
    let mut document = ctx.state.document.clone();
    // Whole, so that the document can be read elsewhere.
    document.servers = Some(vec![Server::new(format!("{}://{}", ctx.info.scheme, ctx.info.authority))]);
    Ok(json(&document))
}

/// The keys that sign assertions to apps (RFC 7517).
#[utoipa::path(get, path = "/.stepgate/jwks.json", tag = "about", responses((status = 200, description = "A JSON Web Key Set")))]
pub(crate) async fn jwks(ctx: &Context) -> Result<Reply, HandlerError> {
    let text = ctx.state.jwks.as_ref().ok_or(HandlerError::Portal(PortalError::NotFound))?;
    let mut reply = Reply::new(StatusCode::OK, "api", "application/jwk-set+json", text());
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(reply)
}

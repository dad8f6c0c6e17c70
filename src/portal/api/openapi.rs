//! The document of the API (OpenAPI 3.1), generated from the handlers and their types; and the key set.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use utoipa::openapi::RefOr;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::json;
use crate::portal::answers::Fault;
use crate::portal::cookies::SESSION;
use crate::portal::ctx::{Answered, Ctx, Stop};
use crate::portal::headers::Kind;

#[derive(OpenApi)]
#[openapi(
    info(title = "Stepgate API", description = "Sign-in, sessions and enrolment, as the pages offer them."),
    paths(
        super::login::login,
        super::login::second_factor,
        super::login::elevate,
        super::session::logout,
        super::session::whoami,
        super::session::brief,
        super::totp::begin,
        super::totp::confirm,
        super::totp::picture,
        document,
        jwks,
    ),
    modifiers(&Schemes),
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION))));
        let ceremony = ApiKeyValue::with_description("Authorization", "`Ceremony <ceremony>`");
        components.add_security_scheme("ceremony", SecurityScheme::ApiKey(ApiKey::Header(ceremony)));
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                for (status, answer) in &mut operation.responses.responses {
                    describe(status, answer);
                }
            }
        }
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

/// The document itself.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/.stepgate/api/openapi.json", tag = "about", responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn document(_: Ctx) -> Result<Answered, Stop> {
    Ok(json(&openapi()))
}

/// The keys that sign assertions to apps (RFC 7517).
#[utoipa::path(get, path = "/.stepgate/jwks.json", tag = "about", responses((status = 200, description = "A JSON Web Key Set")))]
pub(crate) async fn jwks(ctx: Ctx) -> Result<Answered, Stop> {
    let text = ctx.core.jwks.as_ref().ok_or(Stop::Fault(Fault::NotFound))?;
    let mut answer = Response::new(Bytes::from(text()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    answer.extensions_mut().insert(Kind("api"));
    Ok(answer)
}

//! Answers to CORS preflights (Fetch §3.3.3): exactly what the rule allows, or nothing.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderValue, Response, StatusCode};

use super::headers::finish;
use super::problem::Problem;
use crate::auth::policy::cors::{Allowances, Forbidden};
use crate::portal::Portal;
use crate::portal::messages::text;
use crate::portal::reply::Reply;
use crate::portal::request_info::RequestInfo;

/// What of a preflight its answer depends on.
const DEPENDS_ON: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

impl Portal {
    /// 204 with what a rule allows to the origin that asks.
    pub fn preflight_granted(&self, info: &RequestInfo, allowed: &Allowances) -> Response<Bytes> {
        let mut reply = Reply::empty(StatusCode::NO_CONTENT, "preflight");
        let headers = reply.headers_mut();
        headers.extend(info.headers.get(ORIGIN).map(|origin| (ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone())));
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        for (name, list) in
            [(ACCESS_CONTROL_ALLOW_METHODS, &allowed.methods), (ACCESS_CONTROL_ALLOW_HEADERS, &allowed.headers)]
        {
            if let Ok(list) = HeaderValue::from_str(&list.join(", "))
                && !list.is_empty()
            {
                headers.insert(name, list);
            }
        }
        headers.extend(allowed.max_age.map(|age| (ACCESS_CONTROL_MAX_AGE, HeaderValue::from(age.as_secs()))));
        finish(varied(reply), info)
    }

    /// 403 that allows nothing; why, for who looks at it.
    pub fn preflight_forbidden(&self, info: &RequestInfo, rule: &str, why: Forbidden) -> Response<Bytes> {
        let title = match why {
            Forbidden::Origin => text!("problem-preflight-origin-title"),
            Forbidden::Method => text!("problem-preflight-method-title"),
            Forbidden::Header => text!("problem-preflight-header-title"),
        };
        let problem = Problem::new(StatusCode::FORBIDDEN, "refused", title)
            .kind("refusal")
            .with("reason", why.code())
            .with("rule", rule);
        finish(varied(problem.reply(info)), info)
    }
}

fn varied(mut reply: Reply) -> Response<Bytes> {
    reply.headers_mut().insert(VARY, HeaderValue::from_static(DEPENDS_ON));
    reply.response
}

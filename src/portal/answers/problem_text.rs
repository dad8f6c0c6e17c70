//! Faults in words for scripts, and for whoever writes them: what is wrong, and what to send instead.

/// Title and detail of a fault of this code; `None` where there are no other words than those for people.
pub(super) fn title_and_detail(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "bad_request" => (
            "The request cannot be read in one way only.",
            "The log of the gateway names the reason under this request id; `stepgate explain` does too.",
        ),
        "not_found" => ("There is nothing at this address.", "The calls are listed in /.stepgate/api/openapi.json."),
        "method_not_allowed" => ("This method is not served here.", "`Allow` lists those that are."),
        "too_slow" => ("The request did not arrive in time.", "Send it again at once, or in smaller parts."),
        "too_large" => ("The body is too large.", "Send a smaller one; `limit` is the largest, in bytes."),
        "misdirected" => ("This connection does not serve that host.", "Check `Host` and the server name of TLS."),
        "too_many_requests" => ("Too many requests.", "Send the next one after the seconds in `Retry-After`."),
        "headers_too_large" => ("The header fields are too large.", "Send fewer and shorter fields and cookies."),
        "bad_gateway" => (
            "The app broke the connection or its answer.",
            "Repeat what may be repeated after the seconds in `Retry-After`.",
        ),
        "unavailable" => (
            "A store of the gateway does not answer.",
            "Nothing was decided. Repeat the request after the seconds in `Retry-After`.",
        ),
        "no_upstream" => ("No server of the app is up.", "Repeat the request after the seconds in `Retry-After`."),
        "gateway_timeout" => {
            ("The app did not answer in time.", "Repeat what may be repeated after the seconds in `Retry-After`.")
        }
        "unsupported_media_type" => {
            ("The body is of a type that is not read here.", "Send `Content-Type: application/json`.")
        }
        "cross_site" => (
            "A call by cookie was sent from another site.",
            "Send `Sec-Fetch-Site: same-origin` or an `Origin` of this host, or a bearer token in place of the cookie.",
        ),
        _ => return None,
    })
}

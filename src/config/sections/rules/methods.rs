//! Lists of HTTP methods.

use crate::auth::policy::unreachable::REFUSED_METHODS;
use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;
use crate::config::yaml::suggest::{nearest, short};

/// The registry of methods (RFC 9110 §16.1.1), as IANA keeps it, without what is never served.
const REGISTERED: &str = "ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR \
    MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND PROPPATCH PUT QUERY REBIND REPORT \
    SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL";

/// A list of methods that is not empty; `fix`: what to do about one that is.
pub(super) fn methods(list: &Spanned<Vec<Spanned<String>>>, fix: &str, cx: &mut Checker) -> Option<Vec<String>> {
    if list.value.is_empty() && !cx.has_removed_items(list.at) {
        cx.error(list.at, "an empty list would cover no request", fix);
    }
    let mut all = Vec::new();
    for method in &list.value {
        let upper = method.value.to_ascii_uppercase();
        if upper.is_empty() || !upper.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_') {
            cx.error(method.at, "not an HTTP method", "write it like GET or POST");
        } else if all.contains(&upper) {
            cx.error(method.at, "this method is here twice", "keep one of them");
        } else {
            if REFUSED_METHODS.contains(&upper.as_str()) {
                cx.warn(method.at, "the gateway refuses this method before any rule", "leave it out");
            } else if !REGISTERED.split(' ').any(|known| known == upper) {
                let usual = ["get", "head", "post", "put", "patch", "delete", "options"];
                let near = nearest(&upper.to_lowercase(), usual.into_iter());
                let fix = near.map_or_else(
                    || "only an app with a method of its own has requests for this rule; browsers send GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS".to_owned(),
                    |near| format!("did you mean {}?", near.to_uppercase()),
                );
                cx.warn(method.at, format!("`{}` is no registered method", short(&upper)), fix);
            }
            all.push(upper);
        }
    }
    Some(all)
}

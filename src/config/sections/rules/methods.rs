//! Lists of HTTP methods.

use crate::auth::policy::dead::REFUSED_METHODS;
use crate::config::checker::Checker;
use crate::config::placed::Placed;

/// A list of methods that is not empty; `fix`: what to do about one that is.
pub(super) fn methods(list: &Placed<Vec<Placed<String>>>, fix: &str, cx: &mut Checker) -> Option<Vec<String>> {
    if list.value.is_empty() && !cx.is_thinned(list.at) {
        cx.error(list.at, "an empty list would cover no request", fix);
    }
    let mut all = Vec::new();
    for method in &list.value {
        let upper = method.value.to_ascii_uppercase();
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        if upper.is_empty() || !upper.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_') {
            cx.error(method.at, "not an HTTP method", "write it like GET or POST");
        } else if all.contains(&upper) {
            cx.error(method.at, "this method is here twice", "keep one of them");
        } else {
            if REFUSED_METHODS.contains(&upper.as_str()) {
                cx.warn(method.at, "the gateway refuses this method before any rule", "leave it out");
            } else if !known.contains(&upper.as_str()) {
                let near = crate::config::trouble::nearest(
                    &upper.to_lowercase(),
                    ["get", "head", "post", "put", "patch", "delete", "options"].into_iter(),
                );
                let fix = near.map_or_else(String::new, |n| format!("did you mean {}?", n.to_uppercase()));
                cx.warn(method.at, "not one of the usual methods", fix);
            }
            all.push(upper);
        }
    }
    Some(all)
}

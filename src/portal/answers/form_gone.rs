//! What is said in the place of a form that does not wait here, is another's, or could not be delivered.

use http::StatusCode;

use super::error_page::status_of;
use crate::portal::error::PortalError;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;

/// 410: it was sent, or discarded, or its time is over. Nothing was sent now.
pub(crate) fn reply(state: &PortalState, info: &RequestInfo) -> Reply {
    let lines = vec![text!("form-gone"), text!("form-gone-how")];
    told(state, info, StatusCode::GONE, text!("form-gone-title"), lines)
}

/// 403: it was kept for somebody else, or for a session that has ended.
pub(crate) fn of_another(state: &PortalState, info: &RequestInfo) -> Reply {
    let lines = vec![text!("form-of-another"), text!("form-gone-how")];
    told(state, info, StatusCode::FORBIDDEN, text!("form-of-another-title"), lines)
}

/// 400: what stands for it was changed on the way, and reached no app.
pub(crate) fn altered(state: &PortalState, info: &RequestInfo) -> Reply {
    let lines = vec![text!("form-altered"), text!("form-altered-how")];
    told(state, info, StatusCode::BAD_REQUEST, text!("form-altered-title"), lines)
}

/// The app got it, or some of it, and did not answer. Who is told so must not send it again unseen.
pub(crate) fn unanswered(state: &PortalState, info: &RequestInfo, error: PortalError) -> Reply {
    let lines = vec![text!("form-unanswered"), text!("form-unanswered-how")];
    told(state, info, status_of(error), text!("form-unanswered-title"), lines)
}

/// 503: no connection to the app came about, and the form waits again where `page` leads.
pub(crate) fn undelivered(state: &PortalState, info: &RequestInfo, page: &str) -> Reply {
    let shell = state.theme.shell(&info.request_id);
    let notice = NoticePage {
        lines: vec![text!("form-undelivered"), text!("form-undelivered-how")],
        links: vec![Link::to(page, text!("action-try-again"))],
        ..NoticePage::new(&shell, text!("form-undelivered-title"))
    };
    self::page(StatusCode::SERVICE_UNAVAILABLE, "form", &notice)
}

fn told(state: &PortalState, info: &RequestInfo, status: StatusCode, title: String, lines: Vec<String>) -> Reply {
    let shell = state.theme.shell(&info.request_id);
    let links = vec![Link::to("/", text!("action-start-page"))];
    page(status, "form", &NoticePage { lines, links, ..NoticePage::new(&shell, title) })
}

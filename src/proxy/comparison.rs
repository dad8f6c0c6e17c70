//! What rules that are only tried would have decided otherwise of a request; no answer waits for it.

use crate::auth::policy::rule::Rule;
use crate::auth::proof::comparison::Difference;
use crate::auth::resource::Resource;
use crate::auth::session::Session;
use crate::flow::admit::Compared;
use crate::proxy::context::Ctx;
use crate::proxy::gateway::Gateway;
use crate::proxy::observe::shadow_log::{ComparedRequest, ShadowLog};
use crate::proxy::request::site::Site;

impl Gateway {
    /// Counts and logs what would be decided otherwise.
    pub(super) fn tell_differences(&self, ctx: &Ctx, compared: Compared) {
        match compared {
            Compared::Now(differences) if differences.is_empty() => {}
            Compared::Now(differences) => {
                tell(&self.shadow, &differences, ctx, ctx.judgement.subject().map(|who| &**who));
            }
            Compared::Later => self.compare_later(ctx),
        }
    }

    /// The same, where somebody must first be looked up whom the decision did not ask for. Beyond what may wait at once,
    /// nothing is compared.
    fn compare_later(&self, ctx: &Ctx) {
        let (Some(site), Some(resource), Some(circumstances), Some((token, channel))) = (
            ctx.judgement.site.clone(),
            ctx.judgement.resource.clone(),
            ctx.judgement.circumstances.clone(),
            ctx.judgement.credential.token().map(|(token, channel)| (token.clone(), channel)),
        ) else {
            return;
        };
        let Some(place) = self.shadow.place() else { return };
        let (log, flows) = (self.shadow.clone(), ctx.snapshot.flows.clone());
        let (request_id, decided_by) = (ctx.arrival.request_id.clone(), ctx.judgement.rule().cloned());
        tokio::spawn(async move {
            let presented = (&token, channel);
            let compared = flows.compare_later(&site.policy, &resource, &circumstances, presented).await;
            let (differences, who) = compared;
            let of = (&*request_id, &*site, &resource, decided_by.as_deref());
            log.tell(&differences, &compared_request(of, who.as_deref()), flows.ports.clock.now());
            drop(place);
        });
    }
}

fn tell(log: &ShadowLog, differences: &[Difference], ctx: &Ctx, who: Option<&Session>) {
    let (Some(site), Some(resource)) = (&ctx.judgement.site, &ctx.judgement.resource) else { return };
    let of = (&*ctx.arrival.request_id, &**site, resource, ctx.judgement.rule().map(|rule| &**rule));
    log.tell(differences, &compared_request(of, who), ctx.snapshot.flows.ports.clock.now());
}

/// A request by its id, its site, its target and the rule that decided.
fn compared_request<'a>(
    (request_id, site, resource, decided_by): (&'a str, &'a Site, &'a Resource, Option<&'a Rule>),
    who: Option<&'a Session>,
) -> ComparedRequest<'a> {
    ComparedRequest { request_id, host: &site.host, method: resource.method(), path: resource.path(), who, decided_by }
}

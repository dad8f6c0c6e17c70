//! What rules that are only tried would have decided otherwise of a request; no answer waits for it.

use crate::auth::proof::comparison::Difference;
use crate::auth::session::Session;
use crate::flow::admit::Compared;
use crate::proxy::context::Ctx;
use crate::proxy::gateway::Gateway;
use crate::proxy::observe::shadow_log::{ComparedRequest, ShadowLog};

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
            let request = ComparedRequest {
                request_id: &request_id,
                host: &site.host,
                method: resource.method(),
                path: resource.path(),
                who: who.as_deref(),
                decided_by: decided_by.as_deref(),
            };
            log.tell(&differences, &request, flows.ports.clock.now());
            drop(place);
        });
    }
}

fn tell(log: &ShadowLog, differences: &[Difference], ctx: &Ctx, who: Option<&Session>) {
    let (Some(site), Some(resource)) = (&ctx.judgement.site, &ctx.judgement.resource) else { return };
    let request = ComparedRequest {
        request_id: &ctx.arrival.request_id,
        host: &site.host,
        method: resource.method(),
        path: resource.path(),
        who,
        decided_by: ctx.judgement.rule().map(|rule| &**rule),
    };
    log.tell(differences, &request, ctx.snapshot.flows.ports.clock.now());
}

//! The fault sweep: a store that fails at the nth call, before or after its effect, for every n.

use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::auth::backup_codes;
use crate::auth::secret::SecretBytes;
use crate::flow::reply::{ConfirmReply, EnrollReply, Enrolling};
use crate::flow::testing::{Blow, FAST, HOST, OLD_KEY, World, client};

/// What a flow gave away.
enum Given {
    Nothing,
    Session(Box<Opened>),
}

#[derive(Clone, Copy, Debug)]
enum Flow {
    Password,
    Script,
    SecondFactor,
    Elevate,
    Backup,
    Enroll,
    Begin,
    View,
    Look,
    Methods,
    Logout,
}

const ALL: [Flow; 11] = [
    Flow::Password,
    Flow::Script,
    Flow::SecondFactor,
    Flow::Elevate,
    Flow::Backup,
    Flow::Enroll,
    Flow::Begin,
    Flow::View,
    Flow::Look,
    Flow::Methods,
    Flow::Logout,
];

struct Stage {
    world: Arc<World>,
    flows: Shared,
    key: SecretBytes,
    ceremony: crate::auth::ceremony::CeremonyToken,
    low: Box<Opened>,
    who: Enrolling,
    pending: SecretBytes,
}

async fn stage() -> Stage {
    let world = World::new();
    let ann = world.person("ann");
    let key = world.with_totp(&ann);
    let salt = backup_codes::set_salt(&[1; 16], FAST);
    let digest = backup_codes::code_digest(&backup_codes::mint(&[7; 10]), &salt).unwrap();
    // Sealed with an older master key, so that sealing it anew is swept as well.
    world.look(|s| s.totp.get_mut(&ann).unwrap().secret.0.splice(0..0, OLD_KEY.iter().copied()).count());
    world.look(|s| s.backup.insert(ann, (salt, HashSet::from([digest]))));
    world.person("bob");
    let flows = world.flows();
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    let one = Some(Requirement::of(Strength::OneFactor));
    let low = opened(flows.login(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let LoginReply::Enroll(token) = sign_in(&flows, "bob", &client()).await.reply else { panic!("not stuck") };
    let who = Enrolling::Ceremony(token);
    let EnrollReply::Pending(pending) = flows.begin_totp(&who, &client()).await.unwrap() else { panic!("not begun") };
    let pending = data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap();
    Stage { world, flows, key, ceremony, low, who, pending: SecretBytes::new(pending) }
}

/// Runs a flow with everything right; an `Err` is the fault.
async fn run(stage: &Stage, flow: Flow) -> Result<Given, ()> {
    let Stage { world, flows, .. } = stage;
    let code = world.code(&stage.key, 0);
    let from = client();
    let reply = match flow {
        Flow::Password => flows.login(given("bob", PASSWORD), None, Channel::Cookie, &from).await,
        Flow::Script => flows.login(with_otp("ann", &code), None, Channel::Bearer, &from).await,
        Flow::SecondFactor => flows.second_factor(&stage.ceremony, Method::Totp, code, &from).await,
        Flow::Elevate => flows.elevate(&stage.low.token, &stage.low.session, Method::Totp, code, &from).await,
        Flow::Enroll => {
            let told = flows.confirm_totp(&stage.who, world.code(&stage.pending, 0), &from).await.map_err(drop)?;
            return Ok(match told.reply {
                ConfirmReply::Enrolled { opened, .. } => Given::Session(opened),
                _ => Given::Nothing,
            });
        }
        Flow::Backup => {
            let code = backup_codes::mint(&[7; 10]);
            flows.second_factor(&stage.ceremony, Method::BackupCode, code, &from).await
        }
        Flow::Begin => {
            flows.begin_totp(&stage.who, &from).await.map_err(drop)?;
            return Ok(Given::Nothing);
        }
        Flow::View => {
            flows.ceremony(&stage.ceremony, &from).await.map_err(drop)?;
            return Ok(Given::Nothing);
        }
        Flow::Methods => {
            flows.methods_of(&stage.low.session).await.map_err(drop)?;
            return Ok(Given::Nothing);
        }
        Flow::Logout => {
            flows.logout(&stage.low.token, &stage.low.session, true, &from).await.map_err(drop)?;
            return Ok(Given::Nothing);
        }
        Flow::Look => {
            world.pass(Duration::from_secs(120));
            flows.session(&stage.low.token, HOST, false).await.map_err(drop)?;
            return Ok(Given::Nothing);
        }
    };
    Ok(match reply.map_err(drop)?.reply {
        LoginReply::Opened(opened) => Given::Session(opened),
        _ => Given::Nothing,
    })
}

#[tokio::test]
async fn a_fault_at_any_call_permits_nothing_and_spends_nothing_twice() {
    for flow in ALL {
        let whole = stage().await;
        whole.world.fail(0, Blow::Before);
        let outcome = run(&whole, flow).await;
        let gives = matches!(
            flow,
            Flow::Password | Flow::Script | Flow::SecondFactor | Flow::Elevate | Flow::Backup | Flow::Enroll
        );
        assert_eq!(matches!(outcome, Ok(Given::Session(_))), gives, "{flow:?} works");
        assert!(outcome.is_ok(), "{flow:?} works");
        let calls = whole.world.calls();
        assert!(calls >= 1, "{flow:?}: {calls}");
        for nth in 1..=calls {
            for blow in [Blow::Before, Blow::After] {
                let at = stage().await;
                let before = at.world.look(|s| s.sessions.keys().copied().collect::<HashSet<_>>());
                at.world.fail(nth, blow);
                let outcome = run(&at, flow).await;
                assert!(outcome.is_err(), "{flow:?}, call {nth} {blow:?}: a fault was taken for an answer");
                at.world.fail(0, Blow::Before);
                // What was opened although the answer was lost: at most one, and nobody holds its token.
                let orphans = at.world.look(|s| s.sessions.keys().filter(|k| !before.contains(*k)).count());
                assert!(orphans <= 1, "{flow:?}, call {nth} {blow:?}");
                let mut sessions = usize::from(orphans == 1);
                // Trying again with the same code gives at most one session in all, and spends it at most once.
                for _ in 0..2 {
                    if let Ok(Given::Session(opened)) = run(&at, flow).await {
                        sessions += 1;
                        assert!(at.world.look(|s| s.sessions.contains_key(&opened.token.key())), "{flow:?}");
                    }
                }
                if !matches!(flow, Flow::Password) {
                    assert!(sessions <= 1, "{flow:?}, call {nth} {blow:?}: {sessions} sessions of one code");
                }
                let spent = at.world.look(|s| s.spent.clone());
                assert_eq!(spent.iter().collect::<HashSet<_>>().len(), spent.len(), "{flow:?}, {nth}: spent twice");
            }
        }
    }
}

#[tokio::test]
async fn the_sweep_would_see_a_code_spent_twice() {
    let at = stage().await;
    at.world.forget_spending();
    let mut sessions = 0;
    for _ in 0..2 {
        if let Ok(Given::Session(_)) = run(&at, Flow::Script).await {
            sessions += 1;
        }
    }
    let spent = at.world.look(|s| s.spent.clone());
    assert!(sessions > 1 && spent.iter().collect::<HashSet<_>>().len() < spent.len());
}

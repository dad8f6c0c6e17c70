//! What the version before this one has kept, in its own bytes: under the master key of the samples.

use std::time::Duration;

use super::samples::{StatePorts, identity};
use crate::auth::ceremony::{CeremonyToken, Purpose};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::proof::{Method, MethodSet, Proofs, Requirement, Strength};
use crate::auth::session::{Channel, SessionKey};
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::auth::time::Timestamp;

/// When it was written.
pub(crate) const THEN: Timestamp = Timestamp::from_secs(1_800_000_000);
/// The digest of a session token.
pub(crate) const SESSION_NAME: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
/// The session of Ann.
pub(crate) const SESSION: &str = "AbjReHcnVEVrjfrI5pWy_ASn9568K55QztBnJcP0cUj4nqsdCvsEOVghCgPaM3cdLuSuv0MRlwgFRpynEUxGt4UGtAfOlbPbgeNz\
     2WXa-pGeAd0Hxnt7wKwzdMH2UhnTRqwXPXAbHhZ9WKXWYnii94pXUahtrvJnS-OOHxuKMoPmA6VRT8-PO7QOxCZWy6O1AFikxlr5\
     QrDU0zMr2oOPbSG_ZUfbztkpturBx808f8FtyUE2oyOkHMqPD_mTd0YppKj-qGtY72pg8BTSqO0mL702nRO69f9J1Txs5FSUtRbY\
     OIgixH8nwPzt2tXFEz9Vee-_K3gOkpw0kG6KTpTIjOSFJWd3tAluYJgHVDSoAxZ4Mc9JU8LDL9jZ9fw789o98jevLMjVk0aYP_ol\
     bLYvtVvGKZoecsck7X8LnXzHDCcOn-QWFNAwlJ1NVp7Pr-bS75IrkcYhrDkEvjHToFqkkORIigXRv56T8O8_F8dSTYMeXVnrbaFH\
     ReQsG2rz4xZJhiEixky0rT2pOAkUnBwQcI83MF65H-PGxYhVFvD_7EEzj8R4CZr2cBZZvPZf2jUSbjRML0BsQcNkRC-wR_0tKXst\
     SpnfhPDXbTdWADf0tpA5udzNXeMoJRsT1g";
/// How Ann is named among sessions.
pub(crate) const OWNER: &str = "r42eumZ1BKRlLCxIA8zz1g";
/// The digest of a ceremony token.
pub(crate) const CEREMONY_NAME: &str = "H0iG9R-BVh-XnIA0c44fgBlg_oa2-OK3cWRp8mWnsd0";
/// Ann's sign-in under way.
pub(crate) const CEREMONY: &str = "AbjReHcnVEVrNdri9bU4CcECSp6weZm5ud1FjDC1E6mxLuFL6w_B1948U84uCy9URJ7QRzTnxHV94BvpbFOwVOeH5R3D2vpjCeIt\
     JKPNztK6lcJsY4ZD8lEHh3xMQ2dQb1owzoqvh4JtrkY_jcqreXoRUWWrKNtuesbYujmgrJ7cD6J1Pl7NCTlLyjD1tko8BCTM30HG\
     8i57_PNSPVTA959n7L8ZQ5uxxdc84G-HGbpiQnrxLbk5NIQZPKvQLp5qYuCi9ak4iztLzgNjVY2eASuRjdL38qp8Nzi-lbW24XRS\
     GDbRPiSe6korqCSPHWJw-oaACw7wyV3xJX0fBcL2geaNTkvHiGQTXCO0TDiNz8qGjFYOwMh99zj1fdu3lyPv-ZpfsM4VRmK7gt8D\
     YF_Rk5sL38WMMeHJCwQlG7qGx2M8XwlYnk6RqoE0-SlHw2TPIDHOMyX7rUE8R41coXAWy9DZRCK30ihwRpOyg692O6SU5RVI36f_\
     W9Vvb5oQB1x9R_OERt_IClWrUls";
/// The session that waits for the first code of an app.
pub(crate) const PENDING_NAME: &str = "totp:session:01SESSION";
/// What waits.
pub(crate) const PENDING: &str = "AbjReHcnVEVrarh63pM6S8WqNEvYDhzEauAhsup0_cSeggWeFMFByJaSIL32drUjQuS1F6e2kvrD1w";
/// The name of the counter `totp:ann`.
pub(crate) const COUNTER: &str = "aWUFbHt8mxN67SbiXB6JWg";

/// Everything of it counts on.
pub(crate) async fn goes_on(p: &StatePorts) {
    let key = SessionKey::decode(SESSION_NAME).unwrap();
    let session = p.sessions.load(&key).await.unwrap().expect("the session goes on");
    assert_eq!((session.id.as_str(), &session.identity), ("01SESSION", &identity("ann")));
    assert_eq!(session.proofs, Proofs::none().with(Method::Password, THEN).with(Method::Totp, THEN));
    assert_eq!((session.channel, session.host.as_str()), (Channel::Cookie, "app.example.test"));
    assert_eq!(p.sessions.of_user(&identity("ann").id).await.unwrap().len(), 1);

    let token = CeremonyToken::mint(&[8; 32]);
    assert_eq!(token.key().encoded(), CEREMONY_NAME);
    let begun = p.ceremonies.load(&token.key()).await.unwrap().expect("the sign-in goes on");
    assert_eq!(
        (begun.who.username().unwrap().as_str(), begun.channel, begun.started_at),
        ("ann", Channel::Bearer, THEN)
    );
    assert_eq!(begun.proofs.methods(), MethodSet::EMPTY.with(Method::Password));
    assert_eq!(begun.enrolled, MethodSet::EMPTY.with(Method::Password).with(Method::Totp));
    let wanted = Requirement {
        max_age: Some(Duration::from_millis(90_500)),
        methods: MethodSet::EMPTY.with(Method::Totp),
        ..Requirement::of(Strength::TwoFactor)
    };
    assert_eq!((&begun.purpose, begun.requirement, &begun.challenge), (&Purpose::SignIn, Some(wanted), &None));
    assert!(p.ceremonies.take(&token.key()).await.unwrap().is_some());

    assert!(p.pending.take(PENDING_NAME).await.unwrap() == Some(Sealed(vec![1, 0, 255])));
    let limit = Limit { tries: 1, refill: Duration::from_secs(3600) };
    let charge = Charge { key: "totp:ann".into(), limit };
    let full = p.throttle.charge(&[charge], p.clock.now()).await.unwrap();
    assert!(matches!(full, Charged::Wait { .. }), "no attempt is forgotten");
    assert!(!p.ledger.claim("totp:1:2", Duration::from_secs(60)).await.unwrap(), "and nothing is spent again");
    assert!(p.sessions.revoke(&key).await.unwrap());
}

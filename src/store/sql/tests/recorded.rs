//! What is written of a change is written with it.

use super::{NOW, sqlite};
use crate::auth::event::{Event, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::user::Username;
use crate::flow::ports::{AccountChange, Accounts, ConfirmedAccount, Origin, Records, SignUps as _};
use crate::store::contract::samples::account;
use crate::store::sql::{Database, on};

/// A change and what is written of it happen both or neither.
pub(super) async fn changes_are_recorded_in_the_same_step(database: &Database) {
    let ann = account("ann");
    let id = &ann.identity.id;
    let entry = |what| {
        let who = (Some(id.clone()), Username::parse("ann"));
        Records::entries(vec![(
            NOW,
            None,
            Event {
                what,
                user: who.0,
                username: who.1,
                client_ip: None,
                session: None,
                browser: None,
                risk: None,
                learnt: false,
                by: None,
                agent: None,
                form: None,
                is_written: false,
            },
        )])
    };
    let written = async || {
        const SQL: &str = "select action from audit order by action";
        let rows: Vec<(String,)> = on!(database, pool => sqlx::query_as(SQL).fetch_all(pool)).unwrap();
        rows.into_iter().map(|(action,)| action).collect::<Vec<_>>().join(" ")
    };
    let off = || AccountChange::Disabled(true);
    assert!(!database.change_recorded(id, off(), &entry(What::AccountDisabled)).await.unwrap());
    assert!(!database.delete_recorded(id, &[], &entry(What::AccountDeleted)).await.unwrap());
    assert_eq!(written().await, "", "nobody is there");
    assert!(database.create_recorded(&ann, &entry(What::AccountCreated)).await.unwrap());
    assert!(!database.create_recorded(&ann, &entry(What::AccountCreated)).await.unwrap(), "the name is taken");
    assert!(database.change_recorded(id, off(), &entry(What::AccountDisabled)).await.unwrap());
    assert_eq!(written().await, "account_created account_disabled");
    let eve = account("eve");
    let address = AddressRecord {
        id: "A1".to_owned(),
        kind: AddressKind::Email,
        value: "eve@example.com".to_owned(),
        confirmed_at: NOW,
    };
    let new = ConfirmedAccount { account: &eve, address: &address, origin: Origin::SignUp };
    // Where the trail takes no entry, nothing is changed either.
    let broken = "alter table audit rename to elsewhere";
    on!(database, pool => async { sqlx::raw_sql(broken).execute(pool).await.map(|_| ()) }).unwrap();
    let groups = AccountChange::Groups(Vec::new());
    assert!(database.change_recorded(id, groups, &entry(What::GroupsSet)).await.is_err());
    assert!(database.delete_recorded(id, &[], &entry(What::AccountDeleted)).await.is_err());
    assert!(database.make(&new, &entry(What::SignedUp)).await.is_err());
    assert!(Accounts::load(database, &eve.identity.id).await.unwrap().is_none());
    let kept = Accounts::load(database, id).await.unwrap().unwrap();
    assert_eq!((kept.identity.groups, kept.disabled), (ann.identity.groups.clone(), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_records_changes_in_the_same_step() {
    let (database, _directory) = sqlite().await;
    changes_are_recorded_in_the_same_step(&database).await;
}

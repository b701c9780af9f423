//! One process at a time does a seller's work of one kind.

use squaresync::domain::id::MerchantId;
use squaresync::store::lease::{Holder, Lease};
use squaresync::store::{Store, StoreError, StoreResult};

use super::{merchant, open};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    a_second_holder_is_told_of_the_first,
    what_is_given_back_can_be_taken,
    looking_takes_nothing,
    a_holder_that_starts_again_gets_its_lease_at_once,
    what_ran_out_is_taken_and_the_old_holder_refused,
    what_ran_out_but_nobody_took_is_kept,
    giving_back_an_old_lease_does_not_end_the_new_one,
    sellers_and_kinds_of_work_are_apart,
    of_many_holders_at_once_one_gets_it,
    a_lease_of_a_failed_write_is_not_taken,
}

async fn a_second_holder_is_told_of_the_first(db: TestDb) {
    let store = open(&db).await;
    let first = hold(&store, &lease("one")).await.unwrap();

    for refused in [
        hold(&store, &lease("two")).await.map(drop),
        look(&store, &lease("two")).await,
    ] {
        match refused {
            Err(StoreError::Held { name, holder }) => {
                assert_eq!((name, holder.as_str()), ("push", "one"));
            }
            other => panic!("{other:?}"),
        }
    }
    let kept = hold(&store, &first).await.unwrap();
    assert!(kept.is_taken());
}

async fn what_is_given_back_can_be_taken(db: TestDb) {
    let store = open(&db).await;
    let first = hold(&store, &lease("one")).await.unwrap();

    release(&store, &first).await;

    look(&store, &lease("two")).await.unwrap();
    hold(&store, &lease("two")).await.unwrap();
}

async fn looking_takes_nothing(db: TestDb) {
    let store = open(&db).await;

    look(&store, &lease("one")).await.unwrap();

    assert!(!lease("one").is_taken());
    assert_eq!(OtherProgram::new(&db).count("leases"), 0);
}

async fn a_holder_that_starts_again_gets_its_lease_at_once(db: TestDb) {
    let store = open(&db).await;
    let before = hold(&store, &lease("one")).await.unwrap();
    assert_eq!(token(&db), "1");

    let after = hold(&store, &lease("one")).await.unwrap();

    assert_eq!(token(&db), "2");
    let refused = hold(&store, &before).await;
    assert!(
        matches!(refused, Err(StoreError::Held { .. })),
        "{refused:?}"
    );
    hold(&store, &after).await.unwrap();
    assert_eq!(token(&db), "2");
}

async fn what_ran_out_is_taken_and_the_old_holder_refused(db: TestDb) {
    let store = open(&db).await;
    let old = hold(&store, &lease("one")).await.unwrap();

    let refused = hold(&store, &lease("two")).await;
    assert!(
        matches!(refused, Err(StoreError::Held { .. })),
        "{refused:?}"
    );
    run_out(&db);
    let new = hold(&store, &lease("two")).await.unwrap();

    assert_eq!(token(&db), "2");
    match hold(&store, &old).await {
        Err(StoreError::Held { holder, .. }) => assert_eq!(holder, "two"),
        other => panic!("{other:?}"),
    }
    // Also when the new one has run out in turn: what the old one knows is old.
    run_out(&db);
    let refused = hold(&store, &old).await;
    assert!(
        matches!(refused, Err(StoreError::Held { .. })),
        "{refused:?}"
    );
    hold(&store, &new).await.unwrap();
}

async fn what_ran_out_but_nobody_took_is_kept(db: TestDb) {
    let store = open(&db).await;
    let first = hold(&store, &lease("one")).await.unwrap();
    run_out(&db);

    hold(&store, &first).await.unwrap();

    assert_eq!(token(&db), "1");
    let refused = look(&store, &lease("two")).await;
    assert!(
        matches!(refused, Err(StoreError::Held { .. })),
        "{refused:?}"
    );
}

async fn giving_back_an_old_lease_does_not_end_the_new_one(db: TestDb) {
    let store = open(&db).await;
    let old = hold(&store, &lease("one")).await.unwrap();
    hold(&store, &lease("one")).await.unwrap();

    release(&store, &old).await;
    release(&store, &lease("one")).await;

    let refused = look(&store, &lease("two")).await;
    assert!(
        matches!(refused, Err(StoreError::Held { .. })),
        "{refused:?}"
    );
}

async fn sellers_and_kinds_of_work_are_apart(db: TestDb) {
    let store = open(&db).await;
    hold(&store, &lease("one")).await.unwrap();

    let elsewhere = Lease::new(&MerchantId::new("N"), "push", &Holder::named("two"));
    hold(&store, &elsewhere).await.unwrap();
    let otherwise = Lease::new(&merchant(), "census", &Holder::named("two"));
    hold(&store, &otherwise).await.unwrap();
}

async fn of_many_holders_at_once_one_gets_it(db: TestDb) {
    let stores = [open(&db).await, open(&db).await];

    let holders: Vec<_> = (0..12_u8)
        .zip(stores.iter().cycle().cloned())
        .map(|(number, store)| {
            tokio::spawn(async move { hold(&store, &lease(&number.to_string())).await })
        })
        .collect();
    let mut taken = 0;
    for holder in holders {
        match holder.await.unwrap() {
            Ok(_) => taken += 1,
            Err(StoreError::Held { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    assert_eq!(taken, 1);
}

async fn a_lease_of_a_failed_write_is_not_taken(db: TestDb) {
    let store = open(&db).await;

    let failed: StoreResult<()> = store
        .write(|db| {
            lease("one").hold(db)?;
            Err(StoreError::Rejected("changed my mind".to_owned()))
        })
        .await;

    failed.unwrap_err();
    hold(&store, &lease("two")).await.unwrap();
}

fn lease(holder: &str) -> Lease {
    Lease::new(&merchant(), "push", &Holder::named(holder))
}

async fn hold(store: &Store, lease: &Lease) -> StoreResult<Lease> {
    let lease = lease.clone();
    store.write(move |db| lease.hold(db)).await
}

async fn look(store: &Store, lease: &Lease) -> StoreResult<()> {
    let lease = lease.clone();
    store.read(move |db| lease.look(db)).await
}

async fn release(store: &Store, lease: &Lease) {
    let lease = lease.clone();
    store.write(move |db| lease.release(db)).await.unwrap();
}

/// Lets every lease end, by the clock of the database.
fn run_out(db: &TestDb) {
    OtherProgram::new(db)
        .run("UPDATE leases SET expires_at = '2020-01-01 00:00:00'")
        .unwrap();
}

fn token(db: &TestDb) -> String {
    let mut tokens = OtherProgram::new(db).values("SELECT token AS value FROM leases");
    tokens.pop().unwrap().unwrap()
}

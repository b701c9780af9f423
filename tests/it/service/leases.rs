//! A command beside another process that does the same work.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use squaresync::config::{Flags, Needs, Settings, Sources};
use squaresync::flows::error::FlowError;
use squaresync::flows::reconcile::Reconcile;
use squaresync::service::{Parts, Patience, Watch, until_idle};
use squaresync::square::simulator::Simulator;

use super::{rows, square};
use crate::support::process::{LONG, Setup, TOKEN, passed, until};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    sync_works_beside_a_running_serve,
    sync_says_who_does_its_work_and_waits,
    patience_with_a_holder_ends,
}

async fn sync_works_beside_a_running_serve(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square);
    let (_serve, _) = setup.serve().await;
    rows(&db, "marks WHERE name = 'updated'", 1).await;

    for number in 0..3 {
        OtherProgram::new(&db)
            .run(&format!(
                "INSERT INTO customers (given_name) VALUES ('Beside {number}')"
            ))
            .unwrap();
        let ended = setup.run(&["sync", "--json"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.object();
    }

    rows(&db, "live_customers WHERE sync_state = 'synced'", 3).await;
    assert_eq!(square.len(), 3);
}

/// Gives the work of reading to a process that is not there, for an hour or until it is told otherwise.
fn hold(db: &TestDb, expires: &str) {
    let statements = format!(
        "DELETE FROM leases WHERE name = 'reconcile'; \
         INSERT INTO leases (merchant_id, name, holder, token, expires_at) \
         SELECT merchant_id, 'reconcile', 'another machine', 7, '{expires}' FROM sellers"
    );
    OtherProgram::new(db).run(&statements).unwrap();
}

const FAR: &str = "2999-01-01 00:00:00.000";
const PAST: &str = "1999-01-01 00:00:00.000";

async fn sync_says_who_does_its_work_and_waits(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square);
    setup.report("sync").await;
    hold(&db, FAR);

    let sync = setup.start(&["sync"]);
    let told = "reconcile is being done by another machine; waiting for it";
    until(
        LONG,
        || sync.stderr(),
        || sync.stderr().contains(told).then_some(()),
    )
    .await;
    passed(Duration::from_secs(1)).await;
    hold(&db, PAST);

    let ended = sync.end(LONG).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(told).count(), 1, "{}", ended.stderr);
}

async fn patience_with_a_holder_ends(db: TestDb) {
    let square = square();
    Setup::new(&db, &square).report("sync").await;
    hold(&db, FAR);
    let parts = parts(&db, &square).await;
    let merchant = parts.identify().await.unwrap();
    let patience = Patience {
        failures: 0,
        held: Duration::from_secs(1),
        limited: Duration::ZERO,
    };
    let mut watch = Waits(0);

    let given_up = until_idle(&mut parts.reconcile(&merchant), patience, &mut watch).await;

    let error = given_up.unwrap_err();
    assert!(error.is_held());
    assert!(error.to_string().contains("another machine"), "{error}");
    assert_eq!(watch.0, 2);
}

/// The parts as a command makes them.
async fn parts(db: &TestDb, square: &Simulator) -> Parts {
    let variables = BTreeMap::from([
        ("DATABASE_URL", db.url()),
        ("SQUARE_API_URL", square.url()),
        ("SQUARE_ACCESS_TOKEN", TOKEN.to_owned()),
    ]);
    let sources = Sources {
        flags: &Flags::default(),
        variables: &|name| variables.get(name).map(Into::into),
        folder: Path::new("/nowhere"),
        terminal: false,
    };
    let loaded = Settings::load(Needs::Token, &sources).unwrap();
    Parts::open(&loaded.settings).await.unwrap()
}

/// Counts waits.
struct Waits(usize);

impl Watch<Reconcile> for Waits {
    fn stepped(&mut self, _flow: &Reconcile) -> bool {
        true
    }

    fn waits(&mut self, _error: &FlowError, _wait: Duration) {
        self.0 += 1;
    }
}

//! A directory of which Square tells in any order: observations go through
//! `apply` one by one, and applications edit the rows in between.

use serde_json::{Value, json};
use squaresync::domain::id::{CustomerId, MerchantId, SquareId};
use squaresync::domain::merge::Rule;
use squaresync::domain::observation::{Cause, Observation, Origin, Shown};
use squaresync::domain::profile::Profile;
use squaresync::flows::apply::{Learning, apply, catch_up};
use squaresync::store::Store;
use squaresync::store::changes::Source;

use super::ledger;
use crate::support::app::location;
use crate::support::{Kind, OtherProgram, TestDb};

/// One database that knows nothing yet.
pub(super) struct World {
    pub(super) db: TestDb,
    store: Store,
    rule: Rule,
}

/// A profile at a version, with these fields beside its name.
pub(super) fn profile(id: &str, version: i64, fields: &Value) -> Observation {
    let mut value = json!({
        "id": id, "version": version, "given_name": id, "updated_at": "2026-03-02T10:15:30Z",
    });
    let fields = fields.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(fields);
    Observation {
        square_id: SquareId::new(id),
        shown: Shown::Profile(Profile::parse(value).unwrap(), Origin::Event),
    }
}

/// The profile `from` went into `to`.
pub(super) fn went(from: &str, to: &str) -> Observation {
    Observation {
        square_id: SquareId::new(from),
        shown: Shown::Merged(SquareId::new(to)),
    }
}

/// The profile is gone.
pub(super) fn gone(id: &str) -> Observation {
    Observation {
        square_id: SquareId::new(id),
        shown: Shown::Deleted(None, Cause::NotFound),
    }
}

/// The row of a profile.
pub(super) fn row_of(id: &str) -> String {
    let id = CustomerId::of_profile(&MerchantId::new("M"), &SquareId::new(id), None);
    id.as_str().to_owned()
}

/// Every order of `0..count`.
pub(super) fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for order in orders(last) {
        for at in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(at, last);
            all.push(longer);
        }
    }
    all
}

impl World {
    pub(super) async fn new(kind: Kind, rule: Rule) -> Self {
        let db = TestDb::new(kind);
        let store = Store::open(location(&db)).await.unwrap();
        let world = Self { db, store, rule };
        world.sql(
            "INSERT INTO sellers (merchant_id, environment, created_at) VALUES ('M', 'sandbox', '2026-03-02 10:15:30')",
        );
        world
    }

    /// Forgets all, for another try.
    pub(super) fn clear(&self) {
        self.sql(
            "DELETE FROM customers; DELETE FROM local_edits; DELETE FROM images; \
             DELETE FROM changes; DELETE FROM conflicts; DELETE FROM outbox",
        );
    }

    /// Is told one thing.
    pub(super) async fn told(&self, observation: Observation) {
        let learning = self.learning();
        self.store
            .write(move |db| apply(db, &learning, &[observation]))
            .await
            .unwrap();
    }

    /// Is told several things, each in a transaction of its own.
    pub(super) async fn told_all(&self, all: impl IntoIterator<Item = Observation>) {
        for observation in all {
            self.told(observation).await;
        }
    }

    /// Brings along what had to wait.
    pub(super) async fn catch_up(&self) -> bool {
        let learning = self.learning();
        let caught_up = self
            .store
            .write(move |db| catch_up(db, &learning, 100))
            .await;
        caught_up.unwrap()
    }

    fn learning(&self) -> Learning {
        Learning {
            merchant: MerchantId::new("M"),
            source: Source::Event,
            rule: self.rule,
            now: chrono::Utc::now(),
        }
    }

    pub(super) fn other(&self) -> OtherProgram {
        OtherProgram::new(&self.db)
    }

    pub(super) fn sql(&self, statements: &str) {
        self.other().run(statements).unwrap();
    }

    /// An application edits the row of a profile.
    pub(super) fn edit(&self, id: &str, assignments: &str) {
        self.sql(&format!(
            "UPDATE customers SET {assignments} WHERE id = '{}'",
            row_of(id)
        ));
    }

    /// Of each row its profile, fields and state, and the profile of the row that it went into.
    pub(super) fn rows(&self) -> Vec<String> {
        let query = "SELECT customers.square_id || ' ' || coalesce(customers.nickname, '-') || ' ' || \
             coalesce(customers.note, '-') || ' ' || customers.sync_state || \
             CASE WHEN customers.deleted_at IS NULL THEN ' live' ELSE ' gone' END || \
             coalesce(' ' || into_row.square_id, '') AS value \
             FROM customers LEFT JOIN customers AS into_row ON into_row.id = customers.merged_into";
        let mut rows: Vec<String> = self.other().values(query).into_iter().flatten().collect();
        rows.sort();
        rows
    }

    /// The ledger, sorted.
    pub(super) fn ledger(&self) -> Vec<String> {
        let mut entries = ledger(self.other());
        entries.sort();
        entries
    }
}

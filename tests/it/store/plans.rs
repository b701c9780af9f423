//! How PostgreSQL plans what the store asks again and again: once for many
//! executions, and for the tables as they are, not as they were when it was first asked.

use std::time::Duration;

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use squaresync::domain::id::CustomerId;
use squaresync::store::{Db, Store, outbox};

use super::open;
use crate::support::process::passed;
use crate::support::{Kind, OtherProgram, TestDb};

/// After five of its own a server may take one plan for all further executions.
const OFTEN: usize = 20;

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    kept: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

#[tokio::test]
async fn a_plan_is_kept_for_a_while_on_postgres() {
    let db = TestDb::new(Kind::Postgres);
    let store = open(&db).await;
    for _ in 0..OFTEN {
        remove(&store).await;
    }

    let (kept, _) = remove(&store).await;

    assert!(
        5 < kept,
        "{kept} of {OFTEN} executions had no plan of their own"
    );
}

#[tokio::test]
async fn a_plan_of_small_tables_is_not_kept_for_long_on_postgres() {
    let db = TestDb::new(Kind::Postgres);
    let store = open(&db).await;
    let mut other = OtherProgram::new(&db);
    let fill = |first: u32, last: u32| {
        format!(
            "INSERT INTO outbox (customer_id, merchant_id, operation, square_id, body, sent_fields, next_attempt_at, created_at) \
             SELECT 'R' || i, 'M', 'update', 'P' || i, '{{}}', '{{}}', now(), now() FROM generate_series({first}, {last}) AS i"
        )
    };
    other.run(&fill(0, 0)).unwrap();
    // The server counts one row, and not again for now.
    let count = "ANALYZE outbox; ALTER TABLE outbox SET (autovacuum_enabled = false)";
    other.run(count).unwrap();
    for _ in 0..OFTEN {
        remove(&store).await;
    }
    let (_, before) = remove(&store).await;
    other.run(&fill(1, 20_000)).unwrap();
    passed(Duration::from_secs(1)).await;

    let (_, after) = remove(&store).await;

    let is_scan = |line: &String| line.contains("Seq Scan on outbox");
    assert!(before.iter().any(is_scan), "{}", before.join("\n"));
    assert!(!after.iter().any(is_scan), "{}", after.join("\n"));
}

/// Takes calls of some rows away. Gives how often a plan was taken for this that
/// was there before, and the plan that is taken now.
async fn remove(store: &Store) -> (i64, Vec<String>) {
    let asked = store.write(|db: &mut Db| {
        let ids: Vec<CustomerId> = (0..64).map(|id| CustomerId::new(format!("X{id}"))).collect();
        outbox::remove(db, &ids)?;
        let prepared: Prepared = sql_query(
            "SELECT name, generic_plans AS kept FROM pg_prepared_statements WHERE statement LIKE 'DELETE FROM \"outbox\"%'",
        )
        .get_result(db)?;
        let explain = format!("EXPLAIN EXECUTE {}(ARRAY['X1'])", prepared.name);
        let plan: Vec<Line> = sql_query(explain).load(db)?;
        Ok((prepared.kept, plan.into_iter().map(|line| line.plan).collect()))
    });
    asked.await.unwrap()
}

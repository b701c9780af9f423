//! How PostgreSQL plans what the store asks again and again: for the tables as
//! they are, and not as they were when it was first asked.

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use squaresync::domain::id::{MerchantId, SquareId};
use squaresync::store::{Db, images};

use super::open;
use crate::support::{Kind, TestDb};

/// After five of its own a server may take one plan for all further executions.
const OFTEN: usize = 10;

#[derive(QueryableByName)]
struct Plans {
    #[diesel(sql_type = BigInt)]
    own: i64,
    #[diesel(sql_type = BigInt)]
    kept: i64,
}

#[tokio::test]
async fn a_plan_of_small_tables_is_not_kept_on_postgres() {
    let db = TestDb::new(Kind::Postgres);
    let store = open(&db).await;

    let plans = store.read(|db: &mut Db| {
        let ids: Vec<SquareId> = (0..64).map(|id| SquareId::new(format!("P{id}"))).collect();
        for _ in 0..OFTEN {
            images::load(db, &MerchantId::new("M"), &ids)?;
        }
        let plans: Plans = sql_query(
            "SELECT coalesce(sum(custom_plans), 0)::bigint AS own, coalesce(sum(generic_plans), 0)::bigint AS kept \
             FROM pg_prepared_statements WHERE statement LIKE '%images%'",
        )
        .get_result(db)?;
        Ok(plans)
    });
    let plans = plans.await.unwrap();

    assert_eq!((plans.own, plans.kept), (10, 0));
}

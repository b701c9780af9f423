//! What our own tables say is not done is listed under its name.

use serde_json::json;

use super::Shop;
use crate::support::process::NAME;
use crate::support::{TestDb, on_each_database};

on_each_database! {
    a_row_that_is_still_to_be_sent_is_owed,
    a_deleted_row_that_square_is_still_to_hear_of_is_owed,
    a_refused_row_is_named_with_its_reason_and_stays,
    what_waits_for_a_person_is_a_conflict,
    what_waits_for_its_row_is_unmerged,
    a_row_that_claims_to_be_synced_and_has_no_profile_is_unequal,
    an_event_that_is_dead_is_counted_and_is_no_difference,
}

async fn a_row_that_is_still_to_be_sent_is_owed(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    shop.app.sql("UPDATE customers SET note = 'edited'");
    shop.app.sql(&format!(
        "INSERT INTO customers (id, given_name) VALUES ('zz', '{NAME}')"
    ));

    let expected = json!({"owed": [
        {"row_id": shop.row(&ann), "square_id": ann},
        {"row_id": "zz", "square_id": null},
    ]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn a_deleted_row_that_square_is_still_to_hear_of_is_owed(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    let row = shop.row(&ann);
    shop.app.sql("DELETE FROM customers");

    let expected = json!({"owed": [{"row_id": row, "square_id": null}]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    // Deletes are not carried to Square here, so the row comes back.
    shop.assert_mended(&expected).await;
}

async fn a_refused_row_is_named_with_its_reason_and_stays(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    shop.app
        .sql("UPDATE customers SET email_address = 'no address'");
    shop.app.push_all().await;

    let reason = "Square refuses the e-mail address; correct email_address";
    let expected = json!({"failed": [
        {"row_id": shop.row(&ann), "square_id": ann, "reason": reason},
    ]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    assert_eq!(shop.repair().await, (3, expected.clone(), expected));
}

async fn what_waits_for_a_person_is_a_conflict(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let (ann, bob) = (shop.known(json!({})).await, shop.known(json!({})).await);
    let (ann_row, bob_row) = (shop.row(&ann), shop.row(&bob));
    shop.by_the_back_door(&format!(
        "UPDATE customers SET sync_state = 'conflict', note = 'mine' WHERE id = '{ann_row}'"
    ));
    let merchant = &shop.app.square.merchant_id;
    shop.app.sql(&format!(
        "INSERT INTO conflicts (merchant_id, customer_id, square_id, field, candidates, state, found_at) \
         VALUES ('{merchant}', '{bob_row}', '{bob}', 'note', '[]', 'open', '2026-03-02 10:00:00')"
    ));

    let mut conflicts = [
        json!({"row_id": ann_row, "square_id": ann}),
        json!({"row_id": bob_row, "square_id": bob, "fields": ["note"]}),
    ];
    conflicts.sort_by_key(|entry| entry["row_id"].to_string());
    assert_eq!(shop.listed().await, (3, json!({ "conflict": conflicts })));
}

async fn what_waits_for_its_row_is_unmerged(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    shop.app.sql("UPDATE images SET unmerged = TRUE");

    let expected = json!({"unmerged": [{"row_id": shop.row(&ann), "square_id": ann}]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn a_row_that_claims_to_be_synced_and_has_no_profile_is_unequal(db: TestDb) {
    let shop = Shop::new(db).await;
    let merchant = &shop.app.square.merchant_id;
    shop.by_the_back_door(&format!(
        "INSERT INTO customers (id, merchant_id, sync_state) VALUES ('zz', '{merchant}', 'synced')"
    ));

    let expected = json!({"unequal": [
        {"row_id": "zz", "square_id": null, "fields": ["square_id"], "side": "edit not sent"},
    ]});
    assert_eq!(shop.listed().await, (3, expected));
}

async fn an_event_that_is_dead_is_counted_and_is_no_difference(db: TestDb) {
    let shop = Shop::new(db).await;
    shop.app.sql(
        "INSERT INTO inbox (event_id, body, body_sha256, state, received_at) \
         VALUES ('E', '', '', 'dead', '2026-03-02 10:00:00')",
    );

    let (code, report) = shop.verify().await;

    assert_eq!((code, &report["dead_events"]), (0, &json!(1)), "{report}");
}

//! What differs between the two sides is listed, and nothing else.

use serde_json::json;
use squaresync::square::simulator::Options;

use super::Shop;
use crate::support::{TestDb, on_each_database};

on_each_database! {
    equal_sides_are_equal,
    two_empty_sides_are_equal,
    a_customer_that_no_webhook_told_of_is_missing,
    a_change_that_no_webhook_told_of_is_named_by_its_fields,
    an_edit_that_no_trigger_saw_is_not_sent,
    a_column_of_squares_that_was_changed_by_hand_is_squares,
    a_row_that_vanished_is_missing,
    an_image_that_was_buried_by_hand_is_found,
    a_deletion_that_no_webhook_told_of_leaves_one_too_many,
    a_merge_that_no_webhook_told_of_is_a_stale_alias,
    an_alias_that_was_changed_by_hand_is_stale,
    customers_that_square_hides_are_no_difference,
    among_hundreds_the_few_that_differ_are_found,
}

async fn equal_sides_are_equal(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop
        .known(json!({"note": "n", "birthday": "0000-02-29", "group_ids": ["G"], "address": {"country": "US"}}))
        .await;
    let (bob, cleo) = (shop.known(json!({})).await, shop.known(json!({})).await);
    shop.app.square.merge(&[&bob, &cleo]).unwrap();
    let dora = shop.known(json!({})).await;
    shop.app.square.delete(&dora);
    shop.app
        .sql("INSERT INTO customers (given_name) VALUES ('Emil')");
    shop.app.settle().await;
    assert_eq!(shop.app.other().count("live_customers"), 3);

    let (code, report) = shop.verify().await;

    assert_eq!((code, &report["verdict"]), (0, &json!("equal")), "{report}");
    assert_eq!(
        (&report["at_square"], &report["rows"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(report["missing"], json!([]));
    assert_eq!(super::lists(&report), json!({}), "{ann}");
}

async fn two_empty_sides_are_equal(db: TestDb) {
    let shop = Shop::new(db).await;

    let (code, report) = shop.verify().await;

    assert_eq!((code, &report["verdict"]), (0, &json!("equal")), "{report}");
}

async fn a_customer_that_no_webhook_told_of_is_missing(db: TestDb) {
    let mut shop = Shop::new(db).await;
    shop.known(json!({})).await;
    let ann = shop.unknown(json!({}));
    shop.unheard().await;

    let expected = json!({"missing": [{"row_id": null, "square_id": ann}]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn a_change_that_no_webhook_told_of_is_named_by_its_fields(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({"note": "old"})).await;
    let changes = json!({"note": null, "address": {"locality": "Ulm"}, "group_ids": ["G"],
        "preferences": {"email_unsubscribed": true}});
    shop.app.square.update(&ann, &changes);
    shop.unheard().await;

    let expected = json!({"unequal": [{
        "row_id": shop.row(&ann),
        "square_id": ann,
        "fields": ["note", "locality", "email_unsubscribed", "group_ids", "square_version"],
        "side": "news not taken",
    }]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn an_edit_that_no_trigger_saw_is_not_sent(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    shop.by_the_back_door("UPDATE customers SET note = 'edited'");

    let expected = json!({"unequal": [{
        "row_id": shop.row(&ann),
        "square_id": ann,
        "fields": ["note"],
        "side": "edit not sent",
    }]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
    assert_eq!(shop.app.square.customer(&ann).unwrap()["note"], "edited");
}

async fn a_column_of_squares_that_was_changed_by_hand_is_squares(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({"group_ids": ["G"]})).await;
    let expected = json!({"unequal": [{
        "row_id": shop.row(&ann),
        "square_id": ann,
        "fields": ["creation_source", "group_ids", "square_version"],
        "side": "news not taken",
    }]});
    // The second time Square's direct answer tells nothing new at all.
    for _ in 0..2 {
        shop.by_the_back_door(
            "UPDATE customers SET group_ids = NULL, creation_source = 'X', square_version = 77",
        );

        assert_eq!(shop.listed().await, (3, expected.clone()));
        shop.assert_mended(&expected).await;
    }
}

async fn a_row_that_vanished_is_missing(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    shop.by_the_back_door("DELETE FROM customers");

    let expected = json!({"missing": [{"row_id": shop.row(&ann), "square_id": ann}]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn an_image_that_was_buried_by_hand_is_found(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ann = shop.known(json!({})).await;
    let bob = shop.known(json!({})).await;
    shop.app.sql(
        "UPDATE images SET tombstone_version = 9223372036854775807, tombstone_cause = 'not_found'",
    );
    shop.by_the_back_door(&format!(
        "UPDATE customers SET deleted_at = created_at WHERE square_id = '{bob}'"
    ));

    let expected = json!({
        "missing": [{"row_id": shop.row(&bob), "square_id": bob}],
        "unequal": [{
            "row_id": shop.row(&ann),
            "square_id": ann,
            "fields": ["image"],
            "side": "news not taken",
        }],
    });
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn a_deletion_that_no_webhook_told_of_leaves_one_too_many(db: TestDb) {
    let mut shop = Shop::new(db).await;
    shop.known(json!({})).await;
    let ann = shop.known(json!({})).await;
    shop.app.square.delete(&ann);
    shop.unheard().await;

    let expected = json!({"extra": [{"row_id": shop.row(&ann), "square_id": ann}]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn a_merge_that_no_webhook_told_of_is_a_stale_alias(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let mut ids = [shop.known(json!({})).await, shop.known(json!({})).await];
    let cleo = shop.app.square.merge(&[&ids[0], &ids[1]]).unwrap();
    shop.unheard().await;
    ids.sort();

    let stale = ids
        .each_ref()
        .map(|id| json!({"row_id": shop.row(id), "square_id": id, "leads_to": cleo}));
    let expected = json!({
        "missing": [{"row_id": null, "square_id": cleo}],
        "stale_alias": stale,
    });
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn an_alias_that_was_changed_by_hand_is_stale(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let ids = [shop.known(json!({})).await, shop.known(json!({})).await];
    let cleo = shop.app.square.merge(&[&ids[0], &ids[1]]).unwrap();
    let dora = shop.known(json!({})).await;
    assert_eq!(shop.listed().await, (0, json!({})));
    let [ann, bob] = &ids;
    let (row, other) = (shop.row(bob), shop.row(&dora));
    // One that sorts before the right one, and one that sorts behind it: order must not matter.
    for wrong in ["0", "zzzz", &dora] {
        shop.app.sql(&format!(
            "UPDATE images SET merged_into = '{wrong}' WHERE square_id = '{ann}'"
        ));
        shop.by_the_back_door(&format!(
            "UPDATE customers SET merged_into = '{other}' WHERE id = '{row}'"
        ));

        let mut stale = ids
            .each_ref()
            .map(|id| json!({"row_id": shop.row(id), "square_id": id, "leads_to": cleo}));
        stale.sort_by_key(|entry| entry["square_id"].to_string());
        let expected = json!({ "stale_alias": stale });
        assert_eq!(shop.listed().await, (3, expected.clone()), "{wrong}");
        shop.assert_mended(&expected).await;
        let into = format!("SELECT merged_into AS value FROM customers WHERE id = '{row}'");
        assert_eq!(shop.app.other().values(&into), [Some(shop.row(&cleo))]);
    }
}

async fn customers_that_square_hides_are_no_difference(db: TestDb) {
    let mut shop = Shop::new(db).await;
    let hidden = shop.known(json!({"given_name": null, "note": "n"})).await;
    shop.app.advance(super::OLD).await;
    let (code, report) = shop.verify().await;
    assert_eq!((code, &report["at_square"]), (0, &json!(0)), "{report}");
    assert_eq!(report["rows"], 1);

    shop.app.square.update(&hidden, &json!({"note": "changed"}));
    shop.unheard().await;

    let expected = json!({"unequal": [{
        "row_id": shop.row(&hidden),
        "square_id": hidden,
        "fields": ["note", "square_version"],
        "side": "news not taken",
    }]});
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

async fn among_hundreds_the_few_that_differ_are_found(db: TestDb) {
    let many = Options {
        customers: 2250,
        ..Options::default()
    };
    let mut shop = Shop::with(db, many).await;
    assert_eq!(shop.listed().await, (0, json!({})));
    let ids: Vec<String> = shop
        .app
        .square
        .customers()
        .iter()
        .map(|customer| customer["id"].as_str().unwrap().to_owned())
        .collect();
    let (gone, changed) = (&ids[7], &ids[1777]);
    shop.app.square.delete(gone);
    shop.app.square.update(changed, &json!({"nickname": "N"}));
    let new = shop.unknown(json!({}));
    shop.unheard().await;

    let expected = json!({
        "missing": [{"row_id": null, "square_id": new}],
        "extra": [{"row_id": shop.row(gone), "square_id": gone}],
        "unequal": [{
            "row_id": shop.row(changed),
            "square_id": changed,
            "fields": ["nickname", "square_version"],
            "side": "news not taken",
        }],
    });
    assert_eq!(shop.listed().await, (3, expected.clone()));
    shop.assert_mended(&expected).await;
}

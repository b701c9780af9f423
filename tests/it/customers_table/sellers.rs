//! Whose a new row is.

use squaresync::domain::id::MerchantId;
use squaresync::store::sellers;

use crate::store::{merchant, now, open, open_with_seller};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! {
    rows_without_a_seller_are_given_to_the_first_one,
    a_row_may_name_the_one_seller_but_no_other,
    among_several_sellers_a_row_must_name_one,
}

async fn rows_without_a_seller_are_given_to_the_first_one(db: TestDb) {
    let store = open(&db).await;
    let mut application = OtherProgram::new(&db);
    application
        .run("INSERT INTO customers (given_name) VALUES ('Ann')")
        .unwrap();
    assert_eq!(application.customer("merchant_id"), None);

    let record = |db: &mut _| sellers::record(db, &merchant(), "sandbox", now());
    store.write(record).await.unwrap();

    assert_eq!(application.customer("merchant_id").as_deref(), Some("M"));
    assert_eq!(
        application.customer("sync_state").as_deref(),
        Some("pending")
    );
    assert_eq!(application.count("local_edits WHERE merchant_id = 'M'"), 2);
}

async fn a_row_may_name_the_one_seller_but_no_other(db: TestDb) {
    let _store = open_with_seller(&db).await;
    let mut application = OtherProgram::new(&db);
    let insert = |merchant| {
        format!("INSERT INTO customers (merchant_id, given_name) VALUES ('{merchant}', 'Ann')")
    };

    let refusal = application.refusal(&insert("N"));
    application.run(&insert("M")).unwrap();

    assert!(refusal.contains("merchant_id"), "{refusal}");
    assert_eq!(application.customer("merchant_id").as_deref(), Some("M"));
}

async fn among_several_sellers_a_row_must_name_one(db: TestDb) {
    let store = open_with_seller(&db).await;
    let record = |db: &mut _| sellers::record(db, &MerchantId::new("N"), "sandbox", now());
    store.write(record).await.unwrap();
    let mut application = OtherProgram::new(&db);

    let refusal = application.refusal("INSERT INTO customers (given_name) VALUES ('Ann')");
    application
        .run("INSERT INTO customers (merchant_id, given_name) VALUES ('N', 'Ann')")
        .unwrap();

    assert!(refusal.contains("merchant_id"), "{refusal}");
    assert_eq!(application.customer("merchant_id").as_deref(), Some("N"));
}

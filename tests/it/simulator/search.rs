//! Lists and searches: what they find, and in which order.

use serde_json::{Value, json};
use squaresync::square::simulator::Options;

use super::support::{Square, error, given_names, options, three};

#[tokio::test]
async fn each_text_filter_finds_its_customers() {
    let square = three().await;

    for (field, how, text, expected) in [
        ("email_address", "exact", "cleo.cook@EXAMPLE.com", "Cleo"),
        ("email_address", "exact", "cleo.cook", ""),
        ("email_address", "fuzzy", "COOK cleo", "Cleo"),
        ("email_address", "fuzzy", "cook ann", ""),
        ("reference_id", "exact", "row-1 A", "Cleo"),
        ("reference_id", "exact", "row-1", ""),
        ("reference_id", "fuzzy", "row", "Cleo"),
        ("phone_number", "exact", "+12065550101", "Bob"),
        ("phone_number", "exact", "+442079460000", "Ann"),
        ("phone_number", "fuzzy", "555", "Bob"),
    ] {
        let filter = json!({ field: { how: text } });
        let found = square.found(json!({ "query": { "filter": filter } })).await;
        assert_eq!(found.join(" "), expected, "{filter}");
    }
}

#[tokio::test]
async fn a_value_that_was_given_up_finds_nobody() {
    let square = Square::new();
    let profile = json!({ "given_name": "Ann", "reference_id": "1" });
    let id = square.simulator.create(&profile);
    let find = async |reference: &str| {
        let filter = json!({ "reference_id": { "exact": reference } });
        square.found(json!({ "query": { "filter": filter } })).await
    };

    let changes = json!({ "reference_id": "2" });
    square.simulator.update(&id, &changes);

    assert_eq!(find("1").await, Vec::<String>::new());
    assert_eq!(find("2").await, ["Ann"]);
}

#[tokio::test]
async fn times_and_sources_narrow_a_search() {
    let square = three().await;
    let window = |start: &str, end: &str| json!({ "start_at": start, "end_at": end });
    let half = "2026-03-02T10:17:30Z";

    for (filter, expected) in [
        (json!({}), "Ann Bob Cleo Dora"),
        (
            json!({ "created_at": window("2026-03-02T10:16:30.400Z", "2026-03-02T11:17:30.400+01:00") }),
            "Bob",
        ),
        (json!({ "updated_at": { "start_at": half } }), "Ann Dora"),
        (json!({ "updated_at": { "end_at": half } }), "Bob Cleo"),
        (
            json!({ "updated_at": { "end_at": half }, "phone_number": { "fuzzy": "555" } }),
            "Bob",
        ),
        (
            json!({ "creation_source": { "values": ["IMPORT"] } }),
            "Dora",
        ),
        (
            json!({ "creation_source": { "values": ["IMPORT"], "rule": "EXCLUDE" } }),
            "Ann Bob Cleo",
        ),
    ] {
        let found = square.found(json!({ "query": { "filter": filter } })).await;
        assert_eq!(found.join(" "), expected, "{filter}");
    }
}

#[tokio::test]
async fn a_closed_window_includes_its_end() {
    let square = Square::with(Options {
        closed_windows: true,
        ..options()
    });
    square.made(json!({ "given_name": "Ann" })).await;

    let filter = json!({ "updated_at": { "end_at": "2026-03-02T10:15:30Z" } });

    let found = square.found(json!({ "query": { "filter": filter } })).await;
    assert_eq!(found, ["Ann"]);
}

#[tokio::test]
async fn order_is_by_name_or_by_creation() {
    let square = three().await;

    for (sort, expected) in [
        (json!({}), ["Ann", "Bob", "Cleo", "Dora"]),
        (
            json!({ "field": "DEFAULT", "order": "DESC" }),
            ["Dora", "Cleo", "Bob", "Ann"],
        ),
        (
            json!({ "field": "CREATED_AT" }),
            ["Cleo", "Bob", "Ann", "Dora"],
        ),
        (
            json!({ "field": "CREATED_AT", "order": "DESC" }),
            ["Dora", "Ann", "Bob", "Cleo"],
        ),
    ] {
        let body = json!({ "limit": 3, "query": { "sort": sort } });
        assert_eq!(square.found(body).await, expected, "{sort}");
    }
    let (_, page) = square
        .get("/v2/customers?sort_field=CREATED_AT&sort_order=DESC&limit=2&count=true")
        .await;
    assert_eq!(given_names(&page), ["Dora", "Ann"]);
    assert_eq!(page["count"], 4);
    let cursor = page["cursor"].as_str().unwrap();
    let rest = format!(
        "/v2/customers?sort_field=CREATED_AT&sort_order=DESC&limit=2&count=true&cursor={cursor}"
    );
    let (_, page) = square.get(&rest).await;
    assert_eq!(given_names(&page), ["Bob", "Cleo"]);
    assert_eq!(page.get("cursor"), None);
}

#[tokio::test]
async fn a_bad_query_is_refused_with_code_and_field() {
    let square = Square::new();
    let filter = |filter: Value| json!({ "query": { "filter": filter } });
    let sort = |sort: Value| json!({ "query": { "sort": sort } });

    for (body, expected) in [
        (json!({ "limit": 0 }), "VALUE_TOO_LOW limit"),
        (json!({ "limit": -1 }), "VALUE_TOO_LOW limit"),
        (json!({ "limit": 101 }), "VALUE_TOO_HIGH limit"),
        (json!({ "limit": "10" }), "EXPECTED_INTEGER limit"),
        (json!({ "cursor": "nonsense" }), "INVALID_CURSOR"),
        (json!({ "sort": {} }), "UNKNOWN_BODY_PARAMETER sort"),
        (
            sort(json!({ "field": "UPDATED_AT" })),
            "INVALID_ENUM_VALUE query.sort.field",
        ),
        (
            sort(json!({ "order": "UP" })),
            "INVALID_ENUM_VALUE query.sort.order",
        ),
        (
            filter(json!({ "updated_at": { "start_at": "today" } })),
            "INVALID_TIME query.filter.updated_at.start_at",
        ),
        (
            filter(json!({ "created_at": { "start_at": "2026-03-02T10:00:01Z",
                                           "end_at": "2026-03-02T10:00:00Z" } })),
            "INVALID_TIME_RANGE query.filter.created_at",
        ),
        (
            filter(json!({ "phone_number": { "exact": "2065550101" } })),
            "BAD_REQUEST query.filter.phone_number.exact",
        ),
        (
            filter(json!({ "group_ids": {} })),
            "BAD_REQUEST query.filter.group_ids",
        ),
        (
            filter(json!({ "email_address": {} })),
            "BAD_REQUEST query.filter.email_address",
        ),
    ] {
        let (status, answer) = square.search(body.clone()).await;
        assert_eq!((status, error(&answer).as_str()), (400, expected), "{body}");
    }
    assert_eq!(square.get("/v2/customers?limit=101").await.0, 400);
}

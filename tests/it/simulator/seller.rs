//! What the seller does past the API: merges, groups, segments.

use serde_json::{Value, json};
use squaresync::square::simulator::Options;

use super::support::{Square, error, given_names, options};

fn body(event: &squaresync::square::simulator::Event) -> Value {
    serde_json::from_str(&event.body).unwrap()
}

#[tokio::test]
async fn a_merged_id_leads_to_the_survivor_and_takes_no_writes() {
    let square = Square::new();
    let create = |value: Value| square.simulator.create(&value);
    let ann = create(json!({ "given_name": "Ann", "group_ids": ["G1"], "note": "first" }));
    let anna = create(
        json!({ "given_name": "Anna", "phone_number": "+12065550101",
                              "group_ids": ["G1", "G2"] }),
    );

    let new = square.simulator.merge(&[&ann, &anna]).unwrap();
    let newest = {
        let bob = create(json!({ "given_name": "Bob" }));
        square.simulator.merge(&[&new, &bob]).unwrap()
    };

    let merged = &square.simulator.history(&new)[0];
    assert_eq!(merged["given_name"], "Ann");
    assert_eq!(merged["phone_number"], "+12065550101");
    assert_eq!(merged["group_ids"], json!(["G1", "G2"]));
    assert_eq!(merged["creation_source"], "MERGE");
    assert_eq!(merged["version"], 0);
    let note = merged["note"].as_str().unwrap();
    assert!(note.starts_with("first Merged on 03/02/2026."), "{note}");
    assert!(note.contains("First Name: Anna"), "{note}");
    for old in [&ann, &anna, &new] {
        let path = format!("/v2/customers/{old}");
        let (status, answer) = square.get(&path).await;
        assert_eq!((status, &answer["customer"]["id"]), (200, &json!(newest)));
        assert_eq!(square.put(&path, &json!({ "note": "x" })).await.0, 404);
        assert_eq!(square.delete(&path).await.0, 404);
    }
    let body = json!({ "customer_ids": [ann] });
    let (_, bulk) = square.post("/v2/customers/bulk-retrieve", &body).await;
    assert_eq!(bulk["responses"][&ann]["customer"]["id"], newest.as_str());
    assert_eq!(square.simulator.aliases()[&ann], new);
    assert_eq!(given_names(&square.search(json!({})).await.1), ["Ann"]);

    square.simulator.delete(&newest);
    let (status, answer) = square.get(&format!("/v2/customers/{ann}")).await;
    assert_eq!((status, error(&answer).as_str()), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_merged_id_may_lead_nowhere() {
    let square = Square::with(Options {
        forgets_merged: true,
        ..options()
    });
    let create = |name: &str| square.simulator.create(&json!({ "given_name": name }));
    let (ann, anna) = (create("Ann"), create("Anna"));

    let new = square.simulator.merge(&[&ann, &anna]).unwrap();

    assert_eq!(square.get(&format!("/v2/customers/{ann}")).await.0, 404);
    assert_eq!(square.get(&format!("/v2/customers/{new}")).await.0, 200);
    let body = json!({ "customer_ids": [ann] });
    let (_, bulk) = square.post("/v2/customers/bulk-retrieve", &body).await;
    assert_eq!(bulk["responses"][&ann]["errors"][0]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn a_merge_raises_one_created_and_as_many_deleted_with_their_context() {
    let square = Square::new();
    let create = |name: &str| square.simulator.create(&json!({ "given_name": name }));
    let old = [create("Ann"), create("Anna"), create("Anne")];

    let ids = old.each_ref().map(String::as_str);
    let new = square.simulator.merge(&ids).unwrap();

    let events = square.simulator.events();
    let context = json!({ "merge": { "from_customer_ids": old, "to_customer_id": new } });
    let mut seen: Vec<(String, String)> = Vec::new();
    for event in &events[3..] {
        let body = body(event);
        assert_eq!(body["data"]["object"]["event_context"], context);
        let id = body["data"]["id"].as_str().unwrap().to_owned();
        seen.push((event.event_type.clone(), id));
    }
    seen.sort();
    let mut expected = vec![("customer.created".to_owned(), new)];
    let deleted = |id: &String| ("customer.deleted".to_owned(), id.clone());
    expected.extend(old.iter().map(deleted));
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(square.simulator.merge(&[ids[0], ids[1]]), None);
}

#[tokio::test]
async fn segments_change_without_version_and_event() {
    let square = Square::new();
    let id = square.simulator.create(&json!({ "given_name": "Ann" }));

    let changes = json!({ "segment_ids": ["S"] });
    assert!(square.simulator.update(&id, &changes));

    let (_, answer) = square.get(&format!("/v2/customers/{id}")).await;
    assert_eq!(answer["customer"]["segment_ids"], json!(["S"]));
    assert_eq!(answer["customer"]["version"], 0);
    let (_, page) = square.search(json!({})).await;
    assert_eq!(page["customers"][0]["segment_ids"], json!(["S"]));
    assert_eq!(square.simulator.events().len(), 1);
    assert!(!square.simulator.update("NOBODY", &changes));
}

#[tokio::test]
async fn events_lack_what_square_leaves_out_of_them() {
    let square = Square::new();
    let profile = json!({ "given_name": "Ann", "segment_ids": ["S"], "group_ids": ["G"] });
    let id = square.simulator.create(&profile);

    square.simulator.update(&id, &json!({ "note": "x" }));
    square.simulator.delete(&id);

    let events = square.simulator.events();
    let customer = |place: usize| body(&events[place])["data"]["object"]["customer"].clone();
    for place in [0, 1] {
        assert_eq!(customer(place)["group_ids"], json!(["G"]));
        assert_eq!(customer(place).get("segment_ids"), None);
        assert_eq!(body(&events[place])["data"].get("deleted"), None);
    }
    let last = customer(2);
    assert_eq!(body(&events[2])["data"]["deleted"], true);
    assert_eq!(last["note"], "x");
    assert_eq!(last["version"], 1);
    for key in ["segment_ids", "group_ids", "created_at", "updated_at"] {
        assert_eq!(last.get(key), None, "{key}");
    }
}

#[tokio::test]
async fn unknown_keys_and_cards_come_only_when_asked_for() {
    let plain = Square::new();
    let rich = Square::with(Options {
        unknown_keys: true,
        cards: true,
        ..options()
    });
    for (square, expected) in [(plain, false), (rich, true)] {
        let made = square.made(json!({ "given_name": "Ann" })).await;
        let path = format!("/v2/customers/{}", made["id"].as_str().unwrap());
        let (_, retrieved) = square.get(&path).await;
        let (_, page) = square.search(json!({})).await;

        assert_eq!(made.get("loyalty_tier").is_some(), expected);
        assert_eq!(retrieved["customer"].get("cards").is_some(), expected);
        assert_eq!(page["customers"][0].get("cards"), None);
    }
}

#[tokio::test]
async fn the_door_merges_and_tells_the_state_without_a_token() {
    let square = Square::new();
    let ann = square.simulator.create(&json!({ "given_name": "Ann" }));
    let bob = square.simulator.create(&json!({ "given_name": "Bob" }));
    let url = format!("{}/simulator", square.simulator.url());

    let body = json!({ "customer_ids": [ann, bob] });
    let merged = square.client.post(format!("{url}/merge")).json(&body);
    let merged: Value = merged.send().await.unwrap().json().await.unwrap();
    let state = square.client.get(format!("{url}/state"));
    let state: Value = state.send().await.unwrap().json().await.unwrap();

    let id = merged["customer_id"].as_str().unwrap();
    assert!(square.simulator.customer(id).is_some());
    assert_eq!(state["customers"], 1);
    assert_eq!(state["aliases"], 2);
    assert_eq!(state["events"], 5);
    let again = square.client.post(format!("{url}/merge")).json(&body);
    assert_eq!(again.send().await.unwrap().status(), 400);
}

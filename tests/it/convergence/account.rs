//! What a red story leaves behind.

use std::fmt::Write as _;

use super::world::World;

/// Everything that is known of a story, for whoever looks for the reason.
pub(super) fn account(world: &mut World<'_>) -> String {
    let mut text = format!("{:?}\n{:#?}\n", world.setting, world.ledger);
    for call in world.square.calls() {
        writeln!(text, "{:?}", call).unwrap();
    }
    for customer in world.square.customers() {
        writeln!(text, "at Square: {customer}").unwrap();
    }
    writeln!(text, "aliases: {:?}", world.square.aliases()).unwrap();
    for table in [
        "customers",
        "images",
        "outbox",
        "changes",
        "conflicts",
        "marks",
        "inbox",
    ] {
        for row in world.stage.table(table) {
            writeln!(text, "{table}: {}", serde_json::Value::Object(row)).unwrap();
        }
    }
    text
}

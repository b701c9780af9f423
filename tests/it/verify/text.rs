//! The report for people: counts, short lists, and a last line that says it all.

use serde_json::json;

use super::Shop;
use crate::support::{Kind, TestDb, each};

#[test]
fn long_lists_are_cut_and_the_last_line_is_the_verdict() {
    each::run(Kind::Sqlite, async |db: TestDb| {
        let mut shop = Shop::new(db).await;
        let equal = shop.looked(&["verify"]).await;
        assert_eq!(equal.stdout.lines().last(), Some("Both sides are equal."));
        let ann = shop.known(json!({})).await;
        shop.app.square.update(&ann, &json!({"note": "x"}));
        for _ in 0..23 {
            shop.unknown(json!({}));
        }
        shop.unheard().await;

        let differs = shop.looked(&["verify"]).await;

        assert_eq!(differs.code, Some(3));
        let lines: Vec<&str> = differs.stdout.lines().collect();
        assert_eq!(
            lines[0],
            "Compared: 24 customers in Square's list, 1 live rows here."
        );
        let counts = "Found: 23 missing, 0 extra, 1 unequal, 0 owed, 0 failed, 0 conflict, \
                      0 stale alias, 0 unmerged.";
        assert_eq!(lines[1], counts);
        assert!(lines.contains(&"missing: at Square, and not live here"));
        assert!(lines.contains(&"  and 3 more; --json lists all"));
        let listed = lines.iter().filter(|line| line.starts_with("  profile "));
        assert_eq!(listed.count(), 20);
        let row = shop.row(&ann);
        let unequal = format!(
            "  row {row}, profile {ann}, note square_version, Square's change was not taken"
        );
        assert!(lines.contains(&unequal.as_str()), "{}", differs.stdout);
        assert_eq!(lines.last(), Some(&"The sides differ."));
    });
}

#[test]
fn a_repair_tells_both_and_ends_with_what_is_left() {
    each::run(Kind::Sqlite, async |db: TestDb| {
        let mut shop = Shop::new(db).await;
        shop.unknown(json!({}));
        shop.unheard().await;

        let ended = shop.setup.run(&["verify", "--repair"]).await;

        assert_eq!(ended.code, Some(0));
        let [before, after] = ["Before the repair:", "After the repair:"]
            .map(|line| ended.stdout.lines().position(|it| it == line).unwrap());
        assert!(before < after);
        assert!(ended.stdout.contains("The sides differ."));
        assert_eq!(ended.stdout.lines().last(), Some("Both sides are equal."));
    });
}

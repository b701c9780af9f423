//! The true binary keeps its inbox small, also while Square does not answer.

use super::{rows, square};
use crate::support::process::{LONG, Setup, until};
use crate::support::{OtherProgram, TestDb, on_each_database};

on_each_database! { serve_lets_old_events_go_while_square_is_away }

async fn serve_lets_old_events_go_while_square_is_away(db: TestDb) {
    let square = square();
    let setup = Setup::new(&db, &square).with("SQUARESYNC_KEEP_EVENTS", "1d");
    setup.report("sync").await;
    let put = |state: &str| {
        format!(
            "INSERT INTO inbox (event_id, body, body_sha256, state, received_at) \
             VALUES ('{state}', '{{}}', '', '{state}', '2026-01-01 00:00:00')"
        )
    };
    OtherProgram::new(&db)
        .run(&[put("applied"), put("dead")].join(";"))
        .unwrap();
    square.stop().await;

    let (serve, _) = setup.serve().await;

    rows(&db, "inbox", 1).await;
    rows(&db, "inbox WHERE state = 'dead'", 1).await;
    // It tells of them once it has found that no more are due.
    until(
        LONG,
        || serve.stderr(),
        || {
            serve
                .stderr()
                .contains("old events are kept no longer")
                .then_some(())
        },
    )
    .await;
}

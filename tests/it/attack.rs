//! Attempts to lose an edit, to make one customer twice, to let the two sides
//! drift apart, or to let one bad row hold up the others.

mod crashes;
mod ends;
mod flight;
mod garbled;
mod gone;
mod hostile;
mod order;
mod pages;
mod quiet;

use squaresync::square::simulator::Call;

use crate::support::App;

/// How many profiles Square has ever been made to make by us.
fn creates(app: &App) -> usize {
    let calls = app.square.calls();
    let made = |call: &Call| call.method == "POST" && call.path == "/v2/customers" && call.applied;
    calls.iter().flat_map(Call::each).filter(made).count()
}

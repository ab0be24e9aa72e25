//! The fault harness over real systems, for a minute: `cargo xtask faults` has the rest.

use pixmill_e2e::faults::{Form, hold};

#[tokio::test]
async fn no_fault_of_many_processes_breaks_a_promise() {
    hold(Form::Distributed, &[("F1", 1), ("F2", 1), ("F4", 1), ("F12-full", 1), ("F25", 1)]).await;
}

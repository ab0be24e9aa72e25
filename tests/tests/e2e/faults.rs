//! The fault harness for a minute: `cargo xtask faults` has the rest.

use pixmill_e2e::faults::{Form, hold};

#[tokio::test]
async fn no_fault_of_a_server_alone_breaks_a_promise() {
    hold(
        Form::Embedded,
        &[
            ("random", 1),
            ("random", 2),
            ("soak", 1),
            ("F1", 1),
            ("F7", 1),
            ("F8-late", 1),
            ("F10-deadly", 1),
            ("F11", 1),
            ("F14", 1),
            ("F22", 1),
            ("F24", 1),
            ("F26", 1),
            ("F26-sync", 1),
            ("F26-torn", 1),
            ("F27", 1),
            ("F28", 1),
        ],
    )
    .await;
}

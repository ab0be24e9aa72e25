//! The test clock is an adapter, too, and keeps the clock's contract.

use pixmill_testkit::Subject;

fn main() {
    pixmill_testkit::conformance("test clock").clock(|clock| async { Ok(Subject::new(clock)) }).run()
}

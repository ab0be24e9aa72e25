//! Trials of the clock.

use std::time::Duration;

use futures::future;
use pixmill::ports::Clock;

use super::{at_once, trials};
use crate::subject::{Subject, Time};

trials! { "clock", dyn Clock;
    now { does_not_go_backwards_between_two_calls }
    sleep { after_it_returns_now_is_at_least_duration_later_than_when_it_was_first_polled }
}

mod now {
    use super::*;

    pub(super) async fn does_not_go_backwards_between_two_calls(clock: Subject<dyn Clock>) {
        let readings = at_once((0..4).map(|_| {
            let clock = clock.port();
            async move { (0..10_000).map(|_| clock.now()).collect::<Vec<_>>() }
        }))
        .await;
        for reading in readings {
            assert!(reading.is_sorted());
            assert!(*reading.last().expect("there are readings") <= clock.now());
        }
    }
}

mod sleep {
    use super::*;

    pub(super) async fn after_it_returns_now_is_at_least_duration_later_than_when_it_was_first_polled(
        clock: Subject<dyn Clock>,
    ) {
        for millis in [0, 1, 7, 20] {
            let duration = Duration::from_millis(millis);
            let mut sleep = clock.sleep(duration);
            // Time that passes before the first poll does not count.
            clock.time().advance(Duration::from_millis(2)).await;
            let start = clock.now();
            if futures::poll!(sleep.as_mut()).is_pending() {
                // A clock that is moved by hand must wake the sleeper, and one that moves by itself does so.
                let move_on = async {
                    if let Time::Manual(manual) = clock.time() {
                        manual.advance(duration);
                    }
                };
                future::join(sleep, move_on).await;
            }
            assert!(clock.now().since(start) >= duration, "slept less than {duration:?}");
        }
    }
}

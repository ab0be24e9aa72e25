//! Faults as text, for processes that are told at their start what is to go wrong in them.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use pixmill::ports::PortErrorKind;

use super::{Calls, Fault, OPERATIONS, Signal};

/// A fault with the calls that it meets. As text it is `ACTION before|after OPERATION CALLS`,
/// `delay MILLISECONDS OPERATION CALLS` or `repeat TIMES queue.publish CALLS`:
///
/// - `kill after jobs.accept 3`: the process is killed when the third job is stored.
/// - `stop before queue.settle 1`: it stands still, until `SIGCONT`, before it settles its first message.
/// - `fail before blobs.put 2`: the second file is not stored, and the caller hears that the store is away.
/// - `fail after jobs.finish 1`: the outcome is stored, and the caller hears that the repository is away.
/// - `break before processor.process 1+`: nothing is worked on, and the caller hears of an error that stays.
/// - `delay 500 blobs.get 1+`: every read of a file begins half a second later.
/// - `repeat 99 queue.publish 1+`: every message is sent a hundred times at once.
///
/// `CALLS` is the number of one call, the first being 1, or with a `+` that call and all after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// What is called, one of [`OPERATIONS`].
    pub operation: &'static str,
    /// Which calls.
    pub calls: Calls,
    /// What goes wrong.
    pub fault: Fault,
}

/// The text is no [`Order`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderError(String);

impl Order {
    /// Several orders, separated by `;`.
    ///
    /// # Errors
    /// If one of them is none.
    pub fn list(text: &str) -> Result<Vec<Self>, OrderError> {
        text.split(';').map(str::trim).filter(|order| !order.is_empty()).map(str::parse).collect()
    }
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        parse(&words).ok_or_else(|| OrderError(text.to_owned()))
    }
}

fn parse(words: &[&str]) -> Option<Order> {
    let [action, when, operation, calls] = *words else { return None };
    let fault = match (action, when) {
        ("kill", "before") => Fault::SignalBefore(Signal::Kill),
        ("kill", "after") => Fault::SignalAfter(Signal::Kill),
        ("stop", "before") => Fault::SignalBefore(Signal::Stop),
        ("stop", "after") => Fault::SignalAfter(Signal::Stop),
        ("fail", "before") => Fault::Before(PortErrorKind::Unavailable),
        ("fail", "after") => Fault::After(PortErrorKind::Unavailable),
        ("break", "before") => Fault::Before(PortErrorKind::Internal),
        ("break", "after") => Fault::After(PortErrorKind::Internal),
        ("delay", milliseconds) => Fault::Delay(Duration::from_millis(milliseconds.parse().ok()?)),
        ("repeat", times) => Fault::Repeat(times.parse().ok()?),
        _ => return None,
    };
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let calls = match calls.strip_suffix('+') {
        Some(first) => Calls::From(number(first)?),
        None => Calls::Nth(number(calls)?),
    };
    let operation = OPERATIONS.iter().find(|known| **known == operation)?;
    if matches!(fault, Fault::Repeat(_)) && *operation != "queue.publish" {
        return None;
    }
    Some(Order { operation, calls, fault })
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "{text:?} is no fault; write `kill|stop|fail|break before|after OPERATION CALL`, `delay MILLISECONDS OPERATION CALL` or \
             `repeat TIMES queue.publish CALL`, such as `kill before jobs.accept 3`, with an operation of pixmill_testkit::faults::OPERATIONS"
        )
    }
}

impl Error for OrderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let orders = Order::list(
            "kill before jobs.accept 3; fail after jobs.finish 1+;delay 20 blobs.get 2; break before blobs.get 1",
        );
        let expected = [
            ("jobs.accept", Calls::Nth(3), Fault::SignalBefore(Signal::Kill)),
            ("jobs.finish", Calls::From(1), Fault::After(PortErrorKind::Unavailable)),
            ("blobs.get", Calls::Nth(2), Fault::Delay(Duration::from_millis(20))),
            ("blobs.get", Calls::Nth(1), Fault::Before(PortErrorKind::Internal)),
        ];
        let expected = expected.map(|(operation, calls, fault)| Order { operation, calls, fault });
        assert_eq!(orders, Ok(expected.to_vec()));
        assert_eq!(Order::list(" "), Ok(Vec::new()));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "kill",
            "kill jobs.accept 1",
            "kill during jobs.accept 1",
            "kill before jobs.acept 1",
            "kill before jobs.accept 0",
            "kill before jobs.accept 1 2",
            "delay soon jobs.accept 1",
            "repeat 9 jobs.accept 1",
            "kill before jobs.accept 1; nonsense",
        ] {
            let error = Order::list(text).unwrap_err();
            assert!(error.to_string().contains("is no fault"), "{text}");
        }
    }
}

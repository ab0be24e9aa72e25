//! The use cases over the memory adapters, with faults where it matters.

mod accounts;
mod batches;
mod idempotency;
mod jobs;
mod kit;
mod line;
mod live;
mod stragglers;
mod sweeping;
mod uploads;

//! The API over the memory adapters, request by request.

mod accounts;
mod admin;
mod api_keys;
mod bad_requests;
mod batches;
mod document;
mod hostile_files;
mod hostile_values;
mod idempotency;
mod images;
mod jobs;
mod limits;
mod live;
mod logs;
mod quotas;
mod support;
mod uploads;
mod versions;
mod wire;

//! Pixmill's HTTP API: requests in, calls of the core's services, answers out, and the OpenAPI document that
//! says so. It knows no driver and no adapter: whoever wires a server hands it the services and two ports.
//!
//! [`app`] builds the endpoint, [`serve`] runs it on a listener, [`document`] writes the OpenAPI document.

mod app;
mod auth;
mod client_address;
mod config;
mod cors;
mod detached;
mod docs;
mod edge;
mod faults;
mod json;
mod logins;
mod methods;
mod multipart;
mod params;
mod picture;
mod problem;
mod rate_limit;
mod readiness;
mod refusal;
mod reply;
mod room;
mod routes;
mod scope;
mod serve;
mod socket;
mod token;
mod unread;
mod upload_slots;
mod wire;

pub use app::app;
pub use client_address::{ParseProxyError, TrustedProxy};
pub use config::ApiConfig;
pub use docs::document;
pub use readiness::Readiness;
pub use serve::{ServeLimits, serve};

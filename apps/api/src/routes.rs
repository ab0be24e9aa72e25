//! The operations, grouped as in the document. Handlers only translate: what a request means is the core's.

mod accounts;
mod admin;
mod api_keys;
mod events;
pub(crate) mod files;
mod health;
mod images;
mod jobs;
pub(crate) mod socket;
mod transforms;
mod versions;

use std::sync::Arc;

use poem_openapi::Tags;

use crate::app::State;

/// All operations. Every path is in one group only, or its methods would hide each other in the document.
pub(crate) type Api = (
    accounts::Accounts,
    api_keys::ApiKeys,
    images::Images,
    versions::Versions,
    transforms::Transforms,
    jobs::Jobs,
    events::Events,
    admin::Administration,
    health::Health,
);

/// The operations over `state`.
pub(crate) fn api(state: &Arc<State>) -> Api {
    (
        accounts::Accounts(state.clone()),
        api_keys::ApiKeys(state.clone()),
        images::Images(state.clone()),
        versions::Versions(state.clone()),
        transforms::Transforms(state.clone()),
        jobs::Jobs(state.clone()),
        events::Events(state.clone()),
        admin::Administration(state.clone()),
        health::Health(state.clone()),
    )
}

/// The groups of the document.
#[derive(Tags)]
#[oai(rename_all = "lowercase")]
enum Group {
    /// Registration, login, and your own account.
    Accounts,
    /// Uploading, listing, reading and deleting images.
    Images,
    /// Listing the versions of an image, undo and redo.
    Versions,
    /// Asking for transformations, and fetching what they made.
    Transformations,
    /// Following jobs.
    Jobs,
    /// For whoever runs the service.
    Operators,
}

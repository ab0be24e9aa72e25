//! Whether there is room for another job, asked before the request's body is read.

use poem::{FromRequest, Request, RequestBody};

use crate::problem::Problem;
use crate::scope::Scope;

/// There is room for another job.
pub(crate) struct Room;

impl<'a> FromRequest<'a> for Room {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let services = &Scope::of(request).state.services;
        services.capacity.check::<Problem>(1).await?;
        Ok(Self)
    }
}

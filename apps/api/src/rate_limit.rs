//! How often somebody may do something: writes for each user; registrations and logins for each address, and
//! logins for each account too. The counting is the limiter port's; without it the service goes on.

use pixmill::ports::{LimitKey, Quota};
use pixmill::{UserId, Username};
use poem::http::StatusCode;
use poem::{FromRequest, Request, RequestBody};

use crate::app::State;
use crate::client_address::client_address;
use crate::problem::Problem;
use crate::scope::Scope;

/// Counts a write of `user`.
pub(crate) async fn write(state: &State, user: UserId) -> Result<(), Problem> {
    match state.config.rate_limit {
        Some(quota) => check(state, LimitKey::new("write", user), quota).await,
        None => Ok(()),
    }
}

/// Counts an attempt to log in to an account, whoever makes it, so that many addresses together can't guess
/// faster than one.
pub(crate) async fn login(state: &State, username: &Username) -> Result<(), Problem> {
    let Some(quota) = state.config.rate_limit else { return Ok(()) };
    let quota = Quota { requests: (quota.requests / 10).max(5), ..quota };
    check(state, LimitKey::new("login", username.key()), quota).await
}

/// Somebody unknown, who may try once more from this address.
pub(crate) struct Visitor;

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let state = &Scope::of(request).state;
        if let Some(quota) = state.config.rate_limit {
            let address = client_address(request, &state.config.trusted_proxies);
            check(state, LimitKey::new("visit", address), quota).await?;
        }
        Ok(Self)
    }
}

async fn check(state: &State, key: LimitKey, quota: Quota) -> Result<(), Problem> {
    match state.limiter.check(key, quota).await {
        Ok(decision) if decision.allowed => Ok(()),
        Ok(decision) => {
            let detail = "too many requests; Retry-After says in how many seconds the next one may come";
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
                .with_retry_after(decision.retry_after))
        }
        // A limit protects the service from its users; it must not keep them out when it breaks.
        Err(error) => {
            tracing::warn!(%error, "requests are not counted: the limiter failed");
            Ok(())
        }
    }
}

//! How often somebody may do something: writes for each user; registrations and logins for each address, and
//! logins for each account too. The counting is the limiter port's; without it the service goes on.

use std::time::Duration;

use pixmill::ports::{Decision, LimitKey, Quota, Retry};
use pixmill::{UserId, Username};
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use poem::{FromRequest, Request, RequestBody};

use crate::app::State;
use crate::client_address::client_address;
use crate::problem::{Problem, whole_seconds};
use crate::scope::Scope;

/// How much of a quota is left, as answers tell it (draft-ietf-httpapi-ratelimit-headers-10).
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What the quota is.
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Counts a write of `user`.
pub(crate) async fn write(scope: &Scope, user: UserId) -> Result<(), Problem> {
    count(scope, "write", user).await
}

/// Counts an attempt to log in to an account, whoever makes it, so that many addresses together can't guess
/// faster than one.
pub(crate) async fn login(state: &State, username: &Username) -> Result<(), Problem> {
    guess(state, "login", username.key()).await
}

/// Counts an attempt to prove a password, by a token that may be stolen.
pub(crate) async fn password(state: &State, user: UserId) -> Result<(), Problem> {
    guess(state, "password", user).await
}

/// Somebody unknown, who may try once more from this address.
pub(crate) struct Visitor;

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let scope = Scope::of(request);
        let address = client_address(request, &scope.state.config.trusted_proxies);
        count(scope, "visit", address).await?;
        Ok(Self)
    }
}

/// What is left of a quota after a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    policy: &'static str,
    quota: Quota,
    remaining: u32,
}

impl Allowance {
    /// Adds it to an answer.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        for (name, value) in self.headers() {
            headers.insert(name, value);
        }
    }

    fn headers(self) -> [(HeaderName, HeaderValue); 2] {
        let Self { policy, quota: Quota { requests, window }, remaining } = self;
        let spent = requests.saturating_sub(remaining);
        let full_in = window.mul_f64(f64::from(spent) / f64::from(requests.max(1)));
        let value = |text| HeaderValue::try_from(text).expect("names and numbers are visible ASCII");
        [
            (RATELIMIT_POLICY, value(format!("\"{policy}\";q={requests};w={}", whole_seconds(window)))),
            (RATELIMIT, value(format!("\"{policy}\";r={remaining};t={}", seconds_up(full_in)))),
        ]
    }
}

fn seconds_up(duration: Duration) -> u64 {
    if duration.is_zero() { 0 } else { whole_seconds(duration) }
}

/// Counts a request whose answer says what is left.
async fn count(scope: &Scope, policy: &'static str, who: impl std::fmt::Display) -> Result<(), Problem> {
    let Some(quota) = scope.state.config.rate_limit else { return Ok(()) };
    if let Some(allowance) = check(&scope.state, policy, who, quota).await? {
        let _ = scope.allowance.set(allowance);
    }
    Ok(())
}

/// Counts a guess at a password. There are fewer of them than of other requests, and only a refusal says so.
async fn guess(state: &State, policy: &'static str, who: impl std::fmt::Display) -> Result<(), Problem> {
    let Some(quota) = state.config.rate_limit else { return Ok(()) };
    let quota = Quota { requests: (quota.requests / 10).max(5), ..quota };
    check(state, policy, who, quota).await.map(drop)
}

async fn check(
    state: &State,
    policy: &'static str,
    who: impl std::fmt::Display,
    quota: Quota,
) -> Result<Option<Allowance>, Problem> {
    match state.limiter.check(LimitKey::new(policy, who), quota).await {
        Ok(Decision { allowed: true, remaining, .. }) => Ok(Some(Allowance { policy, quota, remaining })),
        Ok(Decision { retry_after, .. }) => {
            let detail = "too many requests; Retry-After says in how many seconds the next one may come";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
            let headers = Allowance { policy, quota, remaining: 0 }.headers();
            Err(headers
                .into_iter()
                .fold(problem, |problem, (name, value)| problem.with_header(name, value))
                .with_retry_after(retry_after))
        }
        // A limit protects the service from its users; it must not keep them out when it breaks.
        Err(error) => {
            match error.retry() {
                // Every request meets it; whoever runs the service hears of it elsewhere, and once.
                Retry::Later(_) => tracing::debug!(%error, "requests are not counted: the limiter is away"),
                Retry::Never => tracing::warn!(%error, "requests are not counted: the limiter failed"),
            }
            Ok(None)
        }
    }
}

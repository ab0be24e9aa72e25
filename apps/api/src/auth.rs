//! Who sends a request, and what that is good for.

use pixmill::{KeyScope, Role, UserId};
use poem::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::logins::{Login, LoginLapse, Logins};
use crate::problem::Problem;
use crate::rate_limit;
use crate::scope::Scope;
use crate::token::TokenError;

/// The name of the security scheme in the document.
const SCHEME: &str = "Bearer";

/// A user, known by a token or by a key that may read.
pub(crate) struct Caller(pub(crate) UserId);

/// A user, known by a token or by a key that may write, who may write once more within the rate limit.
pub(crate) struct Writer(pub(crate) UserId);

/// A user who knew the password, and may write once more within the rate limit. Keys are not let in: one that was
/// stolen must not lead to more.
pub(crate) struct Owner(pub(crate) UserId);

/// Somebody who may see all users and jobs.
pub(crate) struct Operator;

/// Somebody who may change users, too, once more within the rate limit.
pub(crate) struct Admin(pub(crate) UserId);

/// Who sends a request, if that is good for what has `scope`.
async fn identify(request: &Request, scope: KeyScope) -> Result<Login, Problem> {
    let here = Scope::of(request);
    let login = authenticate(request.headers(), &here.state.logins).await?;
    let _ = here.user.set(login.user);
    if login.has(scope) { Ok(login) } else { Err(beyond_scope(scope)) }
}

impl Caller {
    async fn of(request: &Request) -> Result<Self, Problem> {
        Ok(Self(identify(request, KeyScope::Read).await?.user))
    }
}

impl Writer {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let Login { user, .. } = identify(request, KeyScope::Write).await?;
        rate_limit::write(Scope::of(request), user).await?;
        Ok(Self(user))
    }
}

impl Owner {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let login = identify(request, KeyScope::Write).await?;
        if !login.knew_the_password() {
            return Err(password_needed());
        }
        rate_limit::write(Scope::of(request), login.user).await?;
        Ok(Self(login.user))
    }
}

/// Who is logged in by the token that the headers carry.
pub(crate) async fn authenticate(headers: &HeaderMap, logins: &Logins) -> Result<Login, Problem> {
    let token = bearer(headers).ok_or_else(missing)?;
    logins.check(token).await.map_err(|lapse| match lapse {
        LoginLapse::Token(error) => invalid(error),
        LoginLapse::Port(error) => error.into(),
    })
}

/// The token that the headers carry.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}

fn missing() -> Problem {
    let detail = "this needs a token: log in and send it as Authorization: Bearer <token>";
    Problem::new(StatusCode::UNAUTHORIZED, "token_missing", detail)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pixmill\""))
}

/// A key that is not good for this.
pub(crate) fn beyond_scope(scope: KeyScope) -> Problem {
    let name = scope.name();
    let detail = format!("this API key lacks the scope {name}; make one that has it, or log in");
    let challenge = format!("Bearer realm=\"pixmill\", error=\"insufficient_scope\", scope=\"{name}\"");
    Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", detail)
        .with_header(WWW_AUTHENTICATE, HeaderValue::try_from(challenge).expect("visible ASCII"))
}

fn role_needed(role: Role) -> Problem {
    let detail = format!("this needs the role {}; an admin can give it to you", role.name());
    Problem::new(StatusCode::FORBIDDEN, "role_needed", detail)
}

fn password_needed() -> Problem {
    let detail = "an API key can't do this; log in with the password";
    Problem::new(StatusCode::FORBIDDEN, "login_needed", detail)
}

fn invalid(error: TokenError) -> Problem {
    let challenge = match error {
        TokenError::Expired | TokenError::ExpiredKey => {
            "Bearer realm=\"pixmill\", error=\"invalid_token\", error_description=\"expired\""
        }
        TokenError::Invalid | TokenError::UnknownKey => "Bearer realm=\"pixmill\", error=\"invalid_token\"",
        TokenError::Revoked => {
            "Bearer realm=\"pixmill\", error=\"invalid_token\", error_description=\"revoked\""
        }
    };
    Problem::new(StatusCode::UNAUTHORIZED, error.code(), error.to_string())
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

fn register_scheme(registry: &mut Registry) {
    registry.create_security_scheme(
        SCHEME,
        MetaSecurityScheme {
            ty: "http",
            description: Some("The token that login answers, or an API key."),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        },
    );
}

impl Operator {
    async fn of(request: &Request) -> Result<Self, Problem> {
        lead(request, Role::Operator).await?;
        Ok(Self)
    }
}

impl Admin {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let user = lead(request, Role::Admin).await?;
        rate_limit::write(Scope::of(request), user).await?;
        Ok(Self(user))
    }
}

/// Who sends a request, if they have at least this role.
async fn lead(request: &Request, role: Role) -> Result<UserId, Problem> {
    let login = identify(request, KeyScope::Admin).await?;
    if login.role >= role { Ok(login.user) } else { Err(role_needed(role)) }
}

/// Makes extractors of those who can say from a request's headers who they are. They run before the body is read,
/// because operations name them first.
macro_rules! extractor {
    ($($who:ident)*) => {$(
        impl<'a> ApiExtractor<'a> for $who {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_scheme(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![SCHEME]
            }

            async fn from_request(
                request: &'a Request,
                _: &mut RequestBody,
                _: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                Ok(Self::of(request).await?)
            }
        }
    )*};
}
extractor!(Caller Writer Owner Operator Admin);

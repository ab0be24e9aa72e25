//! Who sends a request. Both extractors run before the body is read, because operations name them first.

use pixmill::UserId;
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

/// A user, known by a token.
pub(crate) struct Caller(pub(crate) UserId);

/// A user, known by a token, who may write once more within the rate limit.
pub(crate) struct Writer(pub(crate) UserId);

impl Caller {
    async fn of(request: &Request) -> Result<Self, Problem> {
        let scope = Scope::of(request);
        let Login { user, .. } = authenticate(request.headers(), &scope.state.logins).await?;
        let _ = scope.user.set(user);
        Ok(Self(user))
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

fn invalid(error: TokenError) -> Problem {
    let challenge = match error {
        TokenError::Expired => {
            "Bearer realm=\"pixmill\", error=\"invalid_token\", error_description=\"expired\""
        }
        TokenError::Invalid => "Bearer realm=\"pixmill\", error=\"invalid_token\"",
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
            description: Some("The token that login answers."),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        },
    );
}

impl<'a> ApiExtractor<'a> for Caller {
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

impl<'a> ApiExtractor<'a> for Writer {
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
        let Caller(user) = Caller::of(request).await?;
        rate_limit::write(Scope::of(request), user).await?;
        Ok(Self(user))
    }
}

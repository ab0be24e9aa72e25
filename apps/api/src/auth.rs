//! Who sends a request. Both extractors run before the body is read, because operations name them first.

use pixmill::UserId;
use poem::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::problem::Problem;
use crate::rate_limit;
use crate::scope::Scope;
use crate::token::{TokenError, Tokens};

/// The name of the security scheme in the document.
const SCHEME: &str = "Bearer";

/// A user, known by a token.
pub(crate) struct Caller(pub(crate) UserId);

/// A user, known by a token, who may write once more within the rate limit.
pub(crate) struct Writer(pub(crate) UserId);

impl Caller {
    fn of(request: &Request) -> Result<Self, Problem> {
        let scope = Scope::of(request);
        let user = authenticate(request.headers(), &scope.state.tokens)?;
        let _ = scope.user.set(user);
        Ok(Self(user))
    }
}

/// The user whose token the headers carry.
pub(crate) fn authenticate(headers: &HeaderMap, tokens: &Tokens) -> Result<UserId, Problem> {
    tokens.verify(bearer(headers).ok_or_else(missing)?).map_err(invalid)
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
        Ok(Self::of(request)?)
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
        let Caller(user) = Caller::of(request)?;
        rate_limit::write(&Scope::of(request).state, user).await?;
        Ok(Self(user))
    }
}

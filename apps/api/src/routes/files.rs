//! Signed links that lead here. They are not in the document, because nobody builds one: the API hands them out,
//! and another store may hand out its own.

use pixmill::{ImageId, LinkError};
use poem::http::HeaderValue;
use poem::{Endpoint, Request, Response, Result};

use crate::faults::unknown_image;
use crate::picture::{Conditions, Picture};
use crate::problem::Problem;
use crate::scope::Scope;

/// Answers `/files/{image}/{version}?expires=…&signature=…`.
#[expect(non_camel_case_types, reason = "an endpoint without state, used like a function")]
pub(crate) struct follow;

impl Endpoint for follow {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        Ok(read(&request).await?)
    }
}

async fn read(request: &Request) -> Result<Response, Problem> {
    use poem::IntoResponse;

    let state = &Scope::of(request).state;
    // A link with a part that can't be read was not made here.
    let link = Link::of(request).ok_or(LinkError::Forged)?;
    let version =
        state.services.links.follow(link.image, link.version, link.expires, &link.signature).await??;
    let version = version.ok_or_else(unknown_image)?;
    let rest = link.expires.saturating_sub(state.clock.now().secs());
    let cache_control =
        HeaderValue::try_from(format!("private, immutable, max-age={rest}")).expect("visible ASCII");
    let (library, conditions) = (&state.services.library, Conditions::of(request.headers()));
    let picture =
        Picture::open(library, &version.content, &conditions, link.image, cache_control, unknown_image)
            .await?;
    Ok(picture.into_response())
}

struct Link {
    image: ImageId,
    version: u32,
    expires: u64,
    signature: String,
}

impl Link {
    fn of(request: &Request) -> Option<Self> {
        let pairs: Vec<(String, String)> = request.params().ok()?;
        let only = |name: &str| {
            let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
            values.next().filter(|_| values.next().is_none())
        };
        Some(Self {
            image: request.raw_path_param("image")?.parse().ok()?,
            version: request.raw_path_param("version")?.parse().ok()?,
            expires: only("expires")?.parse().ok()?,
            signature: only("signature")?.clone(),
        })
    }
}

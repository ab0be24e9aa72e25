//! Uploading, listing, reading and deleting images.

use std::sync::Arc;

use pixmill::ports::PageRequest;
use pixmill::{Image, ImageId};
use poem::http::header::{LINK, LOCATION};
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::State;
use crate::auth::{Caller, Writer};
use crate::detached::detached;
use crate::faults::unknown_image;
use crate::json::Json;
use crate::multipart::FormFile;
use crate::params::{Limit, Once, Path, Query};
use crate::picture::{Conditions, Picture, REVALIDATE};
use crate::problem::Problem;
use crate::refusal::{
    CONFLICT, GONE, IMPOSSIBLE, MALFORMED, OUT_OF_RANGE, Refusal, SLOW, TOO_LARGE, TOO_MANY, UNAUTHENTICATED,
    UNKNOWN, UNSUPPORTED,
};
use crate::reply::{self, Deleted};
use crate::routes::Group;
use crate::wire::image::{ImageList, ImageView, Uploaded};

pub(crate) struct Images(pub(super) Arc<State>);

type UploadRefusal = Refusal<
    {
        MALFORMED | UNAUTHENTICATED | SLOW | CONFLICT | GONE | TOO_LARGE | UNSUPPORTED | IMPOSSIBLE | TOO_MANY
    },
>;
type ListRefusal = Refusal<{ MALFORMED | UNAUTHENTICATED }>;
type GetRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN }>;
type ReadRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | OUT_OF_RANGE }>;
type DeleteRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | TOO_MANY }>;

#[OpenApi(tag = "Group::Images")]
impl Images {
    /// Upload an image
    ///
    /// Stores the file in the field `file`. What it is is told by its content, never by its name. Other fields
    /// are ignored.
    ///
    /// With an `Idempotency-Key` the file can be sent again without a second image: the answer is that of the first
    /// for 24 hours. Another file under the same key is 422, one while the first is on its way 409, and 410 comes
    /// once the image was deleted.
    #[oai(path = "/images/upload", method = "post", operation_id = "uploadImage")]
    async fn upload(
        &self,
        writer: Writer,
        /// Your name for this request, such as a UUID.
        #[oai(name = "Idempotency-Key")]
        once: Once,
        body: FormFile,
    ) -> Result<Created, UploadRefusal> {
        let slot = self.0.upload_slots.take(writer.0)?;
        let (uploads, file) = (&self.0.services.uploads, body.into_stream().await?);
        let image = match once.0 {
            None => uploads.upload(writer.0, file).await?,
            Some(key) => {
                let uploads = uploads.clone();
                let upload = async move {
                    // Its place is taken for as long as it goes on, also when nobody waits for it.
                    let _slot = slot;
                    uploads.upload_once(writer.0, key, file).await
                };
                detached(upload).await??
            }
        };
        let url = self.0.services.links.to_version(image.id, &image.current).await?;
        Ok(Created { id: image.id, url })
    }

    /// List images
    ///
    /// Your images, newest first, in pages.
    #[oai(path = "/images", method = "get", operation_id = "listImages")]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        limit: Query<Limit>,
        /// Continue after the image with this id: the `next` of the page before.
        after: Query<ImageId>,
    ) -> Result<ImagePage, ListRefusal> {
        let limit = limit.number();
        let page = self.0.services.library.list(caller.0, PageRequest { after: after.0, limit }).await?;
        let next = page.items.last().filter(|_| page.more).map(|last| last.id.to_string());
        let mut items = Vec::with_capacity(page.items.len());
        for image in &page.items {
            items.push(self.view(image).await?);
        }
        Ok(ImagePage { list: ImageList { items, next }, limit })
    }

    /// Look at an image
    ///
    /// What is known of an image, with a fresh link to it.
    #[oai(path = "/images/:id", method = "get", operation_id = "getImage")]
    async fn get(&self, caller: Caller, id: Path<ImageId>) -> Result<Json<ImageView>, GetRefusal> {
        let image = self.0.services.library.get(caller.0, id.0).await?.ok_or_else(unknown_image)?;
        Ok(Json(self.view(&image).await?))
    }

    /// Delete an image
    ///
    /// Deletes an image with all its versions and results, and ends its open jobs.
    #[oai(path = "/images/:id", method = "delete", operation_id = "deleteImage")]
    async fn delete(&self, writer: Writer, id: Path<ImageId>) -> Result<Deleted, DeleteRefusal> {
        if self.0.services.library.delete(writer.0, id.0).await? {
            Ok(Deleted)
        } else {
            Err(unknown_image().into())
        }
    }

    /// Read an image
    ///
    /// The bytes of the current version. Understands `If-None-Match`, `Range` and `If-Range`.
    #[oai(path = "/images/:id/content", method = "get", operation_id = "getImageContent")]
    async fn content(
        &self,
        caller: Caller,
        id: Path<ImageId>,
        conditions: Conditions,
    ) -> Result<Picture, ReadRefusal> {
        let library = &self.0.services.library;
        let image = library.get(caller.0, id.0).await?.ok_or_else(unknown_image)?;
        let content = &image.current.content;
        Ok(Picture::open(library, content, &conditions, image.id, REVALIDATE, unknown_image).await?)
    }

    async fn view(&self, image: &Image) -> Result<ImageView, Problem> {
        let url = self.0.services.links.to_version(image.id, &image.current).await?;
        Ok(ImageView::new(image, url))
    }
}

struct Created {
    id: ImageId,
    url: String,
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let Self { id, url } = self;
        let body = Uploaded { message: "Image uploaded and saved".to_owned(), id: id.to_string(), url };
        let mut response = Json(body).response(StatusCode::CREATED);
        let location = HeaderValue::try_from(format!("/images/{id}")).expect("ids are visible ASCII");
        response.headers_mut().insert(LOCATION, location);
        response
    }
}

impl ApiResponse for Created {
    fn meta() -> MetaResponses {
        let location = reply::header::<String>("Location", "The path of the image.");
        reply::success(201, "The image is stored.", vec![reply::json::<Uploaded>()], vec![location])
    }

    fn register(registry: &mut Registry) {
        Uploaded::register(registry);
    }
}

struct ImagePage {
    list: ImageList,
    limit: usize,
}

impl IntoResponse for ImagePage {
    fn into_response(self) -> Response {
        let mut response = Json(&self.list).response(StatusCode::OK);
        if let Some(next) = &self.list.next {
            response.headers_mut().insert(LINK, next_link("/images", "", self.limit, next));
        }
        response
    }
}

impl ApiResponse for ImagePage {
    fn meta() -> MetaResponses {
        let link =
            reply::header::<Option<String>>("Link", "The next page, as rel=\"next\", if there is one.");
        reply::success(200, "The images.", vec![reply::json::<ImageList>()], vec![link])
    }

    fn register(registry: &mut Registry) {
        ImageList::register(registry);
    }
}

/// The `Link` header that leads to the page after `next`.
pub(super) fn next_link(path: &str, filter: &str, limit: usize, next: &str) -> HeaderValue {
    let link = format!("<{path}?{filter}limit={limit}&after={next}>; rel=\"next\"");
    HeaderValue::try_from(link).expect("ids and names of states are visible ASCII")
}

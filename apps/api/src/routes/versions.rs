//! The versions of an image: listing them, undo, redo, and restoring one.

use std::sync::Arc;

use pixmill::{ImageId, Step, Stepped};
use poem_openapi::OpenApi;

use crate::app::State;
use crate::auth::{Caller, Writer};
use crate::faults::{nothing_to_redo, nothing_to_undo, unknown_image, unknown_version};
use crate::json::Json;
use crate::params::{Path, VersionNumber};
use crate::problem::Problem;
use crate::refusal::{CONFLICT, Refusal, TOO_MANY, UNAUTHENTICATED, UNKNOWN};
use crate::routes::Group;
use crate::wire::image::{ImageView, VersionList, VersionView};

pub(crate) struct Versions(pub(super) Arc<State>);

type ListRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN }>;
type StepRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | CONFLICT | TOO_MANY }>;
type RestoreRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN | TOO_MANY }>;

#[OpenApi(tag = "Group::Versions")]
impl Versions {
    /// List versions
    ///
    /// All versions of an image in the order of their numbers, the upload first. A version stays until the image
    /// is deleted, also if undo or a later save has left it.
    #[oai(path = "/images/:id/versions", method = "get", operation_id = "listVersions")]
    async fn list(&self, caller: Caller, id: Path<ImageId>) -> Result<Json<VersionList>, ListRefusal> {
        let found = self.0.services.library.versions(caller.0, id.0).await?;
        let (image, versions) = found.ok_or_else(unknown_image)?;
        let mut items = Vec::with_capacity(versions.len());
        for version in versions {
            let url = self.0.services.links.to_version(image.id, &version).await?;
            items.push(VersionView::new(version, url));
        }
        Ok(Json(VersionList {
            items,
            current: image.current.number,
            can_undo: image.current.parent.is_some(),
            can_redo: image.redo.is_some(),
        }))
    }

    /// Undo
    ///
    /// Makes the version current that the current one was made from. Transformations start from it, and the image
    /// shows it. 409 with the code `nothing_to_undo` if the upload is current.
    #[oai(path = "/images/:id/undo", method = "post", operation_id = "undoVersion")]
    async fn undo(&self, writer: Writer, id: Path<ImageId>) -> Result<Json<ImageView>, StepRefusal> {
        Ok(self.step(writer, id, Step::Undo).await?)
    }

    /// Redo
    ///
    /// Takes back the last undo. 409 with the code `nothing_to_redo` if there was none, or a version was saved or
    /// restored since.
    #[oai(path = "/images/:id/redo", method = "post", operation_id = "redoVersion")]
    async fn redo(&self, writer: Writer, id: Path<ImageId>) -> Result<Json<ImageView>, StepRefusal> {
        Ok(self.step(writer, id, Step::Redo).await?)
    }

    /// Restore a version
    ///
    /// Makes any version of the image current. Afterwards there is nothing to redo.
    #[oai(path = "/images/:id/versions/:number/restore", method = "post", operation_id = "restoreVersion")]
    async fn restore(
        &self,
        writer: Writer,
        id: Path<ImageId>,
        number: Path<VersionNumber>,
    ) -> Result<Json<ImageView>, RestoreRefusal> {
        Ok(self.step(writer, id, Step::Restore(number.0.0)).await?)
    }

    async fn step(&self, writer: Writer, id: Path<ImageId>, step: Step) -> Result<Json<ImageView>, Problem> {
        let image = match self.0.services.library.step(writer.0, id.0, step).await? {
            Stepped::Moved(image) => image,
            Stepped::Nowhere if step == Step::Undo => return Err(nothing_to_undo()),
            Stepped::Nowhere => return Err(nothing_to_redo()),
            Stepped::NoVersion => return Err(unknown_version()),
            Stepped::NoImage => return Err(unknown_image()),
        };
        let url = self.0.services.links.to_version(image.id, &image.current).await?;
        Ok(Json(ImageView::new(&image, url)))
    }
}

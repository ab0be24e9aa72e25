//! The shapes of requests and answers, apart from the domain's, so that either can change alone. Each type has
//! its JSON from serde and its schema from poem-openapi; a test holds the two together.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod api_key;
pub(crate) mod given;
pub(crate) mod health;
pub(crate) mod image;
pub(crate) mod job;
pub(crate) mod live;
pub(crate) mod problem;
pub(crate) mod time;
pub(crate) mod transform;

#[cfg(test)]
mod tests {
    use pixmill::{Description, Failure, FailureCode, FieldError, Orientation, Timestamp};
    use poem_openapi::types::{Example, ParseFromJSON, ToJSON};
    use serde::Serialize;
    use serde_json::json;

    use super::image::{ImageFormat, ImageList, ImageView};
    use super::job::{
        Cancelled, Completed, Failed, JobError, JobList, JobResult, JobView, Pending, StateName, StatusView,
        SubmittedBatch, SubmittedJob,
    };
    use super::problem::{FieldProblem, ProblemBody};
    use super::time::DateTime;
    use super::transform::TransformBody;
    use super::transform::batch::BatchBody;

    /// What is sent is what the document says.
    fn agrees(value: &(impl Serialize + ToJSON)) {
        assert_eq!(serde_json::to_value(value).ok(), value.to_json());
    }

    fn job(state: StateName, error: Option<JobError>, result: Option<JobResult>) -> JobView {
        let time = DateTime(Timestamp::from_millis(1_767_225_600_123));
        let (id, image_id) = ("a".to_owned(), "b".to_owned());
        JobView { id, state, image_id, attempts: 3, created_at: time, updated_at: time, error, result }
    }

    fn error(code: FailureCode) -> JobError {
        Failure::new(code, "why").into()
    }

    fn result(version: Option<u32>, url: Option<String>) -> JobResult {
        JobResult { format: ImageFormat::Jpeg, width: 1, height: 2, bytes: 3, version, url }
    }

    #[test]
    fn images() {
        let image = || ImageView {
            id: "a".to_owned(),
            url: "http://a/b".to_owned(),
            format: ImageFormat::Webp,
            width: 1,
            height: 2,
            bytes: 3,
            version: 4,
            metadata: None,
            created_at: DateTime(Timestamp::EPOCH),
        };
        agrees(&image());
        let description = Description {
            orientation: Orientation::UPRIGHT,
            colour_profile: None,
            captured_at: None,
            thumb_hash: "2fcZFIB3iId/h3iJh4aIYJ2V8g==".to_owned(),
            dominant_colour: None,
        };
        agrees(&ImageView { metadata: Some((&description).into()), ..image() });
        agrees(&ImageList { items: vec![image(), image()], next: None });
        agrees(&ImageList { items: vec![], next: Some("a".to_owned()) });
    }

    #[test]
    fn jobs() {
        agrees(&StatusView::Pending(Pending {}));
        agrees(&StatusView::Cancelled(Cancelled {}));
        agrees(&StatusView::Failed(Failed { error: error(FailureCode::TimedOut) }));
        for code in [
            FailureCode::Undecodable,
            FailureCode::LimitExceeded,
            FailureCode::InvalidTransformation,
            FailureCode::SourceMissing,
            FailureCode::TimedOut,
            FailureCode::Crashed,
            FailureCode::Unavailable,
            FailureCode::Internal,
        ] {
            agrees(&error(code));
            assert_eq!(serde_json::to_value(error(code)).unwrap()["code"], code.name());
        }
        agrees(&StatusView::Completed(Completed {
            image_id: "a".to_owned(),
            image_url: Some("b".to_owned()),
        }));
        let saved = result(Some(2), Some("http://a".to_owned()));
        let jobs = vec![
            job(StateName::Queued, None, None),
            job(StateName::Failed, Some(error(FailureCode::Crashed)), None),
            job(StateName::Completed, None, Some(saved)),
            job(StateName::Completed, None, Some(result(None, None))),
        ];
        agrees(&JobList { items: jobs, next: Some("a".to_owned()) });
    }

    #[test]
    fn an_unsaved_result_has_a_null_link() {
        // The documented answer has the field, and null in it.
        let completed = StatusView::Completed(Completed { image_id: "a".to_owned(), image_url: None });
        let expected = json!({"status": "completed", "imageId": "a", "imageUrl": null});
        assert_eq!(serde_json::to_value(&completed).unwrap(), expected);
    }

    #[test]
    fn problems() {
        let problem = |errors| ProblemBody {
            r#type: "about:blank".to_owned(),
            title: "Not Found".to_owned(),
            status: 404,
            code: "a".to_owned(),
            detail: "b".to_owned(),
            request_id: "c".to_owned(),
            errors,
        };
        agrees(&problem(None));
        agrees(&problem(Some(vec![FieldProblem::from(FieldError::new("a.b", "c"))])));
    }

    #[test]
    fn a_request_that_the_document_allows_is_read() {
        let full = json!({
            "width": 1, "height": 2, "fit": "inside", "position": "right-top", "withoutEnlargement": true,
            "crop": {"left": 0, "top": 0, "width": 1, "height": 1}, "rotation": 1.5, "flip": true, "flop": true,
            "grayscale": true, "blur": 1.5, "sharpen": true, "background": "red", "format": "jpg", "quality": 1,
            "lossless": true, "palette": true, "watermarkText": "a", "watermarkOpacity": 0.5, "keepMetadata": true, "keepCopyright": true,
            "keepProfile": true,
            "saveImage": true, "version": 1,
            "watermark": {
                "text": "a", "imageId": "b", "position": "left", "size": 0.5, "colour": "red", "opacity": 1.0,
                "margin": 0, "rotation": 0.0, "tile": true
            }
        });
        for request in [full, TransformBody::example().to_json().unwrap()] {
            let described = TransformBody::parse_from_json(Some(request.clone()));
            // Whoever leaves a field out of one of the two readings sees the difference here.
            assert_eq!(described.ok().and_then(|described| described.to_json()), Some(request.clone()));
            serde_json::from_value::<TransformBody>(request).unwrap();
        }
        let mut outputs = TransformBody::example().to_json().unwrap();
        outputs.as_object_mut().unwrap().remove("version");
        for request in [json!({"version": 2, "outputs": [outputs]}), BatchBody::example().to_json().unwrap()]
        {
            let described = BatchBody::parse_from_json(Some(request.clone()));
            assert_eq!(described.ok().and_then(|described| described.to_json()), Some(request.clone()));
            serde_json::from_value::<BatchBody>(request).unwrap();
        }
    }

    #[test]
    fn jobs_of_a_batch() {
        let jobs = ["a", "b"].map(|id| SubmittedJob { job_id: id.to_owned() });
        agrees(&SubmittedBatch { message: "c".to_owned(), jobs: jobs.into() });
    }
}

//! The request for several results of one image.

use pixmill::{BatchSubmission, FieldError, ImageId};
use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;

use crate::wire::given;
use crate::wire::transform::OutputBody;
use crate::wire::transform::ranges::Ranges;

/// Several results of one version of an image. Each becomes a job; they are accepted together or not at all.
#[derive(Object, Deserialize)]
#[oai(rename = "TransformBatchRequest", rename_all = "camelCase", deny_unknown_fields, example)]
#[oai(skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// What to make: 1 to 16 results.
    #[oai(validator(min_items = 1, max_items = 16))]
    #[serde(deserialize_with = "given::objects")]
    outputs: Vec<OutputBody>,
    /// The version to start from; the current one when absent.
    #[oai(validator(minimum(value = "1")))]
    #[serde(default, deserialize_with = "given::some_whole")]
    version: Option<i64>,
}

impl BatchBody {
    /// The request as the core takes it, or every value that lies outside its range.
    pub(crate) fn into_submission(self, image: ImageId) -> Result<BatchSubmission, Vec<FieldError>> {
        let Self { outputs, version } = self;
        let (mut errors, mut invalid) = (Vec::new(), Vec::new());
        let mut wanted = Vec::new();
        for (place, output) in outputs.into_iter().enumerate() {
            let of_output =
                |FieldError { field, detail }| FieldError::new(format!("outputs[{place}].{field}"), detail);
            let mut ranges = Ranges::default();
            let (output, ()) = output.into_wanted(&mut ranges);
            errors.extend(ranges.0.into_iter().map(of_output));
            invalid.extend(output.transformation.validate().err().into_iter().flatten().map(of_output));
            wanted.push(output);
        }
        let mut ranges = Ranges(errors);
        let version = version.map(|version| ranges.check("version", version, 1, u32::MAX));
        let Ranges(mut errors) = ranges;
        if errors.is_empty() {
            return Ok(BatchSubmission { image, version, outputs: wanted });
        }
        // Everything that is wrong at once, as with a single result.
        errors.extend(invalid);
        Err(errors)
    }
}

impl Example for BatchBody {
    fn example() -> Self {
        let output = |width| OutputBody { width: Some(width), ..OutputBody::empty(false) };
        Self { outputs: vec![output(1600), output(400)], version: None }
    }
}

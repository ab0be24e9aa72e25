//! That nothing is left which belongs to nothing, and nothing is charged that is not there.

use super::super::record::{Record, Usage};
use super::{Promise, Violations};

pub(super) fn check(record: &Record, found: &mut Violations) {
    if let Some(blobs) = &record.blobs {
        let expected = record.expected_blobs();
        for orphan in blobs.difference(&expected) {
            found.unless(false, Promise::NothingLeft, || format!("blob {orphan} belongs to nothing"));
        }
        for missing in expected.difference(blobs) {
            found.unless(false, Promise::NothingLost, || format!("blob {missing} is gone"));
        }
    }
    for file in &record.temporary_files {
        found.unless(false, Promise::NothingLeft, || format!("the temporary file {file} is left"));
    }
    for id in &record.surely_deleted {
        let gone = record.images.iter().all(|image| image.id != *id);
        found.unless(gone, Promise::NothingLeft, || format!("image {id} was deleted and is there"));
    }
    let bytes = record.images.iter().flat_map(|image| &image.versions).map(|version| version.bytes).sum();
    let open = record.jobs.iter().filter(|job| !job.seen.state.is_final()).count() as u64;
    let there = Usage { bytes, images: record.images.len() as u64, open_jobs: open };
    found.unless(record.usage == there, Promise::NothingLeft, || {
        format!("{there:?} is there, and {:?} is charged", record.usage)
    });
}

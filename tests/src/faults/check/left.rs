//! That nothing is left which belongs to nothing, and nothing is charged that is not there.

use super::super::record::{Record, Usage};
use super::{Promise, Violations};

pub(super) fn check(record: &Record, found: &mut Violations) {
    files(record, found);
    for id in &record.surely_deleted {
        let gone = record.images.iter().all(|image| image.id != *id);
        found.unless(gone, Promise::NothingLeft, || format!("image {id} was deleted and is there"));
    }
    let open = record.jobs.iter().filter(|job| !job.seen.state.is_final()).count() as u64;
    let there = Usage { bytes: record.bytes(), images: record.images.len() as u64, open_jobs: open };
    found.unless(record.usage == there, Promise::NothingLeft, || {
        format!("{there:?} is there, and {:?} is charged", record.usage)
    });
}

pub(super) fn files(record: &Record, found: &mut Violations) {
    let expected = record.expected_blobs();
    for orphan in record.blobs.difference(&expected) {
        found.unless(false, Promise::NothingLeft, || format!("blob {orphan} belongs to nothing"));
    }
    for missing in expected.difference(&record.blobs) {
        found.unless(false, Promise::NothingLost, || format!("blob {missing} is gone"));
    }
    for file in &record.temporary_files {
        found.unless(false, Promise::NothingLeft, || format!("the temporary file {file} is left"));
    }
}

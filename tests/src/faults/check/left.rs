//! That nothing is left which belongs to nothing, and nothing is charged that is not there.

use std::collections::BTreeSet;

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
    let mut there = BTreeSet::new();
    for blob in &record.blobs {
        let place = without_generation(blob);
        let belongs = expected.contains(place) && there.insert(place.to_owned());
        found.unless(belongs, Promise::NothingLeft, || format!("blob {blob} belongs to nothing"));
    }
    for missing in expected.difference(&there) {
        found.unless(false, Promise::NothingLost, || format!("blob {missing} is gone"));
    }
    for file in &record.temporary_files {
        found.unless(false, Promise::NothingLeft, || format!("the temporary file {file} is left"));
    }
}

/// The place of a blob without the number that tells what a job stored after it was opened anew.
fn without_generation(blob: &str) -> &str {
    match blob.rsplit_once('g') {
        Some((place, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            place
        }
        _ => blob,
    }
}

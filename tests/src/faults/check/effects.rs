//! That a request under a key has one effect however often it was sent, and that a job has one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::record::{Asked, FinalJob, Record};
use super::{Promise, Violations};

pub(super) fn check(record: &Record, found: &mut Violations) {
    one_answer("upload", &record.uploads, found);
    one_answer("transformation", &record.transforms, found);
    images(record, found);
    jobs(record, found);
    versions(record, found);
}

/// That a key always answers the same, and two requests never do.
fn one_answer(what: &str, requests: &[Asked], found: &mut Violations) {
    let mut known = BTreeSet::new();
    for request in requests {
        let answers: BTreeSet<&String> = request.answers.iter().collect();
        found.unless(!request.keyed || answers.len() <= 1, Promise::OneEffect, || {
            format!("one {what} under one key was answered with {answers:?}")
        });
        for id in answers {
            found.unless(known.insert(id), Promise::OneEffect, || {
                format!("two {what}s were answered with {id}")
            });
        }
    }
}

/// How many effects these requests may have had at most: one each under a key, one for each time without.
fn most<'a>(requests: impl Iterator<Item = &'a Asked>) -> u64 {
    requests.map(|request| if request.keyed { request.sent.min(1) } else { request.sent }).sum()
}

fn images(record: &Record, found: &mut Violations) {
    let (most, there) = (most(record.uploads.iter()), record.images.len() as u64);
    found.unless(there <= most, Promise::OneEffect, || format!("{most} uploads made {there} images"));
}

fn jobs(record: &Record, found: &mut Violations) {
    let mut by_image: BTreeMap<&str, u64> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for job in &record.jobs {
        *by_image.entry(&job.image).or_default() += 1;
        found.unless(ids.insert(&job.seen.job), Promise::OneEffect, || {
            format!("job {} is listed twice", job.seen.job)
        });
    }
    for (image, there) in by_image {
        let most = most(record.transforms.iter().filter(|request| request.image == image));
        found.unless(there <= most, Promise::OneEffect, || {
            format!("{most} transformations of image {image} made {there} jobs")
        });
    }
}

/// That each saved job made one version, and nothing else made any.
fn versions(record: &Record, found: &mut Violations) {
    let saved =
        record.jobs.iter().filter_map(|job| Some((job.seen.job.as_str(), job.made.as_ref()?.version?)));
    let saved: HashMap<&str, u64> = saved.collect();
    let mut of_image: HashMap<&str, Vec<&FinalJob>> = HashMap::new();
    for job in &record.jobs {
        of_image.entry(&job.image).or_default().push(job);
    }
    for image in &record.images {
        let mut by: BTreeSet<Option<&String>> = BTreeSet::new();
        for version in &image.versions {
            let (id, number) = (&image.id, version.number);
            found.unless(by.insert(version.job.as_ref()), Promise::OneEffect, || {
                format!("version {number} of image {id} is the second of {:?}", version.job)
            });
            if let Some(job) = &version.job {
                let made = saved.get(job.as_str());
                found.unless(made == Some(&number), Promise::OneEffect, || {
                    format!("version {number} of image {id} is of job {job}, which made {made:?}")
                });
            }
        }
        for job in of_image.remove(image.id.as_str()).into_iter().flatten() {
            let id = &job.seen.job;
            let number = saved.get(id.as_str());
            let there = number.is_none() || by.contains(&Some(id));
            found.unless(there, Promise::TheResult, || format!("version {number:?} of job {id} is gone"));
        }
    }
}

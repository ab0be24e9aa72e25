//! Holds the trials against the ports' documentation: each bullet under `# Behavior` must have a trial whose
//! name is made of words of the bullet, in their order.

use std::collections::HashSet;
use std::path::Path;

const FEWEST_WORDS: usize = 4;

#[test]
fn every_bullet_of_every_port_has_a_trial() {
    let names = trial_names();
    let mut bullets = 0;
    let mut taken = HashSet::new();
    for (port, file) in PORTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/ports").join(file);
        let source =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (method, bullet) in behaviors(&source) {
            bullets += 1;
            let prefix = format!("{port}::{method}::");
            let fits = |name: &&&str| {
                name.strip_prefix(&prefix).is_some_and(|behavior| is_made_of(behavior, &bullet))
                    && !taken.contains(**name)
            };
            let trial = names.iter().find(fits);
            taken.insert(*trial.unwrap_or_else(|| panic!("no trial {prefix}… for the bullet {bullet:?}")));
        }
    }
    assert!(bullets > 60, "the ports promise more than {bullets} things; is the parser at fault?");
}

#[test]
fn no_two_trials_share_a_name() {
    let names = trial_names();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
}

#[test]
fn a_name_must_follow_its_bullet() {
    let bullet = "A token that lost the job can't renew anything.";
    assert!(is_made_of("a_token_that_lost_the_job_cant_renew", bullet));
    assert!(!is_made_of("the_job_that_lost_a_token", bullet));
    assert!(!is_made_of("a_token", bullet));
}

/// Each port's name in trials and its file.
const PORTS: &[(&str, &str)] = &[
    ("api_keys", "api_keys.rs"),
    ("blobs", "blob.rs"),
    ("cache", "cache.rs"),
    ("clock", "clock.rs"),
    ("events", "events.rs"),
    ("images", "images.rs"),
    ("jobs", "jobs.rs"),
    ("limiter", "limiter.rs"),
    ("once_keys", "once_keys.rs"),
    ("passwords", "passwords.rs"),
    ("processor", "processor.rs"),
    ("queue", "queue.rs"),
    ("users", "users.rs"),
];

fn trial_names() -> Vec<&'static str> {
    macro_rules! names {
        ($($port:ident)*) => { [$(super::$port::TRIALS.iter().map(|trial| trial.name).collect::<Vec<_>>()),*].concat() };
    }
    names!(api_keys blobs cache clock events images jobs limiter once_keys passwords processor queue users)
}

/// Method and text of every bullet under `# Behavior`.
fn behaviors(source: &str) -> Vec<(String, String)> {
    let (mut found, mut pending, mut inside) = (Vec::new(), Vec::<String>::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            let doc = doc.trim();
            if let Some(heading) = doc.strip_prefix("# ") {
                inside = heading == "Behavior";
            } else if doc.is_empty() {
                inside = inside && pending.is_empty();
            } else if inside && let Some(bullet) = doc.strip_prefix("- ") {
                pending.push(bullet.to_owned());
            } else if inside && let Some(last) = pending.last_mut() {
                last.push(' ');
                last.push_str(doc);
            }
        } else {
            inside = false;
            let signature = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
            if let Some(signature) = signature {
                let method: String =
                    signature.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.extend(pending.drain(..).map(|bullet| (method.clone(), bullet)));
            }
            assert!(pending.is_empty(), "bullets {pending:?} before {line:?}, which is no method");
        }
    }
    found
}

/// Whether the words of `name` occur in `bullet`, in this order.
fn is_made_of(name: &str, bullet: &str) -> bool {
    let text = bullet.replace('\'', "").to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let name: Vec<_> = name.split('_').collect();
    // A short name could fit any bullet, unless it is the whole bullet.
    let long_enough = name.len() >= FEWEST_WORDS || words.clone().eq(name.iter().copied());
    long_enough && name.iter().all(|wanted| words.any(|word| word == *wanted))
}

//! One client that looks at jobs, one answer after the other, so that what it sees later was later.

use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;

use super::super::record::{Sighting, State};
use super::{Shared, Stage};
use crate::draw::Draw;

/// Looks until it is over.
pub(super) async fn watch(shared: Arc<Shared>, mut draw: Draw) {
    while shared.stage() != Stage::Over {
        look(&shared, &mut draw, "/jobs?limit=50").await;
        let known = shared.note(|notes| notes.jobs.clone());
        if !known.is_empty() {
            let job = draw.one_of(&known);
            look(&shared, &mut draw, &format!("/jobs/{job}")).await;
        }
        shared.pause().await;
    }
}

async fn look(shared: &Shared, draw: &mut Draw, path: &str) {
    let request = shared.request(draw, Method::GET, path);
    let Some(answer) = shared.send(request).await else { return };
    match answer.status {
        200 => {
            let answer = answer.json();
            let jobs = answer["items"].as_array().map_or(std::slice::from_ref(&answer), Vec::as_slice);
            shared.note(|notes| jobs.iter().for_each(|job| notes.saw(sighting(job))));
        }
        429 | 503 => {}
        _ => shared.note(|notes| notes.odd(&answer)),
    }
}

/// What is said of a job.
pub(in super::super) fn sighting(job: &Value) -> Sighting {
    let text = |field: &str| job[field].as_str().unwrap_or_default().to_owned();
    Sighting {
        job: text("id"),
        state: State::named(&text("state")).unwrap_or_else(|| panic!("no state in {job}")),
        attempts: job["attempts"].as_u64().unwrap_or_else(|| panic!("no attempts in {job}")),
        updated_at: text("updatedAt"),
    }
}

//! One client that asks, until nothing new is to be asked and all that it asked for under a key is answered.

use std::ops::Range;
use std::sync::Arc;

use futures::future::join_all;
use pixmill_testkit::fixtures;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::record::Asked;
use super::notes::Notes;
use super::{Shared, Stage};
use crate::answer::Answer;
use crate::draw::Draw;

/// How often a client hears that a request is being worked on before it goes on to others: the turn of somebody who was
/// killed may last longer than a run.
const PATIENCE: usize = 30;
/// The width of the smallest result, and how many widths there are.
const SMALLEST: u64 = 16;
const WIDTHS: u64 = 256;

pub(super) async fn ask(shared: Arc<Shared>, mut draw: Draw) {
    while shared.may_ask() {
        one(&shared, &mut draw).await;
        sleep(shared.mix.pause).await;
    }
}

/// Asks for one thing.
async fn one(shared: &Shared, draw: &mut Draw) {
    let mix = shared.mix;
    let parts = [mix.uploads, mix.cancels, mix.deletions, mix.flawed, mix.batches, mix.transforms];
    let mut number = draw.below(parts.iter().sum());
    let chosen = parts.iter().position(|part| {
        let chosen = number < *part;
        number = number.saturating_sub(*part);
        chosen
    });
    match chosen {
        Some(0) => make(shared, draw, What::Upload).await,
        Some(1) => cancel(shared, draw).await,
        Some(2) => delete(shared, draw).await,
        Some(3) => make(shared, draw, What::Impossible).await,
        Some(4) => make(shared, draw, What::Batch).await,
        _ => make(shared, draw, What::Transform).await,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Upload,
    Transform,
    /// A transformation that can't be done.
    Impossible,
    /// Several transformations with one request.
    Batch,
}

impl What {
    fn asked(self, notes: &mut Notes) -> &mut Vec<Asked> {
        match self {
            Self::Upload => &mut notes.uploads,
            Self::Transform | Self::Impossible | Self::Batch => &mut notes.transforms,
        }
    }

    /// How many it makes.
    fn outputs(self) -> usize {
        match self {
            Self::Upload | Self::Transform | Self::Impossible => 1,
            Self::Batch => 3,
        }
    }
}

/// Uploads or transforms. Under a key it is sent until it is answered.
async fn make(shared: &Shared, draw: &mut Draw, what: What) {
    let keyed = shared.mix.always_keyed || draw.below(4) > 0;
    let image =
        shared.note(|notes| if notes.images.is_empty() { None } else { Some(draw.one_of(&notes.images)) });
    let what = if image.is_none() { What::Upload } else { what };
    let image = image.unwrap_or_default();
    let numbers = shared.note(|notes| {
        let number = what.asked(notes).len();
        let again = what == What::Transform && number > 0 && draw.below(4) == 0;
        // Some ask for what was asked for before, under a key of their own.
        let known = if again { notes.transforms.last().filter(|known| known.fails.is_none()) } else { None };
        let mut asked = Asked { keyed, ..Asked::default() };
        if what == What::Transform {
            asked.image = known.map_or_else(|| image.clone(), |known| known.image.clone());
            (asked.width, asked.quality) =
                known.map_or_else(|| own(number), |known| (known.width, known.quality));
            asked.save = known.map_or_else(|| draw.below(2) == 0, |known| known.save);
        }
        if what == What::Impossible {
            let flawed = draw.one_of(&shared.flaws);
            (asked.image, asked.fails, asked.save) = (flawed.image, Some(flawed.fails), draw.below(2) == 0);
            (asked.width, asked.quality) = own(number);
        }
        if what == What::Batch {
            asked.image = image;
        }
        let numbers = number..number + what.outputs();
        for number in numbers.clone() {
            if what == What::Batch {
                (asked.width, asked.quality) = own(number);
                asked.save = draw.below(2) == 0;
            }
            what.asked(notes).push(asked.clone());
        }
        numbers
    });
    let number = numbers.start;
    let key = format!("{}-{number}", if what == What::Upload { "upload" } else { "transform" });
    let mut held = 0;
    loop {
        let mut copies = Vec::new();
        for _ in 0..shared.mix.copies {
            let asked = shared.note(|notes| {
                let asked = &mut what.asked(notes)[numbers.clone()];
                for asked in &mut *asked {
                    asked.sent += 1;
                }
                asked.to_vec()
            });
            let request = match what {
                What::Upload => upload(shared, draw, number),
                What::Transform | What::Impossible => transform(shared, draw, &asked[0]),
                What::Batch => batch(shared, draw, &asked),
            };
            copies.push(shared.send(if keyed { request.header("Idempotency-Key", &key) } else { request }));
        }
        let mut done = false;
        for answer in join_all(copies).await {
            held += usize::from(answer.as_ref().is_some_and(|answer| answer.status == 409));
            done |= shared.note(|notes| answered(notes, what, numbers.clone(), answer.as_ref()));
        }
        if done {
            // The clients count what had an effect, and what could have none.
            shared.answered.send_modify(|count| *count += 1);
            return;
        }
        if !keyed || held > PATIENCE * shared.mix.copies || shared.stage() == Stage::Over {
            return;
        }
        shared.pause().await;
    }
}

/// A width and a quality that few requests share with this one.
pub(in super::super) fn own(number: usize) -> (u64, u64) {
    let number = number as u64;
    (SMALLEST + number % WIDTHS, 90 - number / WIDTHS % 60)
}

fn upload(shared: &Shared, draw: &mut Draw, number: usize) -> RequestBuilder {
    // No two alike.
    let file = fixtures::png(40 + (number % 40) as u32, 30 + (number / 40) as u32);
    let form = Form::new().part("file", Part::bytes(file.to_vec()));
    shared.request(draw, Method::POST, "/images/upload").multipart(form)
}

fn transform(shared: &Shared, draw: &mut Draw, asked: &Asked) -> RequestBuilder {
    let mut body = json!({ "width": asked.width, "format": "jpeg", "quality": asked.quality, "saveImage": asked.save, "version": 1 });
    let flawed = shared.flaws.iter().find(|flawed| asked.fails == Some(flawed.fails));
    if let Some(overlay) = flawed.and_then(|flawed| flawed.overlay.as_ref()) {
        body["watermark"] = json!({ "imageId": overlay });
    }
    shared
        .request(draw, Method::POST, &format!("/images/transform/{}", asked.image))
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string())
}

fn batch(shared: &Shared, draw: &mut Draw, asked: &[Asked]) -> RequestBuilder {
    let output = |asked: &Asked| json!({ "width": asked.width, "format": "jpeg", "quality": asked.quality, "saveImage": asked.save });
    let body = json!({ "version": 1, "outputs": asked.iter().map(output).collect::<Vec<_>>() });
    shared
        .request(draw, Method::POST, &format!("/images/transform/{}/batch", asked[0].image))
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string())
}

/// Notes what a request was answered with. Returns whether that is the last word.
fn answered(notes: &mut Notes, what: What, numbers: Range<usize>, answer: Option<&Answer>) -> bool {
    let Some(answer) = answer else { return false };
    let success = if what == What::Upload { 201 } else { 202 };
    let asked = &mut what.asked(notes)[numbers];
    let image = asked[0].image.clone();
    match answer.status {
        status if status == success => {
            let answer = answer.json();
            let ids = match what {
                What::Upload => vec![text(&answer["id"])],
                What::Transform | What::Impossible => vec![text(&answer["jobId"])],
                What::Batch => {
                    answer["jobs"].as_array().into_iter().flatten().map(|job| text(&job["jobId"])).collect()
                }
            };
            for (place, asked) in asked.iter_mut().enumerate() {
                asked.answers.push(ids.get(place).cloned().unwrap_or_default());
            }
            match what {
                What::Upload => notes.images.extend(ids),
                What::Transform | What::Impossible | What::Batch => notes.jobs.extend(ids),
            }
            true
        }
        // Somebody has deleted the image.
        404 if notes.deleted.contains(&image) => true,
        // Another request under the key is not done yet, or the server can't at the moment.
        409 | 429 | 503 => false,
        _ => {
            notes.odd(answer);
            true
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn cancel(shared: &Shared, draw: &mut Draw) {
    let job = shared.note(|notes| {
        // The latest: the others are done most likely.
        let latest = notes.jobs.len().saturating_sub(4);
        let job = if notes.jobs.is_empty() { None } else { Some(draw.one_of(&notes.jobs[latest..])) };
        notes.cancelled.extend(job.clone());
        job
    });
    let Some(job) = job else { return };
    let request = shared.request(draw, Method::DELETE, &format!("/jobs/{job}"));
    let Some(answer) = shared.send(request).await else { return };
    match answer.status {
        200 => shared.note(|notes| notes.surely_cancelled.extend([job])),
        // It is done already.
        409 | 429 | 503 => {}
        _ => shared.note(|notes| notes.odd(&answer)),
    }
}

async fn delete(shared: &Shared, draw: &mut Draw) {
    let image = shared.note(|notes| {
        // Some must be left to transform.
        if notes.images.len() < 3 {
            return None;
        }
        let index = draw.below(notes.images.len());
        let image = notes.images.swap_remove(index);
        notes.deleted.insert(image.clone());
        Some(image)
    });
    let Some(image) = image else { return };
    let request = shared.request(draw, Method::DELETE, &format!("/images/{image}"));
    let Some(answer) = shared.send(request).await else { return };
    match answer.status {
        204 => shared.note(|notes| notes.surely_deleted.extend([image])),
        429 | 503 => {}
        _ => shared.note(|notes| notes.odd(&answer)),
    }
}

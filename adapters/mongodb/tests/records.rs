//! Records that a write reaches late, or that nobody can read.

mod store;

use std::time::Duration;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use pixmill::ports::{Images, Jobs};
use pixmill::{Timestamp, UserId};
use pixmill_testkit::fixtures;

use self::store::with_store;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

#[test]
fn a_version_that_is_on_its_way_when_it_is_dropped_does_not_arrive() {
    with_store(async |store, database| {
        let (images, documents) = (store.images(), database.collection::<Document>("images"));
        let image = fixtures::image(UserId::random(), NOW);
        images.reserve(image.id, Duration::from_hours(1)).await.unwrap();
        assert!(images.insert(image.clone()).await.unwrap());
        let id = ObjectId::from_bytes(*image.id.as_bytes());
        // What the driver would send for it, and sends again when a connection breaks.
        let version = fixtures::new_version(image.id, 1);
        let before = documents.find_one(doc! { "_id": id }).await.unwrap().unwrap();
        images.add_version(version.clone()).await.unwrap().unwrap();
        let on_its_way = documents.find_one(doc! { "_id": id }).await.unwrap().unwrap();
        documents.replace_one(doc! { "_id": id }, &before).await.unwrap();

        images.drop_version(image.id, version.content.blob).await.unwrap();
        let revision = before.get_i64("revision").unwrap();
        let late = documents.replace_one(doc! { "_id": id, "revision": revision }, on_its_way).await.unwrap();
        assert_eq!(late.matched_count, 0);
        assert_eq!(store.images().versions(image.id).await.unwrap(), [image.current]);
    });
}

#[test]
fn a_held_job_that_nobody_can_read_keeps_no_other_from_its_turn() {
    with_store(async |store, database| {
        let (jobs, owner) = (store.jobs(), UserId::random());
        let [damaged, sound] = [0, 1].map(|number| fixtures::job(owner, NOW + Duration::from_secs(number)));
        jobs.accept(vec![damaged.clone()], 0).await.unwrap();
        jobs.accept(vec![sound.clone()], 0).await.unwrap();
        let documents = database.collection::<Document>("jobs");
        let id = ObjectId::from_bytes(*damaged.id.as_bytes());
        let damage = doc! { "$set": { "record": "{\"of\":\"a later version\"}" } };
        documents.update_one(doc! { "_id": id }, damage).await.unwrap();
        // Another process lets them go: this one remembers what it has stored.
        let jobs = store.jobs();
        assert_eq!(jobs.release(None, 2, 10).await.unwrap(), [sound.id]);
        assert!(!jobs.load(sound.id).await.unwrap().unwrap().held);
    });
}

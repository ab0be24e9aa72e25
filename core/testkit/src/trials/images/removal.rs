//! Trials of deleting images and of what falls due for removal.

use super::*;

pub(super) mod delete {
    use super::*;

    pub(in crate::trials::images) async fn the_image_its_versions_and_its_place_in_lists_are_gone_when_the_call_returns(
        images: Subject<dyn Images>,
    ) {
        let owner = UserId::random();
        let (image, other) = (insert_for(&images, owner).await, insert_for(&images, owner).await);
        let version = fixtures::new_version(image.id, 1);
        let number = images.add_version(version).await.unwrap().expect("the image is present");
        assert!(images.delete(owner, image.id, HOUR).await.unwrap());
        assert_unseen(&images, &image).await;
        assert_eq!(images.version(image.id, number).await.unwrap(), None);
        assert_eq!(images.get(owner, other.id).await.unwrap().as_ref(), Some(&other));
        assert_eq!(listed(&images, owner).await, [other.id]);
    }

    pub(in crate::trials::images) async fn the_answer_is_false_where_get_would_find_nothing(
        images: Subject<dyn Images>,
    ) {
        let (image, reserved) = (inserted(&images).await, ImageId::random());
        images.reserve(reserved, HOUR).await.unwrap();
        assert!(!images.delete(UserId::random(), image.id, HOUR).await.unwrap());
        assert_eq!(images.get(image.owner, image.id).await.unwrap().as_ref(), Some(&image));
        assert!(!images.delete(image.owner, reserved, HOUR).await.unwrap());
        assert!(!images.delete(image.owner, ImageId::random(), HOUR).await.unwrap());
        let answers = at_once((0..8).map(|_| {
            let (images, image) = (images.port(), image.clone());
            async move { images.delete(image.owner, image.id, HOUR).await.unwrap() }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| **answer).count(), 1, "{answers:?}");
    }
}

pub(super) mod due_removals {
    use super::*;

    pub(in crate::trials::images) async fn present_images_never_fall_due(images: Subject<dyn Images>) {
        let (image, unit) = (fixtures::image(UserId::random(), images.time().now()), images.time().unit());
        images.reserve(image.id, unit).await.unwrap();
        assert!(images.insert(image.clone()).await.unwrap());
        // Late news of a reservation must not put a present image at risk.
        images.reserve(image.id, unit).await.unwrap();
        images.time().advance(unit).await;
        assert_eq!(due(&images).await, []);
        assert_eq!(images.get(image.owner, image.id).await.unwrap(), Some(image));
    }

    pub(in crate::trials::images) async fn an_image_falls_due_until_it_is_purged(
        images: Subject<dyn Images>,
    ) {
        let (reserved, unit) = (ImageId::random(), images.time().unit());
        let (deleted, later) = (inserted(&images).await, inserted(&images).await);
        images.reserve(reserved, unit).await.unwrap();
        assert!(images.delete(deleted.owner, deleted.id, unit).await.unwrap());
        assert!(images.delete(later.owner, later.id, HOUR).await.unwrap());
        if let Some(clock) = images.time().exact() {
            clock.advance(unit - Duration::from_millis(1));
            assert_eq!(due(&images).await, []);
        }
        images.time().advance(unit).await;
        let mut expected = [reserved, deleted.id];
        expected.sort();
        for _ in 0..3 {
            assert_eq!(due(&images).await, expected);
        }
        assert_eq!(images.due_removals(1).await.unwrap().len(), 1);
        images.purge(reserved).await.unwrap();
        assert_eq!(due(&images).await, [deleted.id]);
        images.purge(deleted.id).await.unwrap();
        assert_eq!(due(&images).await, []);
    }

    pub(in crate::trials::images) async fn an_expired_reservation_that_falls_due_cant_be_inserted_any_more(
        images: Subject<dyn Images>,
    ) {
        let (image, unit) = (fixtures::image(UserId::random(), images.time().now()), images.time().unit());
        images.reserve(image.id, unit).await.unwrap();
        images.time().advance(unit).await;
        assert_eq!(due(&images).await, [image.id]);
        assert!(!images.insert(image.clone()).await.unwrap());
        assert_unseen(&images, &image).await;
        assert_eq!(due(&images).await, [image.id]);
    }
}

pub(super) mod purge {
    use super::*;

    pub(in crate::trials::images) async fn a_purged_image_no_longer_falls_due_and_cant_be_inserted(
        images: Subject<dyn Images>,
    ) {
        let unit = images.time().unit();
        let (reserved, deleted) =
            (fixtures::image(UserId::random(), images.time().now()), inserted(&images).await);
        images.reserve(reserved.id, unit).await.unwrap();
        assert!(images.delete(deleted.owner, deleted.id, unit).await.unwrap());
        images.time().advance(unit).await;
        assert_eq!(due(&images).await.len(), 2);
        for image in [reserved, deleted] {
            images.purge(image.id).await.unwrap();
            images.purge(image.id).await.unwrap();
            assert!(!images.insert(image.clone()).await.unwrap());
            assert_unseen(&images, &image).await;
        }
        images.purge(ImageId::random()).await.unwrap();
        images.time().advance(unit).await;
        assert_eq!(due(&images).await, []);
    }

    pub(in crate::trials::images) async fn a_present_image_is_left_alone(images: Subject<dyn Images>) {
        let image = inserted(&images).await;
        images.purge(image.id).await.unwrap();
        assert_eq!(images.get(image.owner, image.id).await.unwrap().as_ref(), Some(&image));
        assert_eq!(images.versions(image.id).await.unwrap(), [image.current]);
    }
}

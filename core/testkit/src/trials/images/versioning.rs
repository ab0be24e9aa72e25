//! Trials of versions.

use super::*;

/// Runs `check` on ids that are reserved, deleted and unknown.
async fn not_present(images: &Subject<dyn Images>) -> [ImageId; 3] {
    let (reserved, deleted) = (ImageId::random(), inserted(images).await);
    images.reserve(reserved, HOUR).await.unwrap();
    assert!(images.delete(deleted.owner, deleted.id, HOUR).await.unwrap());
    [reserved, deleted.id, ImageId::random()]
}

pub(super) mod version {
    use super::*;

    pub(in crate::trials::images) async fn unknown_numbers_and_images_that_are_not_present_give_none(
        images: Subject<dyn Images>,
    ) {
        let image = inserted(&images).await;
        for number in [0, 2, u32::MAX >> 1] {
            assert_eq!(images.version(image.id, number).await.unwrap(), None);
        }
        for id in not_present(&images).await {
            assert_eq!(images.version(id, Version::FIRST).await.unwrap(), None);
        }
    }
}

pub(super) mod versions {
    use super::*;

    pub(in crate::trials::images) async fn an_image_that_is_not_present_has_none(
        images: Subject<dyn Images>,
    ) {
        for id in not_present(&images).await {
            assert_eq!(images.versions(id).await.unwrap(), []);
        }
    }

    pub(in crate::trials::images) async fn they_ascend_with_all_fields_as_given(images: Subject<dyn Images>) {
        let image = inserted(&images).await;
        let mut made = Vec::new();
        for parent in [1, 1, 2] {
            let version = fixtures::new_version(image.id, parent);
            made.push((added(&images, &version).await, version));
        }
        let found = images.versions(image.id).await.unwrap();
        assert_eq!(found[0], image.current);
        assert!(found.is_sorted_by_key(|version| version.number));
        assert_eq!(found.len(), 1 + made.len());
        for (version, (number, given)) in found[1..].iter().zip(made) {
            let NewVersion { image, job, parent, content, description } = given;
            assert_eq!((version.number, version.parent), (number, Some(parent)));
            assert_eq!((version.job, &version.content), (Some(job), &content));
            assert_eq!(version.description, description);
            assert_eq!(images.version(image, number).await.unwrap().as_ref(), Some(version));
        }
        assert_eq!(current(&images, &image).await, found[3]);
    }
}

pub(super) mod add_version {
    use super::*;

    pub(in crate::trials::images) async fn the_number_is_larger_than_that_of_any_version_the_image_ever_had(
        images: Subject<dyn Images>,
    ) {
        let image = inserted(&images).await;
        let dropped = fixtures::new_version(image.id, 1);
        let mut largest = added(&images, &dropped).await;
        assert!(largest > Version::FIRST);
        images.drop_version(image.id, dropped.content.blob.clone()).await.unwrap();
        for version in [fixtures::new_version(image.id, 1), dropped] {
            let number = added(&images, &version).await;
            assert!(number > largest, "{number} after {largest}");
            largest = number;
        }
    }

    pub(in crate::trials::images) async fn the_same_job_adds_one_version_however_often_it_calls_and_what_is_current_does_not_change_again(
        images: Subject<dyn Images>,
    ) {
        let image = inserted(&images).await;
        let first = fixtures::new_version(image.id, 1);
        let numbers = at_once((0..8).map(|_| {
            let (images, version) = (images.port(), first.clone());
            async move { images.add_version(version).await.unwrap() }
        }))
        .await;
        let number = numbers[0].expect("the image is present");
        assert!(numbers.iter().all(|other| *other == Some(number)), "{numbers:?}");
        assert_eq!(images.versions(image.id).await.unwrap().len(), 2);

        let second = added(&images, &fixtures::new_version(image.id, number)).await;
        assert_eq!(added(&images, &first).await, number);
        assert_eq!(current(&images, &image).await.number, second);
    }

    pub(in crate::trials::images) async fn what_it_makes_in_a_later_generation_takes_the_place_of_what_a_straggler_has_added_and_not_the_other_way_round(
        images: Subject<dyn Images>,
    ) {
        let image = inserted(&images).await;
        let straggling = fixtures::new_version(image.id, 1);
        let in_generation = |generation| {
            let mut version = straggling.clone();
            version.content.blob = version.content.blob.in_generation(generation);
            version
        };
        let mut last = added(&images, &straggling).await;
        for later in [9, 10].map(in_generation) {
            let number = added(&images, &later).await;
            assert!(number > last, "{number} after {last}");
            assert_eq!(added(&images, &straggling).await, number, "it comes too late");
            let versions = images.versions(image.id).await.unwrap();
            assert_eq!(versions.len(), 2, "{versions:?}");
            assert_eq!(versions[1].content, later.content);
            // Whoever removes what the straggler has left does not reach it.
            images.drop_version(image.id, straggling.content.blob.clone()).await.unwrap();
            assert_eq!(current(&images, &image).await, versions[1]);
            last = number;
        }
    }

    pub(in crate::trials::images) async fn of_concurrent_additions_each_gets_a_number_of_its_own_and_the_last_one_is_current(
        images: Subject<dyn Images>,
    ) {
        let image = inserted(&images).await;
        let mut numbers = at_once((0..12).map(|_| {
            let (images, version) = (images.port(), fixtures::new_version(image.id, 1));
            async move { images.add_version(version).await.unwrap().expect("the image is present") }
        }))
        .await;
        numbers.sort_unstable();
        let distinct = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(distinct && numbers[0] > Version::FIRST, "{numbers:?}");
        assert_eq!(Some(&current(&images, &image).await.number), numbers.last());
        assert_eq!(images.versions(image.id).await.unwrap().len(), 13);
    }

    pub(in crate::trials::images) async fn afterwards_there_is_nothing_to_redo(images: Subject<dyn Images>) {
        let image = inserted(&images).await;
        let second = fixtures::new_version(image.id, 1);
        let number = added(&images, &second).await;
        assert_eq!(moved(&images, &image, Step::Undo).await, (1, Some(number)));
        assert_eq!(added(&images, &second).await, number);
        let again = images.get(image.owner, image.id).await.unwrap();
        assert_eq!(again.map(|image| image.redo), Some(Some(number)), "the same job adds nothing");

        let tip = added(&images, &fixtures::new_version(image.id, 1)).await;
        let now = images.get(image.owner, image.id).await.unwrap();
        assert_eq!(now.map(|image| (image.current.number, image.redo)), Some((tip, None)));
        assert_eq!(images.step(image.owner, image.id, Step::Redo).await.unwrap(), Stepped::Nowhere);
        assert!(images.version(image.id, number).await.unwrap().is_some(), "it stays listed");
    }

    pub(in crate::trials::images) async fn an_image_that_is_not_present_gets_none(
        images: Subject<dyn Images>,
    ) {
        for id in not_present(&images).await {
            assert_eq!(images.add_version(fixtures::new_version(id, 1)).await.unwrap(), None);
            assert_eq!(images.versions(id).await.unwrap(), []);
        }
    }
}

pub(super) mod drop_version {
    use super::*;

    pub(in crate::trials::images) async fn if_it_was_current_its_parent_is_current_afterwards(
        images: Subject<dyn Images>,
    ) {
        let (image, untouched) = (inserted(&images).await, inserted(&images).await);
        let second = fixtures::new_version(image.id, 1);
        let number = added(&images, &second).await;
        let aside = fixtures::new_version(image.id, 1);
        added(&images, &aside).await;
        images.drop_version(image.id, aside.content.blob.clone()).await.unwrap();
        assert_eq!(current(&images, &image).await, image.current, "the parent, not the version before it");
        let third = fixtures::new_version(image.id, 1);
        let last = added(&images, &third).await;

        images.drop_version(image.id, second.content.blob.clone()).await.unwrap();
        assert_eq!(images.version(image.id, number).await.unwrap(), None);
        assert_eq!(current(&images, &image).await.number, last, "it was not current");
        images.drop_version(image.id, BlobKey::version(image.id, JobId::random())).await.unwrap();
        images.drop_version(ImageId::random(), third.content.blob.clone()).await.unwrap();
        images.drop_version(untouched.id, third.content.blob.clone()).await.unwrap();
        assert_eq!(current(&images, &image).await.number, last);

        images.drop_version(image.id, third.content.blob.clone()).await.unwrap();
        assert_eq!(current(&images, &image).await, image.current, "the parent is current again");
        assert_eq!(images.versions(image.id).await.unwrap(), [image.current]);
        assert_eq!(current(&images, &untouched).await, untouched.current);
    }

    pub(in crate::trials::images) async fn undo_and_redo_pass_over_it(images: Subject<dyn Images>) {
        let image = inserted(&images).await;
        let middle = fixtures::new_version(image.id, 1);
        let parent = added(&images, &middle).await;
        let last = added(&images, &fixtures::new_version(image.id, parent)).await;
        images.drop_version(image.id, middle.content.blob.clone()).await.unwrap();
        assert_eq!(moved(&images, &image, Step::Undo).await, (1, Some(last)), "its parent is gone");
        assert_eq!(moved(&images, &image, Step::Redo).await, (last, None));

        let undone = fixtures::new_version(image.id, last);
        let number = added(&images, &undone).await;
        assert_eq!(moved(&images, &image, Step::Undo).await, (last, Some(number)));
        assert_eq!(moved(&images, &image, Step::Undo).await, (1, Some(last)));
        images.drop_version(image.id, undone.content.blob.clone()).await.unwrap();
        assert_eq!(moved(&images, &image, Step::Redo).await, (last, None));
    }
}

//! Trials of reserving, inserting, finding and listing images.

use super::*;

pub(super) mod reserve {
    use super::*;

    pub(in crate::trials::images) async fn a_reserved_image_cant_be_seen_by_get_version_versions_or_list(
        images: Subject<dyn Images>,
    ) {
        let image = fixtures::image(UserId::random(), images.time().now());
        images.reserve(image.id, HOUR).await.unwrap();
        assert_unseen(&images, &image).await;
        assert_eq!(due(&images).await, []);
    }

    pub(in crate::trials::images) async fn unless_insert_follows_within_ttl_the_image_falls_due_for_removal(
        images: Subject<dyn Images>,
    ) {
        let (soon, late, unit) = (ImageId::random(), ImageId::random(), images.time().unit());
        images.reserve(soon, unit).await.unwrap();
        images.reserve(late, HOUR).await.unwrap();
        if let Some(clock) = images.time().exact() {
            clock.advance(unit - Duration::from_millis(1));
            assert_eq!(due(&images).await, []);
        }
        images.time().advance(unit).await;
        assert_eq!(due(&images).await, [soon]);
    }
}

pub(super) mod renew {
    use super::*;

    pub(in crate::trials::images) async fn a_renewed_reservation_lasts_ttl_from_now(
        images: Subject<dyn Images>,
    ) {
        let image = fixtures::image(UserId::random(), images.time().now());
        let (short, unit) = (ImageId::random(), images.time().unit());
        // Where time goes on by itself it might lapse before it is renewed.
        let before = if images.time().exact().is_some() { unit } else { HOUR };
        images.reserve(image.id, before).await.unwrap();
        images.reserve(short, HOUR).await.unwrap();
        assert!(images.renew(image.id, HOUR).await.unwrap());
        assert!(images.renew(short, unit).await.unwrap());
        images.time().advance(unit).await;
        assert_eq!(due(&images).await, [short]);
        assert!(images.insert(image).await.unwrap());
    }

    pub(in crate::trials::images) async fn what_has_lapsed_is_present_or_deleted_or_was_never_reserved_is_left_as_it_is(
        images: Subject<dyn Images>,
    ) {
        let (present, deleted) = (inserted(&images).await, inserted(&images).await);
        let (lapsed, unit) = (ImageId::random(), images.time().unit());
        assert!(images.delete(deleted.owner, deleted.id, unit).await.unwrap());
        images.reserve(lapsed, unit).await.unwrap();
        images.time().advance(unit).await;
        for id in [lapsed, present.id, deleted.id, ImageId::random()] {
            assert!(!images.renew(id, HOUR).await.unwrap());
        }
        let mut expected = [lapsed, deleted.id];
        expected.sort();
        let mut found = due(&images).await;
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(images.get(present.owner, present.id).await.unwrap(), Some(present));
    }
}

pub(super) mod insert {
    use super::*;

    pub(in crate::trials::images) async fn an_inserted_image_is_seen_by_its_owner_with_all_fields_and_no_longer_falls_due(
        images: Subject<dyn Images>,
    ) {
        let (image, unit) = (fixtures::image(UserId::random(), images.time().now()), images.time().unit());
        images.reserve(image.id, unit).await.unwrap();
        assert!(images.insert(image.clone()).await.unwrap());
        images.time().advance(unit).await;
        assert_eq!(due(&images).await, []);
        assert_eq!(images.get(image.owner, image.id).await.unwrap().as_ref(), Some(&image));
        assert_eq!(images.version(image.id, Version::FIRST).await.unwrap().as_ref(), Some(&image.current));
        let page = images.list(image.owner, PageRequest { after: None, limit: 1 }).await.unwrap();
        assert_eq!(page, Page { items: vec![image], more: false });
    }

    pub(in crate::trials::images) async fn without_a_reservation_nothing_changes_and_the_answer_is_false(
        images: Subject<dyn Images>,
    ) {
        let image = fixtures::image(UserId::random(), images.time().now());
        assert!(!images.insert(image.clone()).await.unwrap());
        assert_unseen(&images, &image).await;

        let present = inserted(&images).await;
        let other = Image { owner: UserId::random(), ..present.clone() };
        assert!(!images.insert(other.clone()).await.unwrap(), "its reservation is used up");
        assert_eq!(images.get(present.owner, present.id).await.unwrap().as_ref(), Some(&present));
        assert_eq!(images.get(other.owner, other.id).await.unwrap(), None);

        assert!(images.delete(present.owner, present.id, HOUR).await.unwrap());
        assert!(!images.insert(present.clone()).await.unwrap(), "a deleted image does not come back");
        assert_unseen(&images, &present).await;
    }
}

pub(super) mod get {
    use super::*;

    pub(in crate::trials::images) async fn another_users_image_a_reserved_or_deleted_one_and_an_unknown_id_all_give_none(
        images: Subject<dyn Images>,
    ) {
        let owner = UserId::random();
        let (image, deleted, reserved) =
            (insert_for(&images, owner).await, insert_for(&images, owner).await, ImageId::random());
        images.reserve(reserved, HOUR).await.unwrap();
        assert!(images.delete(owner, deleted.id, HOUR).await.unwrap());
        assert_eq!(images.get(UserId::random(), image.id).await.unwrap(), None);
        for id in [reserved, deleted.id, ImageId::random()] {
            assert_eq!(images.get(owner, id).await.unwrap(), None);
        }
        assert_eq!(images.get(owner, image.id).await.unwrap(), Some(image));
    }
}

pub(super) mod list {
    use super::*;

    async fn insert_at(images: &Subject<dyn Images>, owner: UserId, offset_millis: u64) -> Image {
        let created_at = images.time().now() + Duration::from_millis(offset_millis);
        let image = fixtures::image(owner, created_at);
        images.reserve(image.id, HOUR).await.unwrap();
        assert!(images.insert(image.clone()).await.unwrap());
        image
    }

    pub(in crate::trials::images) async fn pages_follow_each_other_without_a_gap_or_a_repetition_also_while_images_are_added(
        images: Subject<dyn Images>,
    ) {
        let owner = UserId::random();
        let mut all = Vec::new();
        for i in 0..12 {
            // Three at a time share their millisecond, so that the id has to decide.
            let image = insert_at(&images, owner, i / 3).await;
            all.push((image.created_at, image.id));
        }
        all.sort_by(|a, b| b.cmp(a));
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let Page { items, more } = images.list(owner, PageRequest { after, limit: 4 }).await.unwrap();
            after = items.last().map(|image| image.id);
            seen.extend(items.into_iter().map(|image| (image.created_at, image.id)));
            if !more {
                break;
            }
            insert_at(&images, owner, 10_000).await;
        }
        assert_eq!(seen, all);
        for (limit, more) in [(13, true), (14, false)] {
            let page = images.list(owner, PageRequest { after: None, limit }).await.unwrap();
            assert_eq!((page.items.len(), page.more), (limit, more), "two were added between three pages");
        }
    }

    pub(in crate::trials::images) async fn only_the_owners_present_images_are_listed(
        images: Subject<dyn Images>,
    ) {
        let owner = UserId::random();
        let (image, deleted, other) =
            (insert_for(&images, owner).await, insert_for(&images, owner).await, inserted(&images).await);
        images.reserve(ImageId::random(), HOUR).await.unwrap();
        assert!(images.delete(owner, deleted.id, HOUR).await.unwrap());
        assert_eq!(listed(&images, owner).await, [image.id]);
        assert_eq!(listed(&images, other.owner).await, [other.id]);
        assert_eq!(listed(&images, UserId::random()).await, []);
        // Not even by continuing after somebody else's image.
        let page = images.list(owner, PageRequest { after: Some(other.id), limit: 10 }).await.unwrap();
        assert!(page.items.iter().all(|listed| listed.id == image.id));
    }

    pub(in crate::trials::images) async fn a_page_after_an_image_that_is_gone_continues_at_its_place_and_is_empty_otherwise(
        images: Subject<dyn Images>,
    ) {
        let owner = UserId::random();
        let mut newest_first = Vec::new();
        for i in (0..5).rev() {
            newest_first.push(insert_at(&images, owner, 1000 * i).await.id);
        }
        let gone = newest_first[2];
        let continued = Page { items: newest_first[3..].to_vec(), more: false };
        let nothing = Page { items: vec![], more: false };
        let after_it = || async {
            let Page { items, more } =
                images.list(owner, PageRequest { after: Some(gone), limit: 10 }).await.unwrap();
            Page { items: items.iter().map(|image| image.id).collect(), more }
        };
        assert!(images.delete(owner, gone, Duration::ZERO).await.unwrap());
        let page = after_it().await;
        assert!(page == continued || page == nothing, "{page:?}");
        images.time().advance(images.time().unit()).await;
        images.purge(gone).await.unwrap();
        let page = after_it().await;
        assert!(page == continued || page == nothing, "{page:?}");
    }
}

pub(super) mod usage {
    use super::*;

    pub(in crate::trials::images) async fn present_images_and_all_their_versions_count_and_nothing_of_other_users(
        images: Subject<dyn Images>,
    ) {
        let (owner, now) = (UserId::random(), images.time().now());
        assert_eq!(images.usage(owner).await.unwrap(), (0, 0));
        let (first, second) = (fixtures::image(owner, now), fixtures::image(owner, now));
        let of_another = fixtures::image(UserId::random(), now);
        for image in [&first, &second, &of_another] {
            images.reserve(image.id, HOUR).await.unwrap();
            assert!(images.insert(image.clone()).await.unwrap());
        }
        images.reserve(ImageId::random(), HOUR).await.unwrap();
        let saved = fixtures::new_version(first.id, 1);
        images.add_version(saved.clone()).await.unwrap().unwrap();
        let bytes = |image: &Image| image.current.content.bytes;
        let all = bytes(&first) + bytes(&second) + saved.content.bytes;
        assert_eq!(images.usage(owner).await.unwrap(), (2, all));
        assert!(images.delete(owner, first.id, HOUR).await.unwrap());
        assert_eq!(images.usage(owner).await.unwrap(), (1, bytes(&second)));
    }
}

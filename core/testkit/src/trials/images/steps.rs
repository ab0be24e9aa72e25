//! Trials of undo, redo and restoring.

use super::*;

pub(super) mod step {
    use super::*;

    /// An image with the versions 1 ← a ← b and a ← c, of which c is current.
    async fn branched(images: &Subject<dyn Images>) -> (Image, [u32; 3]) {
        let image = inserted(images).await;
        let a = added(images, &fixtures::new_version(image.id, 1)).await;
        let b = added(images, &fixtures::new_version(image.id, a)).await;
        let c = added(images, &fixtures::new_version(image.id, a)).await;
        (image, [a, b, c])
    }

    pub(in crate::trials::images) async fn undo_leads_to_the_parent_redo_back_through_what_undo_has_left(
        images: Subject<dyn Images>,
    ) {
        let (image, [a, _, c]) = branched(&images).await;
        assert_eq!(moved(&images, &image, Step::Undo).await, (a, Some(c)), "the parent, not the one before");
        assert_eq!(moved(&images, &image, Step::Undo).await, (1, Some(a)));
        assert_eq!(moved(&images, &image, Step::Redo).await, (a, Some(c)));
        assert_eq!(moved(&images, &image, Step::Redo).await, (c, None));
        let listed = images.list(image.owner, PageRequest { after: None, limit: 1 }).await.unwrap();
        assert_eq!(listed.items[0].current.number, c);
    }

    pub(in crate::trials::images) async fn restoring_leads_to_any_version_after_which_there_is_nothing_to_redo(
        images: Subject<dyn Images>,
    ) {
        let (image, [a, b, c]) = branched(&images).await;
        for number in [b, 1, c, a] {
            moved(&images, &image, Step::Restore(c)).await;
            moved(&images, &image, Step::Undo).await;
            assert_eq!(moved(&images, &image, Step::Restore(number)).await, (number, None));
            assert_eq!(images.step(image.owner, image.id, Step::Redo).await.unwrap(), Stepped::Nowhere);
        }
    }

    pub(in crate::trials::images) async fn with_nothing_to_undo_or_redo_and_to_an_unknown_version_nothing_changes(
        images: Subject<dyn Images>,
    ) {
        let (image, [a, _, c]) = branched(&images).await;
        let step = |step| images.step(image.owner, image.id, step);
        assert_eq!(step(Step::Redo).await.unwrap(), Stepped::Nowhere);
        for unknown in [0, c + 1, u32::MAX >> 1] {
            assert_eq!(step(Step::Restore(unknown)).await.unwrap(), Stepped::NoVersion);
        }
        assert_eq!(current(&images, &image).await.number, c);

        moved(&images, &image, Step::Undo).await;
        moved(&images, &image, Step::Undo).await;
        assert_eq!(step(Step::Undo).await.unwrap(), Stepped::Nowhere);
        assert_eq!(step(Step::Restore(c + 1)).await.unwrap(), Stepped::NoVersion);
        let left = images.get(image.owner, image.id).await.unwrap();
        assert_eq!(left.map(|image| (image.current.number, image.redo)), Some((1, Some(a))));
    }

    pub(in crate::trials::images) async fn where_get_would_find_nothing_the_answer_is_noimage(
        images: Subject<dyn Images>,
    ) {
        let (image, [a, _, c]) = branched(&images).await;
        let (reserved, deleted) = (ImageId::random(), inserted(&images).await);
        images.reserve(reserved, HOUR).await.unwrap();
        assert!(images.delete(deleted.owner, deleted.id, HOUR).await.unwrap());
        for step in [Step::Undo, Step::Redo, Step::Restore(a)] {
            let stranger = images.step(UserId::random(), image.id, step).await.unwrap();
            assert_eq!(stranger, Stepped::NoImage, "{step:?}");
            for id in [reserved, deleted.id, ImageId::random()] {
                assert_eq!(images.step(deleted.owner, id, step).await.unwrap(), Stepped::NoImage);
            }
        }
        assert_eq!(current(&images, &image).await.number, c);
    }

    pub(in crate::trials::images) async fn of_concurrent_steps_each_starts_where_another_ended(
        images: Subject<dyn Images>,
    ) {
        let image = inserted(&images).await;
        let mut parent = 1;
        for _ in 0..6 {
            parent = added(&images, &fixtures::new_version(image.id, parent)).await;
        }
        let steps = at_once((0..8).map(|_| {
            let (images, owner, id) = (images.port(), image.owner, image.id);
            async move { images.step(owner, id, Step::Undo).await.unwrap() }
        }))
        .await;
        let mut reached: Vec<_> = steps
            .into_iter()
            .filter_map(|stepped| match stepped {
                Stepped::Moved(image) => Some(image.current.number),
                _ => None,
            })
            .collect();
        reached.sort_unstable();
        reached.dedup();
        assert_eq!(reached.len(), 6, "each undo went one further: {reached:?}");
        assert_eq!(current(&images, &image).await, image.current);
    }
}

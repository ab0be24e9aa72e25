//! Trials of the repository of images.

mod present;
mod removal;
mod steps;
mod versioning;

use std::time::Duration;

use pixmill::ports::{Images, Page, PageRequest};
use pixmill::{BlobKey, Image, ImageId, JobId, NewVersion, Step, Stepped, UserId, Version};

use self::present::{get, insert, list, renew, reserve, usage};
use self::removal::{delete, due_removals, purge};
use self::steps::step;
use self::versioning::{add_version, drop_version, version, versions};
use super::{HOUR, at_once, trials};
use crate::fixtures;
use crate::subject::Subject;

trials! { "images", dyn Images;
    reserve {
        a_reserved_image_cant_be_seen_by_get_version_versions_or_list,
        unless_insert_follows_within_ttl_the_image_falls_due_for_removal,
    }
    renew {
        a_renewed_reservation_lasts_ttl_from_now,
        what_has_lapsed_is_present_or_deleted_or_was_never_reserved_is_left_as_it_is,
    }
    insert {
        an_inserted_image_is_seen_by_its_owner_with_all_fields_and_no_longer_falls_due,
        without_a_reservation_nothing_changes_and_the_answer_is_false,
    }
    get { another_users_image_a_reserved_or_deleted_one_and_an_unknown_id_all_give_none }
    list {
        pages_follow_each_other_without_a_gap_or_a_repetition_also_while_images_are_added,
        only_the_owners_present_images_are_listed,
        a_page_after_an_image_that_is_gone_continues_at_its_place_and_is_empty_otherwise,
    }
    version { unknown_numbers_and_images_that_are_not_present_give_none }
    versions {
        an_image_that_is_not_present_has_none,
        they_ascend_with_all_fields_as_given,
    }
    usage { present_images_and_all_their_versions_count_and_nothing_of_other_users }
    add_version {
        the_number_is_larger_than_that_of_any_version_the_image_ever_had,
        the_same_job_adds_one_version_however_often_it_calls_and_what_is_current_does_not_change_again,
        what_it_makes_in_a_later_generation_takes_the_place_of_what_a_straggler_has_added_and_not_the_other_way_round,
        of_concurrent_additions_each_gets_a_number_of_its_own_and_the_last_one_is_current,
        afterwards_there_is_nothing_to_redo,
        an_image_that_is_not_present_gets_none,
    }
    drop_version {
        if_it_was_current_its_parent_is_current_afterwards,
        undo_and_redo_pass_over_it,
    }
    step {
        undo_leads_to_the_parent_redo_back_through_what_undo_has_left,
        restoring_leads_to_any_version_after_which_there_is_nothing_to_redo,
        with_nothing_to_undo_or_redo_and_to_an_unknown_version_nothing_changes,
        where_get_would_find_nothing_the_answer_is_noimage,
        of_concurrent_steps_each_starts_where_another_ended,
    }
    delete {
        the_image_its_versions_and_its_place_in_lists_are_gone_when_the_call_returns,
        the_answer_is_false_where_get_would_find_nothing,
    }
    due_removals {
        present_images_never_fall_due,
        an_image_falls_due_until_it_is_purged,
        an_expired_reservation_that_falls_due_cant_be_inserted_any_more,
    }
    purge {
        a_purged_image_no_longer_falls_due_and_cant_be_inserted,
        a_present_image_is_left_alone,
    }
}

/// Inserts a new image of this user, by way of a reservation.
async fn insert_for(images: &Subject<dyn Images>, owner: UserId) -> Image {
    let image = fixtures::image(owner, images.time().now());
    images.reserve(image.id, HOUR).await.unwrap();
    assert!(images.insert(image.clone()).await.unwrap());
    image
}

/// Inserts a new image of a user of its own.
async fn inserted(images: &Subject<dyn Images>) -> Image {
    insert_for(images, UserId::random()).await
}

async fn listed(images: &Subject<dyn Images>, owner: UserId) -> Vec<ImageId> {
    let page = images.list(owner, PageRequest { after: None, limit: 100 }).await.unwrap();
    page.items.iter().map(|image| image.id).collect()
}

async fn due(images: &Subject<dyn Images>) -> Vec<ImageId> {
    let mut due = images.due_removals(100).await.unwrap();
    due.sort();
    due
}

/// Fails if anything but `due_removals` shows the image.
async fn assert_unseen(images: &Subject<dyn Images>, image: &Image) {
    assert_eq!(images.get(image.owner, image.id).await.unwrap(), None);
    assert_eq!(images.version(image.id, Version::FIRST).await.unwrap(), None);
    assert_eq!(images.versions(image.id).await.unwrap(), []);
    assert!(!listed(images, image.owner).await.contains(&image.id));
}

async fn added(images: &Subject<dyn Images>, version: &NewVersion) -> u32 {
    images.add_version(version.clone()).await.unwrap().expect("the image is present")
}

/// Takes a step that leads somewhere. Returns the number of the version it leads to, and that of the redo.
async fn moved(images: &Subject<dyn Images>, image: &Image, step: Step) -> (u32, Option<u32>) {
    let stepped = images.step(image.owner, image.id, step).await.unwrap();
    let Stepped::Moved(moved) = stepped else { panic!("{step:?}: {stepped:?}") };
    assert_eq!(images.get(image.owner, image.id).await.unwrap().as_ref(), Some(&*moved));
    (moved.current.number, moved.redo)
}

async fn current(images: &Subject<dyn Images>, image: &Image) -> Version {
    images.get(image.owner, image.id).await.unwrap().expect("the image is present").current
}

//! Trials of the store of blobs.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use pixmill::ports::{Blob, BlobStore, BlobStoreExt, PortError, PortErrorKind};
use pixmill::{BlobKey, BlobPrefix, ImageId, JobId};

use super::{at_once, trials};
use crate::subject::Subject;

trials! { "blobs", dyn BlobStore;
    put {
        a_stored_blob_is_read_back_with_the_same_bytes_an_empty_one_is_possible,
        an_existing_blob_is_replaced_all_at_once_a_reader_sees_the_old_or_the_new_bytes,
        if_body_ends_with_an_error_that_errors_kind_is_returned_and_nothing_is_stored_nor_left_behind,
    }
    get {
        an_unknown_key_gives_none,
        a_range_gives_exactly_those_bytes_and_the_size_of_the_whole,
        a_range_that_begins_at_or_past_the_end_gives_no_bytes,
    }
    copy {
        the_copy_is_read_back_with_the_same_bytes_also_after_from_is_deleted_or_replaced,
        an_unknown_from_gives_false_and_stores_nothing,
    }
    delete { a_deleted_blob_is_not_found_deleting_an_unknown_one_is_no_error }
    list { stored_keys_under_the_prefix_are_listed_others_are_not }
}

fn key() -> BlobKey {
    BlobKey::original(ImageId::random())
}

/// Bytes in which each place differs from its neighbours, so that a shift or a hole shows.
fn pattern(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

async fn read(blobs: &dyn BlobStore, key: &BlobKey) -> Option<Bytes> {
    blobs.get_bytes(key.clone(), 64 << 20).await.unwrap()
}

async fn keys(blobs: &dyn BlobStore, prefix: BlobPrefix) -> Vec<BlobKey> {
    let mut keys: Vec<_> = blobs.list(prefix).await.unwrap().try_collect().await.unwrap();
    keys.sort();
    keys
}

async fn collect(blob: Blob) -> Bytes {
    let pieces: Vec<_> = blob.body.try_collect().await.unwrap();
    pieces.concat().into()
}

mod put {
    use super::*;

    pub(super) async fn a_stored_blob_is_read_back_with_the_same_bytes_an_empty_one_is_possible(
        blobs: Subject<dyn BlobStore>,
    ) {
        // Some stores take large ones in parts, of 5 to 16 MiB usually.
        for len in [0, 1, 4096, 3_000_001, 16 << 20, 20_000_003] {
            let (key, bytes) = (key(), pattern(len));
            let pieces: Vec<_> =
                bytes.chunks(70_001).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            // Like many streams it may not be asked again after its end.
            let body = stream::unfold(pieces.into_iter(), |mut pieces| async {
                let piece = pieces.next()?;
                Some((piece, pieces))
            });
            let stored = blobs.put(key.clone(), body.boxed()).await.unwrap();
            assert_eq!(stored, len as u64);
            let found = read(&*blobs, &key).await.expect("the blob is there");
            assert!(found == bytes, "the bytes of a blob of {len} bytes differ");
        }
    }

    pub(super) async fn an_existing_blob_is_replaced_all_at_once_a_reader_sees_the_old_or_the_new_bytes(
        blobs: Subject<dyn BlobStore>,
    ) {
        let (key, len) = (key(), 300_000);
        let filled = move |byte: u8| Bytes::from(vec![byte; len + usize::from(byte)]);
        blobs.put_bytes(key.clone(), filled(0)).await.unwrap();
        let opened = blobs.get(key.clone(), None).await.unwrap().expect("the blob is there");
        at_once((1..=4_u8).flat_map(|byte| [(true, byte), (false, byte)]).map(|(writes, byte)| {
            let (blobs, key) = (blobs.port(), key.clone());
            async move {
                for _ in 0..10 {
                    if writes {
                        blobs.put_bytes(key.clone(), filled(byte)).await.unwrap();
                    } else {
                        let seen = read(&*blobs, &key).await.expect("it is there all the time");
                        assert!(seen == filled(seen[0]), "a reader saw a mixture");
                    }
                }
            }
        }))
        .await;
        let size = opened.size;
        let seen = collect(opened).await;
        assert!(
            seen == filled(seen[0]) && seen.len() as u64 == size,
            "an opened blob changed while it was read"
        );
        blobs.put_bytes(key.clone(), filled(9)).await.unwrap();
        assert!(read(&*blobs, &key).await == Some(filled(9)), "the new bytes are not there");
    }

    pub(super) async fn if_body_ends_with_an_error_that_errors_kind_is_returned_and_nothing_is_stored_nor_left_behind(
        blobs: Subject<dyn BlobStore>,
    ) {
        let broken = |kind| {
            let error = PortError::new(kind, "trial", "upload");
            stream::iter([Ok(pattern(100_000)), Ok(pattern(7)), Err(error)]).boxed()
        };
        let (fresh, existing) = (key(), key());
        blobs.put_bytes(existing.clone(), pattern(5)).await.unwrap();
        for kind in [PortErrorKind::Input, PortErrorKind::TimedOut] {
            for key in [&fresh, &existing] {
                let error = blobs.put(key.clone(), broken(kind)).await.unwrap_err();
                assert_eq!(error.kind(), kind);
            }
        }
        assert_eq!(read(&*blobs, &fresh).await, None);
        assert_eq!(read(&*blobs, &existing).await, Some(pattern(5)), "a failed write changed the blob");
        assert_eq!(keys(&*blobs, BlobPrefix::all()).await, [existing]);
    }
}

mod get {
    use super::*;

    pub(super) async fn an_unknown_key_gives_none(blobs: Subject<dyn BlobStore>) {
        blobs.put_bytes(key(), pattern(5)).await.unwrap();
        assert!(blobs.get(key(), None).await.unwrap().is_none());
        assert!(blobs.get(key(), Some(0..1)).await.unwrap().is_none());
    }

    pub(super) async fn a_range_gives_exactly_those_bytes_and_the_size_of_the_whole(
        blobs: Subject<dyn BlobStore>,
    ) {
        let (key, bytes) = (key(), pattern(200_000));
        blobs.put_bytes(key.clone(), bytes.clone()).await.unwrap();
        for range in [0..1, 0..200_000, 1..2, 99_999..150_001, 199_999..200_000, 7..7] {
            let blob = blobs.get(key.clone(), Some(range.clone())).await.unwrap().expect("the blob is there");
            assert_eq!(blob.size, 200_000);
            let expected = bytes.slice(range.start as usize..range.end as usize);
            assert!(collect(blob).await == expected, "the bytes of {range:?} differ");
        }
        // A range that reaches past the end stops at the end.
        for end in [200_001, u64::MAX] {
            let blob = blobs.get(key.clone(), Some(199_990..end)).await.unwrap().expect("the blob is there");
            assert_eq!((blob.size, collect(blob).await), (200_000, bytes.slice(199_990..)));
        }
    }

    pub(super) async fn a_range_that_begins_at_or_past_the_end_gives_no_bytes(blobs: Subject<dyn BlobStore>) {
        let (key, empty) = (key(), key());
        blobs.put_bytes(key.clone(), pattern(10)).await.unwrap();
        blobs.put_bytes(empty.clone(), Bytes::new()).await.unwrap();
        for (key, range, size) in
            [(&key, 10..11, 10), (&key, 11..20, 10), (&key, u64::MAX - 1..u64::MAX, 10), (&empty, 0..1, 0)]
        {
            let blob = blobs.get(key.clone(), Some(range.clone())).await.unwrap().expect("the blob is there");
            assert_eq!((blob.size, collect(blob).await), (size, Bytes::new()), "{range:?} of {size}");
        }
    }
}

mod copy {
    use super::*;

    pub(super) async fn the_copy_is_read_back_with_the_same_bytes_also_after_from_is_deleted_or_replaced(
        blobs: Subject<dyn BlobStore>,
    ) {
        let (from, first, second) = (key(), key(), key());
        blobs.put_bytes(from.clone(), pattern(100_000)).await.unwrap();
        blobs.put_bytes(second.clone(), pattern(3)).await.unwrap();
        assert!(blobs.copy(from.clone(), first.clone()).await.unwrap());
        assert!(blobs.copy(from.clone(), second.clone()).await.unwrap());
        assert!(read(&*blobs, &first).await == Some(pattern(100_000)));
        blobs.put_bytes(from.clone(), pattern(8)).await.unwrap();
        assert!(
            read(&*blobs, &first).await == Some(pattern(100_000)),
            "replacing the source changed the copy"
        );
        blobs.delete(from.clone()).await.unwrap();
        assert!(
            read(&*blobs, &second).await == Some(pattern(100_000)),
            "deleting the source changed the copy"
        );
        assert_eq!(read(&*blobs, &from).await, None);
    }

    pub(super) async fn an_unknown_from_gives_false_and_stores_nothing(blobs: Subject<dyn BlobStore>) {
        let existing = key();
        blobs.put_bytes(existing.clone(), pattern(5)).await.unwrap();
        assert!(!blobs.copy(key(), key()).await.unwrap());
        assert!(!blobs.copy(key(), existing.clone()).await.unwrap());
        assert_eq!(read(&*blobs, &existing).await, Some(pattern(5)));
        assert_eq!(keys(&*blobs, BlobPrefix::all()).await, [existing]);
    }
}

mod delete {
    use super::*;

    pub(super) async fn a_deleted_blob_is_not_found_deleting_an_unknown_one_is_no_error(
        blobs: Subject<dyn BlobStore>,
    ) {
        let (gone, stays) = (key(), key());
        blobs.put_bytes(gone.clone(), pattern(5)).await.unwrap();
        blobs.put_bytes(stays.clone(), pattern(6)).await.unwrap();
        blobs.delete(gone.clone()).await.unwrap();
        blobs.delete(gone.clone()).await.unwrap();
        blobs.delete(key()).await.unwrap();
        assert_eq!(read(&*blobs, &gone).await, None);
        assert_eq!(read(&*blobs, &stays).await, Some(pattern(6)));
    }
}

mod list {
    use super::*;

    pub(super) async fn stored_keys_under_the_prefix_are_listed_others_are_not(
        blobs: Subject<dyn BlobStore>,
    ) {
        let (image, other) = (ImageId::random(), ImageId::random());
        let mut under = vec![BlobKey::original(image)];
        under.extend((0..30).map(|_| BlobKey::version(image, JobId::random())));
        under.sort();
        let elsewhere = [BlobKey::preview(image, JobId::random()), BlobKey::original(other)];
        for key in under.iter().chain(&elsewhere) {
            blobs.put_bytes(key.clone(), pattern(1)).await.unwrap();
        }
        let [images, previews] = BlobPrefix::of_image(image);
        assert_eq!(keys(&*blobs, images).await, under);
        assert_eq!(keys(&*blobs, previews).await, elsewhere[..1]);
        assert_eq!(keys(&*blobs, BlobPrefix::all()).await.len(), under.len() + elsewhere.len());
        let [_, none] = BlobPrefix::of_image(other);
        assert_eq!(keys(&*blobs, none).await, []);
    }
}

//! What becomes of files that are sent, and that nothing of a refused one stays.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use pixmill::ports::{BlobStoreExt, PageRequest, PortErrorKind};
use pixmill::{CancelToken, ContentHash, EngineError, Format, Limits, Settings, UploadError, UserId, engine};
use pixmill_testkit::{Calls, Fault, fixtures};

use crate::kit::{Kit, pieces};

async fn refused(kit: &Kit, file: &[u8]) -> UploadError {
    let owner = UserId::random();
    let error = kit.services.uploads.upload(owner, pieces(&Bytes::copy_from_slice(file))).await.unwrap_err();
    assert_eq!(kit.blobs().await, [], "a blob of a refused file stayed");
    let page = PageRequest { after: None, limit: 10 };
    assert_eq!(kit.services.library.list(owner, page).await.unwrap().items, []);
    error
}

#[tokio::test]
async fn an_uploaded_file_is_stored_as_it_came() {
    let kit = Kit::new();
    for format in Format::ALL {
        let file = fixtures::file(format, 40, 30);
        let image = kit.services.uploads.upload(UserId::random(), pieces(&file)).await.unwrap();
        let content = image.current.content;
        assert_eq!((content.format, content.width, content.height), (format, 40, 30));
        assert_eq!((content.bytes, content.hash), (file.len() as u64, ContentHash::of(&file)));
        assert_eq!(kit.memory.blobs.get_bytes(content.blob, 1 << 20).await.unwrap(), Some(file));
    }
}

#[tokio::test]
async fn an_uploaded_file_is_described() {
    let kit = Kit::new();
    let file = fixtures::png(40, 30);
    let image = kit.services.uploads.upload(UserId::random(), pieces(&file)).await.unwrap();
    let expected = engine::describe(&file, &Limits::default(), &CancelToken::new()).unwrap();
    assert_eq!(image.current.description, Some(expected));
    assert_eq!(kit.services.library.get(image.owner, image.id).await.unwrap(), Some(image));
}

#[tokio::test]
async fn what_cannot_be_described_is_stored_all_the_same() {
    let kit = Kit::new();
    let damaged = fixtures::png(40, 30).slice(..100);
    let image = kit.services.uploads.upload(UserId::random(), pieces(&damaged)).await.unwrap();
    assert_eq!(image.current.description, None);
    for operation in ["processor.describe", "blobs.get"] {
        kit.faults.inject(operation, Calls::All, Fault::Before(PortErrorKind::Unavailable));
        assert_eq!(kit.image(UserId::random()).await.current.description, None, "{operation}");
        kit.faults.clear();
    }
}

#[tokio::test]
async fn an_upload_does_not_wait_long_for_its_description() {
    let kit = Kit::new();
    kit.faults.inject("processor.describe", Calls::All, Fault::Delay(Duration::from_hours(1)));
    let mut upload = std::pin::pin!(kit.image(UserId::random()));
    let image = loop {
        tokio::select! {
            biased;
            image = &mut upload => break image,
            // The delay, and the patience that ends first.
            () = kit.clock.until_sleeping(2) => kit.advance(Duration::from_secs(5)),
        }
    };
    assert_eq!(image.current.description, None);
}

#[tokio::test]
async fn what_is_no_image_is_refused() {
    let kit = Kit::new();
    for file in [&b""[..], b"hello, this is a text", b"<html><body>", b"\x89PNG"] {
        let error = refused(&kit, file).await;
        assert!(matches!(error, UploadError::Image(EngineError::Unsupported { .. })), "{file:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_when_the_limit_is_passed() {
    let kit = Kit::with(Settings { max_upload_bytes: 100, ..Settings::default() });
    let error = refused(&kit, &fixtures::png(200, 200)).await;
    assert!(matches!(error, UploadError::TooLarge { limit: 100 }), "{error:?}");
}

#[tokio::test]
async fn an_image_over_the_pixel_limit_is_refused() {
    let mut settings = Settings::default();
    settings.limits.max_pixels = 40 * 30 - 1;
    let error = refused(&Kit::with(settings), &fixtures::png(40, 30)).await;
    assert!(matches!(error, UploadError::Image(EngineError::LimitExceeded { .. })), "{error:?}");
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let kit = Kit::new();
    let file = fixtures::png(40, 30);
    let broken = stream::iter([Ok(file.slice(..40)), Err(io::ErrorKind::ConnectionReset.into())]).boxed();
    let error = kit.services.uploads.upload(UserId::random(), broken).await.unwrap_err();
    assert!(matches!(error, UploadError::Interrupted(_)), "{error:?}");
    assert_eq!(kit.blobs().await, []);
}

#[tokio::test]
async fn a_blob_that_may_be_there_without_an_image_is_swept() {
    for (operation, fault) in [("images.insert", Fault::Before as fn(_) -> _), ("blobs.put", Fault::After)] {
        let kit = Kit::new();
        kit.faults.inject(operation, Calls::First(1), fault(PortErrorKind::Unavailable));
        let error =
            kit.services.uploads.upload(UserId::random(), pieces(&fixtures::png(9, 9))).await.unwrap_err();
        assert!(matches!(error, UploadError::Port(_)), "{error:?}");
        assert_eq!(kit.blobs().await.len(), 1, "{operation}");

        kit.advance(kit.settings.upload_ttl);
        assert_eq!(kit.services.sweeper.sweep().await.unwrap().images, 1);
        assert_eq!(kit.blobs().await, [], "{operation}");
    }
}

#[tokio::test]
async fn a_slow_upload_keeps_its_place_as_long_as_it_may() {
    let kit = Kit::new();
    let (clock, sweeper) = (kit.clock.clone(), kit.services.sweeper.clone());
    let file = fixtures::png(40, 30);
    // 40 pieces, one every 50 seconds.
    let pieces: Vec<_> = file.chunks(file.len() / 40 + 1).map(Bytes::copy_from_slice).collect();
    let slow = stream::iter(pieces).then(move |piece| {
        let (clock, sweeper) = (clock.clone(), sweeper.clone());
        async move {
            clock.advance(Duration::from_secs(50));
            // Whoever renews it has its turn.
            tokio::task::yield_now().await;
            assert_eq!(sweeper.sweep().await.unwrap().images, 0);
            Ok(piece)
        }
    });
    let image = kit.services.uploads.upload(UserId::random(), slow.boxed()).await;
    assert_eq!(image.unwrap().current.content.width, 40);
}

#[tokio::test]
async fn an_upload_slower_than_its_reservation_is_refused() {
    let kit = Kit::new();
    let file = fixtures::png(40, 30);
    let clock = kit.clock.clone();
    let ttl = kit.settings.upload_ttl;
    let sweeper = kit.services.sweeper.clone();
    let slow = stream::iter([file.slice(..40), file.slice(40..)])
        .enumerate()
        .then(move |(n, piece)| {
            let (clock, sweeper) = (clock.clone(), sweeper.clone());
            async move {
                if n == 1 {
                    clock.advance(ttl);
                    sweeper.sweep().await.unwrap();
                }
                Ok(piece)
            }
        })
        .boxed();
    let error = kit.services.uploads.upload(UserId::random(), slow).await.unwrap_err();
    assert!(matches!(error, UploadError::Interrupted(_)), "{error:?}");
    assert_eq!(kit.blobs().await, []);
}

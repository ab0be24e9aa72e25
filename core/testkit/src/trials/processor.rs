//! Trials of the processor. What the pixels must look like is the engine's own matter.

use std::time::Duration;

use bytes::Bytes;
use pixmill::engine::{self, Error};
use pixmill::ports::{BatchWork, ProcessError, Processed, Processor, ToDescribe, Work};
use pixmill::{CancelToken, Description, Format, Limits, Transformation};

use super::{at_once, trials};
use crate::fixtures;
use crate::subject::Subject;

trials! { "processor", dyn Processor;
    process {
        the_bytes_are_those_that_transform_gives,
        an_error_of_the_engine_comes_back_as_it_is,
        work_that_passes_its_time_limit_ends_with_timedout,
        work_is_done_for_many_callers_at_once_and_each_gets_its_own_result,
    }
    process_batch {
        the_results_are_those_that_transform_some_gives_in_the_order_of_what_is_wanted,
        an_error_of_the_whole_comes_back_as_it_is,
        what_passes_its_time_limit_ends_with_timedout,
    }
    describe {
        the_description_is_the_one_that_describe_gives,
        an_error_of_the_engine_comes_back_as_it_is,
        what_passes_its_time_limit_ends_with_timedout,
    }
}

fn work(transformation: Transformation) -> Work {
    Work {
        source: fixtures::png(160, 120),
        overlay: None,
        transformation,
        limits: Limits::default(),
        time_limit: Duration::from_mins(1),
    }
}

fn by_the_engine(work: &Work) -> Result<engine::Output, Error> {
    engine::transform(
        &work.source,
        work.overlay.as_deref(),
        &work.transformation,
        &work.limits,
        &CancelToken::new(),
    )
}

fn assert_same(processed: &Processed, expected: &engine::Output) {
    assert_eq!(
        (processed.format, processed.width, processed.height),
        (expected.format, expected.width, expected.height)
    );
    assert!(processed.bytes == expected.bytes, "the bytes differ from the engine's");
}

mod process {
    use super::*;

    pub(super) async fn the_bytes_are_those_that_transform_gives(processor: Subject<dyn Processor>) {
        for format in [Format::Png, Format::Jpeg, Format::Webp] {
            let transformation = Transformation {
                width: Some(50),
                flop: true,
                format: Some(format),
                ..Transformation::default()
            };
            let work = work(transformation);
            let expected = by_the_engine(&work).expect("the engine can do this");
            let processed = processor.process(work).await.unwrap();
            assert_same(&processed, &expected);
            assert!(!processed.alpha, "the source is opaque");
        }
    }

    pub(super) async fn an_error_of_the_engine_comes_back_as_it_is(processor: Subject<dyn Processor>) {
        let good = work(Transformation { width: Some(50), ..Transformation::default() });
        let crop = engine::Crop { left: 1000, top: 0, width: 10, height: 10 };
        let broken = [
            Work { source: "<svg/>".into(), ..good.clone() },
            Work { source: good.source.slice(..good.source.len() / 2), ..good.clone() },
            Work { limits: Limits { max_side: 100, ..Limits::default() }, ..good.clone() },
            Work {
                transformation: Transformation { crop: Some(crop), ..Transformation::default() },
                ..good.clone()
            },
        ];
        for work in broken {
            let expected = by_the_engine(&work).expect_err("the input is broken");
            match processor.process(work).await {
                Err(ProcessError::Engine(error)) => assert_eq!(error, expected),
                other => panic!("expected the engine's error {expected:?}, got {other:?}"),
            }
        }
        processor.process(good).await.expect("bad input does not hurt what comes after it");
    }

    pub(super) async fn work_that_passes_its_time_limit_ends_with_timedout(
        processor: Subject<dyn Processor>,
    ) {
        let slow = Work {
            source: fixtures::png(3000, 2000),
            time_limit: Duration::from_millis(1),
            ..work(Transformation { blur: Some(50.0), rotation: Some(30.0), ..Transformation::default() })
        };
        match processor.process(slow).await {
            Err(ProcessError::Engine(Error::TimedOut)) => {}
            other => panic!("expected a time-out, got {:?}", other.map(|done| (done.width, done.height))),
        }
        let good = work(Transformation { width: Some(50), ..Transformation::default() });
        processor.process(good).await.expect("slow input does not hurt what comes after it");
    }

    pub(super) async fn work_is_done_for_many_callers_at_once_and_each_gets_its_own_result(
        processor: Subject<dyn Processor>,
    ) {
        let results = at_once((1..=12).map(|i| {
            let (processor, width) = (processor.port(), 10 * i);
            async move {
                let work = work(Transformation { width: Some(width), ..Transformation::default() });
                (processor.process(work.clone()).await.unwrap(), work)
            }
        }))
        .await;
        for (processed, work) in results {
            assert_eq!(Some(processed.width), work.transformation.width);
            assert_same(&processed, &by_the_engine(&work).expect("the engine can do this"));
        }
    }
}

mod process_batch {
    use super::*;

    /// Sizes that follow from each other, one that is wrong, and another format.
    fn batch(source: Bytes) -> BatchWork {
        let crop = engine::Crop { left: 1000, top: 0, width: 10, height: 10 };
        let width = |width| Transformation { width: Some(width), ..Transformation::default() };
        let transformations = vec![
            width(80),
            width(40),
            Transformation { crop: Some(crop), ..Transformation::default() },
            Transformation { format: Some(Format::Webp), flop: true, ..width(20) },
        ];
        let (limits, time_limit) = (Limits::default(), Duration::from_mins(1));
        BatchWork { source, overlay: None, transformations, wanted: vec![3, 0, 2, 1], limits, time_limit }
    }

    fn by_the_engine(work: &BatchWork) -> Result<Vec<Result<engine::Output, Error>>, Error> {
        let BatchWork { source, overlay, transformations, wanted, limits, time_limit: _ } = work;
        let (overlay, cancel) = (overlay.as_deref(), CancelToken::new());
        engine::transform_some(source, overlay, transformations, wanted, limits, &cancel)
    }

    pub(super) async fn the_results_are_those_that_transform_some_gives_in_the_order_of_what_is_wanted(
        processor: Subject<dyn Processor>,
    ) {
        for format in [Format::Png, Format::Jpeg] {
            let all = batch(fixtures::file(format, 160, 120));
            for wanted in [vec![3, 0, 2, 1], vec![1], Vec::new()] {
                let work = BatchWork { wanted, ..all.clone() };
                let expected = by_the_engine(&work).expect("the engine can do this");
                let processed = processor.process_batch(work).await.unwrap();
                assert_eq!(processed.len(), expected.len());
                for (processed, expected) in processed.iter().zip(&expected) {
                    match (processed, expected) {
                        (Ok(processed), Ok(expected)) => assert_same(processed, expected),
                        (processed, expected) => {
                            assert_eq!(processed.as_ref().err(), expected.as_ref().err());
                        }
                    }
                }
            }
        }
    }

    pub(super) async fn an_error_of_the_whole_comes_back_as_it_is(processor: Subject<dyn Processor>) {
        let good = batch(fixtures::png(160, 120));
        let broken = [
            BatchWork { source: "<svg/>".into(), ..good.clone() },
            BatchWork { limits: Limits { max_side: 100, ..Limits::default() }, ..good.clone() },
        ];
        for work in broken {
            let expected = by_the_engine(&work).expect_err("the input is broken");
            match processor.process_batch(work).await {
                Err(ProcessError::Engine(error)) => assert_eq!(error, expected),
                other => panic!("expected the engine's error {expected:?}, got {other:?}"),
            }
        }
        processor.process_batch(good).await.expect("bad input does not hurt what comes after it");
    }

    pub(super) async fn what_passes_its_time_limit_ends_with_timedout(processor: Subject<dyn Processor>) {
        let slow = BatchWork { time_limit: Duration::ZERO, ..batch(fixtures::png(3000, 2000)) };
        match processor.process_batch(slow).await {
            Err(ProcessError::Engine(Error::TimedOut)) => {}
            other => panic!("expected a time-out, got {:?}", other.map(|done| done.len())),
        }
        let good = batch(fixtures::png(160, 120));
        processor.process_batch(good).await.expect("slow input does not hurt what comes after it");
    }
}

mod describe {
    use super::*;

    fn file(source: Bytes) -> ToDescribe {
        ToDescribe { source, limits: Limits::default(), time_limit: Duration::from_mins(1) }
    }

    fn by_the_engine(file: &ToDescribe) -> Result<Description, Error> {
        engine::describe(&file.source, &file.limits, &CancelToken::new())
    }

    pub(super) async fn the_description_is_the_one_that_describe_gives(processor: Subject<dyn Processor>) {
        for format in [Format::Png, Format::Jpeg, Format::Webp] {
            let file = file(fixtures::file(format, 160, 120));
            let expected = by_the_engine(&file).expect("the engine can do this");
            assert_eq!(processor.describe(file).await.unwrap(), expected);
        }
    }

    pub(super) async fn an_error_of_the_engine_comes_back_as_it_is(processor: Subject<dyn Processor>) {
        let good = file(fixtures::png(160, 120));
        let broken = [
            file("<svg/>".into()),
            file(good.source.slice(..good.source.len() / 2)),
            ToDescribe { limits: Limits { max_side: 100, ..Limits::default() }, ..good.clone() },
        ];
        for file in broken {
            let expected = by_the_engine(&file).expect_err("the input is broken");
            match processor.describe(file).await {
                Err(ProcessError::Engine(error)) => assert_eq!(error, expected),
                other => panic!("expected the engine's error {expected:?}, got {other:?}"),
            }
        }
        processor.describe(good).await.expect("bad input does not hurt what comes after it");
    }

    pub(super) async fn what_passes_its_time_limit_ends_with_timedout(processor: Subject<dyn Processor>) {
        let slow = ToDescribe { time_limit: Duration::ZERO, ..file(fixtures::png(3000, 2000)) };
        match processor.describe(slow).await {
            Err(ProcessError::Engine(Error::TimedOut)) => {}
            other => panic!("expected a time-out, got {other:?}"),
        }
        let good = file(fixtures::png(160, 120));
        processor.describe(good).await.expect("slow input does not hurt what comes after it");
    }
}

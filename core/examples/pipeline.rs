//! The whole pipeline in one process with nothing stored on disk: a user, an upload, a job, its result. Run it
//! with `cargo run --release -p pixmill --example pipeline -- photo.jpg result.webp`.

use std::error::Error;
use std::sync::Arc;
use std::{env, fs};

use futures::stream::{self, StreamExt};
use pixmill::ports::{BlobStoreExt, Clock};
use pixmill::{
    Format, LinkSigner, Password, Ports, Services, Settings, Submission, Transformation, TransformedImage,
    Username,
};
use pixmill_memory::Memory;
use pixmill_runtime::{Argon2Config, Argon2Passwords, InProcess, MemoryBudget, SystemClock};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, photo, result] = <[String; 3]>::try_from(env::args().collect::<Vec<_>>())
        .map_err(|_| "usage: pipeline PHOTO RESULT.webp")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let memory = Memory::new(clock.clone());
    let ports = Ports {
        users: memory.users,
        api_keys: memory.api_keys,
        images: memory.images,
        jobs: memory.jobs,
        queue: memory.queue,
        blobs: memory.blobs.clone(),
        cache: memory.cache,
        events: memory.events,
        limiter: memory.limiter,
        once_keys: memory.once_keys,
        passwords: Arc::new(Argon2Passwords::start(&Argon2Config::default())?),
        processor: Arc::new(InProcess::start(2.try_into()?, MemoryBudget::new(1 << 30))?),
        clock,
    };
    let services =
        Services::new(ports, Settings::default(), LinkSigner::new(b"an example needs no real secret"));

    let password = Password::parse("correct horse battery staple")?;
    let user = services.accounts.register(Username::parse("anna")?, password).await?;
    let file = fs::read(photo)?.into();
    let image = services.uploads.upload(user, stream::once(async { Ok(file) }).boxed()).await?;
    let transformation =
        Transformation { width: Some(800), format: Some(Format::Webp), ..Transformation::default() };
    let submission = Submission { image: image.id, version: None, transformation, save: false };
    let job = services.submissions.submit(user, submission).await?;

    let worker = services.worker.clone();
    tokio::spawn(async move { worker.run(std::future::pending()).await });
    // The stream ends when the job does.
    services.live.job(user, job).await?.ok_or("the job is gone")?.for_each(|_| async {}).await;
    match services.results.transformed(user, job).await? {
        Some(TransformedImage::Ready(content)) => {
            let bytes =
                memory.blobs.get_bytes(content.blob, content.bytes).await?.ok_or("the result is gone")?;
            fs::write(result, bytes)?;
            Ok(())
        }
        other => Err(format!("no result: {other:?}").into()),
    }
}

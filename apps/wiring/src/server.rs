//! Running the server: the HTTP side, the worker and the sweeper, from the first signal to the last.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pixmill::ports::Quota;
use pixmill_api::{ApiConfig, ServeLimits};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::embedded::{self, Embedded};
use crate::error::StartError;
use crate::shutdown::{Shutdown, signalled};
use crate::telemetry;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// If the server can't be started, with what would help; or if it stops by itself.
pub fn serve(config: Config) -> Result<(), StartError> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    config.check(is_set).map_err(StartError::Setting)?;
    telemetry::start(config.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| StartError::System { what: "threads", source })?;
    runtime.block_on(run(config))
}

async fn run(config: Config) -> Result<(), StartError> {
    let asked = SocketAddr::new(config.host, config.port);
    let cannot_listen = |source| StartError::Listen { address: asked, source };
    let listener = TcpListener::bind(asked).await.map_err(cannot_listen)?;
    let address = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
    let Embedded { services, ports, secret, children, store } =
        embedded::open(&config, address.clone()).await?;

    let ready = Arc::new(AtomicBool::new(true));
    let api = ApiConfig {
        jwt_secret: secret,
        jwt_ttl: Duration::from_secs(config.jwt_ttl_secs),
        rate_limit: quota(&config),
        max_upload_bytes: config.max_upload_bytes,
        trusted_proxies: config.trusted_proxies.clone(),
        cors_allowed_origins: config.cors_allowed_origins.clone(),
        ready: ready.clone(),
    };
    let app = pixmill_api::app(services.clone(), ports.limiter, ports.clock, api);

    let grace = Duration::from_secs(config.shutdown_grace_secs);
    let shutdown = Shutdown::new();
    let mut tasks = JoinSet::new();
    let (stop, limits) = (shutdown.clone(), ServeLimits { grace, ..ServeLimits::default() });
    tasks.spawn(async move { pixmill_api::serve(listener, app, stop.begun(), limits).await });
    let (stop, worker) = (shutdown.clone(), services.worker);
    tasks.spawn(async move {
        worker.run(stop.begun()).await;
        Ok(())
    });
    let (stop, sweeper) = (shutdown.clone(), services.sweeper);
    tasks.spawn(async move {
        sweeper.run(stop.begun()).await;
        Ok(())
    });
    greet(&address, &config).map_err(StartError::Output)?;

    let ended = tokio::select! {
        signal = signalled() => {
            let signal = signal.map_err(|source| StartError::System { what: "signals", source })?;
            tracing::info!(signal, grace_secs = grace.as_secs(), "stopping");
            Ok(())
        }
        // None of them ends before it is told to, unless something is badly wrong.
        Some(ended) = tasks.join_next() => ended.map_err(io::Error::from).flatten().map_err(StartError::Server),
    };
    ready.store(false, Ordering::Release);
    shutdown.begin();
    wind_up(tasks, grace).await;
    if let Some(children) = children {
        children.shutdown().await;
    }
    drop(store);
    tracing::info!("stopped");
    ended
}

/// Waits for the tasks, but not for longer than `grace`, nor after a second signal. Work that is cut off goes on
/// at the next start.
async fn wind_up(mut tasks: JoinSet<io::Result<()>>, grace: Duration) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended.map_err(io::Error::from).flatten() {
                tracing::error!(%error, "a part of the server failed while stopping");
            }
        }
    };
    tokio::select! {
        () = all => {}
        () = tokio::time::sleep(grace) => tracing::warn!("grace is over; unfinished jobs go on at the next start"),
        _ = signalled() => tracing::warn!("stopping at once; unfinished jobs go on at the next start"),
    }
}

fn quota(config: &Config) -> Option<Quota> {
    let window = Duration::from_secs(config.rate_limit_window_secs);
    (config.rate_limit_requests > 0).then_some(Quota { requests: config.rate_limit_requests, window })
}

/// Tells the person at the terminal, and programs that wait for the port, that the server is there.
fn greet(address: &str, config: &Config) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Pixmill is listening on {address}")?;
    writeln!(out, "  API documentation: {address}/docs")?;
    writeln!(out, "  data folder:       {}", config.data_dir.display())?;
    if let Some(bucket) = config.systems.bucket() {
        writeln!(out, "  files of images:   {bucket}")?;
    }
    out.flush()
}

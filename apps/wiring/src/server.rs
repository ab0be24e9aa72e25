//! Running the server: the HTTP side, the worker and the sweeper.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use pixmill::ports::Quota;
use pixmill::{LinkSigner, Secret, Services};
use pixmill_api::{ApiConfig, Readiness, ServeLimits};
use tokio::net::TcpListener;

use crate::assembly::{self, Assembly};
use crate::config::server::ServerConfig;
use crate::error::StartError;
use crate::lifetime::Lifetime;
use crate::{runtime, secret, telemetry};

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// If the server can't be started, with what would help; or if it stops by itself.
pub fn serve(config: ServerConfig) -> Result<(), StartError> {
    config.check().map_err(StartError::Setting)?;
    telemetry::start(config.worker.log_format);
    runtime()?.block_on(run(config))
}

async fn run(config: ServerConfig) -> Result<(), StartError> {
    let asked = SocketAddr::new(config.host, config.port);
    let cannot_listen = |source| StartError::Listen { address: asked, source };
    let listener = TcpListener::bind(asked).await.map_err(cannot_listen)?;
    let address = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
    let Assembly { ports, probes, children } = assembly::of_server(&config).await?;
    // Only now is the data folder there, and nobody else's.
    let secret = signing_key(&config)?;
    let signer = LinkSigner::new(secret.expose().as_bytes());
    let services = Services::new(ports.clone(), config.settings(address.clone()), signer);

    let readiness = Readiness::default();
    let api = ApiConfig {
        jwt_ttl: Duration::from_secs(config.jwt_ttl_secs),
        rate_limit: quota(&config),
        max_upload_bytes: config.worker.max_upload_bytes,
        max_uploads: config.max_uploads.into(),
        trusted_proxies: config.trusted_proxies.clone(),
        cors_allowed_origins: config.cors_allowed_origins.clone(),
        readiness: readiness.clone(),
        ..ApiConfig::new(secret)
    };
    let app = pixmill_api::app(services.clone(), ports.limiter, ports.clock, api);

    let grace = config.worker.grace();
    let mut lifetime = Lifetime::new();
    let limits =
        ServeLimits { grace, max_connections: config.max_connections as usize, ..ServeLimits::default() };
    lifetime.run(|stop| async move { pixmill_api::serve(listener, app, stop.begun(), limits).await });
    if !config.no_worker {
        lifetime.run_worker(services.worker);
    }
    lifetime.run_sweeper(services.sweeper);
    let told = readiness.clone();
    lifetime.run_probes(probes, move |missing| told.wait_for(missing));
    greet(&address, &config).map_err(StartError::Output)?;

    let ended = lifetime.until_signalled(grace, || readiness.stop()).await;
    if let Some(children) = children {
        children.shutdown().await;
    }
    tracing::info!("stopped");
    ended
}

/// The key that tokens and links are signed with. Only the owner of a data folder may make one.
fn signing_key(config: &ServerConfig) -> Result<Secret, StartError> {
    match config.jwt_secret().map_err(StartError::Setting)? {
        Some(secret) => Ok(secret),
        None => secret::load_or_make(&config.data_dir.join(secret::FILE)).map_err(StartError::Secret),
    }
}

fn quota(config: &ServerConfig) -> Option<Quota> {
    let window = Duration::from_secs(config.rate_limit_window_secs);
    (config.rate_limit_requests > 0).then_some(Quota { requests: config.rate_limit_requests, window })
}

/// Tells the person at the terminal, and programs that wait for the port, that the server is there.
fn greet(address: &str, config: &ServerConfig) -> io::Result<()> {
    let systems = &config.worker.systems;
    let mut out = io::stdout().lock();
    writeln!(out, "Pixmill is listening on {address}")?;
    writeln!(out, "  API documentation: {address}/docs")?;
    if !systems.are_shared() || systems.bucket_place().is_none() {
        writeln!(out, "  data folder:       {}", config.data_dir.display())?;
    }
    for (what, place) in systems.places() {
        writeln!(out, "  {what:<18} {place}")?;
    }
    if config.no_worker {
        writeln!(out, "  jobs are left to workers elsewhere: start them with pixmill-worker")?;
    }
    out.flush()
}

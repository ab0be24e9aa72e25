//! The trials of every port that Redis serves, each under keys of its own, against a real server.

use std::sync::Arc;
use std::time::Duration;

use pixmill::JobId;
use pixmill::ports::{Cache, Events, Limiter};
use pixmill_redis::{Redis, RedisConfig};
use pixmill_testkit::{Subject, Unavailable, conformance};

/// What a server's clock and its answers tell apart with certainty.
const UNIT: Duration = Duration::from_millis(200);

async fn subject<P: ?Sized>(port: impl FnOnce(&Redis) -> Arc<P>) -> Result<Subject<P>, Unavailable> {
    let url = std::env::var("PIXMILL_TEST_REDIS_URL")
        .map_err(|_| Unavailable::new("no Redis at PIXMILL_TEST_REDIS_URL; run `cargo xtask services up`"))?;
    let config =
        RedisConfig { prefix: format!("pixmill-test:{}:", JobId::random()), ..RedisConfig::new(url) };
    let redis = Redis::open(config).map_err(Unavailable::new)?;
    redis.ping().await.map_err(Unavailable::new)?;
    Ok(Subject::new(port(&redis)).real_time(UNIT))
}

fn main() {
    conformance("redis")
        .cache(|_| subject(|redis| redis.cache() as Arc<dyn Cache>))
        .events(|_| subject(|redis| redis.events() as Arc<dyn Events>))
        .limiter(|_| subject(|redis| redis.limiter() as Arc<dyn Limiter>))
        .run()
}

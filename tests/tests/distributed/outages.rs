//! A system that goes away under load and comes back: nothing accepted is lost, nothing needs a restart, and meanwhile the
//! answers are right, or 503 with the advice to come back.

use std::sync::Arc;
use std::time::Duration;

use pixmill_e2e::{Answer, Client, Proxy, Server, behind_a_proxy, eventually, systems};
use serde_json::json;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a system is away.
const AWAY: Duration = Duration::from_secs(20);
/// How long an answer may take at the most. The promise is five seconds; a busy machine gets three times that, which is
/// less than the system is away: what waits for it is found out.
const HANG: Duration = Duration::from_secs(15);
/// How many jobs are accepted before the system goes away, and again after it is back.
const LOAD: usize = 6;
/// Clients that submit at once, and how long each waits between two jobs.
const CLIENTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// What is done to the way to the system.
type Outage = fn(&Proxy);

/// The jobs accepted so far.
type Accepted = Arc<watch::Sender<Vec<String>>>;

/// One kind of outage at a time: the systems are shared, and a slow machine has enough to do with one.
static TURN: Mutex<()> = Mutex::const_new(());

/// Each system with the variable by which it is found.
const SYSTEMS: [&str; 4] = ["MONGO_URI", "RABBITMQ_URL", "REDIS_URL", "AWS_ENDPOINT_URL"];

#[tokio::test]
async fn each_system_may_go_and_come_back() {
    each(Proxy::cut).await;
}

#[tokio::test]
async fn each_system_may_hang() {
    each(Proxy::silence).await;
}

/// All at once, because most of the time is spent waiting; each system has servers and workers of its own.
async fn each(begin: Outage) {
    let _turn = TURN.lock().await;
    let mut outages = JoinSet::new();
    for variable in SYSTEMS {
        outages.spawn(outage(variable, begin));
    }
    while let Some(ended) = outages.join_next().await {
        ended.unwrap();
    }
}

async fn outage(variable: &'static str, begin: Outage) {
    let mut systems = systems();
    let proxy = behind_a_proxy(&mut systems, variable).await;
    let free = [("RATE_LIMIT_REQUESTS", "0"), ("LEASE_SECS", "5"), ("SWEEP_INTERVAL_SECS", "2")];
    let server = Server::start_distributed_over(&systems, &free).await;
    let client = server.user("anna").await;
    let image = client.upload_png(200, 150).await.id;

    let accepted = Accepted::default();
    let (over, seen) = watch::channel(false);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(submit(client.clone(), image.clone(), number, Arc::clone(&accepted), seen.clone()));
    }
    clients.spawn(read(client.clone(), image, seen));
    more(&accepted, "jobs are accepted before the outage").await;
    begin(&proxy);
    sleep(AWAY).await;
    proxy.restore();
    eventually("both servers are ready", async || {
        let ready = [client.get("/health/ready").await.status, client.get("/health/ready").await.status];
        (ready == [200, 200]).then_some(())
    })
    .await;
    more(&accepted, "jobs are accepted after the outage").await;
    over.send_replace(true);

    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let accepted = accepted.borrow().clone();
    for job in accepted {
        client.completed(&job).await;
    }
}

/// Waits until more jobs have been accepted than until now.
async fn more(accepted: &Accepted, what: &str) {
    let enough = accepted.borrow().len() + LOAD;
    eventually(what, async || (accepted.borrow().len() >= enough).then_some(())).await;
}

/// Submits one job after the other.
async fn submit(client: Client, image: String, number: u32, accepted: Accepted, over: watch::Receiver<bool>) {
    for width in (1..).map(|step| number * 1000 + step) {
        if *over.borrow() {
            break;
        }
        let body = json!({ "width": 1 + width, "withoutEnlargement": true, "saveImage": width % 2 == 0 });
        let answer = in_time(client.post(&format!("/images/transform/{image}"), &body)).await;
        if usable(&answer, 202) {
            let job = answer.json()["jobId"].as_str().expect("an id").to_owned();
            accepted.send_modify(|jobs| jobs.push(job));
        }
        sleep(PAUSE).await;
    }
}

/// Looks at what is there, again and again.
async fn read(client: Client, image: String, over: watch::Receiver<bool>) {
    while !*over.borrow() {
        usable(&in_time(client.get(&format!("/images/{image}"))).await, 200);
        usable(&in_time(client.get(&format!("/images/{image}/content"))).await, 200);
        usable(&in_time(client.get("/jobs")).await, 200);
        sleep(PAUSE).await;
    }
}

async fn in_time(answer: impl Future<Output = Answer>) -> Answer {
    timeout(HANG, answer).await.expect("an answer, whatever is away")
}

/// Whether the answer is what it should be. If not, it must say when to come back.
fn usable(answer: &Answer, status: u16) -> bool {
    if answer.status == 503 {
        assert!(answer.header("retry-after").parse::<u64>().is_ok(), "no advice: {answer:?}");
        return false;
    }
    assert_eq!(answer.status, status, "{answer:?}");
    true
}

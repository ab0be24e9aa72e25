//! Many jobs at once: all are done, and memory stays within bounds. How fast is the example `load`'s to say.

use pixmill_e2e::load;

const JOBS: usize = 500;
/// For the server and its children together, what they share counted in each.
const MEMORY: u64 = 500 << 20;

#[tokio::test]
async fn five_hundred_jobs_at_once() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    let report = load(&server, &client, JOBS).await;
    assert_eq!(report.completed, JOBS);
    assert!(report.peak_memory > 0, "memory was measured");
    assert!(report.peak_memory < MEMORY, "the server took {} bytes", report.peak_memory);
}

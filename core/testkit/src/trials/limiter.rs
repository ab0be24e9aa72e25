//! Trials of the limiter.

use std::time::Duration;

use pixmill::ports::{Decision, LimitKey, Limiter, Quota};

use super::{HOUR, trials};
use crate::subject::Subject;

trials! { "limiter", dyn Limiter;
    check {
        a_fresh_key_allows_exactly_requests_at_once_remaining_counts_down,
        after_retry_after_a_refused_key_is_allowed_again,
        keys_do_not_affect_each_other,
        a_refused_request_takes_nothing,
    }
}

fn key(who: &str) -> LimitKey {
    LimitKey::new("trial", who)
}

mod check {
    use super::*;

    pub(super) async fn a_fresh_key_allows_exactly_requests_at_once_remaining_counts_down(
        limiter: Subject<dyn Limiter>,
    ) {
        for requests in [1, 5, 100] {
            let (key, quota) = (key(&format!("of {requests}")), Quota { requests, window: 24 * HOUR });
            for remaining in (0..requests).rev() {
                let decision = limiter.check(key.clone(), quota).await.unwrap();
                assert_eq!(decision, Decision { allowed: true, remaining, retry_after: Duration::ZERO });
            }
            let refused = limiter.check(key, quota).await.unwrap();
            assert!(!refused.allowed, "{refused:?}");
            assert_eq!(refused.remaining, 0);
            assert!(refused.retry_after > Duration::ZERO && refused.retry_after <= quota.window / requests);
        }
    }

    pub(super) async fn after_retry_after_a_refused_key_is_allowed_again(limiter: Subject<dyn Limiter>) {
        // Shares that are no whole milliseconds: rounding must not shorten the wait.
        for requests in [1, 2, 7] {
            let key = key(&format!("of {requests}"));
            let quota =
                Quota { requests, window: limiter.time().unit() * requests + Duration::from_millis(1) };
            let refused = loop {
                let decision = limiter.check(key.clone(), quota).await.unwrap();
                if !decision.allowed {
                    break decision;
                }
            };
            limiter.time().advance(refused.retry_after).await;
            assert!(limiter.check(key, quota).await.unwrap().allowed, "not after {:?}", refused.retry_after);
        }
    }

    pub(super) async fn keys_do_not_affect_each_other(limiter: Subject<dyn Limiter>) {
        let quota = Quota { requests: 2, window: 24 * HOUR };
        let other_action = LimitKey::new("another", "anna");
        for _ in 0..3 {
            limiter.check(key("anna"), quota).await.unwrap();
        }
        assert_eq!(limiter.check(key("bert"), quota).await.unwrap().remaining, 1);
        assert_eq!(limiter.check(other_action, quota).await.unwrap().remaining, 1);
        assert!(!limiter.check(key("anna"), quota).await.unwrap().allowed);
    }

    pub(super) async fn a_refused_request_takes_nothing(limiter: Subject<dyn Limiter>) {
        let unit = limiter.time().unit();
        let quota = Quota { requests: 1, window: unit };
        assert!(limiter.check(key("anna"), quota).await.unwrap().allowed);
        let mut refusals = 0;
        // On a real clock the bucket may fill meanwhile, and then the loop ends early.
        while refusals < 20 && !limiter.check(key("anna"), quota).await.unwrap().allowed {
            refusals += 1;
        }
        assert!(refusals > 0 || limiter.time().exact().is_none());
        limiter.time().advance(unit).await;
        assert!(
            limiter.check(key("anna"), quota).await.unwrap().allowed,
            "{refusals} refusals cost something"
        );
    }
}

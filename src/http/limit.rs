//! How often one may ask: everyone, and whoever tries to sign in.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::State;
use super::error::{ApiError, in_words_of};
use super::extract::ClientIp;
use crate::domain::ids::UserId;

/// Callers beyond which those that have been quiet are forgotten, so that no table grows without bound.
const CALLERS_KEPT: usize = 10_000;
/// What load balancers and supervisors ask is always answered: a 429 would look like a dead daemon.
pub(super) const PROBES: [&str; 3] = ["/health", "/livez", "/readyz"];

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A limit as answers tell it, in the two header fields of the IETF's rate limit draft.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub name: &'static str,
    /// How often, at least 1 …
    pub quota: u32,
    /// … in so many seconds.
    pub window_s: u32,
}

impl Policy {
    /// Writes the policy, and what is left of it.
    pub(super) fn describe(self, remaining: u32, headers: &mut HeaderMap) {
        let Self { name, quota, window_s } = self;
        let used = quota.saturating_sub(remaining);
        // Until the bucket is full again.
        let reset_s = (u64::from(used) * u64::from(window_s)).div_ceil(u64::from(quota));
        let policy = format!("\"{name}\";q={quota};w={window_s}");
        let left = format!("\"{name}\";r={remaining};t={reset_s}");
        for (header, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
            headers.insert(header, HeaderValue::try_from(text).expect("digits and printable ASCII"));
        }
    }
}

/// A bucket per address, in memory: a restart forgets, which only helps whoever mistyped.
pub struct AttemptLimit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    policy: Policy,
}

impl AttemptLimit {
    /// `name` is what answers call the limit.
    #[must_use]
    pub fn per_minute(name: &'static str, attempts: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(attempts)),
            clock: DefaultClock::default(),
            policy: Policy { name, quota: attempts.get(), window_s: 60 },
        }
    }

    /// Counts one attempt; refuses with the time to wait.
    pub fn count(&self, address: IpAddr) -> Result<(), ApiError> {
        if self.limiter.len() > CALLERS_KEPT {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&neighbourhood(address)).map_err(|until| {
            let wait_s = until.wait_time_from(self.clock.now()).as_secs() + 1;
            ApiError::too_many_requests(self.policy, wait_s)
        })
    }
}

/// Whoever has one IPv6 address has its whole /64.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    /// Wherever the requests come from.
    User(UserId),
    /// Of whoever is not signed in.
    Address(IpAddr),
}

/// A bucket of requests per caller, refilled evenly; full, it holds those of one minute.
pub struct RequestLimit {
    limiter: DefaultKeyedRateLimiter<Caller, StateInformationMiddleware>,
    clock: DefaultClock,
    policy: Policy,
}

/// What a caller has left after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    remaining: u32,
    /// Seconds until the next request is answered; `None` while this one is.
    wait_s: Option<u64>,
}

impl RequestLimit {
    #[must_use]
    pub fn per_minute(requests: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(requests)).with_middleware();
        let policy = Policy { name: "default", quota: requests.get(), window_s: 60 };
        Self { limiter, clock: DefaultClock::default(), policy }
    }

    fn count(&self, caller: Caller) -> Standing {
        if self.limiter.len() > CALLERS_KEPT {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&caller) {
            Ok(state) => Standing { remaining: state.remaining_burst_capacity(), wait_s: None },
            Err(until) => {
                let wait_s = until.wait_time_from(self.clock.now()).as_secs() + 1;
                Standing { remaining: 0, wait_s: Some(wait_s) }
            }
        }
    }
}

/// Counts every request, refuses those beyond the limit, and says in each answer what is left: of this limit, or of
/// the stricter one that refused.
pub(super) async fn limit_requests(
    Shared(state): Shared<State>,
    ClientIp(address): ClientIp,
    request: Request,
    next: Next,
) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let user = state.tokens.user_of(request.headers(), state.deps.now());
    let standing =
        state.request_limit.count(user.map_or_else(|| Caller::Address(neighbourhood(address)), Caller::User));
    let mut response = match standing.wait_s {
        None => next.run(request).await,
        Some(wait_s) => {
            in_words_of(request.uri().path(), ApiError::too_many_requests(state.request_limit.policy, wait_s))
        }
    };
    if !response.headers().contains_key(RATE_LIMIT) {
        state.request_limit.policy.describe(standing.remaining, response.headers_mut());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_share_a_bucket() {
        let key = |text: &str| neighbourhood(text.parse().expect(text));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    fn limit(per_minute: u32) -> RequestLimit {
        RequestLimit::per_minute(NonZeroU32::new(per_minute).expect("not zero"))
    }

    #[test]
    fn a_caller_who_has_used_the_quota_waits_and_others_do_not() {
        let limit = limit(2);
        let [one, other] = [1, 2].map(|last| Caller::Address(IpAddr::from([192, 0, 2, last])));
        assert_eq!(limit.count(one), Standing { remaining: 1, wait_s: None });
        assert_eq!(limit.count(one), Standing { remaining: 0, wait_s: None });
        let refused = limit.count(one);
        assert_eq!(refused.remaining, 0);
        assert!(refused.wait_s.is_some_and(|wait_s| (1..=31).contains(&wait_s)), "{refused:?}");
        assert_eq!(limit.count(other), Standing { remaining: 1, wait_s: None });
    }

    #[test]
    fn the_headers_tell_the_policy_and_what_is_left() {
        let check = |policy: Policy, remaining: u32, told: &str, left: &str| {
            let mut headers = HeaderMap::new();
            policy.describe(remaining, &mut headers);
            assert_eq!(headers[RATE_LIMIT_POLICY], told);
            assert_eq!(headers[RATE_LIMIT], left);
        };
        let per_minute = |quota: u32| limit(quota).policy;
        check(per_minute(600), 599, "\"default\";q=600;w=60", "\"default\";r=599;t=1");
        check(per_minute(600), 300, "\"default\";q=600;w=60", "\"default\";r=300;t=30");
        check(per_minute(600), 0, "\"default\";q=600;w=60", "\"default\";r=0;t=60");
        check(per_minute(7), 5, "\"default\";q=7;w=60", "\"default\";r=5;t=18");
        let codes = Policy { name: "codes", quota: 5, window_s: 600 };
        check(codes, 4, "\"codes\";q=5;w=600", "\"codes\";r=4;t=120");
        check(codes, 0, "\"codes\";q=5;w=600", "\"codes\";r=0;t=600");
    }
}

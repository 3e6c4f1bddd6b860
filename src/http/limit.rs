//! How often one may ask: everyone, and whoever tries to sign in.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::State;
use super::error::ApiError;
use super::extract::ClientIp;
use crate::domain::ids::UserId;

/// Callers beyond which those that have been quiet are forgotten, so that no table grows without bound.
const CALLERS_KEPT: usize = 10_000;
/// What load balancers and supervisors ask is always answered: a 429 would look like a dead daemon.
const PROBES: [&str; 3] = ["/health", "/livez", "/readyz"];

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A bucket per address, in memory: a restart forgets, which only helps whoever mistyped.
pub struct SignInLimit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl SignInLimit {
    #[must_use]
    pub fn per_minute(attempts: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_minute(attempts)), clock: DefaultClock::default() }
    }

    /// Counts one attempt; refuses with the time to wait.
    pub fn count(&self, address: IpAddr) -> Result<(), ApiError> {
        if self.limiter.len() > CALLERS_KEPT {
            self.limiter.retain_recent();
        }
        self.limiter
            .check_key(&neighbourhood(address))
            .map_err(|until| ApiError::too_many_requests(until.wait_time_from(self.clock.now()).as_secs() + 1))
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
    per_minute: u32,
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
        Self { limiter, clock: DefaultClock::default(), per_minute: requests.get() }
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

    /// The two header fields of the IETF's rate limit draft: the policy, and what is left of it.
    fn describe(&self, standing: Standing, headers: &mut HeaderMap) {
        let per_minute = self.per_minute;
        let used = per_minute.saturating_sub(standing.remaining);
        // Until the bucket is full again.
        let reset_s = (u64::from(used) * 60).div_ceil(u64::from(per_minute));
        let policy = format!("\"default\";q={per_minute};w=60");
        let left = format!("\"default\";r={};t={reset_s}", standing.remaining);
        for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
            headers.insert(name, HeaderValue::try_from(text).expect("digits and printable ASCII"));
        }
    }
}

/// Counts every request, refuses those beyond the limit, and says in each answer what is left.
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
        Some(wait_s) => ApiError::too_many_requests(wait_s).into_response(),
    };
    state.request_limit.describe(standing, response.headers_mut());
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
        let check = |per_minute: u32, remaining: u32, policy: &str, left: &str| {
            let mut headers = HeaderMap::new();
            limit(per_minute).describe(Standing { remaining, wait_s: None }, &mut headers);
            assert_eq!(headers[RATE_LIMIT_POLICY], policy);
            assert_eq!(headers[RATE_LIMIT], left);
        };
        check(600, 599, "\"default\";q=600;w=60", "\"default\";r=599;t=1");
        check(600, 300, "\"default\";q=600;w=60", "\"default\";r=300;t=30");
        check(600, 0, "\"default\";q=600;w=60", "\"default\";r=0;t=60");
        check(7, 5, "\"default\";q=7;w=60", "\"default\";r=5;t=18");
    }
}

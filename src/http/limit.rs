//! How often one address may try to sign in.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::ApiError;

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
        // Addresses that have been quiet are forgotten, so the table cannot grow without bound.
        if self.limiter.len() > 10_000 {
            self.limiter.retain_recent();
        }
        self.limiter
            .check_key(&address)
            .map_err(|until| ApiError::too_many_requests(until.wait_time_from(self.clock.now()).as_secs() + 1))
    }
}

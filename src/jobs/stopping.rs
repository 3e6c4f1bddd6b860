//! The end of the daemon, as its work sees it: first nothing new is begun, then what is left is cut off.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

/// How far the stop has come.
#[derive(Debug, Default)]
pub struct Stopping {
    begun: CancellationToken,
    cut: CancellationToken,
    jobs_cut_off: AtomicUsize,
}

impl Stopping {
    /// From now on no job is claimed and nothing is scheduled.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Fires when the stop begins.
    #[must_use]
    pub fn signal(&self) -> CancellationToken {
        self.begun.clone()
    }

    /// Cuts off the jobs under way. What they have not written is lost with them; their rows stay as they are, and the
    /// next start takes them up.
    pub fn cut_off(&self) {
        self.cut.cancel();
    }

    /// Returns when jobs under way must end, and counts the one that waited for it.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
        self.jobs_cut_off.fetch_add(1, Ordering::Relaxed);
    }

    /// How many jobs were cut off.
    #[must_use]
    pub fn jobs_cut_off(&self) -> usize {
        self.jobs_cut_off.load(Ordering::Relaxed)
    }
}

//! What `/readyz` says, and waiting until it says something else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Api;

/// A daemon looks at itself once a second, and tries what failed every few seconds.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// An answer of `/readyz`.
#[derive(Debug)]
pub struct Readiness {
    pub status: u16,
    checks: BTreeMap<String, (bool, String)>,
}

impl Readiness {
    #[track_caller]
    pub fn is_ok(&self, name: &str) -> bool {
        self.checks.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).0
    }

    #[track_caller]
    pub fn detail(&self, name: &str) -> &str {
        &self.checks.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }
}

impl Api {
    pub async fn readiness(&self) -> Readiness {
        let answer = self.get("/readyz").await;
        let (status, body) = (answer.status, answer.body);
        let checks = body["checks"].as_array().unwrap_or_else(|| panic!("no checks in {body}")).iter().map(|check| {
            let text = |field: &str| check[field].as_str().expect("a text").to_owned();
            (text("name"), (check["ok"].as_bool().expect("a verdict"), text("detail")))
        });
        let readiness = Readiness { status, checks: checks.collect() };
        assert_eq!(readiness.checks.values().all(|check| check.0), status == 200, "{readiness:?}");
        readiness
    }

    /// Asks until the answer is as wanted.
    pub async fn until_readiness(&self, wanted: impl Fn(&Readiness) -> bool) -> Readiness {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let readiness = self.readiness().await;
            if wanted(&readiness) {
                return readiness;
            }
            assert!(Instant::now() < deadline, "still {readiness:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub async fn until_ready(&self) -> Readiness {
        self.until_readiness(|readiness| readiness.status == 200).await
    }
}

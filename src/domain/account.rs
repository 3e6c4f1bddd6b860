//! An enrolled account and its settings, as the client documents them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::Instant;

/// Declares an enum stored and sent as fixed words, with the words beside the variants.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every variant, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in the database, in JSON and in logs.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads a word; `None` when it is not one of this set.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What an organisation wants from its movements; one for all its accounts.
    OperationMode {
        /// Match movements against the orders that the customer's endpoint lists.
        Reconcile = "reconcile",
        /// Forward every booked credit.
        Passthrough = "passthrough",
    }
}

words! {
    /// How an `Authorization` header is spelled.
    AuthType {
        /// `Authorization: Bearer <token>`
        Bearer = "bearer",
        /// `Authorization: Api-Key <token>`
        ApiKey = "api_key",
    }
}

impl AuthType {
    /// The scheme as it stands in the header.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::ApiKey => "Api-Key",
        }
    }
}

words! {
    PollingMethod {
        Get = "GET",
        Post = "POST",
    }
}

words! {
    /// Open, read, close on a schedule; or stay logged in.
    SessionType {
        OneShot = "one-shot",
        Persistent = "persistent",
    }
}

words! {
    /// Whether a run may make the bank send a code to a person.
    LoginMode {
        Simple = "simple",
        Assisted = "assisted",
    }
}

words! {
    /// Operational notifications a customer may subscribe to.
    NotificationEvent {
        AssistanceRequired = "assistance_required",
        LoginFailed = "login_failed",
        ScrapeFailed = "scrape_failed",
    }
}

words! {
    /// What a user may do inside the organisation.
    Role {
        Admin = "admin",
        Member = "member",
    }
}

/// Why an account is scraped by nobody until a person restarts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub at: Instant,
    /// A short sentence for a person; never contains a secret.
    pub reason: String,
}

/// What has been submitted to a bank's login form, and with what result.
///
/// Written before the click, so that a crash counts as an unknown outcome and never as a free try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoginBudget {
    /// Submissions in a row whose outcome nobody knows (crash, time-out, unknown page).
    pub unknown_in_a_row: i64,
    /// Submissions that a restart still permits although the login was blocked; 1 after a restart.
    pub probation: bool,
}

/// How many unknown outcomes in a row block a login: most banks lock after three to five refusals.
pub const UNKNOWN_SUBMISSIONS_MAX: i64 = 3;

/// What became of one submission of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submission {
    /// The bank let us in.
    Accepted,
    /// The bank said no.
    Refused,
    /// Nobody can tell.
    Unknown,
}

impl LoginBudget {
    /// The budget right before a click that submits credentials: the outcome is unknown until proven otherwise.
    #[must_use]
    pub fn before_submission(self) -> Self {
        Self { unknown_in_a_row: self.unknown_in_a_row + 1, probation: self.probation }
    }

    /// The budget after the outcome is known, and whether the login is now blocked.
    ///
    /// One refusal blocks. Three unknown outcomes in a row block. After a restart a single unknown blocks again.
    #[must_use]
    pub fn after_submission(self, outcome: Submission) -> (Self, bool) {
        match outcome {
            Submission::Accepted => (Self::default(), false),
            Submission::Refused => (self, true),
            Submission::Unknown => (self, self.is_exhausted()),
        }
    }

    /// Whether another submission would risk a lock-out at the bank.
    #[must_use]
    pub fn is_exhausted(self) -> bool {
        let allowed = if self.probation { 1 } else { UNKNOWN_SUBMISSIONS_MAX };
        self.unknown_in_a_row >= allowed
    }

    /// What it was that left no submission over, for a person.
    #[must_use]
    pub fn what_exhausts_it(self) -> &'static str {
        if self.probation {
            "the login after a restart ended without a known outcome"
        } else {
            "three logins in a row ended without a known outcome"
        }
    }

    /// The budget after a person restarted a blocked account: exactly one submission.
    #[must_use]
    pub fn after_restart() -> Self {
        Self { unknown_in_a_row: 0, probation: true }
    }
}

/// Names of the keys that `webhook_extra_fields` may not use, because payloads do or may.
pub const RESERVED_WEBHOOK_KEYS: [&str; 7] =
    ["external_id", "status", "amount", "currency", "name", "id", "received_at"];

/// The word that stands for a stored secret in answers; sent back, it means "keep".
pub const SECRET_PRESENT: &str = "__secret_present__";

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (since {})", self.reason, self.at.format("%Y-%m-%d %H:%M UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_blocks_at_once_and_three_unknowns_block_too() {
        let fresh = LoginBudget::default();
        assert!(fresh.before_submission().after_submission(Submission::Refused).1);

        let mut budget = fresh;
        for expected in [false, false, true] {
            let (next, blocked) = budget.before_submission().after_submission(Submission::Unknown);
            assert_eq!(blocked, expected, "after {} unknown outcomes", next.unknown_in_a_row);
            budget = next;
        }
    }

    #[test]
    fn a_restart_allows_exactly_one_submission() {
        let restarted = LoginBudget::after_restart();
        assert!(!restarted.is_exhausted());
        assert!(restarted.before_submission().is_exhausted());
        assert!(restarted.before_submission().after_submission(Submission::Unknown).1);
    }

    #[test]
    fn success_forgets_what_was_unknown() {
        let tired = LoginBudget { unknown_in_a_row: 2, probation: false };
        assert_eq!(tired.before_submission().after_submission(Submission::Accepted), (LoginBudget::default(), false));
    }
}

//! A run: one scrape of a bank or one poll of a customer, and how it ended.

use serde::{Deserialize, Serialize};

use super::account::{Submission, words};

words! {
    RunKind {
        Scrape = "scrape",
        Poll = "poll",
    }
}

words! {
    RunState {
        Queued = "queued",
        Running = "running",
        Finished = "finished",
    }
}

words! {
    /// What asked for the run.
    Trigger {
        Schedule = "schedule",
        Manual = "manual",
        /// The settings were saved; the first poll follows within seconds.
        Saved = "saved",
        Restart = "restart",
    }
}

words! {
    /// How a run ended: a closed list, so that every way a bank's site can fail has one name.
    ///
    /// Source: the outcome taxonomy of the recipe specification. Words are stored; add, never rename.
    Outcome {
        Ok = "ok",
        InvalidCredentials = "invalid_credentials",
        AccountBlocked = "account_blocked",
        PasswordChangeRequired = "password_change_required",
        ActionNeeded = "action_needed",
        SecondFactorRequired = "second_factor_required",
        OtpRejected = "otp_rejected",
        OtpExpired = "otp_expired",
        OtpExhausted = "otp_exhausted",
        ApprovalDenied = "approval_denied",
        ApprovalExpired = "approval_expired",
        CaptchaRequired = "captcha_required",
        HumanTimeout = "human_timeout",
        SessionConflict = "session_conflict",
        SessionExpired = "session_expired",
        BankUnavailable = "bank_unavailable",
        RateLimited = "rate_limited",
        WafBlocked = "waf_blocked",
        Network = "network",
        Timeout = "timeout",
        LayoutChanged = "layout_changed",
        ParseFailed = "parse_failed",
        CoverageGap = "coverage_gap",
        BalanceMismatch = "balance_mismatch",
        OriginDenied = "origin_denied",
        SecretMisplaced = "secret_misplaced",
        BrowserCrashed = "browser_crashed",
        DriverLost = "driver_lost",
        RecipeInvalid = "recipe_invalid",
        Internal = "internal",
        /// A poll: the customer's endpoint could not be used.
        EndpointFailed = "endpoint_failed",
        /// The process ended while the run was under way.
        Interrupted = "interrupted",
    }
}

/// What may happen after an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// Nothing went wrong.
    None,
    /// Park: nobody types these credentials again before a person acts.
    Park,
    /// A person must act; scheduled runs go on and will meet the same wall without typing anything twice.
    Person,
    /// The next scheduled run tries again.
    Later,
    /// The recipe needs its maintainer.
    Maintainer,
}

impl Outcome {
    #[must_use]
    pub fn retry_class(self) -> RetryClass {
        match self {
            Self::Ok => RetryClass::None,
            Self::InvalidCredentials | Self::AccountBlocked | Self::PasswordChangeRequired | Self::ActionNeeded => {
                RetryClass::Park
            }
            Self::SecondFactorRequired
            | Self::OtpRejected
            | Self::OtpExpired
            | Self::OtpExhausted
            | Self::ApprovalDenied
            | Self::ApprovalExpired
            | Self::CaptchaRequired
            | Self::HumanTimeout => RetryClass::Person,
            Self::SessionConflict
            | Self::SessionExpired
            | Self::BankUnavailable
            | Self::RateLimited
            | Self::WafBlocked
            | Self::Network
            | Self::BrowserCrashed
            | Self::DriverLost
            | Self::EndpointFailed
            | Self::Interrupted => RetryClass::Later,
            Self::Timeout
            | Self::LayoutChanged
            | Self::ParseFailed
            | Self::CoverageGap
            | Self::BalanceMismatch
            | Self::OriginDenied
            | Self::SecretMisplaced
            | Self::RecipeInvalid
            | Self::Internal => RetryClass::Maintainer,
        }
    }

    /// Whether the login failed over its one-time code, after the bank had taken the password.
    #[must_use]
    pub fn is_code_failure(self) -> bool {
        matches!(self, Self::OtpRejected | Self::OtpExpired | Self::OtpExhausted | Self::HumanTimeout)
    }

    /// What this outcome says about credentials that were submitted during the run.
    ///
    /// `accepted` is whether a page had said so before the run ended: by letting us in, or by asking for a code, which
    /// no bank does before it has taken the password.
    #[must_use]
    pub fn submission(self, accepted: bool) -> Submission {
        match self {
            Self::InvalidCredentials | Self::AccountBlocked => Submission::Refused,
            _ if accepted => Submission::Accepted,
            // The bank knew who we are, it only wants something more.
            Self::PasswordChangeRequired | Self::ActionNeeded | Self::SecondFactorRequired => Submission::Accepted,
            _ if self.is_code_failure() => Submission::Accepted,
            _ => Submission::Unknown,
        }
    }
}

/// What a run reports when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResult {
    pub outcome: Outcome,
    /// One sentence: what happened, and what to do about it. Never a secret.
    pub detail: Option<String>,
    /// Rows read, new rows, skipped rows, stages with durations: a JSON object.
    pub report: serde_json::Value,
}

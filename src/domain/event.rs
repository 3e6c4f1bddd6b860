//! The append-only log: audit trail and webhook outbox in one.

use serde_json::{Value, json};
use uuid::Uuid;

use super::account::words;
use super::ids::{AccountId, EventId, RunId, UserId};
use super::time::Instant;

words! {
    /// What happened. The words are stored for ever: add, never rename.
    EventKind {
        OrgRegistered = "org.registered",
        UserAdded = "user.added",
        UserLoggedIn = "user.logged_in",
        OperationModeChanged = "org.operation_mode_changed",
        AccountCreated = "account.created",
        AccountConfigured = "account.configured",
        AccountOptionsSaved = "account.options_saved",
        AccountBlocked = "account.blocked",
        AccountDeleted = "account.deleted",
        ApiKeyCreated = "api_key.created",
        ApiKeyRevoked = "api_key.revoked",
        RunRequested = "run.requested",
        RunStarted = "run.started",
        RunFinished = "run.finished",
        CredentialsSubmitted = "bank_login.submitted",
        /// A login waits for a one-time code, for the first time or because the last one was not taken.
        AssistanceRequested = "assistance.requested",
        /// Someone gave a code; the bank has not seen it yet.
        AssistanceAnswered = "assistance.answered",
        /// The bank took the code.
        AssistanceFulfilled = "assistance.fulfilled",
        /// The login ended while its request was open.
        AssistanceCancelled = "assistance.cancelled",
        /// Nobody gave a code in time.
        AssistanceExpired = "assistance.expired",
        MovementsIngested = "movements.ingested",
        OrdersIngested = "orders.ingested",
        OrderCancelled = "order.cancelled",
        OrderReopened = "order.reopened",
        OrderChanged = "order.changed",
        CaseMatched = "case.matched",
        CaseAmbiguous = "case.ambiguous",
        CaseNotFound = "case.not_found",
        CaseExpired = "case.expired",
        /// The matcher failed over it too often.
        CaseFailed = "case.failed",
        MovementForwarded = "movement.forwarded",
        /// A person asked for a webhook, mostly for one that was sent before.
        DeliveryRequested = "delivery.requested",
        DeliverySucceeded = "delivery.succeeded",
        DeliveryDead = "delivery.dead",
    }
}

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    /// A run, the matcher, the sender.
    Engine,
    /// Someone at the command line of the machine.
    Operator,
}

impl Actor {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Engine => "engine",
            Self::Operator => "operator",
        }
    }
}

/// An event before the log gave it its place.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: EventId,
    pub at: Instant,
    pub kind: EventKind,
    pub actor: Actor,
    /// Address of the client, for requests that came over the API.
    pub ip: Option<String>,
    pub account_id: Option<AccountId>,
    /// What it is about: a case, a movement, a delivery, …
    pub subject_id: Option<Uuid>,
    /// The run that led here; one id from scrape to webhook.
    pub run_id: Option<RunId>,
    /// Ids, counts and words only; never a name, an amount or a secret, so that deletion stays possible.
    pub payload: Value,
}

impl NewEvent {
    /// An event by the engine itself, without subject and payload.
    #[must_use]
    pub fn engine(id: EventId, at: Instant, kind: EventKind) -> Self {
        Self {
            id,
            at,
            kind,
            actor: Actor::Engine,
            ip: None,
            account_id: None,
            subject_id: None,
            run_id: None,
            payload: json!({}),
        }
    }

    #[must_use]
    pub fn by(mut self, actor: Actor, ip: Option<String>) -> Self {
        self.actor = actor;
        self.ip = ip;
        self
    }

    #[must_use]
    pub fn account(mut self, account_id: AccountId) -> Self {
        self.account_id = Some(account_id);
        self
    }

    #[must_use]
    pub fn subject(mut self, id: Uuid) -> Self {
        self.subject_id = Some(id);
        self
    }

    #[must_use]
    pub fn run(mut self, run_id: Option<RunId>) -> Self {
        self.run_id = run_id;
        self
    }

    #[must_use]
    pub fn payload(mut self, payload: Value) -> Self {
        self.payload = payload;
        self
    }
}

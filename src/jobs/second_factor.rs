//! The one-time code of one login: asks a person for it, keeps the time, writes down what became of it.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::hold::Hold;
use super::{Deps, notice};
use crate::deliver::notice::CodeWanted;
use crate::domain::account::LoginMode;
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::ids::{AnswerId, AssistanceId, OrgId};
use crate::domain::run::{Outcome, RunKind, Trigger};
use crate::domain::time::Instant;
use crate::scrape::challenge::{Challenge, Code, NoCode, Verdict};
use crate::scrape::recipe::{Recipe, SecondFactor as Factor};
use crate::session::assistance::{Answer, Ending, Request};
use crate::store::runs::Run;
use crate::store::{StoreError, Tx};

/// Logins in a row that may end over their code before nobody is asked again.
const FAILED_LOGINS_MAX: usize = 3;

/// Why a run does not log in where that would only make the bank send a code to somebody who does not expect it.
pub(super) const NOT_BEGUN: &str = "not started: the bank asks for a one-time code, and nobody is asked for one in \
    the login mode \"simple\"; set `login_mode` to \"assisted\", or start a scrape by hand if the bank stopped asking";

/// Who is asked, and until when.
pub(super) struct SecondFactor<'a> {
    deps: &'a Deps,
    hold: Hold,
    run: &'a Run,
    mode: LoginMode,
    /// The request that is open.
    open: Mutex<Option<Open>>,
}

#[derive(Clone, Copy)]
struct Open {
    id: AssistanceId,
    /// When the login gives up, whichever code it is at.
    until: Instant,
}

impl<'a> SecondFactor<'a> {
    pub fn new(deps: &'a Deps, hold: Hold, run: &'a Run, mode: LoginMode) -> Self {
        Self { deps, hold, run, mode, open: Mutex::new(None) }
    }

    /// Waits for a code; in the mode `simple` nobody is asked.
    pub async fn ask(&self, challenge: Challenge) -> Result<Code, NoCode> {
        match self.mode {
            LoginMode::Simple => {
                let detail = "the bank asks for a one-time code, and the login mode is \"simple\": nobody was asked, \
                    and nothing was sent; set `login_mode` to \"assisted\"";
                Err(NoCode { outcome: Outcome::SecondFactorRequired, detail: detail.into() })
            }
            LoginMode::Assisted => self.ask_a_person(challenge).await.unwrap_or_else(|error| Err(lost(&error))),
        }
    }

    async fn ask_a_person(&self, challenge: Challenge) -> Result<Result<Code, NoCode>, StoreError> {
        let now = self.deps.now();
        let open = self.open(now);
        let ttl = challenge.ttl.and_then(|ttl| TimeDelta::from_std(ttl).ok());
        let expires_at = ttl.map_or(open.until, |ttl| open.until.min(now + ttl));
        let attempts = challenge.attempt.saturating_sub(1);
        let request = Request { id: open.id, shape: challenge.shape, attempts, expires_at };
        // Pending before anybody hears of it: a program answers within milliseconds.
        let waiting = self.deps.assistance.ask(self.org(), self.run.account_id, request.clone());
        self.tell(&request, &challenge, now).await?;
        match waiting.ending().await {
            Ending::Answered(answer) => {
                self.write(self.answered(open.id, &answer)).await?;
                Ok(Ok(Code { answer: answer.id, text: answer.code }))
            }
            Ending::Expired => {
                self.close();
                self.write_closed(self.event(EventKind::AssistanceExpired, open.id)).await?;
                let detail = "nobody gave the one-time code in time".to_owned();
                Ok(Err(NoCode { outcome: Outcome::HumanTimeout, detail }))
            }
            // The end of the run says so in the log.
            Ending::Cancelled => {
                let detail = "the daemon stopped while it waited for a one-time code".to_owned();
                Ok(Err(NoCode { outcome: Outcome::Interrupted, detail }))
            }
        }
    }

    /// Writes down that a code is wanted, and tells the customer who asks to be told.
    async fn tell(&self, request: &Request, challenge: &Challenge, now: Instant) -> Result<(), StoreError> {
        let asked_for = json!({
            "attempts": request.attempts,
            "length": request.shape.length,
            "charset": request.shape.charset.word(),
            "medium": challenge.medium.word(),
        });
        let event = self.event(EventKind::AssistanceRequested, request.id).payload(asked_for);
        let wanted = CodeWanted {
            account_id: self.run.account_id,
            request: request.id,
            shape: request.shape,
            attempts: request.attempts,
            expires_at: request.expires_at,
            occurred_at: now,
        };
        let mut tx = self.begin().await?;
        tx.set_open_request(self.org(), self.run.id, Some(request.id)).await?;
        notice::of_request(&mut tx, self.deps, self.run, wanted, event.id).await?;
        tx.record(self.org(), event);
        tx.commit().await
    }

    /// Notes what the bank said. The login goes on even where that cannot be written.
    pub async fn judged(&self, answer: AnswerId, verdict: Verdict) {
        match verdict {
            Verdict::Accepted => {
                let Some(open) = self.close() else { return };
                let fulfilled = self.event(EventKind::AssistanceFulfilled, open.id);
                if let Err(error) = self.write_closed(fulfilled.payload(json!({ "answer": answer }))).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "could not note that a code was taken");
                }
            }
            // The next request, or the end of the run, tells.
            Verdict::Rejected | Verdict::Expired => {}
        }
    }

    /// Notes, with the end of the run, that a request nobody needs any more was open.
    pub async fn end(&self, tx: &mut Tx, now: Instant) -> Result<(), StoreError> {
        self.close();
        cancel_open_request(tx, self.deps, self.run, now).await
    }

    /// The open request: one for a whole login.
    fn open(&self, now: Instant) -> Open {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open.get_or_insert_with(|| Open {
            id: AssistanceId(self.deps.ids.next()),
            until: now + TimeDelta::from_std(self.deps.timing.code_wait).expect("a setting of minutes"),
        })
    }

    fn close(&self) -> Option<Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn org(&self) -> OrgId {
        self.hold.lease.org
    }

    fn event(&self, kind: EventKind, request: AssistanceId) -> NewEvent {
        event_of(self.deps, kind, self.run, request, self.deps.now())
    }

    /// Who gave a code, and from where; never the code.
    fn answered(&self, request: AssistanceId, answer: &Answer) -> NewEvent {
        let key = answer.key.map_or(Value::Null, |key| json!(key));
        self.event(EventKind::AssistanceAnswered, request)
            .by(answer.actor, Some(answer.ip.clone()))
            .payload(json!({ "answer": answer.id, "api_key": key }))
    }

    /// Begins a unit of work that keeps the bank login reserved, too: people are slower than leases.
    async fn begin(&self) -> Result<Tx, StoreError> {
        let mut tx = self.deps.store.write().await?;
        self.hold.renew(&mut tx, self.deps.now()).await?;
        Ok(tx)
    }

    async fn write(&self, event: NewEvent) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.record(self.org(), event);
        tx.commit().await
    }

    /// The same for an event that closes the request.
    async fn write_closed(&self, event: NewEvent) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.set_open_request(self.org(), self.run.id, None).await?;
        tx.record(self.org(), event);
        tx.commit().await
    }
}

fn event_of(deps: &Deps, kind: EventKind, run: &Run, request: AssistanceId, at: Instant) -> NewEvent {
    deps.event(kind, at).account(run.account_id).run(Some(run.id)).subject(request.0)
}

/// Notes that nobody waits any more for the code that a run still had asked for when it ended, or when its process
/// died.
pub(super) async fn cancel_open_request(tx: &mut Tx, deps: &Deps, run: &Run, now: Instant) -> Result<(), StoreError> {
    let Some(request) = tx.open_request(run.org_id, run.id).await? else { return Ok(()) };
    tx.set_open_request(run.org_id, run.id, None).await?;
    tx.record(run.org_id, event_of(deps, EventKind::AssistanceCancelled, run, request, now));
    Ok(())
}

/// What could not be written down is not done.
fn lost(error: &StoreError) -> NoCode {
    NoCode { outcome: Outcome::Interrupted, detail: format!("no code was typed: {error}") }
}

/// Whether a scheduled run would meet what the last one met: a bank that asks for a code. People find out at once
/// whether that has changed, by starting a run themselves.
pub(super) async fn was_asked_before(tx: &mut Tx, run: &Run) -> Result<bool, StoreError> {
    if tx.run_trigger(run.org_id, run.id).await? != Some(Trigger::Schedule) {
        return Ok(false);
    }
    let last = tx.last_outcomes(run.org_id, run.account_id, RunKind::Scrape, 1).await?;
    Ok(last == [Outcome::SecondFactorRequired])
}

/// Whether the bank is known to ask for something at every login.
pub(super) fn is_certain(recipe: &Recipe) -> bool {
    let caps = &recipe.caps;
    !caps.unattended_login && caps.second_factor.iter().any(|factor| *factor != Factor::None)
}

/// Whether this was the last of too many logins in a row that ended over their code.
pub(super) async fn is_hopeless(tx: &mut Tx, run: &Run, outcome: Outcome) -> Result<bool, StoreError> {
    if !outcome.is_code_failure() {
        return Ok(false);
    }
    let before = FAILED_LOGINS_MAX - 1;
    let limit = i64::try_from(before).expect("a small number");
    let last = tx.last_outcomes(run.org_id, run.account_id, RunKind::Scrape, limit).await?;
    Ok(last.len() == before && last.iter().all(|outcome| outcome.is_code_failure()))
}

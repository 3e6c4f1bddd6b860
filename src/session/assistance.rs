//! Where a login that needs a one-time code and a person who has one meet.
//!
//! Requests and codes are in memory alone: a code that outlived its login would be of no use to anybody but a thief. An
//! answer goes to the request that was pending when it came, once; nothing keeps it for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::domain::assistance::CodeShape;
use crate::domain::event::Actor;
use crate::domain::ids::{AccountId, AnswerId, ApiKeyId, AssistanceId, OrgId};
use crate::domain::time::{Clock, Instant};

/// Between two looks at the clock, which may run faster than the machine's.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A code that a login waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: AssistanceId,
    pub shape: CodeShape,
    /// Codes that this login has tried before.
    pub attempts: u32,
    /// When the login gives up.
    pub expires_at: Instant,
}

/// A code, and who gave it.
#[derive(Debug)]
pub struct Answer {
    pub id: AnswerId,
    pub code: SecretString,
    /// The person; for a machine, the person whose key it uses.
    pub actor: Actor,
    /// Address of the client.
    pub ip: String,
    /// `None` where a person signed in.
    pub key: Option<ApiKeyId>,
}

/// Why a code went nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("no code is asked for")]
    NothingPending,
    #[error("the code must be {0}")]
    Misshapen(CodeShape),
}

/// How the waiting for a code ended.
#[derive(Debug)]
pub enum Ending {
    Answered(Answer),
    /// Nobody answered in time.
    Expired,
    /// The daemon is stopping.
    Cancelled,
}

/// All pending requests, at most one for an account.
pub struct Assistance {
    clock: Arc<dyn Clock>,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    is_closed: bool,
    /// Tells a request from a later one of the same account.
    opened: u64,
    pending: HashMap<(OrgId, AccountId), Pending>,
}

struct Pending {
    serial: u64,
    request: Request,
    answer: oneshot::Sender<Answer>,
}

impl Assistance {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, desk: Mutex::default() }
    }

    /// What an account's login waits for; `None` where it waits for nothing, or has an answer already.
    #[must_use]
    pub fn pending(&self, org: OrgId, account: AccountId) -> Option<Request> {
        let now = self.clock.now();
        let desk = self.desk();
        let pending = desk.pending.get(&(org, account)).filter(|pending| now < pending.request.expires_at);
        pending.map(|pending| pending.request.clone())
    }

    /// Gives a code to the login that waits for it. Of two that come at once, one is taken.
    pub fn answer(&self, org: OrgId, account: AccountId, answer: Answer) -> Result<(), NotTaken> {
        let now = self.clock.now();
        let mut desk = self.desk();
        let pending = desk.pending.get(&(org, account)).filter(|pending| now < pending.request.expires_at);
        let shape = pending.ok_or(NotTaken::NothingPending)?.request.shape;
        if !shape.fits(answer.code.expose_secret()) {
            return Err(NotTaken::Misshapen(shape));
        }
        let pending = desk.pending.remove(&(org, account)).ok_or(NotTaken::NothingPending)?;
        pending.answer.send(answer).map_err(|_| NotTaken::NothingPending)
    }

    /// Asks for a code; the request stands until the [`Waiting`] ends or is dropped.
    #[must_use]
    pub fn ask(&self, org: OrgId, account: AccountId, request: Request) -> Waiting<'_> {
        let (answer, awaited) = oneshot::channel();
        let mut desk = self.desk();
        desk.opened += 1;
        let waiting = Waiting {
            assistance: self,
            of: (org, account),
            serial: desk.opened,
            expires_at: request.expires_at,
            answer: awaited,
        };
        if !desk.is_closed {
            desk.pending.insert((org, account), Pending { serial: waiting.serial, request, answer });
        }
        waiting
    }

    /// Ends all waiting, now and from now on.
    pub fn close(&self) {
        let mut desk = self.desk();
        desk.is_closed = true;
        desk.pending.clear();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("no holder of this lock can panic")
    }
}

/// A request, as the login that made it sees it.
pub struct Waiting<'a> {
    assistance: &'a Assistance,
    of: (OrgId, AccountId),
    serial: u64,
    expires_at: Instant,
    answer: oneshot::Receiver<Answer>,
}

impl Waiting<'_> {
    pub async fn ending(mut self) -> Ending {
        loop {
            let left = (self.expires_at - self.assistance.clock.now()).to_std().unwrap_or_default();
            if left.is_zero() {
                self.withdraw();
                // What was taken in the last moment was promised to go on its way.
                return self.answer.try_recv().map_or(Ending::Expired, Ending::Answered);
            }
            tokio::select! {
                answer = &mut self.answer => return answer.map_or(Ending::Cancelled, Ending::Answered),
                () = sleep(left.min(LOOK_EVERY)) => {}
            }
        }
    }

    fn withdraw(&self) {
        let mut desk = self.assistance.desk();
        if desk.pending.get(&self.of).is_some_and(|pending| pending.serial == self.serial) {
            desk.pending.remove(&self.of);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.withdraw();
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::domain::assistance::Charset;
    use crate::domain::time::ManualClock;

    const ORG: OrgId = OrgId(Uuid::from_u128(1));
    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(2));

    fn at() -> Instant {
        "2026-05-13T15:00:00Z".parse().expect("an instant")
    }

    fn desk() -> (Arc<ManualClock>, Assistance) {
        let clock = Arc::new(ManualClock::at(at()));
        (Arc::clone(&clock), Assistance::new(clock))
    }

    fn request() -> Request {
        Request {
            id: AssistanceId(Uuid::from_u128(3)),
            shape: CodeShape { length: 6, charset: Charset::Digits },
            attempts: 0,
            expires_at: at() + TimeDelta::seconds(180),
        }
    }

    fn code(text: &str) -> Answer {
        Answer {
            id: AnswerId(Uuid::from_u128(4)),
            code: SecretString::from(text),
            actor: Actor::Engine,
            ip: "127.0.0.1".to_owned(),
            key: None,
        }
    }

    fn text(ending: &Ending) -> Option<&str> {
        match ending {
            Ending::Answered(answer) => Some(answer.code.expose_secret()),
            Ending::Expired | Ending::Cancelled => None,
        }
    }

    #[tokio::test]
    async fn the_first_of_two_answers_is_taken_and_the_second_is_kept_for_nobody() {
        let (_, desk) = desk();
        assert_eq!(desk.answer(ORG, ACCOUNT, code("111111")), Err(NotTaken::NothingPending));
        let waiting = desk.ask(ORG, ACCOUNT, request());
        assert_eq!(desk.pending(ORG, ACCOUNT), Some(request()));
        assert_eq!(desk.answer(ORG, ACCOUNT, code("222222")), Ok(()));
        assert_eq!(desk.pending(ORG, ACCOUNT), None);
        assert_eq!(desk.answer(ORG, ACCOUNT, code("333333")), Err(NotTaken::NothingPending));
        assert_eq!(text(&waiting.ending().await), Some("222222"));

        let waiting = desk.ask(ORG, ACCOUNT, Request { attempts: 1, ..request() });
        assert_eq!(desk.pending(ORG, ACCOUNT).map(|request| request.attempts), Some(1));
        drop(waiting);
        assert_eq!(desk.pending(ORG, ACCOUNT), None);
    }

    #[tokio::test]
    async fn a_code_of_another_shape_or_tenant_changes_nothing() {
        let (_, desk) = desk();
        let _waiting = desk.ask(ORG, ACCOUNT, request());
        let shape = request().shape;
        for wrong in ["12345", "1234567", "12345a", ""] {
            assert_eq!(desk.answer(ORG, ACCOUNT, code(wrong)), Err(NotTaken::Misshapen(shape)), "{wrong}");
        }
        let stranger = OrgId(Uuid::from_u128(9));
        assert_eq!(desk.pending(stranger, ACCOUNT), None);
        assert_eq!(desk.answer(stranger, ACCOUNT, code("123456")), Err(NotTaken::NothingPending));
        assert_eq!(desk.answer(ORG, ACCOUNT, code("123456")), Ok(()));
    }

    #[tokio::test]
    async fn time_ends_a_request_but_not_an_answer_that_was_taken() {
        let (clock, desk) = desk();
        let late = desk.ask(ORG, ACCOUNT, request());
        clock.advance(TimeDelta::seconds(180));
        assert_eq!(desk.pending(ORG, ACCOUNT), None);
        assert_eq!(desk.answer(ORG, ACCOUNT, code("123456")), Err(NotTaken::NothingPending));
        assert!(matches!(late.ending().await, Ending::Expired));

        let expires_at = clock.now() + TimeDelta::seconds(1);
        let waiting = desk.ask(ORG, ACCOUNT, Request { expires_at, ..request() });
        assert_eq!(desk.answer(ORG, ACCOUNT, code("123456")), Ok(()));
        clock.advance(TimeDelta::seconds(2));
        assert_eq!(text(&waiting.ending().await), Some("123456"));
    }

    #[tokio::test]
    async fn a_request_that_is_over_does_not_take_its_successor_along() {
        let (_, desk) = desk();
        let first = desk.ask(ORG, ACCOUNT, request());
        let second = desk.ask(ORG, ACCOUNT, Request { attempts: 1, ..request() });
        assert!(matches!(first.ending().await, Ending::Cancelled));
        assert_eq!(desk.pending(ORG, ACCOUNT).map(|request| request.attempts), Some(1));
        drop(second);
    }

    #[tokio::test]
    async fn a_stop_ends_all_waiting() {
        let (_, desk) = desk();
        let before = desk.ask(ORG, ACCOUNT, request());
        desk.close();
        assert!(matches!(before.ending().await, Ending::Cancelled));
        assert!(matches!(desk.ask(ORG, ACCOUNT, request()).ending().await, Ending::Cancelled));
        assert_eq!(desk.pending(ORG, ACCOUNT), None);
    }

    #[test]
    fn a_code_is_never_printed() {
        assert!(!format!("{:?}", Ending::Answered(code("918273"))).contains("918273"));
    }
}

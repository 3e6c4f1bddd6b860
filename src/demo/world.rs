//! Starts the outside world and gives tests and the demo a direct hand in it.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::bank::{self, Bank};
use super::control;
use super::shop::{self, Shop};
use crate::domain::time::{BankZone, Clock};

pub use super::bank::ledger::{DOLLARS, NewBankMovement, PESOS};
pub use super::shop::{Behaviour, Order, PollSeen, Received, ReceiverBehaviour, SHOP_TOKEN};

/// The zone in which the demo bank counts its days.
pub const ZONE: BankZone = BankZone(Tz::America__Montevideo);

/// How long open connections may hold up the end, once the world is told to stop.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The ports to listen on, on 127.0.0.1; 0 takes any free one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    pub bank: u16,
    pub shop: u16,
    pub control: u16,
}

/// Why the world did not start.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("cannot listen on 127.0.0.1:{port} for the demo's {site}; stop what listens there or choose another port")]
    Listen { site: &'static str, port: u16, source: io::Error },
}

/// The running world: bank, shop and control page. Clones share it.
#[derive(Clone)]
pub struct World {
    pub bank: Url,
    pub bank_port: u16,
    pub shop: Url,
    pub control: Url,
    shared: Arc<Shared>,
}

/// Where the sites are, for the links between them.
pub(super) struct Sites {
    pub bank: Url,
    pub shop: Url,
}

/// What the three sites read and write; `World` reaches the same.
pub(super) struct Shared {
    pub clock: Arc<dyn Clock>,
    /// Ends what would otherwise wait for ever, such as a shop that does not answer.
    pub stop: CancellationToken,
    /// Told by the shop after each webhook; awaited by [`World::wait_for_webhooks`].
    pub arrivals: Notify,
    pub sites: Sites,
    /// One lock for everything: held for computations only, never across an `.await`.
    state: Mutex<WorldState>,
}

pub(super) struct WorldState {
    pub bank: Bank,
    pub shop: Shop,
}

impl Shared {
    fn new(clock: Arc<dyn Clock>, stop: CancellationToken, sites: Sites) -> Arc<Self> {
        let bank = Bank::new(ZONE.day_of(clock.now()));
        let state = Mutex::new(WorldState { bank, shop: Shop::default() });
        Arc::new(Self { clock, stop, arrivals: Notify::new(), sites, state })
    }

    pub fn state(&self) -> MutexGuard<'_, WorldState> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    /// The bank's present day.
    pub fn today(&self) -> NaiveDate {
        ZONE.day_of(self.clock.now())
    }

    /// Waits, unless the world ends first.
    pub async fn dawdle(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// A world without listeners whose clock stands still.
    #[cfg(test)]
    pub fn for_test(now: crate::domain::time::Instant) -> Arc<Self> {
        let site = || Url::parse("http://127.0.0.1:1/").expect("url");
        let clock = Arc::new(crate::domain::time::ManualClock::at(now));
        Self::new(clock, CancellationToken::new(), Sites { bank: site(), shop: site() })
    }
}

impl World {
    /// Starts bank, shop and control page on loopback.
    ///
    /// They run as tasks of `tracker` and end within about a second after `stop` fires. The bank's
    /// history is laid out backwards from the clock's present day.
    pub async fn start(
        clock: Arc<dyn Clock>,
        ports: Ports,
        tracker: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, WorldError> {
        let (bank_listener, bank) = listen("bank", ports.bank).await?;
        let (shop_listener, shop) = listen("shop", ports.shop).await?;
        let (control_listener, control) = listen("control page", ports.control).await?;
        let sites = Sites { bank: bank.clone(), shop: shop.clone() };
        let shared = Shared::new(clock, stop, sites);
        serve(tracker, &shared.stop, bank_listener, bank::router(Arc::clone(&shared)));
        serve(tracker, &shared.stop, shop_listener, shop::router(Arc::clone(&shared)));
        serve(tracker, &shared.stop, control_listener, control::router(Arc::clone(&shared)));
        let bank_port = bank.port_or_known_default().expect("http has a default port");
        Ok(Self { bank, bank_port, shop, control, shared })
    }

    /// The bank's present day.
    pub fn today(&self) -> NaiveDate {
        self.shared.today()
    }

    /// Enters a movement into the bank's books; the next statement shows it.
    ///
    /// # Panics
    /// When the demo bank has no such account or could not print such an amount: a mistake of the caller.
    pub fn add_movement(&self, movement: NewBankMovement) {
        let entered = self.shared.state().bank.ledger.add(movement);
        if let Err(error) = entered {
            panic!("{error}");
        }
    }

    /// Books the oldest pending movement with this concept; false when there is none.
    pub fn book_pending(&self, concept: &str, booked_on: NaiveDate) -> bool {
        self.shared.state().bank.ledger.book(concept, booked_on)
    }

    /// Everything in the bank's books, newest day first within each account.
    pub fn movements(&self) -> Vec<NewBankMovement> {
        self.shared.state().bank.ledger.movements()
    }

    /// Lists an order in the shop; one with the same id changes where it stands.
    pub fn add_order(&self, order: Order) {
        self.shared.state().shop.add_order(order);
    }

    /// Takes an order from the shop's list; false when it was not there.
    pub fn remove_order(&self, external_id: &str) -> bool {
        self.shared.state().shop.remove_order(external_id)
    }

    /// The shop starts anew: no orders, no settings, nothing received.
    pub fn forget_shop(&self) {
        self.shared.state().shop = Shop::default();
    }

    /// Decides how the shop answers polls from now on.
    pub fn set_shop_behaviour(&self, behaviour: Behaviour) {
        self.shared.state().shop.behaviour = behaviour;
    }

    /// Decides how the shop answers webhooks from now on.
    pub fn set_receiver_behaviour(&self, behaviour: ReceiverBehaviour) {
        self.shared.state().shop.receiver = behaviour;
    }

    /// Makes polls need `Authorization` with this token ([`SHOP_TOKEN`], say); `None`, as at the start, opens them.
    pub fn set_shop_token(&self, token: Option<String>) {
        self.shared.state().shop.token = token;
    }

    /// Gives the shop the secret (`whsec_…`) to verify webhooks with. While `None`, as at the start, none is good.
    pub fn set_webhook_secret(&self, secret: Option<String>) {
        self.shared.state().shop.webhook_secret = secret;
    }

    /// How long a session at the bank lives without use; ten minutes at the start.
    pub fn set_session_timeout(&self, timeout: TimeDelta) {
        self.shared.state().bank.session_timeout = timeout;
    }

    /// Every webhook so far, oldest first, repeated and refused ones included.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().shop.received.clone()
    }

    /// Every operational notification so far, oldest first; the shop takes them at `/notices`.
    pub fn notices(&self) -> Vec<Received> {
        self.shared.state().shop.notices.clone()
    }

    /// Waits until the shop has received so many webhooks since the start; false when the time is over.
    pub async fn wait_for_webhooks(&self, count: usize, timeout: Duration) -> bool {
        let arrived = async {
            loop {
                // Made before the count is read, so that no arrival falls between the two.
                let arrival = self.shared.arrivals.notified();
                let seen = self.shared.state().shop.received.len();
                if seen >= count {
                    return;
                }
                arrival.await;
            }
        };
        tokio::time::timeout(timeout, arrived).await.is_ok()
    }

    /// How often the bank's login form was posted for a user name, whatever the answer.
    pub fn login_submissions(&self, document: &str) -> usize {
        self.shared.state().bank.submissions(document)
    }

    /// The code on the phone of a user name; empty where there is none to type. Each send makes another one.
    pub fn sms_code(&self, document: &str) -> String {
        self.shared.state().bank.codes.current(document)
    }

    /// How many codes the bank has sent to a user name.
    pub fn codes_sent(&self, document: &str) -> usize {
        self.shared.state().bank.codes.sent(document)
    }

    /// How many codes were typed for a user name, right or wrong.
    pub fn codes_typed(&self, document: &str) -> usize {
        self.shared.state().bank.codes.typed(document)
    }

    /// How long the bank takes a code; three minutes at the start.
    pub fn set_code_lifetime(&self, lifetime: TimeDelta) {
        self.shared.state().bank.codes.lifetime = lifetime;
    }

    /// Every poll so far, oldest first, refused ones included.
    pub fn polls(&self) -> Vec<PollSeen> {
        self.shared.state().shop.polls.clone()
    }
}

async fn listen(site: &'static str, port: u16) -> Result<(TcpListener, Url), WorldError> {
    let failed = |source| WorldError::Listen { site, port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let url = Url::parse(&format!("http://{address}/")).expect("a loopback address makes a URL");
    Ok((listener, url))
}

fn serve(tracker: &TaskTracker, stop: &CancellationToken, listener: TcpListener, site: Router) {
    let stop = stop.clone();
    tracker.spawn(async move {
        let serving = axum::serve(listener, site).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::select! {
            ended = serving.into_future() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a site of the demo world ended");
                }
            }
            () = closing_time(&stop) => {}
        }
    });
}

/// Returns when connections have had their time to finish after the stop.
async fn closing_time(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(CLOSING_TIME).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::domain::time::ManualClock;

    async fn start(tracker: &TaskTracker, stop: &CancellationToken) -> World {
        let clock = Arc::new(ManualClock::at("2026-05-14T02:30:00Z".parse().expect("instant")));
        World::start(clock, Ports::default(), tracker, stop.clone()).await.expect("world")
    }

    /// Sends a request without a client library, so that broken answers can be seen as they are.
    async fn raw(site: &Url, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", site.port().expect("port"))).await.expect("connection");
        stream.write_all(request.as_bytes()).await.expect("request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n")
    }

    #[tokio::test]
    async fn the_sites_answer_and_end_with_the_stop() {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let world = start(&tracker, &stop).await;
        // 23:30 in Montevideo: the bank's day is not the UTC one.
        assert_eq!(world.today(), NaiveDate::from_ymd_opt(2026, 5, 13).expect("day"));
        assert!(raw(&world.bank, &get("/login")).await.contains(r#"<form action="/login" method="post">"#));
        assert!(raw(&world.shop, &get("/")).await.contains("Tienda Demo"));
        assert!(raw(&world.control, &get("/")).await.contains(world.bank.as_str()));

        world.set_shop_behaviour(Behaviour::Hang);
        let silent = world.clone();
        let poll = tracker.spawn(async move { raw(&silent.shop, &get("/pending-orders")).await });
        while world.polls().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        assert!(poll.await.expect("task").starts_with("HTTP/1.1 503"));
        tracker.close();
        tracker.wait().await;
    }

    #[tokio::test]
    async fn an_answer_may_be_shorter_than_it_says() {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let world = start(&tracker, &stop).await;
        world.set_shop_behaviour(Behaviour::WrongLength);
        let answer = raw(&world.shop, &get("/pending-orders")).await;
        assert!(answer.contains("content-length: 2\r\n") && answer.ends_with("\r\n\r\n["), "{answer}");
        stop.cancel();
    }

    #[tokio::test]
    async fn a_redirected_webhook_is_recorded_at_both_places_and_wakes_the_waiting() {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let world = start(&tracker, &stop).await;
        world.set_receiver_behaviour(ReceiverBehaviour::Redirect);
        assert!(!world.wait_for_webhooks(1, Duration::ZERO).await);
        let post = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\nwebhook-id: 7\r\ncontent-length: 2\r\n\r\n{{}}"
            )
        };
        let answer = raw(&world.shop, &post("/webhook")).await;
        assert!(answer.starts_with("HTTP/1.1 307") && answer.contains("location: /webhook/moved\r\n"), "{answer}");
        assert!(raw(&world.shop, &post("/webhook/moved")).await.starts_with("HTTP/1.1 400"));
        assert!(world.wait_for_webhooks(2, Duration::from_secs(5)).await);
        let received = world.received();
        assert_eq!((received.len(), received[0].webhook_id.as_str(), received[0].raw.as_str()), (2, "7", "{}"));
        stop.cancel();
    }
}

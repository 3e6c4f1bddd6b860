//! What happens in a run with kills, drawn from a seed: the same seed makes the same plan. Pure.

use std::fmt;
use std::mem;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::demo::world::Order;
use crate::domain::money::Amount;

/// Most kills of one plan. No two payers then share a name, and a statement of the demo bank stays below the 400 rows
/// that its recipe reads.
pub const KILLS_MAX: u32 = 120;
/// Most stories between one kill and the next. Each has at most one new payer and one transfer.
const STORIES_MAX: usize = 3;
/// One payer more, because something is always paid.
const _: () = assert!(KILLS_MAX as usize * STORIES_MAX < FORENAMES.len() * SURNAMES.len());

/// A daemon that is younger is still starting.
const STARTING_MS: u64 = 300;
/// A daemon of this age has read the bank, where nothing disturbed it.
const RUNNING_MS: u64 = 4_000;

/// Few, so that equal amounts of different payers are common.
const PRICES: [&str; 6] = ["45.25", "99.90", "250.50", "780.00", "1500.00", "3200.00"];

const FORENAMES: [&str; 20] = [
    "Ana", "Bruno", "Carla", "Diego", "Elena", "Federico", "Gabriela", "Hugo", "Inés", "Joaquín", "Karina", "Lorenzo",
    "Marta", "Nicolás", "Olga", "Pablo", "Rosa", "Silvia", "Teresa", "Víctor",
];

const SURNAMES: [&str; 20] = [
    "Acosta", "Benítez", "Cardozo", "Duarte", "Espinosa", "Ferreira", "Godoy", "Herrera", "Iglesias", "Jiménez",
    "Lozano", "Méndez", "Navarro", "Olivera", "Peralta", "Quiroga", "Romero", "Suárez", "Torres", "Villalba",
];

/// Every round, and what must come of every order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub rounds: Vec<Round>,
    /// Every order that the shop ever lists, in that order.
    pub asked: Vec<Asked>,
}

/// From one start of the daemon to its kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    /// What bank and shop do meanwhile.
    pub acts: Vec<Act>,
    pub moment: Moment,
    /// Counted from the start of the process.
    pub kill_after: Duration,
}

/// When the acts of a round happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// While the daemon starts.
    AtOnce,
    /// When its API answers.
    OnceReady,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// The shop lists an order.
    List(Order),
    /// The bank books a transfer.
    Book(Payment),
    /// The shop takes the unpaid order of this id off its list.
    Withdraw(String),
    /// The shop takes the paid order of this id off its list, if it was told of the payment.
    TakeOff(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payment {
    /// As the shop knows the name.
    pub payer: String,
    /// In pesos.
    pub amount: Amount,
}

/// An order of the shop, and what must come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub order: Order,
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A transfer came for it.
    Paid,
    /// None came.
    Open,
    /// None came, and the shop asks no more.
    Withdrawn,
}

impl Plan {
    /// Draws a plan with at least one paid order; at most [`KILLS_MAX`] kills.
    pub fn draw(seed: u64, kills: u32) -> Self {
        let mut draft = Draft::new(seed);
        draft.pay();
        let rounds = (0..kills).map(|_| draft.round()).collect();
        Self { rounds, asked: draft.asked }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |end: End| self.asked.iter().filter(|asked| asked.end == end).count();
        let acts = self.rounds.iter().flat_map(|round| &round.acts);
        let transfers = acts.filter(|act| matches!(act, Act::Book(_))).count();
        write!(
            f,
            "{} kills; {} orders, of which {} are paid and {} withdrawn; {transfers} transfers",
            self.rounds.len(),
            self.asked.len(),
            count(End::Paid),
            count(End::Withdrawn)
        )
    }
}

/// A plan in the making. Orders are known by their places in `asked`.
struct Draft {
    rng: StdRng,
    asked: Vec<Asked>,
    /// Of the present round.
    acts: Vec<Act>,
    unpaid: Vec<usize>,
    /// And still on the shop's list.
    paid: Vec<usize>,
    /// Transfers that no order asked for yet.
    unexpected: Vec<Payment>,
    payers: usize,
}

impl Draft {
    fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            asked: Vec::new(),
            acts: Vec::new(),
            unpaid: Vec::new(),
            paid: Vec::new(),
            unexpected: Vec::new(),
            payers: 0,
        }
    }

    fn round(&mut self) -> Round {
        for _ in 0..self.rng.random_range(0..=STORIES_MAX) {
            self.story();
        }
        let moment = if self.rng.random_range(0..2_u32) == 0 { Moment::AtOnce } else { Moment::OnceReady };
        let kill_after_ms = match self.rng.random_range(0..4_u32) {
            0 => self.rng.random_range(0..STARTING_MS),
            _ => self.rng.random_range(STARTING_MS..=RUNNING_MS),
        };
        Round { acts: mem::take(&mut self.acts), moment, kill_after: Duration::from_millis(kill_after_ms) }
    }

    fn story(&mut self) {
        match self.rng.random_range(0..8_u32) {
            0 => self.order(),
            1 | 2 => self.pay(),
            3 => self.surprise(),
            4 => self.claim(),
            5 => self.twins(),
            6 => self.withdraw(),
            _ => self.take_off(),
        }
    }

    /// An order that nobody has paid yet.
    fn order(&mut self) {
        let at = self.new_order();
        self.unpaid.push(at);
    }

    /// The transfer for an order.
    fn pay(&mut self) {
        let at = drawn(&mut self.rng, &mut self.unpaid).unwrap_or_else(|| self.new_order());
        self.asked[at].end = End::Paid;
        self.paid.push(at);
        let order = &self.asked[at].order;
        self.acts.push(Act::Book(Payment { payer: order.name.clone(), amount: order.amount }));
    }

    /// A transfer that nobody expects.
    fn surprise(&mut self) {
        let payment = self.new_payment();
        self.acts.push(Act::Book(payment.clone()));
        self.unexpected.push(payment);
    }

    /// An order whose transfer is there already.
    fn claim(&mut self) {
        let payment = drawn(&mut self.rng, &mut self.unexpected).unwrap_or_else(|| {
            let payment = self.new_payment();
            self.acts.push(Act::Book(payment.clone()));
            payment
        });
        let at = self.list(&payment, End::Paid);
        self.paid.push(at);
    }

    /// Two equal orders and one transfer, which is the older one's.
    fn twins(&mut self) {
        let payment = self.new_payment();
        let older = self.list(&payment, End::Paid);
        let younger = self.list(&payment, End::Open);
        self.acts.push(Act::Book(payment));
        self.paid.push(older);
        self.unpaid.push(younger);
    }

    /// The shop gives an unpaid order up; without one it makes one.
    fn withdraw(&mut self) {
        let Some(at) = drawn(&mut self.rng, &mut self.unpaid) else { return self.order() };
        self.asked[at].end = End::Withdrawn;
        self.acts.push(Act::Withdraw(self.asked[at].order.external_id.clone()));
    }

    /// A paid order leaves the list; without one the shop makes an order.
    fn take_off(&mut self) {
        let Some(at) = drawn(&mut self.rng, &mut self.paid) else { return self.order() };
        self.acts.push(Act::TakeOff(self.asked[at].order.external_id.clone()));
    }

    /// An order by a new payer; returns its place.
    fn new_order(&mut self) -> usize {
        let payment = self.new_payment();
        self.list(&payment, End::Open)
    }

    fn list(&mut self, payment: &Payment, end: End) -> usize {
        let at = self.asked.len();
        let order = Order {
            external_id: format!("ORDER-{}", at + 1),
            amount: payment.amount,
            currency: "UYU".parse().expect("a literal code"),
            name: payment.payer.clone(),
        };
        self.acts.push(Act::List(order.clone()));
        self.asked.push(Asked { order, end });
        at
    }

    fn new_payment(&mut self) -> Payment {
        let price = PRICES[self.rng.random_range(0..PRICES.len())];
        let payer = payer(self.payers);
        self.payers += 1;
        Payment { payer, amount: price.parse().expect("a literal amount") }
    }
}

/// The name of the n-th payer; no two of the first 400 are equal.
fn payer(number: usize) -> String {
    let forename = FORENAMES[number % FORENAMES.len()];
    // Each time the forenames begin anew, they meet the next surname.
    let surname = SURNAMES[(number + number / FORENAMES.len()) % SURNAMES.len()];
    format!("{forename} {surname}")
}

/// Takes any one out of a list.
fn drawn<T>(rng: &mut StdRng, list: &mut Vec<T>) -> Option<T> {
    if list.is_empty() {
        return None;
    }
    let at = rng.random_range(0..list.len());
    Some(list.swap_remove(at))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::matching::Policy;
    use crate::matching::name::{normalise, similarity};

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        assert_eq!(Plan::draw(7, 20), Plan::draw(7, 20));
        assert_ne!(Plan::draw(7, 20), Plan::draw(8, 20));
        assert_eq!(Plan::draw(7, 20).rounds.len(), 20);
    }

    /// What happened to the orders and transfers of one payer.
    #[derive(Debug, Default)]
    struct Story {
        listed: usize,
        paid: usize,
        booked: usize,
    }

    #[test]
    fn every_paid_order_has_its_transfer_and_nobody_pays_twice() {
        for seed in 0..50 {
            let plan = Plan::draw(seed, KILLS_MAX);
            let mut stories: BTreeMap<&str, Story> = BTreeMap::new();
            for asked in &plan.asked {
                let story = stories.entry(&asked.order.name).or_default();
                story.listed += 1;
                story.paid += usize::from(asked.end == End::Paid);
            }
            for act in plan.rounds.iter().flat_map(|round| &round.acts) {
                if let Act::Book(payment) = act {
                    stories.entry(&payment.payer).or_default().booked += 1;
                }
            }
            for (payer, Story { listed, paid, booked }) in &stories {
                let is_surprise = *listed == 0 && *booked == 1;
                assert!(is_surprise || paid == booked, "seed {seed}, {payer}: {paid} paid, {booked} booked");
            }
            assert!(plan.asked.iter().any(|asked| asked.end == End::Paid), "seed {seed}");
        }
    }

    #[test]
    fn orders_leave_the_list_only_after_they_came_onto_it_and_as_their_end_says() {
        for seed in 0..50 {
            let plan = Plan::draw(seed, KILLS_MAX);
            let ends: BTreeMap<&str, End> =
                plan.asked.iter().map(|asked| (asked.order.external_id.as_str(), asked.end)).collect();
            assert_eq!(ends.len(), plan.asked.len(), "seed {seed}: an id stands twice");
            let mut listed: BTreeSet<&str> = BTreeSet::new();
            for act in plan.rounds.iter().flat_map(|round| &round.acts) {
                match act {
                    Act::List(order) => assert!(listed.insert(&order.external_id), "seed {seed}: {act:?}"),
                    Act::Book(_) => {}
                    Act::Withdraw(id) => {
                        assert!(listed.remove(id.as_str()), "seed {seed}: {act:?}");
                        assert_eq!(ends[id.as_str()], End::Withdrawn, "seed {seed}: {act:?}");
                    }
                    Act::TakeOff(id) => {
                        assert!(listed.remove(id.as_str()), "seed {seed}: {act:?}");
                        assert_eq!(ends[id.as_str()], End::Paid, "seed {seed}: {act:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_long_plan_has_everything() {
        let plan = Plan::draw(1, KILLS_MAX);
        let acts: Vec<&Act> = plan.rounds.iter().flat_map(|round| &round.acts).collect();
        let has = |what: fn(&Act) -> bool| acts.iter().any(|act| what(act));
        assert!(has(|act| matches!(act, Act::List(_))));
        assert!(has(|act| matches!(act, Act::Book(_))));
        assert!(has(|act| matches!(act, Act::Withdraw(_))));
        assert!(has(|act| matches!(act, Act::TakeOff(_))));
        for end in [End::Paid, End::Open, End::Withdrawn] {
            assert!(plan.asked.iter().any(|asked| asked.end == end), "{end:?}");
        }
        for moment in [Moment::AtOnce, Moment::OnceReady] {
            assert!(plan.rounds.iter().any(|round| round.moment == moment), "{moment:?}");
        }
        let starting = Duration::from_millis(STARTING_MS);
        assert!(plan.rounds.iter().any(|round| round.kill_after < starting));
        assert!(plan.rounds.iter().any(|round| round.kill_after > starting));
        assert!(plan.rounds.iter().all(|round| round.kill_after <= Duration::from_millis(RUNNING_MS)));
    }

    #[test]
    fn no_two_payers_could_be_taken_for_each_other() {
        let count = FORENAMES.len() * SURNAMES.len();
        let names: BTreeSet<String> = (0..count).map(payer).collect();
        assert_eq!(names.len(), count);
        let same_surname = FORENAMES.iter().map(|forename| format!("{forename} {}", SURNAMES[0]));
        let same_forename = SURNAMES.iter().map(|surname| format!("{} {surname}", FORENAMES[0]));
        for family in [same_surname.collect::<Vec<_>>(), same_forename.collect()] {
            for order in &family {
                for other in family.iter().filter(|other| *other != order) {
                    let score = similarity(&normalise(order), &normalise(&other.to_uppercase())).score;
                    assert!(score < Policy::default().name_min, "{order} and {other}: {score}");
                }
            }
        }
    }
}

//! The parts of a recipe that say where the lists of accounts and movements are.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;

use super::Css;
use super::fields::{AmountRule, Field, Skip, StatusRule};
use super::raw::optional_zone;
use crate::domain::account::words;
use crate::domain::time::BankZone;

/// Where the list of accounts is and how it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Flow that brings the list on screen.
    pub flow: String,
    pub source: Source,
    pub rows: Css,
    /// Fewer accounts mean that the page was not understood.
    #[serde(default = "one")]
    pub min: usize,
    /// `number` is required; `currency` and `link` are what movements usually refer to.
    pub fields: BTreeMap<String, Field>,
    #[serde(default)]
    pub skip_when: Vec<Skip>,
    pub empty_when: Option<String>,
    /// The input that restricts the accounts to some.
    pub choose: Option<String>,
}

fn one() -> usize {
    1
}

/// How the movements of one account are read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Movements {
    /// Flow that brings the first page of one account and window on screen.
    pub flow: String,
    pub source: Source,
    pub rows: Css,
    #[serde(default)]
    pub skip_when: Vec<Skip>,
    /// The state without which no rows are not believed.
    pub empty_when: Option<String>,
    pub order: Order,
    pub fields: MovementFields,
    pub status: StatusRule,
    pub window: Window,
    pub pages: Option<Pages>,
    pub identity: IdentityRule,
    #[serde(default)]
    pub checks: Checks,
}

/// Where rows come from: `{ table = "page" }` is the page on screen, any other name one that a `snapshot` step kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Table(String),
}

words! {
    /// In which order the bank lists movements.
    Order {
        NewestFirst = "newest_first",
        OldestFirst = "oldest_first",
    }
}

/// What a movement is made of.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovementFields {
    pub booked_on: Field,
    pub value_on: Option<Field>,
    pub amount: AmountRule,
    pub currency: Field,
    pub description: Field,
    pub counterparty_name: Option<Field>,
    pub bank_reference: Option<Field>,
    pub balance_after: Option<Field>,
}

impl MovementFields {
    /// The fields with their names in the recipe.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Field)> {
        [
            ("booked_on", Some(&self.booked_on)),
            ("value_on", self.value_on.as_ref()),
            ("amount.credit", Some(&self.amount.credit)),
            ("amount.debit", Some(&self.amount.debit)),
            ("currency", Some(&self.currency)),
            ("description", Some(&self.description)),
            ("counterparty_name", self.counterparty_name.as_ref()),
            ("bank_reference", self.bank_reference.as_ref()),
            ("balance_after", self.balance_after.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, field)| Some((name, field?)))
    }
}

/// How much can be asked for at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub kind: WindowKind,
    pub max_days: NonZeroU32,
    /// `None` means the zone of the bank.
    #[serde(default, deserialize_with = "optional_zone")]
    pub timezone: Option<BankZone>,
}

words! {
    WindowKind {
        /// From one day to another, both inclusive.
        Range = "range",
    }
}

/// How to get to the rest of a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    pub kind: PagesKind,
    /// The element that leads to the next page.
    pub element: String,
    /// What shows that this page is the last.
    pub stop: Vec<Stop>,
    /// What must differ after a click; `None` checks nothing.
    pub must_change: Option<MustChange>,
    /// Pages at most.
    pub max: usize,
    #[serde(default)]
    pub on_cap: OnCap,
}

words! {
    PagesKind {
        Click = "click",
    }
}

/// The element named here is missing, or disabled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    Missing(String),
    Disabled(String),
}

impl Stop {
    /// The element that it is about.
    #[must_use]
    pub fn element(&self) -> &str {
        match self {
            Self::Missing(element) | Self::Disabled(element) => element,
        }
    }
}

words! {
    MustChange {
        FirstRow = "first_row",
    }
}

/// What happens when there are more pages than the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCap {
    #[default]
    Error,
}

/// What makes two readings of a row the same movement.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityRule {
    pub fingerprint: Vec<FingerprintPart>,
    /// Whether the bank never changes the balance printed beside a booked movement.
    #[serde(default)]
    pub balances_final: bool,
}

words! {
    FingerprintPart {
        BookedOn = "booked_on",
        ValueOn = "value_on",
        Amount = "amount",
        Currency = "currency",
        Description = "description",
        CounterpartyName = "counterparty_name",
        BankReference = "bank_reference",
        BalanceAfter = "balance_after",
    }
}

/// What is checked about the rows as a whole.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// Each balance follows from the one before.
    pub running_balance: bool,
    /// Every row of the table is either kept or skipped by name.
    pub coverage: bool,
}

impl Default for Checks {
    fn default() -> Self {
        Self { running_balance: false, coverage: true }
    }
}

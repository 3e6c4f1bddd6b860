//! A bank made of saved pages: everything a run does, without a browser. Data only, so that a test reads like the bank.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::browser::{Browser, BrowserError};
use super::run::drive;
use super::snapshot::{Node, Snapshot};
use super::{Engine, ScrapeReport, ScrapeRequest, Watcher};

/// The pages of a bank and what clicks lead to.
#[derive(Debug, Clone)]
pub struct Script {
    /// Where the bank is, such as `http://127.0.0.1:7001/`.
    pub base: Url,
    /// HTML by path (with query, or without for all queries); by whole address for pages of other sites.
    pub pages: BTreeMap<String, String>,
    /// What a page shows when it is opened again, one text for each further time; then the last one stays.
    pub revisions: BTreeMap<String, Vec<String>>,
    /// The first that fits a click decides.
    pub clicks: Vec<Click>,
}

/// What happens on one page when something is clicked.
#[derive(Debug, Clone)]
pub struct Click {
    /// Path of the page; queries are not looked at.
    pub on: String,
    /// Part of the clicked element's text.
    pub text: String,
    /// What must have been typed on this page, in this order; `None` asks for nothing.
    pub typed: Option<Vec<String>>,
    pub effect: Effect,
}

#[derive(Debug, Clone)]
pub enum Effect {
    /// Leads to an address, relative to the page.
    Page(String),
    Nothing,
    /// Kills the browser.
    Crash,
}

/// What was done to the scripted bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Opened(String),
    /// Origin of the page, and what was typed.
    Typed {
        origin: String,
        text: String,
    },
    /// Path of the page, and text of the element.
    Clicked {
        on: String,
        text: String,
    },
}

impl Click {
    #[must_use]
    pub fn new(on: &str, text: &str, effect: Effect) -> Self {
        Self { on: on.to_owned(), text: text.to_owned(), typed: None, effect }
    }

    /// The same, only after exactly these texts were typed.
    #[must_use]
    pub fn after(self, typed: &[&str]) -> Self {
        Self { typed: Some(typed.iter().map(|&text| text.to_owned()).collect()), ..self }
    }
}

/// A browser that shows the pages of a [`Script`].
#[derive(Debug)]
pub struct ScriptedBrowser {
    script: Script,
    url: Url,
    /// Paths, with their queries, that were shown before.
    opened: BTreeSet<String>,
    /// On the page that is shown.
    typed: Vec<String>,
    has_crashed: bool,
    acts: Arc<Mutex<Vec<Act>>>,
}

impl ScriptedBrowser {
    #[must_use]
    pub fn new(script: Script) -> Self {
        let blank = Url::parse("about:blank").expect("an address");
        Self {
            script,
            url: blank,
            opened: BTreeSet::new(),
            typed: Vec::new(),
            has_crashed: false,
            acts: Arc::default(),
        }
    }

    /// Everything that was done so far.
    #[must_use]
    pub fn acts(&self) -> Vec<Act> {
        locked(&self.acts).clone()
    }

    fn record(&self, act: Act) {
        locked(&self.acts).push(act);
    }

    fn open(&mut self, url: Url) -> Result<(), BrowserError> {
        self.record(Act::Opened(url.to_string()));
        if self.page(&url).is_none() {
            return Err(BrowserError::Network("ERR_NAME_NOT_RESOLVED".to_owned()));
        }
        let path = url[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
        if !self.opened.insert(path.clone())
            && let Some(revisions) = self.script.revisions.get_mut(&path).filter(|revisions| !revisions.is_empty())
        {
            let revised = revisions.remove(0);
            self.script.pages.insert(path, revised);
        }
        self.url = url;
        self.typed.clear();
        Ok(())
    }

    fn page(&self, url: &Url) -> Option<&String> {
        let pages = &self.script.pages;
        if url.origin() != self.script.base.origin() {
            return pages.get(url.as_str());
        }
        let with_query = &url[url::Position::BeforePath..url::Position::AfterQuery];
        pages.get(with_query).or_else(|| pages.get(url.path()))
    }

    fn check_alive(&self) -> Result<(), BrowserError> {
        if self.has_crashed { Err(BrowserError::Crashed) } else { Ok(()) }
    }
}

impl Browser for ScriptedBrowser {
    async fn goto(&mut self, url: &Url) -> Result<(), BrowserError> {
        self.check_alive()?;
        self.open(url.clone())
    }

    async fn snapshot(&mut self) -> Result<Snapshot, BrowserError> {
        self.check_alive()?;
        let html = self.page(&self.url).map_or("", String::as_str);
        Ok(Snapshot::from_html(html, &self.url))
    }

    async fn click(&mut self, node: &Node) -> Result<(), BrowserError> {
        self.check_alive()?;
        self.record(Act::Clicked { on: self.url.path().to_owned(), text: node.text.clone() });
        let fits = |click: &&Click| {
            click.on == self.url.path()
                && node.text.contains(&click.text)
                && click.typed.as_ref().is_none_or(|typed| *typed == self.typed)
        };
        let effect = self.script.clicks.iter().find(fits).map(|click| click.effect.clone());
        match effect {
            Some(Effect::Page(address)) => {
                let url = self.url.join(&address).map_err(|error| BrowserError::Protocol(error.to_string()))?;
                self.open(url)
            }
            Some(Effect::Crash) => {
                self.has_crashed = true;
                Err(BrowserError::Crashed)
            }
            Some(Effect::Nothing) | None => Ok(()),
        }
    }

    async fn fill(&mut self, node: &Node, text: &SecretString) -> Result<(), BrowserError> {
        self.check_alive()?;
        if node.tag != "input" {
            return Err(BrowserError::NotTyped);
        }
        let text = text.expose_secret().to_owned();
        self.record(Act::Typed { origin: self.url.origin().ascii_serialization(), text: text.clone() });
        self.typed.push(text);
        Ok(())
    }

    async fn close(self) {}
}

/// An engine whose every run meets the same scripted bank, in a fresh browser.
#[derive(Debug)]
pub struct ScriptedEngine {
    script: Mutex<Script>,
    acts: Arc<Mutex<Vec<Act>>>,
}

impl ScriptedEngine {
    #[must_use]
    pub fn new(script: Script) -> Self {
        Self { script: Mutex::new(script), acts: Arc::default() }
    }

    /// Everything that was done in all runs so far.
    #[must_use]
    pub fn acts(&self) -> Vec<Act> {
        locked(&self.acts).clone()
    }

    /// Changes the bank for the runs that start from now on.
    pub fn replace(&self, script: Script) {
        *locked(&self.script) = script;
    }
}

impl Engine for ScriptedEngine {
    fn scrape<'a>(&'a self, request: ScrapeRequest, watcher: &'a dyn Watcher) -> BoxFuture<'a, ScrapeReport> {
        Box::pin(async move {
            let script = locked(&self.script).clone();
            let mut browser = ScriptedBrowser { acts: Arc::clone(&self.acts), ..ScriptedBrowser::new(script) };
            drive(&mut browser, &request, watcher).await
        })
    }
}

/// A test that failed while it held the lock leaves nothing half done here.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What the interpreter asks of a browser, and the ways in which a browser fails.

use secrecy::SecretString;
use url::Url;

use super::snapshot::{Node, Snapshot};
use crate::domain::run::Outcome;

/// A browser with one page. Implemented by the real one and by the scripted one of the tests.
pub trait Browser: Send {
    /// Opens an address and returns when the page has loaded, whatever status the server gave it.
    fn goto(&mut self, url: &Url) -> impl Future<Output = Result<(), BrowserError>> + Send;

    /// Reads the page as it is now.
    fn snapshot(&mut self) -> impl Future<Output = Result<Snapshot, BrowserError>> + Send;

    /// Clicks what the last snapshot showed as `node`; [`BrowserError::Moved`] when the page no longer agrees.
    fn click(&mut self, node: &Node) -> impl Future<Output = Result<(), BrowserError>> + Send;

    /// Replaces what is in a field by typing `text` and checks that the field took all of it.
    ///
    /// Types only into the document that the last snapshot showed: a page that has meanwhile become another gives
    /// [`BrowserError::Moved`].
    fn fill(&mut self, node: &Node, text: &SecretString) -> impl Future<Output = Result<(), BrowserError>> + Send;

    /// Ends the session.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Why a browser command did not work. No message contains what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowserError {
    /// The page changed between looking and acting; look again.
    #[error("the page changed while it was being used ({0})")]
    Moved(String),
    /// The field does not hold what was typed into it.
    #[error("the field did not take what was typed")]
    NotTyped,
    /// The bank's server could not be reached.
    #[error("the bank could not be reached: {0}")]
    Network(String),
    /// Nothing came back in time. The command may still be under way, so the session is not used again.
    #[error("the browser did not finish `{command}` in time")]
    Timeout { command: &'static str },
    #[error("the browser did not start: {0}")]
    NotStarted(String),
    #[error("the browser crashed")]
    Crashed,
    #[error("the connection to the browser driver was lost")]
    DriverLost,
    /// The driver said something that nobody expected.
    #[error("unexpected answer of the browser driver: {0}")]
    Protocol(String),
}

impl BrowserError {
    /// How a run ends that meets this error.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Moved(_) | Self::NotTyped => Outcome::LayoutChanged,
            Self::Network(_) => Outcome::Network,
            Self::Timeout { .. } => Outcome::Timeout,
            Self::NotStarted(_) | Self::Crashed => Outcome::BrowserCrashed,
            Self::DriverLost => Outcome::DriverLost,
            Self::Protocol(_) => Outcome::Internal,
        }
    }

    /// Whether the session can still be spoken to.
    #[must_use]
    pub fn leaves_session_usable(&self) -> bool {
        match self {
            Self::Moved(_) | Self::NotTyped | Self::Network(_) => true,
            Self::Timeout { .. } | Self::NotStarted(_) | Self::Crashed | Self::DriverLost | Self::Protocol(_) => false,
        }
    }
}

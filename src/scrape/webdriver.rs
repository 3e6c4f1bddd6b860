//! The real browser, spoken to over WebDriver.

use std::path::Path;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus, NewSessionError};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use url::Url;

use super::browser::{Browser, BrowserError};
use super::driver::{Driver, is_headless_shell};
use super::snapshot::{LOCATE_SCRIPT, Node, SNAPSHOT_SCRIPT, Snapshot};

/// A cold full Chromium on a loaded machine takes about seven seconds.
const SESSION_START_LIMIT: Duration = Duration::from_secs(45);
const SESSION_CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// How much of a driver's message goes into an error.
const MESSAGE_CHARS_MAX: usize = 200;
/// How the standard spells "this is an element" in JSON.
const ELEMENT_KEY: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Arguments of every browser. The debugging pipe, unlike a port, is open to nobody else on the machine.
const ARGUMENTS: [&str; 13] = [
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-breakpad",
    "--mute-audio",
    "--disable-dev-shm-usage",
];

/// One browser session.
#[derive(Debug)]
pub struct WebDriver {
    client: Client,
    command_timeout: Duration,
    /// Origin of the document in the last snapshot; acting on another one is refused.
    shown_origin: String,
}

/// Why a command did not answer as hoped.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// The page was on its way to another. Whether the command was carried out is not known.
    Passing(String),
    Failed(BrowserError),
}

impl From<Trouble> for BrowserError {
    /// For commands that can be given again; a click cannot.
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Passing(why) => Self::Moved(why),
            Trouble::Failed(error) => error,
        }
    }
}

/// Whether the browser's sandbox has to be off, and so whether real banks are refused.
#[must_use]
pub fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl WebDriver {
    /// Opens a session in a fresh browser that can reach `hosts` and no others.
    pub async fn open(
        driver: &Driver,
        hosts: &[String],
        locale: &str,
        command_timeout: Duration,
    ) -> Result<Self, BrowserError> {
        let mut arguments = arguments(hosts, locale, &driver.profile());
        if !is_headless_shell(driver.browser()) {
            arguments.push("--headless=new".to_owned());
        }
        if runs_as_root() {
            // Chromium refuses to start a sandbox as root.
            arguments.push("--no-sandbox".to_owned());
        }
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(driver.browser(), &arguments, command_timeout));
        match timeout(SESSION_START_LIMIT, builder.connect(&driver.url())).await {
            Ok(Ok(client)) => Ok(Self { client, command_timeout, shown_origin: String::new() }),
            Ok(Err(error)) => Err(explain_start(&error)),
            Err(_) => Err(BrowserError::Timeout { command: "new session" }),
        }
    }

    /// Runs one command under the time limit. The driver's own limits are shorter, so this one is the last resort.
    async fn command<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, CmdError>> + Send,
    ) -> Result<T, Trouble> {
        match timeout(self.command_timeout, work).await {
            Ok(answer) => answer.map_err(|error| explain(name, &error)),
            Err(_) => Err(Trouble::Failed(BrowserError::Timeout { command: name })),
        }
    }

    /// Finds the element of a snapshot's node in the page as it is now, if both are still the same.
    async fn locate(&self, node: &Node) -> Result<Element, BrowserError> {
        let arguments = vec![json!(node.path), json!(node.tag), json!(node.text)];
        let found = self.command("locate", self.client.execute(&locate_script(), arguments)).await?;
        if found.is_null() {
            return Err(BrowserError::Moved("the element is gone or has become another".to_owned()));
        }
        if found["origin"] != *self.shown_origin {
            return Err(BrowserError::Moved("another site is shown".to_owned()));
        }
        let id = found["element"][ELEMENT_KEY]
            .as_str()
            .ok_or_else(|| BrowserError::Protocol("an element without a reference".to_owned()))?;
        Ok(Element::from_element_id(self.client.clone(), id.to_owned().into()))
    }
}

impl Browser for WebDriver {
    async fn goto(&mut self, url: &Url) -> Result<(), BrowserError> {
        match self.command("goto", self.client.goto(url.as_str())).await {
            // A page may send the browser on while it loads; what is shown in the end is what counts.
            Ok(()) | Err(Trouble::Passing(_)) => Ok(()),
            Err(Trouble::Failed(error)) => Err(error),
        }
    }

    async fn snapshot(&mut self) -> Result<Snapshot, BrowserError> {
        let answer = self.command("snapshot", self.client.execute(SNAPSHOT_SCRIPT, Vec::new())).await?;
        let text = answer.as_str().ok_or_else(|| BrowserError::Protocol("a snapshot that is no text".to_owned()))?;
        let snapshot = Snapshot::from_json(text).map_err(|error| BrowserError::Protocol(error.to_string()))?;
        // A refused connection is no error of the command that met it; the browser shows a page of its own.
        if snapshot.url.scheme() == "chrome-error" {
            return Err(BrowserError::Network("the browser shows its error page instead of the bank's".to_owned()));
        }
        self.shown_origin = snapshot.url.origin().ascii_serialization();
        Ok(snapshot)
    }

    async fn click(&mut self, node: &Node) -> Result<(), BrowserError> {
        let element = self.locate(node).await?;
        match self.command("click", element.click()).await {
            // The click itself may have sent the page on. Clicking again could submit twice, so it counts as done.
            Ok(()) | Err(Trouble::Passing(_)) => Ok(()),
            Err(Trouble::Failed(error)) => Err(error),
        }
    }

    async fn fill(&mut self, node: &Node, text: &SecretString) -> Result<(), BrowserError> {
        // The reference is bound to its document: should the page navigate now, the keys reach nobody.
        let element = self.locate(node).await?;
        self.command("clear", element.clear()).await?;
        self.command("send keys", element.send_keys(text.expose_secret())).await?;
        let reference = serde_json::to_value(&element).map_err(|error| BrowserError::Protocol(error.to_string()))?;
        let lengths = self.command("measure", self.client.execute(LENGTHS_SCRIPT, vec![reference])).await?;
        if took(&lengths, text.expose_secret()) { Ok(()) } else { Err(BrowserError::NotTyped) }
    }

    async fn close(self) {
        // Whatever does not close is killed with its process group.
        let _ = timeout(SESSION_CLOSE_LIMIT, self.client.close()).await;
    }
}

/// Adds the document's origin to what is found, read at the same moment.
fn locate_script() -> String {
    format!(
        "const element = (function () {{\n{LOCATE_SCRIPT}\n}}).apply(null, arguments);\n\
         return element ? {{ element, origin: location.origin }} : null;"
    )
}

/// How long a field's value is, in UTF-16 units and in letters and digits; the value itself is never read.
const LENGTHS_SCRIPT: &str = r"
const value = arguments[0].value || '';
return [value.length, value.replace(/[^\p{Alphabetic}\p{N}]/gu, '').length];
";

/// Whether a field holds as much as was typed. Fields that format (`1.234.567-8`) may add signs, not letters or digits.
fn took(lengths: &Value, typed: &str) -> bool {
    let letters: usize = typed.chars().filter(|c| c.is_alphanumeric()).map(char::len_utf16).sum();
    let measured = |index: usize| lengths[index].as_u64().and_then(|length| usize::try_from(length).ok());
    measured(0).is_some_and(|length| length >= typed.encode_utf16().count()) && measured(1) == Some(letters)
}

fn arguments(hosts: &[String], locale: &str, profile: &Path) -> Vec<String> {
    let mut arguments: Vec<String> = ARGUMENTS.iter().map(|&argument| argument.to_owned()).collect();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.push(format!("--accept-lang={locale}"));
    let rules: Vec<String> = hosts.iter().map(|host| format!("EXCLUDE {host}")).collect();
    arguments.push(format!("--host-resolver-rules=MAP * ~NOTFOUND , {}", rules.join(" , ")));
    arguments
}

fn capabilities(browser: &Path, arguments: &[String], command_timeout: Duration) -> Map<String, Value> {
    // Shorter than our own limit, so that the driver's precise error comes first.
    let limit_ms = u64::try_from(command_timeout.as_millis() * 3 / 4).unwrap_or(u64::MAX);
    let Value::Object(capabilities) = json!({
        "browserName": "chrome",
        "pageLoadStrategy": "normal",
        "timeouts": { "pageLoad": limit_ms, "script": limit_ms, "implicit": 0 },
        // A question of the page (`confirm`) is answered with no: we only read.
        "unhandledPromptBehavior": "dismiss",
        // The headless shell has no session without it.
        "webSocketUrl": true,
        "goog:chromeOptions": { "binary": browser.to_string_lossy(), "args": arguments },
    }) else {
        unreachable!("the literal above is an object")
    };
    capabilities
}

fn explain_start(error: &NewSessionError) -> BrowserError {
    match error {
        NewSessionError::Failed(_) | NewSessionError::FailedC(_) | NewSessionError::Lost(_) => BrowserError::DriverLost,
        NewSessionError::SessionNotCreated(problem) => BrowserError::NotStarted(first_line(&problem.message)),
        NewSessionError::BadWebdriverUrl(_) | NewSessionError::NotW3C(_) | NewSessionError::UnexpectedError(_) => {
            BrowserError::NotStarted(first_line(&error.to_string()))
        }
    }
}

/// Says in our words what went wrong. What was sent with the command is never part of it.
fn explain(command: &'static str, error: &CmdError) -> Trouble {
    Trouble::Failed(match error {
        CmdError::Standard(problem) => return explain_standard(command, &problem.error, &problem.message),
        // Outside the standard stand the states of a page that is on its way, and those of a browser that is dead.
        CmdError::NotW3C(Value::String(state)) if is_passing(state) => return Trouble::Passing(state.clone()),
        CmdError::NotW3C(_) => BrowserError::Crashed,
        CmdError::Failed(_) | CmdError::FailedC(_) | CmdError::Lost(_) => BrowserError::DriverLost,
        other => BrowserError::Protocol(format!("{command}: {}", first_line(&other.to_string()))),
    })
}

fn is_passing(state: &str) -> bool {
    ["navigation", "execution context", "target detached"].iter().any(|word| state.contains(word))
}

fn explain_standard(command: &'static str, status: &ErrorStatus, message: &str) -> Trouble {
    Trouble::Failed(match status {
        ErrorStatus::InvalidSessionId | ErrorStatus::NoSuchWindow => BrowserError::Crashed,
        ErrorStatus::Timeout | ErrorStatus::ScriptTimeout => BrowserError::Timeout { command },
        // The driver says these before it touches the page.
        ErrorStatus::StaleElementReference
        | ErrorStatus::NoSuchElement
        | ErrorStatus::DetachedShadowRoot
        | ErrorStatus::ElementClickIntercepted
        | ErrorStatus::ElementNotInteractable
        | ErrorStatus::InvalidElementState => BrowserError::Moved(first_line(message)),
        // Our scripts fail where a page has no content yet.
        ErrorStatus::JavascriptError => return Trouble::Passing(first_line(message)),
        _ if message.contains("net::ERR_") => BrowserError::Network(network_code(message)),
        _ if is_passing(message) => return Trouble::Passing(first_line(message)),
        _ => BrowserError::Protocol(format!("{command}: {}: {}", status.description(), first_line(message))),
    })
}

fn network_code(message: &str) -> String {
    let code = message.split("net::").nth(1).unwrap_or_default();
    code.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect()
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_reaches_the_declared_hosts_only() {
        let hosts = ["bank.example".to_owned(), "*.cdn.example".to_owned()];
        let arguments = arguments(&hosts, "es-UY", Path::new("/run/p"));
        let rules = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE bank.example , EXCLUDE *.cdn.example";
        assert!(arguments.iter().any(|argument| argument == rules), "{arguments:?}");
        assert!(arguments.iter().any(|argument| argument == "--user-data-dir=/run/p"), "{arguments:?}");
        assert!(arguments.iter().any(|argument| argument == "--no-proxy-server"), "{arguments:?}");
    }

    #[test]
    fn the_driver_gives_up_before_we_do() {
        let capabilities = capabilities(Path::new("/b"), &[], Duration::from_secs(30));
        assert_eq!(capabilities["timeouts"]["pageLoad"], 22_500);
        assert_eq!(capabilities["webSocketUrl"], true);
        assert_eq!(capabilities["goog:chromeOptions"]["binary"], "/b");
    }

    #[test]
    fn driver_errors_become_what_the_interpreter_must_do() {
        let check = |status: ErrorStatus, message: &str, expected: BrowserError| {
            assert_eq!(explain_standard("click", &status, message), Trouble::Failed(expected), "{message}");
        };
        check(ErrorStatus::InvalidSessionId, "session deleted", BrowserError::Crashed);
        check(ErrorStatus::Timeout, "timeout", BrowserError::Timeout { command: "click" });
        check(
            ErrorStatus::StaleElementReference,
            "stale element not found\n  (Session info: x)",
            BrowserError::Moved("stale element not found".to_owned()),
        );
        check(
            ErrorStatus::UnknownError,
            "unknown error: net::ERR_NAME_NOT_RESOLVED\n  (Session info: x)",
            BrowserError::Network("ERR_NAME_NOT_RESOLVED".to_owned()),
        );
        let crashed = explain("goto", &CmdError::NotW3C(json!("tab crashed")));
        assert_eq!(crashed, Trouble::Failed(BrowserError::Crashed));
    }

    #[test]
    fn a_page_on_its_way_is_no_failure_of_the_command() {
        let check = |trouble: Trouble| assert!(matches!(trouble, Trouble::Passing(_)), "{trouble:?}");
        check(explain("click", &CmdError::NotW3C(json!("aborted by navigation"))));
        check(explain_standard("snapshot", &ErrorStatus::JavascriptError, "javascript error: null has no children"));
        check(explain_standard("click", &ErrorStatus::UnknownError, "unknown error: no such execution context"));
    }

    #[test]
    fn a_field_took_what_was_typed_when_nothing_is_missing() {
        let check = |lengths: Value, typed: &str, expected: bool| {
            assert_eq!(took(&lengths, typed), expected, "{lengths} after typing {typed}");
        };
        check(json!([4, 4]), "demo", true);
        // 1.234.567-8 shows 12345678 with its signs.
        check(json!([11, 8]), "12345678", true);
        check(json!([10, 8]), "13/05/2026", true);
        check(json!([3, 3]), "demo", false);
        check(json!([8, 8]), "demo", false);
        check(json!([4, 4]), "a!b!c", false);
        check(json!(null), "demo", false);
    }
}

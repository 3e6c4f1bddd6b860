//! Where a run may go, and where it may type secrets.

use std::collections::BTreeSet;

use url::Url;

use super::recipe::Recipe;
use super::template::{Scope, Template};

/// A recipe's origins with the port of a simulated bank filled in.
#[derive(Debug, Clone)]
pub struct AllowedOrigins {
    /// Secrets are typed here and nowhere else.
    login: BTreeSet<String>,
    /// Pages of these origins may be shown.
    documents: BTreeSet<String>,
    /// Hosts the browser may connect to at all; a leading `*.` stands for any subdomain.
    hosts: Vec<String>,
}

/// An origin of the recipe that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the recipe's origin `{origin}` cannot be used: {reason}")]
pub struct OriginError {
    origin: String,
    reason: String,
}

impl AllowedOrigins {
    /// Fills in the templates of the recipe.
    pub fn resolve(recipe: &Recipe, scope: &Scope) -> Result<Self, OriginError> {
        let origins = &recipe.origins;
        let login = urls(&origins.login, scope)?;
        let data = urls(&origins.data, scope)?;
        let others = [urls(&origins.assets, scope)?, urls(&origins.third_party, scope)?].concat();

        let mut hosts = BTreeSet::new();
        for url in login.iter().chain(&data).chain(&others) {
            hosts.extend(url.host_str().map(str::to_owned));
        }
        let documents = login.iter().chain(&data).map(origin_of).collect();
        Ok(Self { login: login.iter().map(origin_of).collect(), documents, hosts: hosts.into_iter().collect() })
    }

    /// Whether a page at this address may be shown.
    #[must_use]
    pub fn allows_document(&self, url: &Url) -> bool {
        self.documents.contains(&origin_of(url))
    }

    /// Whether a secret may be typed into a page at this address.
    #[must_use]
    pub fn allows_secrets(&self, url: &Url) -> bool {
        self.login.contains(&origin_of(url))
    }

    /// The hosts behind every declared origin, each once.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }
}

fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn urls(templates: &[Template], scope: &Scope) -> Result<Vec<Url>, OriginError> {
    let url = |template: &Template| {
        let refused = |origin: &str, reason: String| OriginError { origin: origin.to_owned(), reason };
        let text = template.render(scope).map_err(|error| refused("", error.to_string()))?;
        Url::parse(&text).map_err(|error| refused(&text, error.to_string()))
    };
    templates.iter().map(url).collect()
}

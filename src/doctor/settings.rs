//! What the settings alone tell, and the recipes.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::{Finding, first_few};
use crate::config::Registration;

/// Networks with more addresses than this are wide: one machine's neighbours fit into less.
const HOST_BITS_MAX: u8 = 8;

pub(super) fn settings(warnings: &[String]) -> Finding {
    if warnings.is_empty() {
        return Finding::fine("settings", "loaded");
    }
    Finding::warning(
        "settings",
        &format!("loaded; {}", warnings.join("; ")),
        "change what you did not mean; `reconbanker config print` shows what is in force",
    )
}

/// Networks that customers' URLs may reach although they are not public.
pub(super) fn outbound(allow: &[IpNet]) -> Finding {
    let is_wide = |network: &&IpNet| {
        let host_bits = network.max_prefix_len() - network.prefix_len();
        !network.network().is_loopback() && host_bits > HOST_BITS_MAX
    };
    let wide: Vec<String> = allow.iter().filter(is_wide).map(ToString::to_string).collect();
    if !wide.is_empty() {
        return Finding::warning(
            "outbound",
            &format!("customers' URLs may reach every machine of {}", first_few(&wide)),
            "name single addresses in outbound.allow, such as 10.0.0.7",
        );
    }
    let all: Vec<String> = allow.iter().map(ToString::to_string).collect();
    match all.as_slice() {
        [] => Finding::fine("outbound", "only public addresses are called"),
        all => Finding::fine("outbound", &format!("public addresses are called, and {}", first_few(all))),
    }
}

pub(super) fn listen(address: SocketAddr, trusted_proxies: &[IpNet]) -> Finding {
    if address.ip().is_loopback() {
        return Finding::fine("listen", &format!("{address}, reached from this machine alone"));
    }
    if trusted_proxies.is_empty() {
        return Finding::warning(
            "listen",
            &format!("{address} is open to the network, and no reverse proxy is named"),
            "listen on 127.0.0.1 behind a reverse proxy with TLS, and name it in server.trusted_proxies",
        );
    }
    Finding::fine("listen", &format!("{address}, behind a reverse proxy"))
}

pub(super) fn registration(who: Registration, address: SocketAddr) -> Finding {
    let detail = match who {
        Registration::Open if !address.ip().is_loopback() => {
            return Finding::warning(
                "registration",
                &format!("anyone who reaches {address} may register"),
                "set server.registration to \"first\" or \"closed\"",
            );
        }
        Registration::Open => "open, to this machine alone",
        Registration::First => "closed after the first organisation",
        Registration::Closed => "closed",
    };
    Finding::fine("registration", detail)
}

/// `problems` name the operator's files that do not load.
pub(super) fn recipes(loaded: usize, problems: &[String]) -> Finding {
    if problems.is_empty() {
        return Finding::fine("recipes", &format!("{loaded} loaded"));
    }
    Finding::fault(
        "recipes",
        &format!("{} recipe(s) of your own do not load: {}", problems.len(), first_few(problems)),
        "mend the file; `reconbanker scraper test` runs a recipe over its saved pages",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn permitted_warnings_are_repeated() {
        assert_eq!(settings(&[]).state, State::Fine);
        let found = settings(&["a is on".to_owned(), "b is off".to_owned()]);
        assert_eq!((found.state, found.detail.as_str()), (State::Warning, "loaded; a is on; b is off"));
    }

    #[test]
    fn only_wide_networks_of_other_machines_are_a_warning() {
        let check = |allow: &[&str], expected: State| {
            let allow: Vec<IpNet> = allow.iter().map(|text| text.parse().expect("a network")).collect();
            assert_eq!(outbound(&allow).state, expected, "{allow:?}");
        };
        check(&[], State::Fine);
        check(&["127.0.0.0/8", "::1/128"], State::Fine);
        check(&["192.168.1.0/24", "fd00::7/128"], State::Fine);
        check(&["192.168.1.0/24", "192.168.2.0/23"], State::Warning);
        check(&["10.0.0.0/8"], State::Warning);
        check(&["0.0.0.0/0"], State::Warning);
        check(&["fd00::/8"], State::Warning);
    }

    #[test]
    fn an_open_port_needs_a_proxy_and_a_closed_door() {
        let check = |address: &str, proxies: &[&str], expected: [State; 2]| {
            let address = address.parse().expect("an address");
            let proxies: Vec<IpNet> = proxies.iter().map(|text| text.parse().expect("a network")).collect();
            let found = [listen(address, &proxies).state, registration(Registration::Open, address).state];
            assert_eq!(found, expected, "{address}");
            assert_eq!(registration(Registration::First, address).state, State::Fine);
            assert_eq!(registration(Registration::Closed, address).state, State::Fine);
        };
        check("127.0.0.1:3000", &[], [State::Fine, State::Fine]);
        check("[::1]:3000", &[], [State::Fine, State::Fine]);
        check("0.0.0.0:3000", &[], [State::Warning, State::Warning]);
        check("[::]:3000", &[], [State::Warning, State::Warning]);
        check("10.0.0.7:3000", &["10.0.0.1/32"], [State::Fine, State::Warning]);
    }

    #[test]
    fn a_recipe_that_does_not_load_is_named() {
        assert_eq!(recipes(2, &[]).state, State::Fine);
        let found = recipes(2, &["scrapers/roto/recipe.toml: no `meta`".to_owned()]);
        assert_eq!(found.state, State::Fault);
        assert!(found.detail.contains("scrapers/roto/recipe.toml"), "{found:?}");
    }
}

//! Which addresses a URL set by a tenant may lead to. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use url::{Host, Url};

/// Longest URL that is accepted, in characters.
pub const URL_CHARS_MAX: usize = 2_000;

/// The judge of addresses: public ones pass, and those in networks that the operator named.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Arc<[IpNet]>,
}

/// An address that is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {range}, which this server does not call; its operator can permit it in `outbound.allow`")]
pub struct Refused {
    pub address: IpAddr,
    /// What kind of address it is, with its article: `a loopback address`.
    pub range: &'static str,
}

/// Why a URL cannot be saved or called. The sentence is meant for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    #[error("it is not a complete URL ({0}); write it like https://shop.example/orders")]
    NotAUrl(String),
    #[error("it is longer than {} characters", URL_CHARS_MAX)]
    TooLong,
    #[error("it starts with \"{0}:\"; only https:// and http:// are called")]
    Scheme(String),
    #[error("it contains a user name or a password; leave them out and save a token instead")]
    UserInfo,
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Guard {
    /// A guard that lets through public addresses and the networks in `allow`.
    #[must_use]
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow: allow.into() }
    }

    /// The networks an operator permits besides public addresses.
    #[must_use]
    pub fn allow(&self) -> &[IpNet] {
        &self.allow
    }

    /// Judges one address.
    ///
    /// An IPv6 address that only wraps an IPv4 address is judged as the latter: that is where the packets end.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Refused> {
        let meant = wrapped_v4(address).map_or(address, IpAddr::V4);
        let range = match meant {
            IpAddr::V4(ip) => refused_v4(ip),
            IpAddr::V6(ip) => refused_v6(ip),
        };
        let is_permitted = |network: &IpNet| network.contains(&address) || network.contains(&meant);
        match range {
            Some(range) if !self.allow.iter().any(is_permitted) => Err(Refused { address, range }),
            Some(_) | None => Ok(()),
        }
    }

    /// Reads a URL as a person saved it; the fragment, which never travels, is dropped.
    ///
    /// Names are not resolved here: what a name leads to is judged at each connection, when it matters.
    pub fn check_url(&self, text: &str) -> Result<Url, UrlProblem> {
        if text.chars().count() > URL_CHARS_MAX {
            return Err(UrlProblem::TooLong);
        }
        let mut url = Url::parse(text.trim()).map_err(|error| UrlProblem::NotAUrl(error.to_string()))?;
        self.check(&url)?;
        url.set_fragment(None);
        Ok(url)
    }

    /// Judges a parsed URL. The parser has already turned forms like `http://0x7f.1` into addresses.
    pub(crate) fn check(&self, url: &Url) -> Result<(), UrlProblem> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlProblem::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlProblem::UserInfo);
        }
        match url.host() {
            Some(Host::Ipv4(ip)) => self.check_address(ip.into())?,
            Some(Host::Ipv6(ip)) => self.check_address(ip.into())?,
            // The one name whose addresses are known beforehand: better refused at the form than at the first call.
            Some(Host::Domain(name)) if is_localhost(name) => {
                if self.check_address(Ipv6Addr::LOCALHOST.into()).is_err() {
                    self.check_address(Ipv4Addr::LOCALHOST.into())?;
                }
            }
            Some(Host::Domain(_)) => {}
            None => return Err(UrlProblem::NotAUrl("it names no host".to_owned())),
        }
        Ok(())
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// IPv4 networks that are not globally reachable (IANA special-purpose registry), the narrower first.
const V4_REFUSED: [(Ipv4Addr, u32, &str); 17] = [
    (Ipv4Addr::BROADCAST, 32, "the broadcast address"),
    (Ipv4Addr::UNSPECIFIED, 32, "the unspecified address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "an address of protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "a documentation address"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "an address of retired 6to4 relays"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "a documentation address"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "a documentation address"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local address"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "an address of benchmark networks"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a carrier's shared address"),
    (Ipv4Addr::UNSPECIFIED, 8, "an address of this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback address"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
];

/// IPv6 networks that are not globally reachable. What lies outside `2000::/3` is refused even when unnamed here.
const V6_REFUSED: [(Ipv6Addr, u32, &str); 11] = [
    (Ipv6Addr::UNSPECIFIED, 128, "the unspecified address"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "an address of local translators"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "a discard address"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "a documentation address"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "an address of protocol assignments"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "a documentation address"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "a link-local address"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "a site-local address"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "a multicast address"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "a private address"),
];

fn refused_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let covers = |network: Ipv4Addr, prefix: u32| (ip.to_bits() ^ network.to_bits()) >> (32 - prefix) == 0;
    V4_REFUSED.into_iter().find(|&(network, prefix, _)| covers(network, prefix)).map(|(_, _, range)| range)
}

fn refused_v6(ip: Ipv6Addr) -> Option<&'static str> {
    let covers = |network: Ipv6Addr, prefix: u32| (ip.to_bits() ^ network.to_bits()) >> (128 - prefix) == 0;
    let is_global_unicast = ip.segments()[0] >> 13 == 1;
    V6_REFUSED
        .into_iter()
        .find(|&(network, prefix, _)| covers(network, prefix))
        .map(|(_, _, range)| range)
        .or((!is_global_unicast).then_some("outside the public unicast range"))
}

/// The IPv4 address inside an IPv6 address, for the forms that exist to carry one.
fn wrapped_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = address else { return None };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Compatible ::/96 and mapped ::ffff:0:0/96; translated 64:ff9b::/96; 6to4 2002::/16.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, _, _, _, _, _] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_globally_reachable_addresses_pass() {
        let guard = Guard::default();
        let check = |address: &str, expected: Option<&str>| {
            let judged = guard.check_address(address.parse().expect("address"));
            assert_eq!(judged.err().map(|refused| refused.range), expected, "{address}");
        };

        check("1.1.1.1", None);
        check("8.8.8.8", None);
        check("93.184.215.14", None);
        check("9.255.255.255", None);
        check("11.0.0.0", None);
        check("100.63.255.255", None);
        check("100.128.0.0", None);
        check("126.255.255.255", None);
        check("128.0.0.1", None);
        check("172.15.255.255", None);
        check("172.32.0.1", None);
        check("192.167.255.255", None);
        check("192.169.0.1", None);
        check("198.17.255.255", None);
        check("198.20.0.0", None);
        check("223.255.255.255", None);
        check("2606:4700:4700::1111", None);
        check("2800:a4::1", None);

        check("0.0.0.0", Some("the unspecified address"));
        check("0.1.2.3", Some("an address of this network"));
        check("10.0.0.7", Some("a private address"));
        check("10.255.255.255", Some("a private address"));
        check("100.64.0.1", Some("a carrier's shared address"));
        check("100.127.255.255", Some("a carrier's shared address"));
        check("127.0.0.1", Some("a loopback address"));
        check("127.255.255.254", Some("a loopback address"));
        check("169.254.169.254", Some("a link-local address"));
        check("172.16.0.1", Some("a private address"));
        check("172.31.255.255", Some("a private address"));
        check("192.0.0.8", Some("an address of protocol assignments"));
        check("192.0.2.1", Some("a documentation address"));
        check("192.88.99.1", Some("an address of retired 6to4 relays"));
        check("192.168.1.1", Some("a private address"));
        check("198.18.0.1", Some("an address of benchmark networks"));
        check("198.19.255.255", Some("an address of benchmark networks"));
        check("198.51.100.9", Some("a documentation address"));
        check("203.0.113.9", Some("a documentation address"));
        check("224.0.0.1", Some("a multicast address"));
        check("239.255.255.255", Some("a multicast address"));
        check("240.0.0.1", Some("a reserved address"));
        check("255.255.255.255", Some("the broadcast address"));

        check("::", Some("the unspecified address"));
        check("::1", Some("a loopback address"));
        check("::2", Some("an address of this network"));
        check("::ffff:127.0.0.1", Some("a loopback address"));
        check("::ffff:169.254.169.254", Some("a link-local address"));
        check("::ffff:8.8.8.8", None);
        check("::10.0.0.1", Some("a private address"));
        check("64:ff9b::c0a8:101", Some("a private address"));
        check("64:ff9b::808:808", None);
        check("64:ff9b:1::808:808", Some("an address of local translators"));
        check("100::1", Some("a discard address"));
        check("2001::1", Some("an address of protocol assignments"));
        check("2001:db8::1", Some("a documentation address"));
        check("2001:1ff:ffff::1", Some("an address of protocol assignments"));
        check("2001:200::1", None);
        check("2002:7f00:1::1", Some("a loopback address"));
        check("2002:808:808::1", None);
        check("3fff::1", Some("a documentation address"));
        check("5f00::1", Some("outside the public unicast range"));
        check("::ffff:0:7f00:1", Some("outside the public unicast range"));
        check("fc00::1", Some("a private address"));
        check("fd12:3456::1", Some("a private address"));
        check("fe80::1", Some("a link-local address"));
        check("fec0::1", Some("a site-local address"));
        check("ff02::1", Some("a multicast address"));
    }

    #[test]
    fn an_operator_can_permit_a_network_in_whatever_form_it_is_addressed() {
        let guard = Guard::new(vec!["127.0.0.0/8".parse().expect("network"), "fd00::/8".parse().expect("network")]);
        let check = |address: &str, expected: bool| {
            assert_eq!(guard.check_address(address.parse().expect("address")).is_ok(), expected, "{address}");
        };
        check("127.0.0.1", true);
        check("::ffff:127.0.0.1", true);
        check("fd00::7", true);
        check("10.0.0.1", false);
        check("::1", false);
        check("fe80::1", false);
        check("8.8.8.8", true);
    }

    #[test]
    fn urls_are_judged_after_every_spelling_trick_is_undone() {
        let guard = Guard::default();
        let loopback = |address: &str| {
            let address = address.parse().expect("address");
            Err(UrlProblem::Refused(Refused { address, range: "a loopback address" }))
        };
        let check = |text: &str, expected: Result<&str, UrlProblem>| {
            assert_eq!(guard.check_url(text).map(String::from), expected.map(str::to_owned), "{text}");
        };

        check("https://shop.example/orders?open=1#top", Ok("https://shop.example/orders?open=1"));
        check("  http://shop.example:8080 ", Ok("http://shop.example:8080/"));
        check("https://1.1.1.1/hook", Ok("https://1.1.1.1/hook"));

        for text in [
            "http://127.0.0.1/",
            "http://127.0.0.1.:80/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://%31%32%37.0.0.1/",
            "http://１２７.０.０.１/",
            "https://localhost:8443/hook",
            "http://LOCALHOST./",
            "http://api.localhost/",
        ] {
            check(text, loopback("127.0.0.1"));
        }
        check("http://[::1]/", loopback("::1"));
        check("http://[::ffff:127.0.0.1]/", loopback("::ffff:127.0.0.1"));
        check("http://[::ffff:7f00:1]/", loopback("::ffff:127.0.0.1"));

        check("ftp://shop.example/", Err(UrlProblem::Scheme("ftp".to_owned())));
        check("file:///etc/passwd", Err(UrlProblem::Scheme("file".to_owned())));
        check("https://user:pass@shop.example/", Err(UrlProblem::UserInfo));
        check("https://token@shop.example/", Err(UrlProblem::UserInfo));
        check("/orders", Err(UrlProblem::NotAUrl("relative URL without a base".to_owned())));
        check("", Err(UrlProblem::NotAUrl("relative URL without a base".to_owned())));
        check("https://", Err(UrlProblem::NotAUrl("empty host".to_owned())));
        check(&format!("https://shop.example/{}", "a".repeat(URL_CHARS_MAX)), Err(UrlProblem::TooLong));
    }
}

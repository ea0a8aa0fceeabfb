//! Who is at the other end of a connection, and what a proxy there may say of the browser behind it. It refuses nobody.
//!
//! Headers such as `X-Forwarded-For` are believed only where no stranger could have set them: on a unix socket, whose
//! file only this machine's proxy can open.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, request::Parts},
};

/// The other end of a connection; the listener puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A client on the network, at this address.
    Network(SocketAddr),
    /// The reverse proxy of this machine, on a unix socket.
    Proxy,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// All from one address.
    Address(IpAddr),
    /// All that a proxy sent without saying for whom.
    Unnamed,
}

/// How the browser speaks to us, as far as that is known. Handlers take it to make cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Nobody who can be believed has said.
    Unknown,
    /// Plain.
    Http,
    /// By TLS, which ends at the proxy.
    Https,
}

impl Client {
    /// Who asks; `None` where a router is called without a connection.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap) -> Option<Self> {
        match extensions.get::<Peer>()? {
            Peer::Network(address) => Some(Self::Address(address.ip())),
            Peer::Proxy => {
                // The last entry is the one that our own proxy wrote; those before it are the client's to invent.
                let named = last_entry(headers, "x-forwarded-for").and_then(address);
                Some(named.map_or(Self::Unnamed, Self::Address))
            }
        }
    }
}

impl Scheme {
    /// What is known of a request's.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        let Some(Peer::Proxy) = extensions.get() else { return Self::Unknown };
        match last_entry(headers, "x-forwarded-proto") {
            Some(said) if said.eq_ignore_ascii_case("https") => Self::Https,
            Some(said) if said.eq_ignore_ascii_case("http") => Self::Http,
            _ => Self::Unknown,
        }
    }

    /// The host and port in the origin of a page, if that page can be one of ours.
    pub(crate) fn host_of(self, origin: &str) -> Option<&str> {
        let plain = origin.strip_prefix("http://").filter(|_| self != Self::Https);
        plain.or_else(|| origin.strip_prefix("https://").filter(|_| self != Self::Http))
    }
}

impl<S: Sync> FromRequestParts<S> for Scheme {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.extensions, &parts.headers))
    }
}

fn last_entry<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim)
}

/// An address with or without a port, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn from(peer: Peer) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(peer);
        extensions
    }

    #[test]
    fn only_a_proxy_is_believed_and_only_its_last_word() {
        let network = Peer::Network(([192, 0, 2, 1], 4711).into());
        let said = headers(&[("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "10.0.0.2, 10.0.0.3")]);
        assert_eq!(Client::of(&from(network), &said), Some(Client::Address([192, 0, 2, 1].into())));
        assert_eq!(Client::of(&from(Peer::Proxy), &said), Some(Client::Address([10, 0, 0, 3].into())));
        assert_eq!(Client::of(&Extensions::new(), &said), None);
        for unnamed in ["", "unknown", "10.0.0.1, evil"] {
            let said = headers(&[("x-forwarded-for", unnamed)]);
            assert_eq!(Client::of(&from(Peer::Proxy), &said), Some(Client::Unnamed), "{unnamed}");
        }
        for (text, expected) in [("[::1]:80", "::1"), ("[::1]", "::1"), ("::1", "::1"), ("10.0.0.1:80", "10.0.0.1")] {
            assert_eq!(address(text), expected.parse().ok(), "{text}");
        }
    }

    #[test]
    fn a_page_is_ours_only_by_the_scheme_that_the_proxy_names() {
        let scheme = |peer, said| Scheme::of(&from(peer), &headers(&[("x-forwarded-proto", said)]));
        let network = Peer::Network(([127, 0, 0, 1], 4711).into());
        assert_eq!(scheme(network, "https"), Scheme::Unknown);
        assert_eq!(scheme(Peer::Proxy, "HTTPS"), Scheme::Https);
        assert_eq!(scheme(Peer::Proxy, "https, http"), Scheme::Http);
        assert_eq!(scheme(Peer::Proxy, "gopher"), Scheme::Unknown);
        let hosts = |origin: &'static str| {
            [Scheme::Unknown, Scheme::Http, Scheme::Https].map(|scheme| scheme.host_of(origin).is_some())
        };
        assert_eq!(hosts("http://a"), [true, true, false]);
        assert_eq!(hosts("https://a"), [true, false, true]);
        assert_eq!(hosts("null"), [false, false, false]);
    }
}

//! What a request must not be, whoever sends it.

use http::header::{FORWARDED, HOST, ORIGIN, VIA};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use std::net::IpAddr;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A proxy handed it on.
    Forwarded,
    /// It is meant for another host, as after DNS rebinding.
    Host,
    /// Another site had it sent.
    Origin,
    /// It does not come from the page that this process gave.
    Token,
    /// Nobody who may see the page.
    Nobody,
    /// Somebody who may see and not act.
    Viewer,
}

impl Refusal {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Forwarded => {
                "this page is for its own machine, and a proxy has forwarded the request; mount \
                 `resil::dashboard::router(access)` to show it to others"
            }
            Self::Host => "this page is for its own machine; open it as `localhost` or by a loopback address",
            Self::Origin => "another site has sent this request",
            Self::Token => "this page is of another process, or of before a restart; load it again",
            Self::Nobody => "you may not see this page",
            Self::Viewer => "you may see this page, and not act",
        }
    }

    pub(super) fn status(self) -> StatusCode {
        if self == Self::Host { StatusCode::MISDIRECTED_REQUEST } else { StatusCode::FORBIDDEN }
    }
}

/// Whoever proxies says so in one of these, or in one that begins with `x-forwarded`.
const FORWARDING: [&str; 7] = [
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-host",
    "true-client-ip",
    "cf-connecting-ip",
    "cdn-loop",
];

/// Sent by somebody on this machine, to this machine by its own name.
pub(super) fn is_local(parts: &Parts) -> Result<(), Refusal> {
    let headers = &parts.headers;
    let forwards = |name: &str| name.starts_with("x-forwarded") || FORWARDING.contains(&name);
    if headers.contains_key(FORWARDED)
        || headers.contains_key(VIA)
        || headers.keys().any(|name| forwards(name.as_str()))
    {
        return Err(Refusal::Forwarded);
    }
    let named = parts.uri.authority().map(http::uri::Authority::as_str);
    let mut hosts = headers.get_all(HOST).iter().map(|host| host.to_str().ok()).chain(named.map(Some)).peekable();
    let is_named = hosts.peek().is_some();
    if is_named && hosts.all(|host| host.is_some_and(is_loopback)) { Ok(()) } else { Err(Refusal::Host) }
}

/// `localhost`, or a loopback address, with a port or without.
fn is_loopback(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, "0"),
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_address = address.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    port.parse::<u16>().is_ok() && (is_address || host.eq_ignore_ascii_case("localhost"))
}

/// Not sent on behalf of another site. A browser says on whose, and no script can change it.
pub(super) fn is_same_site(parts: &Parts) -> Result<(), Refusal> {
    let site = parts.headers.get_all("sec-fetch-site").iter();
    let is_foreign = site.into_iter().any(|site| site != "same-origin" && site != "none");
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    let host = host(&parts.headers).or(parts.uri.authority().map(http::uri::Authority::as_str));
    let is_ours =
        origins.all(|origin| origin.to_str().ok().zip(host).is_some_and(|(origin, host)| is_of(origin, host)));
    if !is_foreign && is_ours { Ok(()) } else { Err(Refusal::Origin) }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

/// Whether a page of this origin is one of this host. Which scheme it has, a proxy that ends TLS knows and we do not.
fn is_of(origin: &str, host: &str) -> bool {
    let of_scheme = |scheme, port| {
        let authority = origin.strip_prefix(scheme)?;
        Some(plain(authority, port).eq_ignore_ascii_case(plain(host, port)))
    };
    of_scheme("https://", ":443").or_else(|| of_scheme("http://", ":80")).unwrap_or(false)
}

fn plain<'a>(authority: &'a str, usual_port: &str) -> &'a str {
    authority.strip_suffix(usual_port).unwrap_or(authority)
}

/// Takes as long wherever the two differ.
pub(super) fn is_token(given: &[u8], token: &[u8]) -> bool {
    given.len() == token.len() && given.iter().zip(token).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap_or_else(|error| panic!("{error}")).into_parts().0
    }

    #[test]
    fn only_a_name_of_this_machine_is_served_to_it() {
        for host in ["localhost", "LocalHost:7878", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:80"] {
            assert_eq!(is_local(&request("/", &[("host", host)])), Ok(()), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "evil.example:7878",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]:80",
            "localhost@evil.example",
            "localhost:7878:80",
            "localhost:port",
            "0.0.0.0",
            "127.0.0.1, evil.example",
        ] {
            assert_eq!(is_local(&request("/", &[("host", host)])), Err(Refusal::Host), "{host}");
        }
        assert_eq!(is_local(&request("/", &[])), Err(Refusal::Host));
        assert_eq!(is_local(&request("/", &[("host", "localhost"), ("host", "evil.example")])), Err(Refusal::Host));
        assert_eq!(is_local(&request("http://evil.example/", &[("host", "localhost")])), Err(Refusal::Host));
        assert_eq!(is_local(&request("http://localhost/", &[])), Ok(()));
    }

    #[test]
    fn whatever_a_proxy_adds_gives_it_away() {
        for header in
            ["forwarded", "via", "x-forwarded-for", "X-Forwarded-Host", "x-forwarded-anything", "x-real-ip", "cdn-loop"]
        {
            let refused = is_local(&request("/", &[("host", "localhost"), (header, "")]));
            assert_eq!(refused, Err(Refusal::Forwarded), "{header}");
        }
    }

    #[test]
    fn another_site_is_refused_and_our_own_page_is_not() {
        let ours: [&[(&str, &str)]; 6] = [
            &[],
            &[("host", "ops.example"), ("origin", "https://ops.example"), ("sec-fetch-site", "same-origin")],
            &[("host", "ops.example:443"), ("origin", "https://OPS.example")],
            &[("host", "ops.example"), ("origin", "http://ops.example:80")],
            &[("host", "[::1]:7878"), ("origin", "http://[::1]:7878")],
            &[("host", "ops.example"), ("sec-fetch-site", "none")],
        ];
        for headers in ours {
            assert_eq!(is_same_site(&request("/", headers)), Ok(()), "{headers:?}");
        }
        let foreign: [&[(&str, &str)]; 9] = [
            &[("host", "ops.example"), ("origin", "https://evil.example")],
            &[("host", "ops.example"), ("origin", "null")],
            &[("host", "ops.example"), ("origin", "https://ops.example.evil.example")],
            &[("host", "ops.example"), ("origin", "https://ops.example:8443")],
            &[("host", "ops.example"), ("origin", "ftp://ops.example")],
            &[("host", "ops.example"), ("origin", "https://ops.example"), ("origin", "https://evil.example")],
            &[("origin", "https://ops.example")],
            &[("host", "ops.example"), ("sec-fetch-site", "cross-site")],
            &[("host", "ops.example"), ("origin", "https://ops.example"), ("sec-fetch-site", "same-site")],
        ];
        for headers in foreign {
            assert_eq!(is_same_site(&request("/", headers)), Err(Refusal::Origin), "{headers:?}");
        }
    }

    #[test]
    fn a_token_is_the_whole_token() {
        assert!(is_token(b"abc", b"abc"));
        for given in ["", "ab", "abcd", "abd", "ABC"] {
            assert!(!is_token(given.as_bytes(), b"abc"), "{given}");
        }
    }
}

//! To whom we may talk: text in, a checked URL out. The promise: secrets and
//! personal data never cross a network in the clear, since plain `http` is taken
//! for this very machine alone; and a URL leads where its text seems to lead.

use url::{Host, Url};

/// Why a text is no address to talk to. Never repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It has a sign that URL parsers drop or mend without a word.
    #[error("holds a blank, a backslash or a control character")]
    OddSign,
    /// It cannot be read as an absolute URL with a host.
    #[error("is not a URL")]
    NotAUrl,
    /// It names a user before the host, where people take the user for the host.
    #[error("holds a user name or password")]
    HasUser,
    /// It has a part that is never sent.
    #[error("holds a fragment")]
    HasFragment,
    /// It is to be the base of other URLs, and ends in a query.
    #[error("is the base of all calls and holds a query")]
    HasQuery,
    /// Its scheme is neither `https` nor, on this machine, `http`.
    #[error("must begin with https:// (http:// is for loopback addresses only)")]
    NotSecure,
}

/// Reads `text` as a URL that is either `https`, or `http` on a loopback address.
pub fn parse(text: &str) -> Result<Url, BadAddress> {
    let odd = |sign: char| sign.is_whitespace() || sign.is_control() || sign == '\\';
    if text.contains(odd) {
        return Err(BadAddress::OddSign);
    }
    let Some(url) = Url::parse(text).ok().filter(Url::has_host) else {
        return Err(BadAddress::NotAUrl);
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::HasUser);
    }
    if url.fragment().is_some() {
        return Err(BadAddress::HasFragment);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(BadAddress::NotSecure),
    }
}

/// Like [`parse`], for a URL that paths are put behind.
pub fn parse_base(text: &str) -> Result<Url, BadAddress> {
    let url = parse(text)?;
    match url.query() {
        None => Ok(url),
        Some(_) => Err(BadAddress::HasQuery),
    }
}

/// Whether the host is this machine by its own address. A name that merely
/// resolves to it does not count: who runs the name server could change it.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in [
            "https://example.com/webhook?a=b",
            "http://127.0.0.1:8080/w",
            "http://[::1]/w",
            "http://localhost:3000",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com/w",
            "http://127.0.0.1.example.com/w",
            "http://localhost.example.com/w",
            "http://192.168.0.1/w",
            "ftp://127.0.0.1/w",
        ] {
            assert_eq!(parse(bad), Err(BadAddress::NotSecure), "{bad}");
        }
    }

    #[test]
    fn text_that_only_resembles_a_url_is_refused() {
        for (bad, because) in [
            ("", BadAddress::NotAUrl),
            ("example.com/w", BadAddress::NotAUrl),
            ("https://", BadAddress::NotAUrl),
            ("file:///etc/passwd", BadAddress::NotAUrl),
            ("mailto:ann@example.com", BadAddress::NotAUrl),
            (" https://example.com", BadAddress::OddSign),
            ("https://example.com/w\n", BadAddress::OddSign),
            ("http://example.com\\@127.0.0.1/", BadAddress::OddSign),
            ("http://127.0.0.1@example.com/", BadAddress::HasUser),
            ("https://:word@example.com/", BadAddress::HasUser),
            ("https://example.com/w#part", BadAddress::HasFragment),
        ] {
            assert_eq!(parse(bad), Err(because), "{bad:?}");
        }
    }

    #[test]
    fn a_base_has_no_query() {
        for text in ["https://example.com/?a=b", "https://example.com?"] {
            assert!(parse(text).is_ok(), "{text}");
            assert_eq!(parse_base(text), Err(BadAddress::HasQuery), "{text}");
        }
        assert!(parse_base("https://example.com/proxy/").is_ok());
    }
}

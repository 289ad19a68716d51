//! Where a node listens, as URL text.

use core::fmt;
use core::net::IpAddr;

use coracle_core::{Error, ErrorKind, Sink, write_decimal};

/// An `http` or `https` URL, taken apart. Borrows its text.
///
/// Shape: `scheme "://" host [":" port] [path] ["?" query]`, RFC 3986 section 3, where
/// the scheme is `http` or `https` in any case. A host is a name of letters, digits,
/// `-`, `_` and `.`, an IPv4 address, or an IPv6 address in brackets. User names,
/// passwords and fragments are refused.
///
/// # Security
///
/// Providers put keys into the path, so `Debug` and `Display` show scheme, host and
/// port alone.
///
/// # Examples
///
/// ```
/// use coracle_net::Endpoint;
///
/// let node = Endpoint::parse("https://rpc.example.org/v3/key")?;
/// assert_eq!((node.host(), node.port(), node.path()), ("rpc.example.org", 443, "/v3/key"));
/// assert!(node.is_tls());
/// # Ok::<(), coracle_net::EndpointError>(())
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Endpoint<'a> {
    is_tls: bool,
    is_ipv6: bool,
    host: &'a str,
    port: u16,
    path: &'a str,
}

impl<'a> Endpoint<'a> {
    /// The longest host name in bytes, RFC 1035 section 2.3.4 as text.
    pub const MAX_HOST_LEN: usize = 253;

    /// Takes a URL apart.
    ///
    /// # Errors
    ///
    /// Each variant of [`EndpointErrorKind`], with the byte where it was found.
    pub fn parse(url: &'a str) -> Result<Self, EndpointError> {
        let (is_tls, start) = scheme(url)?;
        let rest = url.get(start..).unwrap_or_default();
        let ends = |c: u8| matches!(c, b'/' | b'?' | b'#');
        let end = rest.bytes().position(ends).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if let Some(at) = position(authority, b'@') {
            return Err(error(EndpointErrorKind::UserInfo, start, at));
        }
        check_path(path)
            .map_err(|at| error(EndpointErrorKind::BadPath, start.saturating_add(end), at))?;
        let host = Host::parse(authority, start)?;
        let port = port(host.port, is_tls).ok_or(error(
            EndpointErrorKind::BadPort,
            start,
            host.port_at,
        ))?;
        Ok(Self {
            is_tls,
            is_ipv6: host.is_ipv6,
            host: host.text,
            port,
            path,
        })
    }

    /// Whether the connection is to be TLS with a verified certificate.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Host name or address; an IPv6 address without its brackets.
    pub const fn host(&self) -> &'a str {
        self.host
    }

    /// The host as an address, where it is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The port; 80 or 443 where the URL names none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query as written: empty, or with a leading `/` or `?`.
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// Writes the request target, RFC 9112 section 3.2.1.
    pub(crate) fn write_target(&self, out: &mut dyn Sink) {
        if !self.path.starts_with('/') {
            out.write(b"/");
        }
        out.write(self.path.as_bytes());
    }

    /// Writes `host[:port]` as the field `Host` wants it, RFC 9110 section 7.2.
    pub(crate) fn write_host(&self, out: &mut dyn Sink) {
        let (open, close) = self.brackets();
        for part in [open, self.host, close] {
            out.write(part.as_bytes());
        }
        if self.port != default_port(self.is_tls) {
            out.write(b":");
            write_decimal(out, u64::from(self.port));
        }
    }

    /// What stands around the host.
    const fn brackets(&self) -> (&'static str, &'static str) {
        match self.is_ipv6 {
            true => ("[", "]"),
            false => ("", ""),
        }
    }
}

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        let (open, close) = self.brackets();
        write!(f, "{scheme}://{open}{}{close}", self.host)?;
        if self.port == default_port(self.is_tls) {
            return Ok(());
        }
        write!(f, ":{}", self.port)
    }
}

impl fmt::Debug for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a URL was refused, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EndpointError {
    /// What is wrong.
    pub what: EndpointErrorKind,
    /// Offset in bytes from the start of the URL.
    pub at: usize,
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EndpointErrorKind {
    /// It starts with neither `http://` nor `https://`.
    BadScheme,
    /// It holds a user name or password; give a header instead.
    UserInfo,
    /// The host is missing, too long, or holds a character that no host has.
    BadHost,
    /// The port is no number in `1..=65535`.
    BadPort,
    /// The path holds a space, a control character, `#` or a character beyond ASCII;
    /// write it percent-encoded.
    BadPath,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            EndpointErrorKind::BadScheme => "neither http:// nor https://",
            EndpointErrorKind::UserInfo => "user name in the address",
            EndpointErrorKind::BadHost => "bad host",
            EndpointErrorKind::BadPort => "bad port",
            EndpointErrorKind::BadPath => "bad path",
        };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl core::error::Error for EndpointError {}

impl Error for EndpointError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

const fn error(what: EndpointErrorKind, start: usize, at: usize) -> EndpointError {
    EndpointError {
        what,
        at: start.saturating_add(at),
    }
}

/// Whether it is https, and where the authority starts.
fn scheme(url: &str) -> Result<(bool, usize), EndpointError> {
    for (scheme, is_tls) in [("https://", true), ("http://", false)] {
        let start = url.get(..scheme.len()).unwrap_or_default();
        if start.eq_ignore_ascii_case(scheme) {
            return Ok((is_tls, scheme.len()));
        }
    }
    Err(error(EndpointErrorKind::BadScheme, 0, 0))
}

const fn default_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

fn port(text: Option<&str>, is_tls: bool) -> Option<u16> {
    let Some(text) = text else {
        return Some(default_port(is_tls));
    };
    // `parse` alone would take a leading `+`.
    if !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|port| *port != 0)
}

fn position(text: &str, c: u8) -> Option<usize> {
    text.bytes().position(|found| found == c)
}

/// The text before the first `c`, and the text behind it.
fn split(text: &str, c: u8) -> Option<(&str, &str)> {
    let (before, from) = text.split_at_checked(position(text, c)?)?;
    Some((before, from.get(1..)?))
}

struct Host<'a> {
    text: &'a str,
    is_ipv6: bool,
    port: Option<&'a str>,
    port_at: usize,
}

impl<'a> Host<'a> {
    fn parse(authority: &'a str, start: usize) -> Result<Self, EndpointError> {
        let bad = |at| error(EndpointErrorKind::BadHost, start, at);
        let Some(inner) = authority.strip_prefix('[') else {
            let (text, port) = match split(authority, b':') {
                Some((text, port)) => (text, Some(port)),
                None => (authority, None),
            };
            check_name(text).map_err(bad)?;
            return Ok(Self {
                text,
                is_ipv6: false,
                port,
                port_at: text.len().saturating_add(1),
            });
        };
        let (text, after) = split(inner, b']').ok_or(bad(0))?;
        if !is_ipv6(text) {
            return Err(bad(1));
        }
        let port_at = text.len().saturating_add(2);
        let port = match after.strip_prefix(':') {
            None if after.is_empty() => None,
            None => return Err(bad(port_at)),
            port => port,
        };
        Ok(Self {
            text,
            is_ipv6: true,
            port,
            port_at: port_at.saturating_add(1),
        })
    }
}

/// Whether this is an IPv6 address, RFC 4291 section 2.2: eight groups of up to four
/// digits, one run of zero groups left out at most, the last two as an IPv4 address where
/// that is wanted. The parser of `core` would be a kilobyte of a device.
fn is_ipv6(text: &str) -> bool {
    let bytes = text.as_bytes();
    let gaps = bytes.windows(2).filter(|pair| *pair == b"::").count();
    let starts_badly = bytes.starts_with(b":") && !bytes.starts_with(b"::");
    let ends_badly = bytes.ends_with(b":") && !bytes.ends_with(b"::");
    let mut groups = 0_usize;
    let mut parts = bytes.split(|c| *c == b':').peekable();
    while let Some(part) = parts.next() {
        let is_hex = part.len() <= 4 && part.iter().all(u8::is_ascii_hexdigit);
        groups = groups.saturating_add(match part {
            [] => 0,
            _ if is_hex => 1,
            tail if parts.peek().is_none() && is_ipv4(tail) => 2,
            _ => return false,
        });
    }
    let is_whole = match gaps {
        0 => groups == 8,
        1 => groups <= 7,
        _ => false,
    };
    is_whole && !starts_badly && !ends_badly
}

fn is_ipv4(text: &[u8]) -> bool {
    let parts = text.split(|c| *c == b'.');
    let is_byte = |part: &[u8]| match part {
        [b'0', _, ..] => false,
        [_, ..] if part.len() <= 3 && part.iter().all(u8::is_ascii_digit) => {
            part.len() < 3 || part <= &b"255"[..]
        }
        _ => false,
    };
    parts.clone().count() == 4 && parts.into_iter().all(is_byte)
}

/// `Err` is the offset of what is wrong.
fn check_name(text: &str) -> Result<(), usize> {
    if text.is_empty() || text.starts_with('.') || text.len() > Endpoint::MAX_HOST_LEN {
        return Err(0);
    }
    if let Some(at) = text.as_bytes().windows(2).position(|pair| pair == b"..") {
        return Err(at);
    }
    let is_bad = |c: u8| !c.is_ascii_alphanumeric() && !matches!(c, b'-' | b'_' | b'.');
    text.bytes().position(is_bad).map_or(Ok(()), Err)
}

fn check_path(text: &str) -> Result<(), usize> {
    let is_bad = |c: u8| !c.is_ascii_graphic() || c == b'#';
    text.bytes().position(is_bad).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use EndpointErrorKind::*;
    use coracle_core::SliceSink;
    use core::net::Ipv6Addr;
    use std::format;
    use std::string::{String, ToString};

    #[test]
    fn takes_urls_apart() {
        let cases = [
            ("http://a", false, "a", 80, ""),
            ("https://a", true, "a", 443, ""),
            ("HtTpS://A-b_c.d:8545/", true, "A-b_c.d", 8545, "/"),
            ("http://127.0.0.1:1", false, "127.0.0.1", 1, ""),
            ("http://[::1]:65535/p?q=1", false, "::1", 65535, "/p?q=1"),
            ("http://[fe80::1]", false, "fe80::1", 80, ""),
            ("http://a?key=/@:b", false, "a", 80, "?key=/@:b"),
            ("http://a/@b", false, "a", 80, "/@b"),
        ];
        for (url, is_tls, host, port, path) in cases {
            let got = Endpoint::parse(url).expect(url);
            let found = (got.is_tls(), got.host(), got.port(), got.path());
            assert_eq!(found, (is_tls, host, port, path), "{url}");
        }
    }

    #[test]
    fn names_what_is_wrong_and_where() {
        let long = format!("http://{}", "a".repeat(254));
        let cases = [
            ("", BadScheme, 0),
            ("http:/a", BadScheme, 0),
            ("ftp://a", BadScheme, 0),
            ("a:8545", BadScheme, 0),
            (" http://a", BadScheme, 0),
            ("http://", BadHost, 7),
            ("http:///path", BadHost, 7),
            ("https://:80", BadHost, 8),
            ("http://.a", BadHost, 7),
            ("http://a..b", BadHost, 8),
            ("http://a b", BadHost, 8),
            ("http://a\r\nb", BadHost, 8),
            ("http://a%20b", BadHost, 8),
            ("http://é", BadHost, 7),
            ("http://::1", BadHost, 7),
            ("http://[::1", BadHost, 7),
            ("http://[]", BadHost, 8),
            ("http://[127.0.0.1]", BadHost, 8),
            ("http://[fe80::1%eth0]", BadHost, 8),
            ("http://[::1]x", BadHost, 12),
            (&long, BadHost, 7),
            ("http://a:", BadPort, 9),
            ("http://a:0", BadPort, 9),
            ("http://a:+1", BadPort, 9),
            ("http://a:65536", BadPort, 9),
            ("http://a:80:80", BadPort, 9),
            ("http://[::1]:x", BadPort, 13),
            ("http://u:p@a", UserInfo, 10),
            ("http://@a", UserInfo, 7),
            ("http://a/b c", BadPath, 10),
            ("http://a/\r\nX: y", BadPath, 9),
            ("http://a/é", BadPath, 9),
            ("http://a#f", BadPath, 8),
        ];
        for (url, what, at) in cases {
            assert_eq!(
                Endpoint::parse(url),
                Err(EndpointError { what, at }),
                "{url:?}"
            );
        }
    }

    #[test]
    fn host_field_names_an_unusual_port_alone() {
        let cases = [
            ("http://a:80", "a"),
            ("https://a:443", "a"),
            ("http://a:443", "a:443"),
            ("http://[::1]:8545", "[::1]:8545"),
        ];
        for (url, host) in cases {
            let mut buf = [0; 32];
            let mut sink = SliceSink::new(&mut buf);
            Endpoint::parse(url).unwrap().write_host(&mut sink);
            let len = sink.finish().unwrap();
            assert_eq!(&buf[..len], host.as_bytes());
        }
    }

    #[test]
    fn ipv6_is_what_core_takes() {
        let parts = [
            "", ":", "::", "0", "1:", ":f", "abcd", "g", "1.2.3.4", "12345", "::1",
        ];
        let mut texts: std::vec::Vec<String> = std::vec![String::new()];
        for _ in 0..4 {
            let longer = texts
                .iter()
                .flat_map(|text| parts.map(|part| format!("{text}{part}")));
            texts = longer.collect();
        }
        for count in 0..10 {
            let groups = std::vec!["a"; count].join(":");
            texts.extend([format!("{groups}::"), format!("::{groups}"), groups.clone()]);
            texts.extend([
                format!("{groups}:255.255.255.255"),
                format!("{groups}::1:2"),
            ]);
        }
        let quads = [
            "256.1.1.1",
            "1.1.1",
            "01.1.1.1",
            "1.1.1.1.1",
            "1..1.1",
            "0.0.0.0",
            "1.1.1.1:1",
        ];
        texts.extend(quads.map(|quad| format!("::{quad}")));
        for text in texts {
            assert_eq!(is_ipv6(&text), text.parse::<Ipv6Addr>().is_ok(), "{text}");
        }
    }

    #[test]
    fn printing_hides_the_path() {
        let endpoint = Endpoint::parse("https://a/v3/secret?k=secret").unwrap();
        assert_eq!(endpoint.to_string(), "https://a");
        assert_eq!(format!("{endpoint:?}"), "https://a");
    }
}

//! Name resolution that never leaves the machine.
//!
//! Every mapped host gets an address of its own from 198.18.0.0/15 (RFC 2544), so a
//! firmware that resolves first and connects to the address reaches the same target as
//! one that gives the modem the name.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

/// One name and the loopback address that stands for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name {
    host: String,
    port: Option<u16>,
    target: SocketAddr,
}

impl Name {
    /// Sends `host`, on `port` or on any, to `target`; its port 0 keeps the port asked for.
    ///
    /// # Errors
    ///
    /// [`BadName`] if the target is not a loopback address or the host is empty.
    pub fn new(host: &str, port: Option<u16>, target: SocketAddr) -> Result<Self, BadName> {
        if !target.ip().is_loopback() {
            return Err(BadName::NotLoopback);
        }
        if host.is_empty() {
            return Err(BadName::Syntax);
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
            target,
        })
    }

    fn serves(&self, host: &str, port: u16) -> bool {
        self.host == host && self.port.is_none_or(|own| own == port)
    }
}

/// `HOST=ADDR:PORT` or `HOST:PORT=ADDR:PORT`.
impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (name, target) = text.split_once('=').ok_or(BadName::Syntax)?;
        let target = target.parse().map_err(|_| BadName::Syntax)?;
        let Some((host, port)) = name.rsplit_once(':') else {
            return Self::new(name, None, target);
        };
        let port = port.parse().map_err(|_| BadName::Syntax)?;
        Self::new(host, Some(port), target)
    }
}

/// Why a name cannot be mapped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BadName {
    /// Not of the form `HOST[:PORT]=ADDR:PORT`.
    Syntax,
    /// The modem connects to this machine alone.
    NotLoopback,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not of the form HOST[:PORT]=ADDR:PORT",
            Self::NotLoopback => "the target is not a loopback address",
        })
    }
}

impl Error for BadName {}

/// Why a connection is not even tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoRoute {
    Name,
    Unreachable,
}

/// The names that resolve.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Names(Vec<Name>);

impl Names {
    /// Adds a name; the first that fits is taken.
    pub fn add(&mut self, name: Name) {
        self.0.push(name);
    }

    /// The address that DNS gives for `host`.
    pub(crate) fn resolve(&self, host: &str) -> Option<IpAddr> {
        if let Ok(ip) = host.parse() {
            return Some(ip);
        }
        let host = host.to_ascii_lowercase();
        if host == "localhost" {
            return Some(Ipv4Addr::LOCALHOST.into());
        }
        let place = self.0.iter().position(|name| name.host == host)?;
        Some(stand_in(place).into())
    }

    /// Where a connection to `host` and `port` really goes.
    pub(crate) fn target(&self, host: &str, port: u16) -> Result<SocketAddr, NoRoute> {
        let ip = self.resolve(host).ok_or(NoRoute::Name)?;
        if ip.is_loopback() {
            return Ok(SocketAddr::new(ip, port));
        }
        let host = self.host_of(ip).ok_or(NoRoute::Unreachable)?;
        let fits = |name: &&Name| name.serves(&host, port);
        let name = self.0.iter().find(fits).ok_or(NoRoute::Unreachable)?;
        let mut target = name.target;
        if target.port() == 0 {
            target.set_port(port);
        }
        Ok(target)
    }

    fn host_of(&self, ip: IpAddr) -> Option<String> {
        let mut places = 0..self.0.len();
        let place = places.find(|place| IpAddr::from(stand_in(*place)) == ip)?;
        self.0.get(place).map(|name| name.host.clone())
    }
}

fn stand_in(place: usize) -> Ipv4Addr {
    let number = u16::try_from(place + 1).unwrap_or(u16::MAX);
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 18, high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Names {
        Names(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn a_target_elsewhere_is_refused() {
        assert_eq!("a=10.0.0.1:80".parse::<Name>(), Err(BadName::NotLoopback));
        assert_eq!("a".parse::<Name>(), Err(BadName::Syntax));
        assert_eq!("a:x=127.0.0.1:80".parse::<Name>(), Err(BadName::Syntax));
        assert_eq!("=127.0.0.1:80".parse::<Name>(), Err(BadName::Syntax));
    }

    #[test]
    fn a_name_and_its_address_lead_to_the_same_place() {
        let names = names(&[
            "Node.Test:8545=127.0.0.1:4000",
            "node.test:1=127.0.0.1:4001",
        ]);
        let ip = names.resolve("node.test").unwrap().to_string();
        assert_eq!(names.target(&ip, 8545), names.target("NODE.test", 8545));
        assert_eq!(names.target(&ip, 1), Ok("127.0.0.1:4001".parse().unwrap()));
    }

    #[test]
    fn nothing_but_loopback_is_reached() {
        let names = names(&["node.test:8545=127.0.0.1:4000"]);
        assert_eq!(names.target("8.8.8.8", 53), Err(NoRoute::Unreachable));
        assert_eq!(names.target("node.test", 80), Err(NoRoute::Unreachable));
        assert_eq!(names.target("other.test", 8545), Err(NoRoute::Name));
        assert!(names.target("127.0.0.1", 9).is_ok());
    }

    #[test]
    fn port_0_keeps_the_port_asked_for() {
        let names = names(&["node.test=127.0.0.1:0"]);
        assert_eq!(names.target("node.test", 77).unwrap().port(), 77);
    }
}

//! The small modem as a SIMCom, plain sockets only.

use super::fake::{Behaviour, Fake, State, Token, are_numbers, fields, line, ok};

pub struct SimcomFake;

pub fn fake() -> Fake {
    Fake::new(SimcomFake)
}

fn number(text: &str) -> usize {
    text.parse().expect("a number in a command")
}

impl Behaviour for SimcomFake {
    fn command(&mut self, fake: &mut State, command: &str) -> Option<Vec<Token>> {
        let (name, rest) = command.split_once('=').unwrap_or((command, ""));
        let fields = fields(rest);
        let places: &[usize] = match name {
            "+CIPOPEN" => &[0, 3],
            "+CIPSEND" => &[0, 1],
            "+CIPRXGET" if rest == "1" => &[0],
            "+CIPRXGET" if rest.starts_with('4') => &[0, 1],
            "+CIPRXGET" => &[0, 1, 2],
            "+CIPCLOSE" => &[0],
            _ => &[],
        };
        if !are_numbers(&fields, places) {
            return None;
        }
        Some(match name {
            "+SPIC" => vec![line(&format!("+SPIC: {},3,10,10", fake.pin_tries)), ok()],
            "+CIPMODE" | "+CGAUTH" => vec![ok()],
            "+NETOPEN?" => vec![line(&format!("+NETOPEN: {}", u8::from(fake.active))), ok()],
            "+NETOPEN" if fake.active => {
                vec![line("+IP ERROR: Network is already opened"), line("ERROR")]
            }
            "+NETOPEN" if fake.ignore_activation => vec![ok(), line("+NETOPEN: 1")],
            "+NETOPEN" => {
                fake.active = true;
                vec![ok(), line("+NETOPEN: 0")]
            }
            "+NETCLOSE" => {
                fake.active = false;
                vec![ok(), line("+NETCLOSE: 0")]
            }
            "+CDNSGIP" if fake.dns.is_empty() => vec![line("+CDNSGIP: 0,10"), line("ERROR")],
            "+CDNSGIP" => vec![
                line(&format!("+CDNSGIP: 1,\"{}\",\"{}\"", fields[0], fake.dns)),
                ok(),
            ],
            "+CIPOPEN" => open(fake, number(fields[0]), fields[2]),
            "+CIPSEND" => {
                fake.want(number(fields[1]), fields[0].to_string());
                vec![b"\r\n>".to_vec()]
            }
            "+CIPRXGET" => receive(fake, &fields),
            "+CIPCLOSE" => {
                let id = number(fields[0]);
                if !fake.peers[id].open {
                    return Some(vec![line(&format!("+CIPCLOSE: {id},4")), line("ERROR")]);
                }
                fake.peers[id] = Default::default();
                vec![ok(), line(&format!("+CIPCLOSE: {id},0"))]
            }
            "+CPOF" => vec![ok()],
            _ => return None,
        })
    }

    fn payload(&mut self, fake: &mut State, mut payload: Vec<u8>) -> Vec<Token> {
        let id = number(&std::mem::take(&mut fake.tag));
        let asked = payload.len();
        payload.truncate(fake.takes);
        let taken = payload.len();
        fake.peers[id].outbox.extend(payload);
        vec![ok(), line(&format!("+CIPSEND: {id},{asked},{taken}"))]
    }

    fn news(&mut self, fake: &mut State) -> Vec<Token> {
        let mut news = Vec::new();
        for (id, peer) in fake.peers.iter_mut().enumerate() {
            if peer.open && !peer.inbox.is_empty() && !peer.announced {
                peer.announced = true;
                news.push(line(&format!("+CIPRXGET: 1,{id}")));
            }
            if peer.open && peer.closed {
                peer.closed = false;
                news.push(line(&format!("+IPCLOSE: {id},1")));
            }
        }
        news
    }
}

fn open(fake: &mut State, id: usize, host: &str) -> Vec<Token> {
    let code = match host {
        "nowhere.example" => 11,
        "refused.example" => 10,
        _ if !fake.active => 2,
        _ if fake.peers[id].open => 4,
        _ => 0,
    };
    fake.peers[id].open |= code == 0;
    match code {
        4 => vec![line(&format!("+CIPOPEN: {id},4")), line("ERROR")],
        _ => vec![ok(), line(&format!("+CIPOPEN: {id},{code}"))],
    }
}

fn receive(fake: &mut State, fields: &[&str]) -> Vec<Token> {
    if fields == ["1"] {
        return vec![ok()];
    }
    let id = number(fields[1]);
    let peer = &mut fake.peers[id];
    if !peer.open {
        return vec![line("+IP ERROR: No data"), line("ERROR")];
    }
    if fields[0] == "4" {
        return vec![
            line(&format!("+CIPRXGET: 4,{id},{}", peer.inbox.len())),
            ok(),
        ];
    }
    let len = number(fields[2]).min(peer.inbox.len());
    if len == 0 {
        peer.announced = false;
        return vec![line("+IP ERROR: No data"), line("ERROR")];
    }
    let data: Vec<u8> = peer.inbox.drain(..len).collect();
    let rest = peer.inbox.len();
    peer.announced = rest > 0;
    let mut block = format!("\r\n+CIPRXGET: 2,{id},{len},{rest}\r\n").into_bytes();
    block.extend(data);
    vec![block, ok()]
}

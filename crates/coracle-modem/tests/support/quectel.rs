//! The small modem as a Quectel.

use super::fake::{Behaviour, Fake, State, Token, are_numbers, fields, line, ok};

pub struct QuectelFake;

pub fn fake() -> Fake {
    Fake::new(QuectelFake)
}

fn number(text: &str) -> usize {
    text.parse().expect("a number in a command")
}

impl Behaviour for QuectelFake {
    fn command(&mut self, fake: &mut State, command: &str) -> Option<Vec<Token>> {
        let (name, rest) = command.split_once('=').unwrap_or((command, ""));
        let fields = fields(rest);
        let places: &[usize] = match name {
            "+QIOPEN" => &[1, 4],
            "+QISEND" | "+QIRD" => &[0, 1],
            "+QICLOSE" => &[0],
            _ => &[],
        };
        if !are_numbers(&fields, places) {
            return None;
        }
        Some(match name {
            "+QPINC" => vec![line(&format!("+QPINC: \"SC\",{},10", fake.pin_tries)), ok()],
            "+QIACT?" if fake.active => {
                vec![line("+QIACT: 1,1,1,\"10.0.0.2\""), ok()]
            }
            "+QIACT?" | "+QICSGP" => vec![ok()],
            "+QIACT" if fake.ignore_activation => vec![line("+CME ERROR: 561")],
            "+QIACT" => {
                fake.active = true;
                vec![ok()]
            }
            "+QIDNSGIP" if fake.dns.is_empty() => {
                vec![ok(), line("+QIURC: \"dnsgip\",565")]
            }
            "+QIDNSGIP" => vec![
                ok(),
                line("+QIURC: \"dnsgip\",0,1,600"),
                line(&format!("+QIURC: \"dnsgip\",\"{}\"", fake.dns)),
            ],
            "+QIOPEN" => open(fake, number(fields[1]), fields[3]),
            "+QISEND" => {
                fake.want(number(fields[1]), fields[0].to_string());
                vec![b"\r\n> ".to_vec()]
            }
            "+QIRD" => read(fake, number(fields[0]), number(fields[1])),
            "+QICLOSE" => {
                fake.peers[number(fields[0])] = Default::default();
                vec![ok()]
            }
            "+QPOWD" => vec![ok()],
            _ => return None,
        })
    }

    fn payload(&mut self, fake: &mut State, payload: Vec<u8>) -> Vec<Token> {
        let id = number(&std::mem::take(&mut fake.tag));
        fake.peers[id].outbox.extend(payload);
        vec![line("SEND OK")]
    }

    fn news(&mut self, fake: &mut State) -> Vec<Token> {
        let mut news = Vec::new();
        for (id, peer) in fake.peers.iter_mut().enumerate() {
            if peer.open && !peer.inbox.is_empty() && !peer.announced {
                peer.announced = true;
                news.push(line(&format!("+QIURC: \"recv\",{id}")));
            }
            if peer.open && peer.closed {
                peer.closed = false;
                news.push(line(&format!("+QIURC: \"closed\",{id}")));
            }
        }
        news
    }
}

fn open(fake: &mut State, id: usize, host: &str) -> Vec<Token> {
    let code = match host {
        "nowhere.example" => 565,
        "refused.example" => 566,
        _ if !fake.active => 570,
        _ if fake.peers[id].open => 563,
        _ => 0,
    };
    fake.peers[id].open = code == 0;
    vec![ok(), line(&format!("+QIOPEN: {id},{code}"))]
}

fn read(fake: &mut State, id: usize, len: usize) -> Vec<Token> {
    let peer = &mut fake.peers[id];
    if !peer.open {
        return vec![line("ERROR")];
    }
    let len = len.min(peer.inbox.len()).min(1500);
    let data: Vec<u8> = peer.inbox.drain(..len).collect();
    if len == 0 {
        peer.announced = false;
        return vec![line("+QIRD: 0"), ok()];
    }
    let mut block = format!("\r\n+QIRD: {len}\r\n").into_bytes();
    block.extend(data);
    vec![block, ok()]
}

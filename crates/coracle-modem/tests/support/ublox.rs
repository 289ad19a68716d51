//! The small modem as a u-blox SARA, plain sockets only.

use super::fake::{Behaviour, Fake, State, Token, are_numbers, fields, line, ok};

pub struct UbloxFake;

pub fn fake() -> Fake {
    let mut fake = Fake::new(UbloxFake);
    fake.state.model = "SARA-R510S";
    fake
}

pub fn fake_r4() -> Fake {
    let mut fake = Fake::new(UbloxFake);
    fake.state.model = "SARA-R410M-02B";
    fake
}

fn number(text: &str) -> usize {
    text.parse().expect("a number in a command")
}

impl Behaviour for UbloxFake {
    fn command(&mut self, fake: &mut State, command: &str) -> Option<Vec<Token>> {
        let (name, rest) = command.split_once('=').unwrap_or((command, ""));
        let fields = fields(rest);
        let places: &[usize] = match name {
            "+USOCO" => &[0, 2],
            "+USOWR" | "+USORD" => &[0, 1],
            "+USOCL" => &[0],
            _ => &[],
        };
        if !are_numbers(&fields, places) {
            return None;
        }
        let is_r4 = fake.model.starts_with("SARA-R4");
        if is_r4 && name.starts_with("+UPS") {
            return None;
        }
        Some(match name {
            "+UPINCNT" => vec![line(&format!("+UPINCNT: {},3,10,10", fake.pin_tries)), ok()],
            "+UDCONF" | "+UAUTHREQ" | "+UPSD" | "+CPWROFF" => vec![ok()],
            "+UPSND" => vec![
                line(&format!("+UPSND: 0,8,{}", u8::from(fake.active))),
                ok(),
            ],
            "+CGACT?" => vec![line(&format!("+CGACT: 1,{}", u8::from(fake.active))), ok()],
            "+CGACT" if rest == "1,1" && fake.ignore_activation => return None,
            "+CGACT" => {
                fake.active = rest == "1,1";
                vec![ok()]
            }
            "+UPSDA" if rest == "0,4" => {
                fake.active = false;
                vec![ok()]
            }
            "+UPSDA" if fake.ignore_activation => vec![line("ERROR")],
            "+UPSDA" => {
                fake.active = true;
                vec![ok(), line("+UUPSDA: 0,\"10.0.0.2\"")]
            }
            "+UDNSRN" if fake.dns.is_empty() || fields[1] == "nowhere.example" => {
                vec![line("+CME ERROR: 4")]
            }
            "+UDNSRN" => vec![line(&format!("+UDNSRN: \"{}\"", fake.dns)), ok()],
            "+USOCR" => {
                let id = (0..7).find(|id| !fake.peers[*id].made)?;
                fake.peers[id].made = true;
                vec![line(&format!("+USOCR: {id}")), ok()]
            }
            "+USOCO" => {
                let peer = &mut fake.peers[number(fields[0])];
                let refused = fields[1].starts_with("refused") || fields[1].starts_with("nowhere");
                if !peer.made || peer.open || refused || !fake.active {
                    return None;
                }
                peer.open = true;
                vec![ok()]
            }
            "+USOER" => vec![line("+USOER: 111"), ok()],
            "+USOWR" if !fake.peers[number(fields[0])].open => return None,
            "+USOWR" => {
                fake.want(number(fields[1]), fields[0].to_string());
                vec![b"\r\n@".to_vec()]
            }
            "+USORD" => read(fake, number(fields[0]), number(fields[1]))?,
            "+USOCL" => {
                let peer = &mut fake.peers[number(fields[0])];
                if !peer.made {
                    return None;
                }
                *peer = Default::default();
                vec![ok()]
            }
            _ => return None,
        })
    }

    fn payload(&mut self, fake: &mut State, mut payload: Vec<u8>) -> Vec<Token> {
        let id = number(&std::mem::take(&mut fake.tag));
        payload.truncate(fake.takes);
        let taken = payload.len();
        fake.peers[id].outbox.extend(payload);
        vec![line(&format!("+USOWR: {id},{taken}")), ok()]
    }

    fn news(&mut self, fake: &mut State) -> Vec<Token> {
        let mut news = Vec::new();
        for (id, peer) in fake.peers.iter_mut().enumerate() {
            if peer.open && !peer.inbox.is_empty() && !peer.announced {
                peer.announced = true;
                news.push(line(&format!("+UUSORD: {id},{}", peer.inbox.len())));
            }
            if peer.open && peer.closed && peer.inbox.is_empty() {
                *peer = Default::default();
                news.push(line(&format!("+UUSOCL: {id}")));
            }
        }
        news
    }
}

fn read(fake: &mut State, id: usize, len: usize) -> Option<Vec<Token>> {
    let peer = &mut fake.peers[id];
    if !peer.open {
        return None;
    }
    let len = len.min(peer.inbox.len()).min(1024);
    let data: Vec<u8> = peer.inbox.drain(..len).collect();
    peer.announced &= len > 0;
    let mut block = format!("\r\n+USORD: {id},{len},\"").into_bytes();
    block.extend(data);
    block.extend(b"\"\r\n");
    Some(vec![block, ok()])
}

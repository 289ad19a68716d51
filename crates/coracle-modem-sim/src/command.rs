//! One command line, taken apart.
//!
//! V.250 5.2.1: a line starts with `AT`; what stands before it is ignored. Basic commands
//! are a letter and a number, extended ones start with `+` (or another sign) and are
//! parted by `;`.

/// What is asked of an extended command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Op {
    /// `+X`
    Run,
    /// `+X?`
    Read,
    /// `+X=?`
    Test,
    /// `+X=...`
    Set,
}

/// One parameter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Arg {
    pub(crate) text: String,
    pub(crate) is_quoted: bool,
}

/// One command of a line: `name` in capitals (`+CSQ`, `E0`, `&F`, `I`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) op: Op,
    pub(crate) args: Vec<Arg>,
}

impl Command {
    /// The commands of a line; `None` if the line is not one for a modem.
    pub(crate) fn parse_line(line: &str) -> Option<Vec<Self>> {
        let body = after_prefix(line)?;
        let mut commands = Vec::new();
        let mut rest = body.trim();
        while !rest.is_empty() {
            let is_extended = rest.starts_with(['+', '$', '*', '^', '#']);
            let end = match is_extended {
                true => outside_quotes(rest, ';').unwrap_or(rest.len()),
                false => basic_len(rest),
            };
            let (head, tail) = rest.split_at(end);
            commands.push(match is_extended {
                true => Self::extended(head),
                false => Self::basic(head),
            });
            rest = tail.trim_start_matches([';', ' ']);
        }
        Some(commands)
    }

    fn basic(text: &str) -> Self {
        let (text, op) = match text.strip_suffix('?') {
            Some(name) => (name, Op::Read),
            None => (text, Op::Run),
        };
        Self {
            name: text.to_ascii_uppercase(),
            op,
            args: Vec::new(),
        }
    }

    fn extended(text: &str) -> Self {
        let (name, op, args) = match text.split_once('=') {
            Some((name, "?")) => (name, Op::Test, Vec::new()),
            Some((name, args)) => (name, Op::Set, split_args(args)),
            None => match text.strip_suffix('?') {
                Some(name) => (name, Op::Read, Vec::new()),
                None => (text, Op::Run, Vec::new()),
            },
        };
        Self {
            name: name.trim().to_ascii_uppercase(),
            op,
            args,
        }
    }

    /// The parameter at `place`, if it is there and not empty.
    pub(crate) fn text(&self, place: usize) -> Option<&str> {
        let arg = self.args.get(place)?;
        (!arg.text.is_empty() || arg.is_quoted).then_some(arg.text.as_str())
    }

    /// The number at `place`.
    pub(crate) fn number(&self, place: usize) -> Option<u32> {
        let arg = self.args.get(place)?;
        match arg.is_quoted {
            true => None,
            false => arg.text.parse().ok(),
        }
    }

    /// The number at `place`, or `default` where nothing is written.
    pub(crate) fn number_or(&self, place: usize, default: u32) -> Option<u32> {
        match self.args.get(place) {
            None => Some(default),
            Some(arg) if arg.text.is_empty() && !arg.is_quoted => Some(default),
            Some(_) => self.number(place),
        }
    }
}

/// What follows the first `AT`, in either case.
fn after_prefix(line: &str) -> Option<&str> {
    let place = line
        .as_bytes()
        .windows(2)
        .position(|pair| pair.eq_ignore_ascii_case(b"at"))?;
    line.get(place + 2..)
}

/// Where `sign` stands outside quotes.
fn outside_quotes(text: &str, sign: char) -> Option<usize> {
    let mut is_quoted = false;
    text.char_indices().find_map(|(place, c)| {
        is_quoted ^= c == '"';
        (c == sign && !is_quoted).then_some(place)
    })
}

/// Length of the basic command that `text` starts with: a letter, perhaps `&` before it,
/// and digits. `S3=13` and `D*99#` take what is theirs.
fn basic_len(text: &str) -> usize {
    let first = usize::from(text.starts_with('&'));
    let letter = text.get(first..).and_then(|rest| rest.chars().next());
    match letter {
        Some('D' | 'd') => return text.len(),
        None => return text.len(),
        _ => {}
    }
    let start = first + letter.map_or(0, char::len_utf8);
    let is_more = |c: char| c.is_ascii_digit() || matches!(c, '=' | '?');
    let tail = text.get(start..).unwrap_or_default();
    start + tail.find(|c| !is_more(c)).unwrap_or(tail.len())
}

fn split_args(text: &str) -> Vec<Arg> {
    let mut args = Vec::new();
    let mut rest = text;
    loop {
        let end = outside_quotes(rest, ',');
        args.push(arg(rest
            .get(..end.unwrap_or(rest.len()))
            .unwrap_or_default()));
        match end {
            Some(end) => rest = rest.get(end + 1..).unwrap_or_default(),
            None => return args,
        }
    }
}

fn arg(text: &str) -> Arg {
    let text = text.trim();
    let inner = text
        .strip_prefix('"')
        .map(|rest| rest.strip_suffix('"').unwrap_or(rest));
    Arg {
        text: inner.unwrap_or(text).to_owned(),
        is_quoted: inner.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Command {
        let mut commands = Command::parse_line(line).unwrap();
        assert_eq!(commands.len(), 1, "{line}");
        commands.remove(0)
    }

    #[test]
    fn parameters_keep_commas_and_semicolons_in_quotes() {
        let command = one("at+qiopen=1,0,\"TCP\",\"a,b;c\",80,,1");
        assert_eq!((command.name.as_str(), command.op), ("+QIOPEN", Op::Set));
        assert_eq!(command.text(3), Some("a,b;c"));
        assert_eq!(command.number(4), Some(80));
        assert_eq!(command.number_or(5, 7), Some(7));
        assert_eq!(command.number(6), Some(1));
        assert_eq!(command.number(2), None, "a string is no number");
    }

    #[test]
    fn one_line_holds_several_commands() {
        let commands = Command::parse_line("ATE0V1&F+CMEE=2;+CSQ;+COPS?").unwrap();
        let names: Vec<_> = commands.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["E0", "V1", "&F", "+CMEE", "+CSQ", "+COPS"]);
        assert_eq!(commands[5].op, Op::Read);
    }

    #[test]
    fn noise_before_the_prefix_is_ignored() {
        assert_eq!(one("\u{fffd}\0xAT+CSQ").name, "+CSQ");
        assert_eq!(Command::parse_line("RDY"), None);
        assert_eq!(Command::parse_line(""), None);
        assert_eq!(Command::parse_line("AT"), Some(vec![]));
    }

    #[test]
    fn forms_are_told_apart() {
        assert_eq!(one("AT+CREG?").op, Op::Read);
        assert_eq!(one("AT+CREG=?").op, Op::Test);
        assert_eq!(one("AT+CREG=\"?\"").op, Op::Set);
        assert_eq!(one("AT+CSQ").op, Op::Run);
    }
}

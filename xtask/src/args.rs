//! Command-line arguments: known switches and options, everything else refused.

use crate::sh::Result;

/// What a command accepts.
pub(crate) struct Spec {
    /// Flags without a value, dashes included.
    pub(crate) switches: &'static [&'static str],
    /// Flags followed by a value, dashes included.
    pub(crate) options: &'static [&'static str],
    /// Whether plain words may follow.
    pub(crate) words: bool,
}

impl Spec {
    pub(crate) const NOTHING: Self = Self {
        switches: &[],
        options: &[],
        words: false,
    };

    pub(crate) fn parse(&self, args: &[String]) -> Result<Args> {
        let mut parsed = Args::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if self.switches.contains(&arg.as_str()) {
                parsed.switches.push(arg.clone());
            } else if self.options.contains(&arg.as_str()) {
                let value = args
                    .next()
                    .ok_or_else(|| format!("`{arg}` needs a value"))?;
                parsed.options.push((arg.clone(), value.clone()));
            } else if self.words && !arg.starts_with('-') {
                parsed.words.push(arg.clone());
            } else {
                return Err(format!("unknown argument `{arg}`; see `cargo xtask help`").into());
            }
        }
        Ok(parsed)
    }
}

/// What a command got.
#[derive(Debug, Default)]
pub(crate) struct Args {
    switches: Vec<String>,
    options: Vec<(String, String)>,
    pub(crate) words: Vec<String>,
}

impl Args {
    pub(crate) fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|given| given == switch)
    }

    /// The last value given for an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let given = self.options.iter().rev().find(|(option, _)| option == name);
        given.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        switches: &["--full"],
        options: &["--toolchain"],
        words: true,
    };

    fn parse(args: &[&str]) -> Result<Args> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        SPEC.parse(&args)
    }

    #[test]
    fn takes_switches_options_and_words() {
        let args = parse(&["--full", "a", "--toolchain", "rustup", "b"]).unwrap();
        assert!(args.has("--full"));
        assert_eq!(args.option("--toolchain"), Some("rustup"));
        assert_eq!(args.words, ["a", "b"]);
    }

    #[test]
    fn the_last_value_wins() {
        let args = parse(&["--toolchain", "a", "--toolchain", "b"]).unwrap();
        assert_eq!(args.option("--toolchain"), Some("b"));
    }

    #[test]
    fn refuses_an_unknown_flag() {
        assert!(
            parse(&["--fast"])
                .unwrap_err()
                .to_string()
                .contains("--fast")
        );
    }

    #[test]
    fn refuses_an_option_without_value() {
        assert!(parse(&["--toolchain"]).is_err());
    }

    #[test]
    fn refuses_words_where_none_are_wanted() {
        assert!(Spec::NOTHING.parse(&["x".into()]).is_err());
    }
}

//! The commands people give in comments.
//!
//! A command is `/BOT word …` or `@BOT word …` at the start of a line of plain text. The words and arguments are a closed list: nothing
//! in a comment can set anything that is not named here. The name is compared byte by byte, so look-alike letters do not count.

use std::fmt;

use serde::Serialize;

use crate::branch::{BranchError, BranchName};
use crate::markdown::text_lines;

/// Further commands of one comment are only counted.
pub const MAX_COMMANDS: usize = 5;

/// The largest amount that can be asked for, in cents: one thousand dollars.
const MAX_CENTS: u32 = 100_000;

/// How much of a person's word is kept to answer with.
const MAX_SHOWN: usize = 32;

/// The name the bot answers to: the app's slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotName(String);

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commands {
    /// The first commands, in order, at most [`MAX_COMMANDS`].
    pub given: Vec<Given>,
    /// How many more there are.
    pub dropped: usize,
}

/// One command, as far as it could be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The line it stands on, counted from 1.
    pub line: usize,
    /// What it asks for.
    pub command: Result<Command, Problem>,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Fix this issue.
    Fix(FixOptions),
    /// Tell how far it is.
    Status,
    /// Stop working on it.
    Stop,
    /// Try again.
    Retry,
    /// Tell how the change came about.
    Explain,
    /// Tell what can be asked for.
    Help,
    /// Leave this issue alone.
    Ignore,
    /// Close the pull request and delete the branch.
    Undo,
    /// Check the repository's configuration.
    ConfigCheck,
}

/// What `fix` may be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FixOptions {
    /// How much it may cost.
    pub budget: Option<Budget>,
    /// The branch to start from.
    pub branch: Option<BranchName>,
    /// Whether the pull request is to be a draft.
    pub draft: bool,
}

/// An amount of money in cents of a dollar, more than none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Budget(u32);

/// Why a command cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Only the name is there.
    #[error("no command follows the name")]
    Missing,
    /// The word is none of the commands.
    #[error("`{0}` is no command")]
    Unknown(Shown),
    /// An argument is not one that the command takes.
    #[error("`{argument}` is no argument of `{command}`")]
    UnexpectedArgument {
        /// The command.
        command: &'static str,
        /// The argument.
        argument: Shown,
    },
    /// An argument is there twice.
    #[error("`{0}` is given twice")]
    Repeated(&'static str),
    /// An argument lacks its value.
    #[error("`{0}` needs a value")]
    MissingValue(&'static str),
    /// The amount is none.
    #[error("`--budget` needs an amount in dollars between 0.01 and 1000, such as 2.00")]
    Budget,
    /// The branch is none.
    #[error("`--branch`: {0}")]
    Branch(#[from] BranchError),
}

/// A word of a comment that can be shown in an answer: short, with nothing in it that could mention, link or format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

impl BotName {
    /// Checks a name; `None` if it is no app's slug.
    pub fn new(slug: &str) -> Option<BotName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=64).contains(&slug.len()) && slug.bytes().all(plain) && !slug.starts_with('-');
        fits.then(|| BotName(slug.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Budget {
    /// Returns the amount in cents.
    pub fn cents(self) -> u32 {
        self.0
    }

    /// Reads `2`, `2.5` or `2.50`.
    fn parse(text: &str) -> Option<Budget> {
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
        let digits =
            |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
        if !digits(whole, 4) || fraction.is_some_and(|it| !digits(it, 2)) {
            return None;
        }
        let cents = match fraction {
            None => 0,
            Some(tenths) if tenths.len() == 1 => tenths.parse::<u32>().ok()? * 10,
            Some(hundredths) => hundredths.parse().ok()?,
        };
        let cents = whole.parse::<u32>().ok()? * 100 + cents;
        (1..=MAX_CENTS).contains(&cents).then_some(Budget(cents))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Shown {
    fn new(word: &str) -> Shown {
        let safe = |it: char| if it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.' | '=') { it } else { '?' };
        Shown(word.chars().take(MAX_SHOWN).map(safe).collect())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Commands {
    /// Finds the commands that a comment gives to `bot`.
    pub fn parse(comment: &str, bot: &BotName) -> Commands {
        let mut commands = Commands::default();
        for line in text_lines(comment) {
            let Some(words) = addressed(line.text, bot) else { continue };
            if commands.given.len() == MAX_COMMANDS {
                commands.dropped += 1;
                continue;
            }
            commands.given.push(Given { line: line.number, command: parse_words(words) });
        }
        commands
    }
}

/// Returns what follows the bot's name on a line that starts with it.
fn addressed<'a>(line: &'a str, bot: &BotName) -> Option<&'a str> {
    let rest = line.strip_prefix(['/', '@'])?.strip_prefix(bot.as_str())?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest)
}

fn parse_words(text: &str) -> Result<Command, Problem> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let Some(word) = words.next() else { return Err(Problem::Missing) };
    let (name, command) = match word {
        "fix" => return parse_fix(words).map(Command::Fix),
        "status" => ("status", Command::Status),
        "stop" => ("stop", Command::Stop),
        "retry" => ("retry", Command::Retry),
        "explain" => ("explain", Command::Explain),
        "help" => ("help", Command::Help),
        "ignore" => ("ignore", Command::Ignore),
        "undo" => ("undo", Command::Undo),
        "config" => match words.next() {
            Some("check") => ("config check", Command::ConfigCheck),
            Some(argument) => return Err(unexpected("config", argument)),
            None => return Err(Problem::MissingValue("config")),
        },
        _ => return Err(Problem::Unknown(Shown::new(word))),
    };
    match words.next() {
        Some(argument) => Err(unexpected(name, argument)),
        None => Ok(command),
    }
}

fn parse_fix<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<FixOptions, Problem> {
    let mut options = FixOptions::default();
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let mut value_of = |name| value.or_else(|| words.next()).ok_or(Problem::MissingValue(name));
        match name {
            "--budget" => {
                let budget = Budget::parse(value_of("--budget")?).ok_or(Problem::Budget)?;
                set(&mut options.budget, "--budget", budget)?;
            }
            "--branch" => {
                let branch = BranchName::new(value_of("--branch")?)?;
                set(&mut options.branch, "--branch", branch)?;
            }
            "--draft" if value.is_none() => {
                if options.draft {
                    return Err(Problem::Repeated("--draft"));
                }
                options.draft = true;
            }
            _ => return Err(unexpected("fix", word)),
        }
    }
    Ok(options)
}

fn set<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), Problem> {
    match place.replace(value) {
        Some(_) => Err(Problem::Repeated(name)),
        None => Ok(()),
    }
}

fn unexpected(command: &'static str, argument: &str) -> Problem {
    Problem::UnexpectedArgument { command, argument: Shown::new(argument) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(comment: &str) -> Commands {
        Commands::parse(comment, &BotName::new("patchwright").unwrap())
    }

    fn one(comment: &str) -> Result<Command, Problem> {
        let commands = parse(comment);
        assert_eq!((commands.given.len(), commands.dropped), (1, 0), "{comment}");
        commands.given[0].command.clone()
    }

    fn none(comment: &str) {
        assert_eq!(parse(comment), Commands::default(), "{comment:?}");
    }

    #[test]
    fn every_command_is_known() {
        let table = [
            ("status", Command::Status),
            ("stop", Command::Stop),
            ("retry", Command::Retry),
            ("explain", Command::Explain),
            ("help", Command::Help),
            ("ignore", Command::Ignore),
            ("undo", Command::Undo),
            ("config check", Command::ConfigCheck),
            ("fix", Command::Fix(FixOptions::default())),
        ];
        for (text, command) in table {
            for comment in [
                format!("/patchwright {text}"),
                format!("@patchwright  {text} \r\n"),
                format!("  /patchwright\t{text}"),
            ] {
                assert_eq!(one(&comment), Ok(command.clone()), "{comment:?}");
            }
        }
    }

    #[test]
    fn fix_takes_its_arguments() {
        let expected = FixOptions {
            budget: Some(Budget(200)),
            branch: Some(BranchName::new("release/2.x").unwrap()),
            draft: true,
        };
        assert_eq!(
            one("/patchwright fix --budget 2.00 --branch release/2.x --draft"),
            Ok(Command::Fix(expected.clone()))
        );
        assert_eq!(one("@patchwright fix --draft --branch=release/2.x --budget=2"), Ok(Command::Fix(expected)));
    }

    #[test]
    fn amounts_are_read_exactly() {
        let check = |text: &str, cents: u32| assert_eq!(Budget::parse(text).map(Budget::cents), Some(cents), "{text}");
        check("2", 200);
        check("2.5", 250);
        check("2.05", 205);
        check("0.01", 1);
        check("1000", 100_000);
        assert_eq!(Budget::parse("12.5").unwrap().to_string(), "12.50");
        for text in [
            "", "0", "0.00", "-1", "+1", "1e3", "1000.01", "99999", "2.", ".5", "2.555", "2,5", "$2", "NaN", "inf",
            "\u{662}",
        ] {
            assert_eq!(Budget::parse(text), None, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let check = |comment: &str, expected: &str| assert_eq!(one(comment).unwrap_err().to_string(), expected);
        check("/patchwright", "no command follows the name");
        check("/patchwright frobnicate now", "`frobnicate` is no command");
        check("/patchwright Fix", "`Fix` is no command");
        check("/patchwright @org/team", "`?org?team` is no command");
        check(&format!("/patchwright {}", "x".repeat(5000)), &format!("`{}` is no command", "x".repeat(32)));
        check("/patchwright st\u{200b}op", "`st?op` is no command");
        check("@patchwright fix please", "`please` is no argument of `fix`");
        check("/patchwright fix --config=evil", "`--config=evil` is no argument of `fix`");
        check("/patchwright fix --draft=no", "`--draft=no` is no argument of `fix`");
        check("/patchwright fix --draft --draft", "`--draft` is given twice");
        check("/patchwright fix --budget 1 --budget 2", "`--budget` is given twice");
        check("/patchwright fix --budget", "`--budget` needs a value");
        check("/patchwright fix --branch", "`--branch` needs a value");
        check("/patchwright fix --branch --upload-pack=x", "`--branch`: the branch name starts with `-`");
        check(
            "/patchwright fix --branch a..b",
            "`--branch`: the branch name has two dots in a row, a part that starts with a dot, or ends with one",
        );
        check(
            "/patchwright fix --budget lots",
            "`--budget` needs an amount in dollars between 0.01 and 1000, such as 2.00",
        );
        check("/patchwright stop it", "`it` is no argument of `stop`");
        check("/patchwright config", "`config` needs a value");
        check("/patchwright config set", "`set` is no argument of `config`");
        check("/patchwright config check x", "`x` is no argument of `config check`");
    }

    #[test]
    fn only_the_start_of_a_plain_line_counts() {
        none("");
        none("please /patchwright fix");
        none("`/patchwright fix`");
        none("```\n/patchwright fix\n```");
        none("    /patchwright fix");
        none("> /patchwright fix");
        none("> somebody said\n/patchwright fix");
        none("# /patchwright fix");
        none("/patchwright fix\n===");
        none("[/patchwright fix](https://example.com)");
        none("<!-- /patchwright fix -->");
        none("<!--\n/patchwright fix\n-->");
        none("<details>\n\n/patchwright fix\n\n</details>");
        none("- /patchwright fix");
        none("**/patchwright fix**");
        none("\\/patchwright fix");
        assert_eq!(one("Thanks!\r\n\r\n/patchwright stop\r\n"), Ok(Command::Stop));
    }

    #[test]
    fn only_the_exact_name_counts() {
        none("/patchwrights fix");
        none("/patchwright-dev fix");
        none("@patchwright[bot] fix");
        none("@patchwright, fix");
        none("/Patchwright fix");
        none("/p\u{430}tchwright fix");
        none("/patch\u{200b}wright fix");
        none("\u{ff0f}patchwright fix");
        none("/patchwright\u{a0}fix");
        none("//patchwright fix");
        none("/ patchwright fix");
        none("@org/patchwright fix");
    }

    #[test]
    fn names_are_slugs() {
        for slug in ["", "-x", "Patchwright", "a b", "a/b", "x[bot]", "\u{fc}"] {
            assert_eq!(BotName::new(slug), None, "{slug}");
        }
        let other = BotName::new("my-bot-2").unwrap();
        assert_eq!(Commands::parse("/my-bot-2 help\n/patchwright stop", &other).given.len(), 1);
    }

    #[test]
    fn five_commands_are_enough() {
        let commands = parse(&"/patchwright status\n".repeat(300));
        assert_eq!((commands.given.len(), commands.dropped), (5, 295));
        assert_eq!(commands.given.iter().map(|it| it.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_comment_panics(comment in any::<String>()) {
            parse(&comment);
        }

        #[test]
        fn no_mixture_panics(pieces in prop::collection::vec(prop::sample::select(vec![
            "/patchwright fix", "@patchwright ", "\n", "\n\n", "```", "~~~~", "`", "> ", "    ", "\t", "# ", "===", "---", "[", "](x)",
            "<!--", "-->", "<details>", "</details>", "<b", ">", "<a href='", "\\", "--budget ", "=", "\u{fc}", "\r", "- ",
        ]), 0..40)) {
            let comment = pieces.concat();
            for given in parse(&comment).given {
                let line = comment.split('\n').nth(given.line - 1).unwrap();
                prop_assert!(line.trim_start_matches(' ').starts_with(['/', '@']));
            }
        }
    }
}

//! Settings of `serve` from a file: each option under its own name, as a default that the environment and the command line go before.

use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The options that say where settings are, and so are none.
#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// TOML file of settings: each option under its name without the two dashes, such as `fold-deltas = 500`. The command line and the environment
    /// go before it
    #[arg(id = "settings", long = "config", env = "BROOKLET_CONFIG", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Print the settings, as such a file, and do not serve
    #[arg(long = "print-config")]
    pub(crate) print: bool,
}

/// The command with what a file says as the defaults of its options.
pub(crate) fn with_file(command: Command, path: &Path) -> Result<Command> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the settings in {}", path.display()))?;
    with_text(command, &text).with_context(|| format!("the settings in {} are of no use", path.display()))
}

fn with_text(mut command: Command, text: &str) -> Result<Command> {
    for (name, value) in text.parse::<Table>()? {
        let arg = command.get_arguments().find(|arg| is_setting(arg) && arg.get_long() == Some(&name));
        let Some(id) = arg.map(|arg| arg.get_id().clone()) else { bail!("there is no option --{name}") };
        let values = match value {
            Value::Array(values) => values.iter().map(plain).collect::<Option<Vec<_>>>(),
            value => plain(&value).map(|value| vec![value]),
        };
        let values = values.with_context(|| format!("`{name}` is a number, a text or a list of them"))?;
        // It is read once, and a default lives as long as the command.
        let values: Vec<&'static str> = values.into_iter().map(|value| &*value.leak()).collect();
        command = command.mut_arg(id, |arg| arg.default_values(values));
    }
    Ok(command)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(said) => Some(said.to_string()),
        _ => None,
    }
}

/// All that is set, as such a file, by name. What is secret is not told.
pub(crate) fn print(command: &Command, matches: &ArgMatches) -> String {
    let mut lines = Vec::new();
    for arg in command.get_arguments().filter(|arg| is_setting(arg)) {
        let (Some(name), Ok(Some(values))) = (arg.get_long(), matches.try_get_raw(arg.get_id().as_str())) else {
            continue;
        };
        let values: Vec<String> = values.map(|value| written(&value.to_string_lossy())).collect();
        let told =
            if arg.get_num_args().is_some_and(|most| most.max_values() > 1) || arg.get_value_delimiter().is_some() {
                format!("[{}]", values.join(", "))
            } else {
                values.concat()
            };
        let from = match matches.value_source(arg.get_id().as_str()) {
            Some(ValueSource::CommandLine) => "  # command line",
            Some(ValueSource::EnvVariable) => "  # environment",
            _ => "",
        };
        lines.push(if arg.is_hide_env_values_set() {
            format!("# {name} is set{from}\n")
        } else {
            format!("{name} = {told}{from}\n")
        });
    }
    lines.sort_unstable();
    lines.concat()
}

fn is_setting(arg: &Arg) -> bool {
    arg.get_action().takes_values() && arg.get_long().is_some_and(|name| name != "config")
}

/// A number as it is, all else as a text: TOML's have the escapes of JSON's.
fn written(value: &str) -> String {
    let is_number = value.parse::<i64>().is_ok()
        || value.parse::<f64>().is_ok_and(|number| number.is_finite() && value.contains('.'));
    if is_number && !value.starts_with(['+', '.']) { value.into() } else { serde_json::Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::serve;
    use clap::Args;

    fn command() -> Command {
        serve::Args::augment_args(Command::new("serve"))
    }

    const FILE: &str =
        "data = \"store\"\nfold-deltas = 7\nclip = 0.25\nopen = [\"read\", \"ingest\"]\nlisten = '0.0.0.0:80'\n";

    #[test]
    fn a_file_sets_what_the_command_line_does_not() {
        let command = with_text(command(), FILE).unwrap();
        let matches = command.clone().try_get_matches_from(["serve", "--fold-deltas", "9"]).unwrap();
        assert_eq!(matches.get_one("fold_deltas"), Some(&9u64));
        assert_eq!(matches.get_one("clip"), Some(&0.25f32));
        let printed = print(&command, &matches);
        for line in [
            "fold-deltas = 9  # command line",
            "clip = 0.25",
            "open = [\"read\", \"ingest\"]",
            "listen = \"0.0.0.0:80\"",
            "model = \"model\"",
        ] {
            assert!(printed.lines().any(|printed| printed == line), "{line} is not in\n{printed}");
        }
        // What was printed is read as the same.
        let again = with_text(self::command(), &printed).unwrap();
        let matches = again.clone().try_get_matches_from(["serve"]).unwrap();
        assert_eq!(print(&again, &matches), printed.replace("  # command line", ""));
    }

    #[test]
    fn a_file_that_says_what_nobody_knows_is_refused() {
        for (text, said) in [
            ("fold-delta = 7", "there is no option --fold-delta"),
            ("config = 'other.toml'", "there is no option --config"),
            ("[serve]\ndata = 'store'", "there is no option --serve"),
            ("data = ", ""),
        ] {
            let error = with_text(command(), text).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
        let wrong = with_text(command(), "data = 'store'\nclip = 'far'").unwrap();
        let error = wrong.try_get_matches_from(["serve"]).unwrap_err().to_string();
        assert!(error.contains("`far` is not a number"), "{error}");
    }

    #[test]
    fn a_password_is_not_printed() {
        // Beside it no folder is needed.
        let arguments = ["serve", "--store", "postgres://me:hunter2@one/shop"];
        let matches = command().try_get_matches_from(arguments).unwrap();
        let printed = print(&command(), &matches);
        assert!(printed.contains("# store is set") && !printed.contains("hunter2"), "{printed}");
    }
}

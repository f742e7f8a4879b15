//! `--help` tells how to begin, and flags mean one thing.

use crate::support::Folder;

#[test]
fn every_subcommand_has_examples_that_it_understands() {
    let folder = Folder::new();
    let help = folder.stdout("--help");
    assert!(help.contains("Order of work:") && help.contains("Exit codes: 0 done; 1 not done"), "{help}");
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands: Vec<&str> =
        commands.map_while(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.len() >= 18, "{commands:?}");
    for command in commands {
        let help = folder.stdout(&format!("{command} --help"));
        let examples = help.split("Examples:").nth(1).unwrap_or_else(|| panic!("{command} has no examples"));
        assert!(examples.contains(&format!("brooklet {command} ")), "{command}: {examples}");
        // Each flag of an example is one of the subcommand's.
        for line in examples.lines().filter(|line| line.contains(&format!("brooklet {command} "))) {
            // Those of `token` and `model` are of their own subcommands.
            for flag in line
                .split_whitespace()
                .filter(|_| !["token", "model"].contains(&command))
                .filter(|word| word.starts_with("--"))
            {
                assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "{command}: {flag}");
            }
        }
    }
}

#[test]
fn a_flag_means_one_thing_and_a_number_has_bounds() {
    let folder = Folder::with_ratings();
    for command in ["train", "init", "simulate", "tune"] {
        let help = folder.stdout(&format!("{command} --help"));
        assert!(help.contains("--random <NUMBER>") && !help.contains("--seed <"), "{command}");
    }
    for command in ["train", "init", "import", "serve"] {
        let help = folder.stdout(&format!("{command} --help"));
        let model = help.split("--model <NAME>").nth(1).unwrap();
        assert!(model.split("\n      --").next().unwrap().contains("[default: model]"), "{command}: {model}");
    }
    for (args, told) in [
        ("simulate seed.csv --label rating --positive 4 --clip nan", "--clip"),
        ("simulate seed.csv --label rating --positive 4 --reach -1", "--reach"),
        ("simulate seed.csv --label rating --positive 4 --seed-users inf", "--seed-users"),
        ("simulate seed.csv --label rating --positive 4 --drop-out 1.5", "--drop-out"),
        ("train seed.csv --label rating --positive 4 --out s --threads 100000", "a number from 1 to 256"),
        ("train seed.csv --label rating --positive 4 --out s --threads 0", "a number from 1 to 256"),
        ("import --libfm m --features f --out s --positive nan", "--positive"),
    ] {
        let run = folder.brooklet(args);
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(run.status.code() == Some(2) && said.contains(told), "{args}: {said}");
    }
    // A number below 0 is a number.
    let rows: String = (0..200).map(|n| format!("u{},i{},{}\n", n / 10, n * 3 % 17, n * 7 % 5 - 3)).collect();
    folder.write("below.csv", &format!("user,item,label\n{rows}"));
    folder.stdout("train below.csv --positive -1 --factors 2 --epochs 1 --out s");
}

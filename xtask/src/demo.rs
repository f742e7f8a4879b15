//! The whole loop on one machine: the package, a seed trained on real ratings, the endpoint and the page.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xshell::{Cmd, Shell, cmd};

use crate::build;
use crate::catalogue::{FILMS, RATINGS};
use crate::steps::Steps;
use crate::tools;
use crate::workspace::{Workspace, newest};

const ADDRESS: &str = "127.0.0.1:8787";

/// Four stars and more are a click. For training, every number of stars is also its own shade of liking.
const SHADES: &str = "0.5=.03,1=.05,1.5=.1,2=.15,2.5=.25,3=.35,3.5=.5,4=.7,4.5=.8,5=.9";

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    // Better to know now than after everything was built.
    TcpListener::bind(ADDRESS).with_context(|| format!("{ADDRESS} is taken; is the demo running already?"))?;

    let mut steps = Steps::new(4);
    steps.step("tools", || tools::for_the_build(workspace))?;
    steps.step("npm package", || build::page(workspace))?;
    let brooklet = steps.step("brooklet, the command", || brooklet(workspace))?;
    let folder = workspace.target.join("demo");
    steps.step("seed", || seed(workspace, &brooklet, &folder))?;
    steps.print_table();

    println!("\n    The demo is at http://{ADDRESS}/    (Ctrl-C stops it)\n");
    become_it(serve(&workspace.shell, &brooklet, &folder))
}

/// Build the command and give its path.
pub(crate) fn brooklet(workspace: &Workspace) -> Result<PathBuf> {
    let sh = &workspace.shell;
    cmd!(sh, "cargo build --release --package brooklet-cli").run()?;
    let file = format!("brooklet{}", env::consts::EXE_SUFFIX);
    Ok(workspace.target.join("release").join(file))
}

fn seed(workspace: &Workspace, brooklet: &Path, folder: &Path) -> Result<()> {
    let seed = folder.join("seed.safetensors");
    let sources = [brooklet.to_path_buf(), workspace.root.join(RATINGS), workspace.root.join(FILMS)];
    if newest([&seed]) > newest(&sources) {
        println!("{} is up to date", seed.display());
        return Ok(());
    }
    // Under another name until it is whole: a run that is broken off must not leave what looks like a seed.
    let unfinished = folder.join("unfinished.safetensors");
    fs::create_dir_all(folder)?;
    train(&workspace.shell, brooklet, &unfinished).run()?;
    // The store holds what visitors made of the seed before this one.
    workspace.shell.remove_path(folder.join("store"))?;
    fs::rename(&unfinished, &seed)?;
    Ok(())
}

fn train<'a>(sh: &'a Shell, brooklet: &Path, seed: &Path) -> Cmd<'a> {
    cmd!(sh, "{brooklet} train {RATINGS} --out {seed}")
        .args(["--items", FILMS, "--item-fields", "genres"])
        .args(["--user", "user", "--item", "item"])
        .args(["--label", "rating", "--time", "timestamp"])
        .args(["--loss", "logistic", "--positive", "4"])
        .args(["--label-map", SHADES])
        .args(["--factors", "16", "--seed", "42", "--model", "films"])
}

fn serve<'a>(sh: &'a Shell, brooklet: &Path, folder: &Path) -> Cmd<'a> {
    let (seed, store) = (folder.join("seed.safetensors"), folder.join("store"));
    cmd!(sh, "{brooklet} serve --listen {ADDRESS}")
        .args(["--model", "films"])
        .args(["--www", "www", "--pkg", "pkg"])
        // One person at a demo wants to see the next version, and will not send a thousand deltas for it.
        .args(["--fold-deltas", "3", "--fold-seconds", "20"])
        // Nor are there fifty others to hide among: what one person teaches shows in the next version.
        .args(["--version-clients", "1", "--version-seconds", "5", "--quorum", "1"])
        .arg("--seed")
        .arg(seed)
        .arg("--data")
        .arg(store)
}

/// Turn into the command, so that Ctrl-C and SIGTERM reach it and not a parent that has nothing more to do.
#[cfg(unix)]
fn become_it(command: Cmd<'_>) -> Result<()> {
    use std::os::unix::process::CommandExt;
    println!("$ {command}");
    let error = Command::from(command).exec();
    bail!(error)
}

#[cfg(not(unix))]
fn become_it(command: Cmd<'_>) -> Result<()> {
    Ok(command.run()?)
}

//! Fuzzing on a stable compiler: libFuzzer, with the counters of LLVM's coverage pass in everything that `fuzz/` depends on. The code has no
//! `unsafe`, so what sanitizers would find beyond that is not looked for.

use std::fs;

use anyhow::Result;
use xshell::cmd;

use crate::workspace::Workspace;

const TARGETS: [&str; 5] = ["seed", "delta", "log", "profile", "body"];

/// What cargo-fuzz passes, but for the sanitizers, which a stable compiler does not have.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Tries to break each target for so many seconds; what was found before is gone on from.
pub(crate) fn run(workspace: &Workspace, seconds: u64) -> Result<()> {
    let sh = &workspace.shell;
    let version = cmd!(sh, "rustc -vV").quiet().read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let target = workspace.target.join("fuzz");
    // With a target, so that build scripts and macros go without counters.
    cmd!(sh, "cargo build --manifest-path fuzz/Cargo.toml --release --target {host}")
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    let fixtures = workspace.root.join("crates/core/tests/fixtures");
    // The store that bodies are sent to.
    let store = target.join("store");
    for name in TARGETS {
        let found = target.join("corpus").join(name);
        sh.remove_path(&store)?;
        for folder in [&found, &store] {
            fs::create_dir_all(folder)?;
        }
        let program = target.join(host).join("release").join(name);
        let faults = format!("-artifact_prefix={}/", target.display());
        let time = format!("-max_total_time={seconds}");
        let limits = ["-max_len=65536", "-timeout=10", "-rss_limit_mb=2048"];
        cmd!(sh, "{program} {time} {limits...} {faults} -verbosity=0 -print_final_stats=1 {found} {fixtures}")
            .env("TMPDIR", &store)
            .run()?;
    }
    Ok(())
}

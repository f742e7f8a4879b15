//! A folder of generated ratings, and running the built command on it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is removed when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("brooklet-cli-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Slates of 12 things, with clicks and skips by 200 people, five slates each: `impressions.csv`, and `things.csv` with the
    /// four fields that say how attractive a thing is. Where it stood says nothing of that.
    pub(crate) fn impressions(&self) {
        let mut state = 7u64;
        let mut random = move |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let mut events = "user,slate,item,click,time,place\n".to_owned();
        for slate in 0..1000u64 {
            let user = slate % 200;
            for place in 1..=12 {
                let item = random(120);
                let appeal =
                    3 * u64::from(item % 6 < 2) + u64::from(item % 4 == user % 2) + 2 * u64::from(item % 5 == 0);
                let click = u8::from(random(10) < 1 + appeal);
                writeln!(events, "person-{user},{slate},{item},{click},{},{place}", 1000 + slate).unwrap();
            }
        }
        let mut items = "item,brand,colours,size,year,tags\n".to_owned();
        for item in 0..120 {
            let tags: Vec<String> = (0..14).map(|_| format!("t{}", random(150))).collect();
            let (brand, size, year) = (item % 6, item % 5, item % 7);
            let colours = format!("c{}|c{}", item % 4, 4 + item % 3);
            writeln!(items, "{item},b{brand},{colours},s{size},y{year},{}", tags.join("|")).unwrap();
        }
        self.write("impressions.csv", &events);
        self.write("things.csv", &items);
    }

    /// Ratings from 1 to 5 by people who like one of two genres: `seed.csv` by some, `replay.csv` by others, 80 each of
    /// `items.csv`'s 100 films; `users.csv` says how old they are.
    pub(crate) fn with_ratings() -> Folder {
        let folder = Folder::new();
        let mut state = 1u64;
        let mut random = move |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let header = "user,item,rating,timestamp\n";
        let (mut seed, mut replay) = (header.to_owned(), header.to_owned());
        let mut users = "user,age\n".to_owned();
        for user in 0..300 {
            writeln!(users, "visitor-{user},age{}", user % 3).unwrap();
            let events = if user < 240 { &mut seed } else { &mut replay };
            let first = random(100);
            for n in 0..80 {
                let item = (first + n * 7) % 100;
                let liked = (item + user) % 2 == 0;
                let rating = if liked { 3 + random(3) } else { 1 + random(3) };
                writeln!(events, "visitor-{user},{item},{rating},{}", 1000 + n).unwrap();
            }
        }
        let mut items = "item,title,genres\n".to_owned();
        for item in 0..100 {
            let genre = if item % 2 == 0 { "Drama" } else { "War" };
            writeln!(items, "{item},\"Film, {item}\",{genre}|Film{}", item % 5).unwrap();
        }
        folder.write("seed.csv", &seed);
        folder.write("replay.csv", &replay);
        folder.write("users.csv", &users);
        folder.write("items.csv", &items);
        folder
    }

    /// Runs `brooklet` in the folder.
    pub(crate) fn brooklet(&self, args: &str) -> Output {
        self.command(args).output().unwrap()
    }

    /// The same with a file of the folder as its standard input.
    pub(crate) fn pipe(&self, file: &str, args: &str) -> Output {
        self.command(args).stdin(std::fs::File::open(self.path(file)).unwrap()).output().unwrap()
    }

    /// The command in the folder, to be run.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brooklet"));
        command.args(args.split_whitespace()).current_dir(&self.0);
        command
    }

    /// The names of what is in the folder, sorted.
    pub(crate) fn list(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs it, expects success, and gives what it printed.
    pub(crate) fn stdout(&self, args: &str) -> String {
        let output = self.brooklet(args);
        assert!(output.status.success(), "brooklet {args}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it and reads the JSON object that its output ends with.
    pub(crate) fn json(&self, args: &str) -> serde_json::Value {
        let stdout = self.stdout(args);
        serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
    }

    /// Runs it, expects failure, and gives what it complained about.
    pub(crate) fn complaint(&self, args: &str) -> String {
        let output = self.brooklet(args);
        assert!(!output.status.success(), "brooklet {args} should fail");
        assert!(output.stdout.is_empty(), "a failure prints nothing on stdout");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The bytes of a file.
pub(crate) fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// Whether `bytes` hold `part` anywhere.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

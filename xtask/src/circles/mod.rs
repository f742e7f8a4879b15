//! No module may use what uses it, directly or by way of others: who reads a file can then read downwards and stop.
//!
//! A module uses another where it names something that the other defines; a re-export stands for what it re-exports. Files are
//! looked at, and folders too: two folders are a circle if a file of each uses a file of the other. What is compiled for tests
//! alone is left out, and so is what a method call reaches without naming it.

mod graph;
mod names;
mod tree;

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::workspace::Workspace;

/// Fail if there is a circle among the modules of any target of the workspace, naming each of its arrows.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let roots = workspace.target_roots();
    ensure!(!roots.is_empty(), "cargo metadata names no target");
    let circles = circles_of(roots)?;
    ensure!(circles.is_empty(), "modules that use each other:\n{}", circles.join("\n"));
    Ok(())
}

fn circles_of(roots: impl IntoIterator<Item = PathBuf>) -> Result<Vec<String>> {
    let mut circles = Vec::new();
    for root in roots {
        let crate_ = tree::read(&root)?;
        circles.extend(graph::circles(&crate_, &names::arrows(&crate_)));
    }
    Ok(circles)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn circles_among(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        circles_of([folder.path().join("lib.rs")]).unwrap()
    }

    fn the_circle(files: &[(&str, &str)]) -> String {
        let circles = circles_among(files);
        assert_eq!(circles.len(), 1, "{circles:#?}");
        circles.into_iter().next().unwrap()
    }

    #[test]
    fn the_workspace_has_none() {
        let workspace = Workspace::open().unwrap();
        run(&workspace).unwrap();
    }

    #[test]
    fn modules_that_go_one_way_are_no_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B;"),
        ];
        assert_eq!(circles_among(&files), Vec::<String>::new());
    }

    #[test]
    fn a_circle_of_two_is_found_with_its_lines() {
        let circle = the_circle(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;\npub struct A(B);"),
            ("b.rs", "pub struct B;\nimpl B { fn a(&self) -> crate::a::A { todo!() } }"),
        ]);
        assert!(circle.contains("a.rs:1 uses B of b.rs"), "{circle}");
        assert!(circle.contains("b.rs:2 uses A of a.rs"), "{circle}");
    }

    #[test]
    fn a_circle_of_three_is_found() {
        the_circle(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub fn a() { super::b::b() }"),
            ("b.rs", "pub fn b() { crate::c::c() }"),
            ("c.rs", "use super::a; pub fn c() { a::a() }"),
        ]);
    }

    #[test]
    fn a_re_export_does_not_hide_a_circle() {
        let circle = the_circle(&[
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
            ("a.rs", "use crate::B; pub struct A(B);"),
            ("b.rs", "use crate::A as Other; pub struct B(Option<Box<Other>>);"),
        ]);
        assert!(circle.contains("b.rs:1 uses A of a.rs"), "{circle}");
    }

    #[test]
    fn a_re_export_makes_no_circle_by_itself() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("a.rs", "use crate::B; pub struct A(B);"),
            ("b.rs", "pub struct B;"),
        ];
        assert_eq!(circles_among(&files), Vec::<String>::new());
    }

    #[test]
    fn what_a_macro_is_given_counts() {
        the_circle(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub fn a() -> String { format!(\"{}\", crate::b::b()) }"),
            ("b.rs", "pub fn b() -> String { crate::a::a() }"),
        ]);
    }

    #[test]
    fn a_folder_whose_files_are_used_both_ways_is_a_circle() {
        let circle = the_circle(&[
            ("lib.rs", "mod north; mod south;"),
            ("north/mod.rs", "pub mod pole; pub mod star;"),
            ("north/pole.rs", "pub struct Pole;"),
            ("north/star.rs", "pub struct Star(crate::south::Cross);"),
            ("south/mod.rs", "mod cross; pub use cross::Cross;"),
            ("south/cross.rs", "pub struct Cross(crate::north::pole::Pole);"),
        ]);
        assert!(circle.contains("uses Pole of north/pole.rs"), "{circle}");
    }

    #[test]
    fn a_parent_and_its_child_can_be_a_circle() {
        the_circle(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; pub struct A(b::B);"),
            ("a/b.rs", "pub struct B(Option<Box<super::A>>);"),
        ]);
    }

    #[test]
    fn tests_may_look_back() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
        ];
        assert_eq!(circles_among(&files), Vec::<String>::new());
    }

    #[test]
    fn a_module_without_a_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lib.rs");
        fs::write(&root, "mod nowhere;").unwrap();
        let error = circles_of([root]).unwrap_err().to_string();
        assert!(error.contains("nowhere"), "{error}");
        assert!(circles_of([Path::new("missing.rs").to_path_buf()]).is_err());
    }
}

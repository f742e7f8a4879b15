//! A folder or file that cannot be served, or whose address is taken, is an error at the start that names it; and a folder gives
//! out what an operator means by it, and not what else lies in it.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use brooklet_server::{AppState, Config, ServeError};
use common::{Bench, config, get};

async fn refusal(adjust: impl FnOnce(&Path, &mut Config)) -> ServeError {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("films.html"), "films").unwrap();
    fs::write(folder.path().join("books.html"), "books").unwrap();
    let mut config = config(folder.path());
    adjust(folder.path(), &mut config);
    AppState::open(config).await.err().expect("the server must not start")
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_with_both_who_want_it() {
    for (first, second, pkg) in [
        ("/films", "/films", false),
        ("/metrics", "/films", false),
        ("/catalogue.csv", "/films", false),
        ("/pkg/", "/films", true),
        ("/v1/models/films", "/films", false),
    ] {
        let error = refusal(|folder, config| {
            let mount = |url: &str, file| format!("{url}={}", folder.join(file).display()).parse().unwrap();
            config.files = vec![mount(first, "films.html"), mount(second, "books.html")];
            config.catalogue = Some(folder.join("films.html"));
            config.pkg = pkg.then(|| folder.into());
        })
        .await;
        assert_eq!(error.code(), "taken_address", "{error}");
        let said = error.to_string();
        let other = match (first, pkg) {
            ("/films", _) => "films.html",
            ("/catalogue.csv", _) => "--catalogue",
            (_, true) => "--pkg",
            _ => "the server itself",
        };
        assert!(said.contains(first) && said.contains(other), "{said}");
    }
}

#[tokio::test]
async fn what_is_not_there_or_is_of_the_wrong_kind_is_told() {
    let missing = [
        refusal(|folder, config| config.www = Some(folder.join("nowhere"))).await,
        refusal(|folder, config| config.pkg = Some(folder.join("films.html"))).await,
        refusal(|folder, config| config.catalogue = Some(folder.join("nowhere"))).await,
        refusal(|folder, config| {
            config.files = vec![format!("/a={}", folder.join("nowhere").display()).parse().unwrap()]
        })
        .await,
        refusal(|folder, config| config.files = vec![format!("/a={}", folder.display()).parse().unwrap()]).await,
    ];
    let codes = ["no_folder", "no_folder", "no_file", "no_file", "no_file"];
    for (error, code) in missing.iter().zip(codes) {
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains("/tmp") || error.to_string().contains("nowhere"), "{error}");
    }
}

#[tokio::test]
async fn the_store_itself_cannot_be_named() {
    for adjust in [(|config: &mut Config| config.www = Some(config.data.clone())) as fn(&mut Config), |config| {
        config.files = vec![format!("/a={}", config.data.join("brooklet.sqlite").display()).parse().unwrap()]
    }] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        // It is there from the start before this one.
        let state = AppState::open(config.clone()).await.unwrap();
        state.store().close().await.unwrap();
        drop(state);
        adjust(&mut config);
        let error = AppState::open(config).await.err().expect("the server must not start");
        assert_eq!(error.code(), "store_served", "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_keeps_the_store_dot_files_and_links_that_lead_out_to_itself() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("accounts"), "not for the web").unwrap();
    let bench = Bench::new(|config| {
        let www = config.data.parent().unwrap().join("www");
        fs::create_dir_all(www.join("in/.git")).unwrap();
        fs::create_dir_all(www.join("linked")).unwrap();
        for file in ["page.html", ".htpasswd", "in/.git/config", "in/index.html"] {
            fs::write(www.join(file), file).unwrap();
        }
        let link = |to: &Path, at| std::os::unix::fs::symlink(to, www.join(at)).unwrap();
        link(&outside.path().join("accounts"), "accounts");
        link(outside.path(), "elsewhere");
        link(&outside.path().join("accounts"), "linked/index.html");
        link(&www.join("page.html"), "same.html");
        config.data = www.join("private");
        config.www = Some(www);
    })
    .await;
    for given in ["/page.html", "/same.html", "/in/", "/in/index.html"] {
        assert_eq!(get(&bench.router, given).await.status, 200, "{given}");
    }
    for kept in [
        "/private/brooklet.sqlite",
        "/private/brooklet.sqlite-wal",
        "/private/brooklet.reserve",
        "/%70rivate/brooklet.sqlite",
        "/in/../private/brooklet.sqlite",
        "/.htpasswd",
        "/%2ehtpasswd",
        "/in/.git/config",
        "/accounts",
        "/elsewhere/accounts",
        "/linked/",
        "/linked/index.html",
    ] {
        get(&bench.router, kept).await.problem(404, "not_found");
    }
}

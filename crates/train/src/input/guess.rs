//! Which column seems to play a role that nobody named one for.

/// The roles, the flags that name their columns, and what people call those.
const ROLES: [(&str, &[&str]); 4] = [
    (
        "user",
        &[
            "user",
            "userid",
            "uid",
            "visitor",
            "visitorid",
            "customer",
            "customerid",
            "member",
            "memberid",
            "accountid",
            "person",
            "personid",
        ],
    ),
    (
        "item",
        &[
            "item",
            "itemid",
            "iid",
            "movie",
            "movieid",
            "film",
            "filmid",
            "product",
            "productid",
            "sku",
            "article",
            "articleid",
            "book",
            "bookid",
            "song",
            "songid",
            "track",
            "trackid",
            "video",
            "videoid",
            "asin",
            "isbn",
        ],
    ),
    ("label", &["label", "rating", "stars", "click", "clicked", "isclick", "isclicked", "like", "liked", "target"]),
    ("time", &["time", "timestamp", "ts", "datetime", "date", "createdat", "eventtime", "unixtime"]),
];

/// What was found for a role.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Guess<'a> {
    Nothing,
    One(&'a str),
    /// None of these is taken.
    Several(Vec<&'a str>),
}

/// The column that seems to play a role, whatever way its name is written.
pub(super) fn guess<'a>(role: &str, names: &'a [String]) -> Guess<'a> {
    let known = ROLES.iter().find(|(of, _)| *of == role).map_or(&[][..], |(_, known)| known);
    let plain =
        |name: &str| -> String { name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let fit: Vec<&str> = names.iter().map(String::as_str).filter(|name| known.contains(&&*plain(name))).collect();
    match fit[..] {
        [] => Guess::Nothing,
        [one] => Guess::One(one),
        _ => Guess::Several(fit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_guessed_if_no_other_fits() {
        let names: Vec<String> =
            ["userId", "movie_id", "Rating", "note", "ts", "created-at"].map(str::to_owned).to_vec();
        assert_eq!(guess("user", &names), Guess::One("userId"));
        assert_eq!(guess("item", &names), Guess::One("movie_id"));
        assert_eq!(guess("label", &names), Guess::One("Rating"));
        assert_eq!(guess("time", &names), Guess::Several(vec!["ts", "created-at"]));
        assert_eq!(guess("label", &names[3..]), Guess::Nothing);
    }
}

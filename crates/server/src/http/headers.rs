//! The headers that several answers share: the version that an answer is about, and entity tags (RFC 9110, 8.8.3).

use axum::http::{HeaderMap, HeaderName, header};

/// The version of a model that an answer is about.
pub(crate) const VERSION_HEADER: HeaderName = HeaderName::from_static("brooklet-version");

/// Whether `If-None-Match` names this tag: the caller has the bytes already.
pub(crate) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    // The comparison is the weak one, as the RFC asks for If-None-Match: a proxy that compresses makes a tag weak.
    let names_it = |tag: &str| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(etag)
    };
    let mut values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // Our tags hold no comma, so splitting a list at commas cannot make up a tag that matches.
    values.any(|value| value.trim() == "*" || value.split(',').any(names_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stars_and_weak_tags_match() {
        let matches = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
            }
            super::has_already(&headers, "abc")
        };
        assert!(matches(&["\"abc\""]));
        assert!(matches(&["\"x\", W/\"abc\" , \"y\""]));
        assert!(matches(&["\"x\"", "\"abc\""]));
        assert!(matches(&["*"]));
        assert!(!matches(&[]));
        assert!(!matches(&["abc"]));
        assert!(!matches(&["\"abcd\", \"ab\""]));
    }
}

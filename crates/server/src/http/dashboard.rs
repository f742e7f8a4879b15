//! The operator's page, in the binary. It holds nothing that is secret: what it shows it asks for with the operator's token.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::http::headers::has_already;
use crate::http::problem::{Code, Problem};
use crate::model::etag;

/// Name, media type and text of each file.
const FILES: [(&str, &str, &str); 10] = [
    ("", "text/html; charset=utf-8", include_str!("../../dashboard/index.html")),
    ("dashboard.css", "text/css", include_str!("../../dashboard/dashboard.css")),
    ("dashboard.js", "text/javascript", include_str!("../../dashboard/dashboard.js")),
    ("panels.js", "text/javascript", include_str!("../../dashboard/panels.js")),
    ("charts.js", "text/javascript", include_str!("../../dashboard/charts.js")),
    ("stream.js", "text/javascript", include_str!("../../dashboard/stream.js")),
    ("text.js", "text/javascript", include_str!("../../dashboard/text.js")),
    ("favicon.svg", "image/svg+xml", include_str!("../../dashboard/favicon.svg")),
    ("uplot.js", "text/javascript", include_str!("../../dashboard/uplot.js")),
    ("uplot.css", "text/css", include_str!("../../dashboard/uplot.css")),
];

/// The page loads from its own address alone, has no script or style within, and stands in nobody's frame.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /dashboard`
pub(crate) async fn begin() -> Redirect {
    // Relative, for whoever serves this below a path.
    Redirect::permanent("dashboard/")
}

/// `GET /dashboard/`
pub(crate) async fn page(headers: HeaderMap) -> Result<Response, Problem> {
    file(Path(String::new()), headers).await
}

/// `GET /dashboard/{file}`
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    let (_, media, text) = found.ok_or_else(|| Problem::new(Code::NotFound, "there is nothing at this address"))?;
    let tag = etag(text.as_bytes());
    let about = [
        (header::ETAG, HeaderValue::try_from(format!("\"{tag}\"")).map_err(|_| Problem::internal())?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    if has_already(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    Ok((about, [(header::CONTENT_TYPE, *media)], *text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_for_files_that_are_there_and_for_nothing_from_elsewhere() {
        for (name, _, text) in FILES.iter().filter(|(name, ..)| !name.starts_with("uplot")) {
            let asked = ["href=\"", "src=\"", "from \"./"].iter().flat_map(|before| text.split(before).skip(1));
            for file in asked.filter_map(|rest| rest.split('"').next()) {
                assert!(FILES.iter().any(|(known, ..)| *known == file), "{name} asks for {file}");
            }
            let refused = ["style=\"", "<style", "<script>", "onclick=", "onload=", "eval("]
                .map(|refused| text.contains(refused));
            assert_eq!(refused, [false; 6], "{name} has what the policy refuses");
        }
    }

    #[tokio::test]
    async fn what_is_not_part_of_it_is_not_found() {
        assert!(file(Path("../config.rs".into()), HeaderMap::new()).await.is_err());
        assert!(file(Path("dashboard.js".into()), HeaderMap::new()).await.is_ok());
    }
}

//! `GET /openapi.json`: the interface for programs, OpenAPI 3.1. `HTTP.md` says the same for people, and tests hold the two together.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApiBuilder, Paths, Ref, RefOr, Required,
    ResponseBuilder,
};

use crate::http::problem::Code;
use crate::token::Scope;

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";

/// The media type of a body, and its schema.
type Body = (&'static str, fn() -> Schema);

/// A way to ask, and what comes of it.
struct Route {
    method: HttpMethod,
    path: &'static str,
    /// What it is, in a sentence.
    says: &'static str,
    /// The scope of the token that it needs, if it ever does.
    scope: Option<Scope>,
    body: Option<Body>,
    /// The status of success and the media types of the answer.
    answer: (u16, &'static [&'static str]),
    query: &'static [&'static str],
}

const fn route(method: HttpMethod, path: &'static str, says: &'static str) -> Route {
    Route { method, path, says, scope: None, body: None, answer: (200, &[JSON]), query: &[] }
}

impl Route {
    const fn of(mut self, scope: Scope) -> Route {
        self.scope = Some(scope);
        self
    }

    const fn with(mut self, media: &'static str, schema: fn() -> Schema) -> Route {
        self.body = Some((media, schema));
        self
    }

    const fn answers(mut self, status: u16, media: &'static [&'static str]) -> Route {
        self.answer = (status, media);
        self
    }

    const fn asks(mut self, query: &'static [&'static str]) -> Route {
        self.query = query;
        self
    }
}

const MODEL: &str = "/v1/models/{model}";
const BASES: &[&str] = &[OCTETS, "application/vnd.brooklet.base", "application/vnd.brooklet.patch"];

/// Everything that is answered, in the order of `HTTP.md`.
fn routes() -> Vec<Route> {
    use HttpMethod::{Delete, Get, Post, Put};
    use Scope::{Ingest, Operate, Read};
    let at = |method, path: &str, says| route(method, Box::leak(format!("{MODEL}{path}").into_boxed_str()), says);
    vec![
        at(Get, "", "The current base").of(Read).answers(200, BASES).asks(&["from", "cohort"]),
        at(Get, "/metadata", "What the base says of itself").of(Read),
        at(Get, "/names", "The names of the current version's rows").of(Read),
        at(Get, "/versions/{n}", "One version").of(Read).answers(200, &[OCTETS]),
        at(Get, "/bases/{etag}", "The base of an entity tag").of(Read).answers(200, BASES).asks(&["from"]),
        at(Post, "/deltas", "Takes a delta in").of(Ingest).with("application/cbor", bytes),
        at(Post, "/predict", "Predicts").of(Ingest).with(JSON, predict),
        at(Post, "/recommend", "Ranks items as a slate").of(Ingest).with(JSON, recommend),
        at(Post, "/learn", "Learns a label").of(Ingest).with(JSON, learn),
        at(Post, "/label", "Learns a label that comes late").of(Ingest).with(JSON, late),
        at(Post, "/figures", "How a visitor was predicted").of(Ingest).with(JSON, who),
        at(Delete, "/visitors/{visitor}", "Forgets a visitor").of(Ingest).answers(204, &[]),
        at(Get, "/calls", "How often learning was asked for, and how long it took").of(Operate),
        at(Get, "/stats", "The numbers of a model").of(Operate),
        route(Get, "/livez", "Whether the process answers"),
        route(Get, "/readyz", "Whether a delta could be taken in and folded now"),
        route(Get, "/healthz", "As /readyz"),
        route(Get, "/metrics", "Counters").of(Operate).answers(200, &["application/openmetrics-text"]),
        route(Get, "/openapi.json", "This description"),
        route(Get, "/v1", "What answers here"),
        route(Get, "/v1/models", "The models").of(Operate),
        route(Put, MODEL, "Brings a seed: a new model, or one that takes over").of(Operate).with(OCTETS, bytes),
        route(Delete, MODEL, "Deletes a model").of(Operate).answers(204, &[]),
        at(Get, "/versions", "Versions and candidates with their figures").of(Operate),
        at(Delete, "/versions/{n}", "Deletes the base and the deltas of a version").of(Operate).answers(204, &[]),
        at(Get, "/versions/{n}/rebuilt", "A version, made again").of(Operate).answers(200, &[OCTETS]).asks(&["from"]),
        at(Post, "/fold", "Folds what is pending now").of(Operate),
        at(Post, "/rollback", "Goes back to a version").of(Operate).with(JSON, version),
        at(Put, "/pin", "Holds a version").of(Operate).with(JSON, version),
        at(Delete, "/pin", "Lets versions be published again").of(Operate).answers(204, &[]),
        at(Post, "/refold", "Folds kept deltas again").of(Operate).with(JSON, begin),
        at(Delete, "/clients/{key}", "Takes out what a client key has sent").of(Operate),
        at(Post, "/candidates/{id}/publish", "Publishes a candidate").of(Operate),
        at(Delete, "/candidates/{id}", "Rejects or forgets a candidate").of(Operate).answers(204, &[]),
        at(Put, "/challenger", "Compares a model with another").of(Operate).with(JSON, challenge),
        at(Get, "/challenger", "The comparison").of(Operate),
        at(Delete, "/challenger", "Ends the comparison").of(Operate).answers(204, &[]),
        route(Get, "/v1/events", "What happens, as server-sent events")
            .of(Operate)
            .answers(200, &["text/event-stream"])
            .asks(&["model"]),
    ]
}

fn bytes() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).content_media_type(OCTETS).into()
}

fn whole(least: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least as f64)).maximum(Some(9e15))
}

fn text(pattern: Option<&str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(pattern)
}

fn version() -> Schema {
    ObjectBuilder::new().property("version", whole(1)).required("version").into()
}

fn begin() -> Schema {
    ObjectBuilder::new().property("from", whole(1)).into()
}

fn challenge() -> Schema {
    let share =
        ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0.0)).exclusive_maximum(Some(1.0));
    let object = ObjectBuilder::new().property("model", text(Some(NAME))).property("share", share);
    object.required("model").required("share").into()
}

/// Whose learner it is.
fn whose() -> ObjectBuilder {
    let or_none = |text: ObjectBuilder| text.schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    let id = text(None).min_length(Some(1)).max_length(Some(128));
    ObjectBuilder::new().property("visitor", or_none(id)).property("profile", or_none(text(None)))
}

fn who() -> Schema {
    whose().into()
}

/// Features as a page gives them.
fn features() -> ObjectBuilder {
    let value = text(None);
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(Schema::from(value)))
}

fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

fn label() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Number, Type::Boolean]))
}

fn weight() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0.0))
}

fn predict() -> Schema {
    whose().property("features", features()).property("hold", flag()).required("features").into()
}

fn recommend() -> Schema {
    let item = ObjectBuilder::new().property("id", text(None)).property("features", features()).required("id");
    let query = whose().property("context", features()).property("k", whole(0)).property("unseen", flag());
    let items = query.property("items", ArrayBuilder::new().items(RefOr::T(Schema::from(item))));
    items.property("exclude", ArrayBuilder::new().items(RefOr::T(Schema::from(text(None))))).into()
}

fn learn() -> Schema {
    let taught = whose().property("features", features()).property("label", label()).property("weight", weight());
    taught.required("features").required("label").into()
}

fn late() -> Schema {
    let late = whose().property("id", whole(0)).property("item", text(None)).property("label", label());
    late.property("weight", weight()).required("id").required("label").into()
}

/// What can name a model.
const NAME: &str = "^[a-z0-9_-][a-z0-9._-]{0,63}$";

/// The schema of what stands in an address under this name.
fn placed(name: &str) -> Schema {
    match name {
        "model" => text(Some(NAME)).into(),
        "key" => text(Some("^[0-9a-f]{32}$")).into(),
        "etag" => text(Some("^[0-9a-f]{32}$")).into(),
        "visitor" => text(None).min_length(Some(1)).max_length(Some(128)).into(),
        "cohort" => whole(0).maximum(Some(99.0)).into(),
        _ => whole(1).into(),
    }
}

/// A problem document.
fn problem() -> Schema {
    let codes = Code::ALL.iter().map(|code| code.name());
    let members = ObjectBuilder::new()
        .property("type", text(None))
        .property("title", text(None))
        .property("status", whole(400).maximum(Some(599.0)))
        .property("detail", text(None))
        .property("code", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)));
    ["type", "title", "status", "detail", "code"].into_iter().fold(members, ObjectBuilder::required).into()
}

fn operation(route: &Route) -> OperationBuilder {
    let parameter = |name: &str, place: ParameterIn, required: Required| {
        ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(placed(name)))
    };
    let mut operation = OperationBuilder::new().summary(Some(route.says));
    for part in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        operation = operation.parameter(parameter(part, ParameterIn::Path, Required::True));
    }
    for name in route.query {
        let required = if route.path.ends_with("/rebuilt") { Required::True } else { Required::False };
        operation = operation.parameter(parameter(name, ParameterIn::Query, required));
    }
    if let Some((media, schema)) = route.body {
        let schema = schema();
        // Where no member is needed, no body is.
        let is_needed = matches!(&schema, Schema::Object(object) if media != JSON || !object.required.is_empty());
        let required = if is_needed { Required::True } else { Required::False };
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let body = RequestBodyBuilder::new().content(media, content).required(Some(required)).build();
        operation = operation.request_body(Some(body));
    }
    let (status, media) = route.answer;
    let mut answer = ResponseBuilder::new().description(route.says);
    for media in media {
        let schema =
            if *media == JSON { ObjectBuilder::new().schema_type(SchemaType::AnyValue).into() } else { bytes() };
        answer = answer.content(*media, ContentBuilder::new().schema(Some(schema)).build());
    }
    operation = operation.response(status.to_string(), answer.build());
    if status == 200 && route.path == MODEL && matches!(route.method, HttpMethod::Put) {
        let added = ResponseBuilder::new().description("A new model").content(JSON, ContentBuilder::new().build());
        operation = operation.response("201", added.build());
    }
    if route.query.contains(&"cohort") {
        let elsewhere = ResponseBuilder::new().description("To a client that tells its group: where the base is");
        operation = operation.response("307", elsewhere.build());
    }
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let told = ResponseBuilder::new().description("A problem document, see `code`");
    operation = operation.response("default", told.content("application/problem+json", problem).build());
    match route.scope {
        Some(scope) => {
            let needs = SecurityRequirement::new("token", [scope.as_str()]);
            // Where it is open, it needs none.
            operation.security(needs).security(SecurityRequirement::default())
        }
        None => operation,
    }
}

/// The description as it is sent, made once.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut paths = Paths::new();
    for route in routes() {
        let operation = operation(&route).build();
        paths.add_path_operation(route.path, vec![route.method], operation);
    }
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("See docs/tokens.md")).build();
    let components = ComponentsBuilder::new()
        .schema("Problem", problem())
        .security_scheme("token", SecurityScheme::Http(token))
        .build();
    let info = InfoBuilder::new().title("Brooklet").version(env!("CARGO_PKG_VERSION")).build();
    let document = OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build();
    document.to_json().unwrap_or_default()
});

/// `GET /openapi.json`
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, "no-cache")], DOCUMENT.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_tells_every_route_and_every_code_of_the_reference() {
        let document: serde_json::Value = serde_json::from_str(&DOCUMENT).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let of = |path: &serde_json::Value| path.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
        let paths = document["paths"].as_object().unwrap();
        let told: BTreeSet<String> = paths
            .iter()
            .flat_map(|(path, methods)| of(methods).into_iter().map(move |m| format!("{} {path}", m.to_uppercase())))
            .collect();
        // Rows such as: | `GET /v1/models/{model}`, ... | ... |
        let rows = include_str!("../../HTTP.md").lines().filter_map(|line| line.strip_prefix("| `"));
        let rows = rows.filter_map(|row| row.split_once('`')).map(|(request, _)| request);
        let known: BTreeSet<String> = rows
            .filter(|request| request.contains(" /"))
            .map(|request| request.split('?').next().unwrap().to_owned())
            .collect();
        assert_eq!(told, known);
        let codes = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
        assert_eq!(codes.as_array().unwrap().len(), Code::ALL.len());
    }
}

//! Spans of requests, commits and folds for who collects traces, by OpenTelemetry's protocol over HTTP. Where they go, and as what, is in the
//! variables of its specification: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`.

use std::io;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// Sends what is left when it is dropped.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Where the variables say; nothing if they say nothing.
    pub(crate) fn begin() -> io::Result<Option<Traces>> {
        let said = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"].map(std::env::var);
        if !said.iter().flatten().any(|address| !address.is_empty()) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().build().map_err(io::Error::other)?;
        let mut resource = Resource::builder();
        if std::env::var("OTEL_SERVICE_NAME").is_err() {
            resource = resource.with_service_name("brooklet");
        }
        Ok(Some(Traces(
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build(),
        )))
    }

    /// What turns spans into traces.
    pub(crate) fn layer<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let ours = ["brooklet_server", "tower_http"].map(|target| (target, LevelFilter::DEBUG));
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("brooklet"))
            .with_filter(Targets::new().with_targets(ours))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that does not answer is no reason not to end.
        let _ = self.0.shutdown();
    }
}

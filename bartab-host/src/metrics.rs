//! What the operator's Prometheus reads. Labels come from fixed lists, so no client can add a series.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use http::StatusCode;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::routing::Class;

/// The statuses that are counted by name; any other is counted by its class: `2xx`.
const STATUSES: [u16; 25] = [
    200, 201, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 415, 416, 422, 423, 429, 500, 501, 503,
    504, 507,
];
const OTHERS: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];
/// Upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The metrics of one host.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    requests: [[OnceLock<Counter>; STATUSES.len() + OTHERS.len()]; Class::ALL.len()],
    durations: [Histogram; Class::ALL.len()],
    panics: Counter,
    connections: Arc<AtomicUsize>,
    connections_gauge: Gauge,
    waiting_gauge: Gauge,
    tenants_gauge: Gauge,
}

/// A request whose answer is still to come.
pub(crate) struct Measured {
    class: Class,
    began: Instant,
}

/// An open connection; it is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<AtomicUsize>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // The list of buckets is not empty, which is all that can go wrong.
        let buckets = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS);
        let recorder = buckets.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        describe(&recorder);
        let gauge = |name| recorder.register_gauge(&Key::from_static_name(name), &METADATA);
        Self {
            handle: recorder.handle(),
            requests: Default::default(),
            durations: Class::ALL.map(|class| {
                let labels = vec![Label::from_static_parts("class", class.name())];
                recorder.register_histogram(&Key::from_parts("bartab_request_duration_seconds", labels), &METADATA)
            }),
            panics: recorder.register_counter(&Key::from_static_name("bartab_panics_total"), &METADATA),
            connections: Arc::default(),
            connections_gauge: gauge("bartab_open_connections"),
            waiting_gauge: gauge("bartab_waiting_polls"),
            tenants_gauge: gauge("bartab_open_tenants"),
            recorder,
        }
    }

    pub(crate) fn begin(class: Class) -> Measured {
        Measured { class, began: Instant::now() }
    }

    pub(crate) fn end(&self, request: &Measured, status: StatusCode) {
        let Measured { class, began } = request;
        // How long a poll takes says how long nothing happened, and would hide what the others say.
        if *class != Class::Sync {
            self.durations[*class as usize].record(began.elapsed().as_secs_f64());
        }
        let at = place(status);
        let counter = self.requests[*class as usize][at].get_or_init(|| {
            let labels = vec![Label::from_static_parts("class", class.name()), Label::new("status", label(at))];
            self.recorder.register_counter(&Key::from_parts("bartab_requests_total", labels), &METADATA)
        });
        counter.increment(1);
    }

    pub(crate) fn panicked(&self) {
        self.panics.increment(1);
    }

    pub(crate) fn connection(&self) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(&self.connections))
    }

    /// Sorts what was recorded into its buckets. Without it, between two readings, records pile up.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// The metrics as Prometheus reads them.
    pub(crate) fn render(&self, open_tenants: usize, waiting_polls: usize) -> String {
        self.connections_gauge.set(self.connections.load(Ordering::Relaxed) as f64);
        self.tenants_gauge.set(open_tenants as f64);
        self.waiting_gauge.set(waiting_polls as f64);
        self.handle.render()
    }
}

/// Where the counter of a status stands.
fn place(status: StatusCode) -> usize {
    let status = status.as_u16();
    let class = || usize::from(status / 100);
    STATUSES
        .binary_search(&status)
        .unwrap_or_else(|_| STATUSES.len() + if class() < OTHERS.len() { class() } else { 0 })
}

/// How the counter at a place is labelled.
fn label(at: usize) -> String {
    let named = STATUSES.get(at).map(u16::to_string);
    named.or_else(|| OTHERS.get(at - STATUSES.len()).map(|&other| other.to_owned())).unwrap_or_default()
}

fn describe(recorder: &PrometheusRecorder) {
    let counter = |name: &'static str, text: &'static str| {
        recorder.describe_counter(name.into(), Some(Unit::Count), text.into());
    };
    let gauge = |name: &'static str, text: &'static str| {
        recorder.describe_gauge(name.into(), Some(Unit::Count), text.into());
    };
    counter("bartab_requests_total", "Requests that were answered, by class and status");
    counter("bartab_panics_total", "Requests that ended in a panic; each is a bug");
    gauge("bartab_open_connections", "Connections that are open");
    gauge("bartab_waiting_polls", "Polls of /v1/sync that wait for an event");
    gauge("bartab_open_tenants", "Tenants that are open");
    recorder.describe_histogram(
        "bartab_request_duration_seconds".into(),
        Some(Unit::Seconds),
        "From the head of a request to the head of its answer, without polls of /v1/sync".into(),
    );
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("connections", &self.connections).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_rendered_with_few_labels() {
        let metrics = Metrics::new();
        for status in [200, 201, 418, 299, 999] {
            metrics.end(&Metrics::begin(Class::Write), StatusCode::from_u16(status).unwrap());
        }
        metrics.end(&Metrics::begin(Class::Sync), StatusCode::OK);
        let _open = metrics.connection();
        drop(metrics.connection());
        let text = metrics.render(2, 3);
        for line in [
            "bartab_requests_total{class=\"write\",status=\"201\"} 1",
            "bartab_requests_total{class=\"write\",status=\"4xx\"} 1",
            "bartab_requests_total{class=\"write\",status=\"2xx\"} 1",
            "bartab_requests_total{class=\"write\",status=\"other\"} 1",
            "bartab_requests_total{class=\"sync\",status=\"200\"} 1",
            "bartab_request_duration_seconds_count{class=\"write\"} 5",
            "bartab_open_connections 1",
            "bartab_open_tenants 2",
            "bartab_waiting_polls 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}

use super::{Events, LATENCY_BOUNDS_US, Operation};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use std::{fmt, sync::Arc};

/// How a sample's value moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// It only grows, from zero at the start of the process; the name gets `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One figure of a part that the gateway knows nothing of: the engine, the devices, the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its name with the unit last, as `engine_space_free_bytes`. Samples of one name come together.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// How it moves.
    pub kind: SampleKind,
    /// What tells it from others of its name.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub value: u64,
}

/// All figures in OpenMetrics text: those of the I/O threads, added up, and `samples`.
pub fn exposition(threads: &[Arc<Events>], samples: Vec<Sample>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("blockhouse");
    registry.register_collector(Box::new(Requests(threads.to_vec())));
    registry.register_collector(Box::new(Samples(samples)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Requests(Vec<Arc<Events>>);

impl Requests {
    fn sum(&self, pick: impl Fn(&Events) -> u64) -> u64 {
        self.0.iter().map(|events| pick(events)).sum()
    }

    /// The operations that were seen by any thread.
    fn operations(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self
            .0
            .iter()
            .flat_map(|events| {
                events
                    .operations
                    .iter()
                    .filter_map(|row| row.name.get().copied())
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn rows(&self, name: &'static str) -> impl Iterator<Item = &Operation> {
        self.0
            .iter()
            .flat_map(|events| events.operations.iter())
            .filter(move |row| row.name.get() == Some(&name))
    }

    fn encode_answers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "s3_requests",
            "Requests answered, by operation and first digit of the status",
            None,
            MetricType::Counter,
        )?;
        for operation in self.operations() {
            for class in 0..5 {
                let answers: u64 = self
                    .rows(operation)
                    .map(|row| row.by_class[class].get())
                    .sum();
                if answers == 0 {
                    continue;
                }
                let status = ["1xx", "2xx", "3xx", "4xx", "5xx"][class];
                let labels = [("operation", operation), ("status", status)];
                let answers = ConstCounter::new(answers);
                answers.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn encode_latency(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "s3_request_duration",
            "Time from a request's head to the last byte of its answer",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for operation in self.operations() {
            let counts: Vec<u64> = (0..=LATENCY_BOUNDS_US.len())
                .map(|bucket| {
                    self.rows(operation)
                        .map(|row| row.latency[bucket].get())
                        .sum()
                })
                .collect();
            let bounds = LATENCY_BOUNDS_US
                .iter()
                .map(|us| *us as f64 / 1e6)
                .chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(counts.iter().copied()).collect();
            let micros: u64 = self.rows(operation).map(|row| row.micros.get()).sum();
            family
                .encode_family(&[("operation", operation)])?
                .encode_histogram::<[(&str, &str); 0]>(
                    micros as f64 / 1e6,
                    counts.iter().sum(),
                    &buckets,
                    None,
                )?;
        }
        Ok(())
    }

    fn encode_bytes(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help): (&str, &str),
        pick: impl Fn(&Operation) -> u64,
    ) -> fmt::Result {
        let mut family =
            encoder.encode_descriptor(name, help, Some(&Unit::Bytes), MetricType::Counter)?;
        for operation in self.operations() {
            let bytes = ConstCounter::new(self.rows(operation).map(&pick).sum::<u64>());
            bytes.encode(family.encode_family(&[("operation", operation)])?)?;
        }
        Ok(())
    }

    fn encode_errors(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "s3_errors",
            "Error answers, by S3 code",
            None,
            MetricType::Counter,
        )?;
        let rows = || self.0.iter().flat_map(|events| events.codes.iter());
        let mut codes: Vec<_> = rows().filter_map(|row| row.name.get().copied()).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let of_code = rows().filter(|row| row.name.get() == Some(&code));
            let answers = ConstCounter::new(of_code.map(|row| row.answers.get()).sum::<u64>());
            answers.encode(family.encode_family(&[("code", code)])?)?;
        }
        Ok(())
    }

    fn encode_connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let opened = self.sum(|events| events.connections_opened.get());
        let closed = self.sum(|events| events.connections_closed.get());
        let refused = self.sum(|events| events.connections_refused.get());
        let foreign = self.sum(|events| events.connections_foreign.get());
        let begun = self.sum(|events| events.requests_begun.get());
        let ended = self.sum(|events| events.requests_ended.get());
        let sample = |name, help, kind, value| Sample {
            name,
            help,
            kind,
            labels: Vec::new(),
            value,
        };
        // The two of a pair are read one after the other: one may end in between.
        let (open, in_flight) = (opened.saturating_sub(closed), begun.saturating_sub(ended));
        for sample in [
            sample(
                "connections_open",
                "Connections that are open now",
                SampleKind::Gauge,
                open,
            ),
            sample(
                "requests_in_flight",
                "Requests being answered",
                SampleKind::Gauge,
                in_flight,
            ),
            sample(
                "connections_opened",
                "Connections taken",
                SampleKind::Counter,
                opened,
            ),
            sample(
                "connections_refused",
                "Connections turned away because too many were open",
                SampleKind::Counter,
                refused,
            ),
            sample(
                "connections_foreign",
                "Connections dropped because they were not of their listener's network, or by its load balancer",
                SampleKind::Counter,
                foreign,
            ),
        ] {
            encode_family(encoder, &[sample])?;
        }
        Ok(())
    }

    /// The threads share one log.
    fn encode_audit(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(log) = self.0.first().and_then(|events| events.audit()) else {
            return Ok(());
        };
        for (name, help, value) in [
            (
                "audit_records",
                "Decisions written to the audit",
                log.written(),
            ),
            (
                "audit_records_lost",
                "Decisions that the audit lacks: there was no room, or the disk refused them",
                log.lost(),
            ),
        ] {
            let sample = Sample {
                name,
                help,
                kind: SampleKind::Counter,
                labels: Vec::new(),
                value,
            };
            encode_family(encoder, &[sample])?;
        }
        Ok(())
    }
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_answers(&mut encoder)?;
        self.encode_latency(&mut encoder)?;
        let received = ("s3_received", "Body bytes received");
        self.encode_bytes(&mut encoder, received, |row| row.bytes_in.get())?;
        let sent = ("s3_sent", "Body bytes sent");
        self.encode_bytes(&mut encoder, sent, |row| row.bytes_out.get())?;
        self.encode_errors(&mut encoder)?;
        self.encode_connections(&mut encoder)?;
        self.encode_audit(&mut encoder)
    }
}

#[derive(Debug)]
struct Samples(Vec<Sample>);

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.0.chunk_by(|a, b| a.name == b.name) {
            encode_family(&mut encoder, family)?;
        }
        Ok(())
    }
}

/// Samples of one name.
fn encode_family(encoder: &mut DescriptorEncoder<'_>, samples: &[Sample]) -> fmt::Result {
    let Some(first) = samples.first() else {
        return Ok(());
    };
    let kind = match first.kind {
        SampleKind::Counter => MetricType::Counter,
        SampleKind::Gauge => MetricType::Gauge,
    };
    let mut family = encoder.encode_descriptor(first.name, first.help, None, kind)?;
    for sample in samples {
        if sample.labels.is_empty() {
            // A family of one; the library would write empty braces.
            return encode_value(sample, family);
        }
        encode_value(sample, family.encode_family(&sample.labels)?)?;
    }
    Ok(())
}

fn encode_value(sample: &Sample, metric: MetricEncoder<'_>) -> fmt::Result {
    match sample.kind {
        SampleKind::Counter => ConstCounter::new(sample.value).encode(metric),
        SampleKind::Gauge => {
            ConstGauge::new(i64::try_from(sample.value).unwrap_or(i64::MAX)).encode(metric)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::RequestRecord;
    use blockhouse_types::RequestId;

    #[test]
    fn threads_are_added_up_and_the_text_is_whole() {
        let record = |operation, status, error| RequestRecord {
            id: RequestId::from_number(1),
            operation,
            status,
            error,
            bytes_in: 7,
            bytes_out: 4096,
            micros: 60,
            peer: "[::1]:1".parse().unwrap(),
        };
        let threads = [Arc::new(Events::default()), Arc::new(Events::default())];
        threads[0].request(&record("GetObject", 200, None));
        threads[1].request(&record("PutObject", 503, Some("SlowDown")));
        threads[1].request(&record("GetObject", 206, None));
        let sample = |device: &str, value| Sample {
            name: "engine_flushes",
            help: "Flushes of a device",
            kind: SampleKind::Counter,
            labels: vec![("device", device.to_owned())],
            value,
        };
        let text = exposition(&threads, vec![sample("dev0", 3), sample("dev1", 4)]).unwrap();
        for line in [
            "blockhouse_s3_requests_total{operation=\"GetObject\",status=\"2xx\"} 2",
            "blockhouse_s3_requests_total{operation=\"PutObject\",status=\"5xx\"} 1",
            "blockhouse_s3_request_duration_seconds_bucket{le=\"0.0001\",operation=\"GetObject\"} 2",
            "blockhouse_s3_request_duration_seconds_bucket{le=\"+Inf\",operation=\"GetObject\"} 2",
            "blockhouse_s3_sent_bytes_total{operation=\"GetObject\"} 8192",
            "blockhouse_s3_errors_total{code=\"SlowDown\"} 1",
            "blockhouse_connections_open 0",
            "blockhouse_engine_flushes_total{device=\"dev1\"} 4",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
        }
        assert_eq!(
            text.matches("# TYPE blockhouse_engine_flushes").count(),
            1,
            "{text}"
        );
    }
}

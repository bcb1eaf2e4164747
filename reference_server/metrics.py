"""Counters and gauges for Prometheus.

Each application has a registry of its own, so that two in one process do not share
state. It must not carry anything that belongs to a user: no ids, no names, no tokens.
"""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

# Denser around the promise: the first event within 500 ms.
_FIRST_EVENT_BUCKETS_S = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    *(0.75, 1.0, 2.5),
)


class Metrics:
    """What the server counts about itself."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._running = Gauge(
            "streamproof_streams_running", "Streams running now", registry=registry
        )
        self._retained = Gauge(
            "streamproof_retained_bytes",
            "Memory that ended streams are counted with",
            registry=registry,
        )
        self._first_event = Histogram(
            "streamproof_first_event_seconds",
            "From the request to a new stream's first event handed to the connection",
            buckets=_FIRST_EVENT_BUCKETS_S,
            registry=registry,
        )
        self._events = Counter(
            "streamproof_events_sent",
            "Data events handed to connections",
            registry=registry,
        )
        self._heartbeats = Counter(
            "streamproof_heartbeats_sent",
            "Heartbeats handed to connections",
            registry=registry,
        )
        self._ends = Counter(
            "streamproof_streams_ended",
            "Streams by how they ended",
            ["state"],
            registry=registry,
        )
        self._cancels = Counter(
            "streamproof_cancels", "Cancels by cause", ["cause"], registry=registry
        )
        self._refusals = Counter(
            "streamproof_refusals", "Refusals by code", ["code"], registry=registry
        )

    def watch_running(self, count: Callable[[], float]) -> None:
        """Read the number of running streams from here when asked."""
        self._running.set_function(count)

    def watch_retained(self, count: Callable[[], float]) -> None:
        """Read the bytes of ended streams from here when asked."""
        self._retained.set_function(count)

    def observe_first_event(self, latency_s: float) -> None:
        """Record the latency of a new stream's first event."""
        self._first_event.observe(latency_s)

    def count_event(self) -> None:
        """Count one data event."""
        self._events.inc()

    def count_heartbeat(self) -> None:
        """Count one heartbeat."""
        self._heartbeats.inc()

    def count_end(self, state: str) -> None:
        """Count a stream that ended."""
        self._ends.labels(state).inc()

    def count_cancel(self, cause: str) -> None:
        """Count a cancel."""
        self._cancels.labels(cause).inc()

    def count_refusal(self, code: str) -> None:
        """Count a refusal."""
        self._refusals.labels(code).inc()

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

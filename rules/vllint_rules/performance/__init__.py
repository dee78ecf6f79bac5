"""Rules about throughput and latency."""

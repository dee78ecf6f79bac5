"""Kubernetes manifests, and what stands beside them."""

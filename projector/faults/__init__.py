"""Faults on purpose: random transactions of every kind, and what may break while they run."""

"""Measurements that docs/performance.md reports; nothing here is shipped."""

"""Mixpanel: product events from its raw export."""

"""What a journey means: pure functions from events and fields to stages, health and moments."""

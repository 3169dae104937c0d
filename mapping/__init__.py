"""What a journey means: pure computation, no files, no clock, no vendor names."""

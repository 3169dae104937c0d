"""What all three vendors share: clock, faults, request log, limits, the ASGI application."""

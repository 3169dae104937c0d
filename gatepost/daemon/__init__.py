"""`gatepost run`: a schedule, a few pages over HTTP, logs, and alerts about the job itself."""

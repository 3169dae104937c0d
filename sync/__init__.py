"""The engine: owns the lake, the state, the clock and the network."""

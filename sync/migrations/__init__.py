"""How the state file gets the tables of this version: one SQL file a step, and their order."""

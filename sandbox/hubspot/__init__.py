"""One HubSpot portal, under its v3/v4 paths and under date versions."""

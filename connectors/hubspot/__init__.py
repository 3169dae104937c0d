"""HubSpot: records of any object, read by list and by batch, written in batches of a hundred."""

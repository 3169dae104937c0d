"""One vendor's wire protocol per module; imports config only."""

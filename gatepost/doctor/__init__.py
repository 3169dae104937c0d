"""`gatepost doctor`: whether this machine and this project can run, looked at piece by piece."""

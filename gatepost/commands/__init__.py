"""One file per verb: it reads options, calls one function, prints."""

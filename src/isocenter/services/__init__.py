"""What this node answers, one module a service: on DIMSE and on the web."""

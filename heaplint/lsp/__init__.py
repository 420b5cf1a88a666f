"""The editor server: what the Language Server Protocol 3.17 says of diagnostics, code actions and hovers."""

"""The tenant's ledger: what all runs of a tenant may use together."""

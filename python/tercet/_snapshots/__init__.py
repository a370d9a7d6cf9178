"""What `tercet.Snapshots` is built from: one file a noun."""

"""What customers do, as of a date: the parts of `tercet.behaviour`."""

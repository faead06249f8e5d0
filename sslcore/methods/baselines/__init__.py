"""Floor and ceiling: what every method is compared with."""

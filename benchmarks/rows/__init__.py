"""What is compared: one file for each kind of row. Each has `rows(peers) -> list[Row]`."""

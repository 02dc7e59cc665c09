"""Where others fail: the data, what each says of it, and the lines of the table."""

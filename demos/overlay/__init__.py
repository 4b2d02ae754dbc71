"""Drawing on pictures: annotators that chain. Each takes a BGR frame, draws on it and returns it."""

"""A reference ERP to try projector on: tables, generated data, a stream of believable changes."""

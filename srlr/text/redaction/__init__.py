"""Personal data and secrets, found in text and replaced by placeholders. docs/redaction.md."""

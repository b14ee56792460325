"""srlr: small, specialised language models, selected, trained and checked from one command line."""

__version__ = "0.1.0"

"""The command line: parses words, calls the layers below, shows what they return."""

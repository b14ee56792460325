"""The vocabulary every other package speaks: types, settings, run directories, errors."""

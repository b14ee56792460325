"""`python -m srlr` is `srlr`."""

import sys

from srlr.cli.app import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m monitor` is `plimsoll`."""

from monitor.cli.main import main

main()

"""``python -m pifr``."""

from pifr.cli import main

main()

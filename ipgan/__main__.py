"""``python -m ipgan`` and ``torchrun -m ipgan``."""

from ipgan.cli import main

main()

"""`python -m heaplint`: the same as the command `heaplint`."""

from heaplint.cli import main

main()

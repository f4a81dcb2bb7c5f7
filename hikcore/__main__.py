"""`python -m hikcore`: the command, where the script is not on PATH."""

from hikcore.cli import main

main()

"""The command `hikcore`. docs/cli.md is its contract: output, exit codes, times, resuming."""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    import sys

    from hikcore.cli.app import run

    sys.exit(run(sys.argv[1:]))

"""The command `hikcore`. docs/cli.md is its contract: output, exit codes, times, resuming."""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    import gc
    import os
    import sys

    # numpy's linear algebra is not used here; its threads would spin while they wait for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from hikcore.cli.short import run_short

    code = run_short(sys.argv[1:])
    if code is None:
        from hikcore.cli.app import run

        code = run(sys.argv[1:])
    # What is loaded is not looked through for garbage by a process that ends: 80 ms of CPU.
    gc.freeze()
    sys.exit(code)

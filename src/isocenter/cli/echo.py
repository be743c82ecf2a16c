"""`isocenter echo`."""

import time
from typing import Annotated

import typer

from isocenter.cli import options

__all__ = ["echo"]


def echo(
    destination: options.Destination,
    calling: options.CallingAE = "ISOCENTER",
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", min=1, help="How many C-ECHOs.")
    ] = 1,
    timeout: options.Timeout = 15.0,
) -> None:
    """Ask whether a DICOM node answers (Verification, C-ECHO)."""
    from isocenter.cli.peers import explain_unreachable
    from isocenter.dimse import Timeouts, connect_sync

    timeouts = Timeouts(connect=timeout, associate=timeout, response=timeout)
    with (
        explain_unreachable(destination, calling),
        connect_sync(destination, calling_ae=calling, timeouts=timeouts) as association,
    ):
        for _ in range(count):
            begun = time.perf_counter()
            status = association.echo()
            milliseconds = (time.perf_counter() - begun) * 1000
            print(f"{destination}: {status} in {milliseconds:.1f} ms")
            if not status.is_success:
                raise typer.Exit(1)

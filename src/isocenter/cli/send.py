"""`isocenter send`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isocenter.cli import options
from isocenter.cli.exit_codes import ExitCode
from isocenter.cli.names import shown
from isocenter.errors import ConfigurationError, NotDicom

if TYPE_CHECKING:
    from isocenter.dimse import PeerAddress, SendProgress, SendResult

__all__ = ["send"]


def _destination(text: str) -> str:
    """Refuse what is no destination before anything is said about paths: often it was left out."""
    from isocenter.dimse import PeerAddress

    try:
        PeerAddress.parse(text)
    except ConfigurationError as error:
        if Path(text).exists():
            raise ConfigurationError(
                f"{shown(text)} is something to send; the destination is missing, or not last: "
                "write it behind the files and folders as AET@HOST:PORT, such as "
                "ISOCENTER@127.0.0.1:11112"
            ) from None
        raise ConfigurationError(f"{error} (the destination comes last)") from None
    return text


def send(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH", parser=options.named_path, help="DICOM files, and folders of them."
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="AET@HOST:PORT",
            help="AE title and address of the DICOM node.",
            callback=_destination,
            is_eager=True,
        ),
    ],
    calling: options.CallingAE = "ISOCENTER",
    associations: Annotated[
        int,
        typer.Option(
            "--associations", "-a", metavar="N", min=1, max=64, help="How many at a time."
        ),
    ] = 2,
    timeout: options.Timeout = 30.0,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record what became of each file, a JSON line each; what this file records as "
            "sent to the same node is not sent again.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Store DICOM files at another node (C-STORE).

    Files are sent as they are. To resume after a failure, give the same command again with the
    same --results FILE.
    """
    from isocenter.cli.peers import explain_unreachable
    from isocenter.cli.progress import bytes_progress
    from isocenter.cli.send_results import SendRecord
    from isocenter.dimse import PeerAddress, SendOutcome, Timeouts, connect_sync
    from isocenter.dimse import send as send_files

    options.require_paths(paths)
    peer = PeerAddress.parse(destination)
    timeouts = Timeouts(connect=timeout, associate=timeout)
    before = 0
    with explain_unreachable(destination, calling), SendRecord(results, peer) as record:
        connect_sync(peer, calling_ae=calling, timeouts=timeouts).release()
        with bytes_progress("sending") as show:

            def sent_before(path: Path) -> bool:
                nonlocal before
                known = record.was_sent(path)
                before += known
                return known

            def finished(progress: "SendProgress") -> None:
                record.add(progress.result)
                show(progress.done_bytes, progress.total_bytes)

            outcomes = send_files(
                paths,
                peer,
                calling_ae=calling,
                associations=associations,
                leave_out=sent_before,
                progress=finished,
                timeouts=timeouts,
            )
    if not before and all(one.outcome is SendOutcome.SKIPPED for one in outcomes):
        named = ", ".join(shown(path) for path in paths)
        raise NotDicom(f"nothing to send: there is no DICOM object in {named}")
    _report(outcomes, before, peer, as_json)


def _report(results: list["SendResult"], before: int, peer: "PeerAddress", as_json: bool) -> None:
    """Print the results, and end with FAILED if a file was not sent."""
    from isocenter.cli.send_results import described
    from isocenter.dimse import SendOutcome

    counts = {outcome: 0 for outcome in SendOutcome}
    for result in results:
        counts[result.outcome] += 1
        if as_json:
            print(json.dumps(described(result)))
        elif result.outcome is SendOutcome.FAILED:
            print(f"failed: {shown(result.path)}: {result.error}")
        elif result.note:
            print(f"note: {shown(result.path)}: {result.note}")
    if not as_json:
        print(
            f"{counts[SendOutcome.SENT]} sent to {peer}, {counts[SendOutcome.FAILED]} failed, "
            f"{counts[SendOutcome.SKIPPED]} skipped" + (f", {before} sent before" if before else "")
        )
    if counts[SendOutcome.FAILED]:
        raise typer.Exit(ExitCode.FAILED)

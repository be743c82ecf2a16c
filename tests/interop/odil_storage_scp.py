"""A Verification and Storage SCP of odil, run by Debian's Python: odil_storage_scp.py PORT FOLDER.

It serves one association after the other, and listens only while it waits for one.
"""

import sys
from pathlib import Path

import odil

SUCCESS = 0


def main(port: int, folder: Path) -> None:
    while True:
        association = odil.Association()
        association.set_tcp_timeout(60)
        association.receive_association("v4", port)
        serve(association, folder)


def serve(association: odil.Association, folder: Path) -> None:
    def store(request: odil.messages.CStoreRequest) -> int:
        name = request.get_affected_sop_instance_uid()
        odil.Writer.write_file(request.get_data_set(), str(folder / name))
        return SUCCESS

    echo = odil.EchoSCP(association)
    echo.set_callback(lambda request: SUCCESS)
    keep = odil.StoreSCP(association)
    keep.set_callback(store)
    dispatcher = odil.SCPDispatcher(association)
    dispatcher.set_echo_scp(echo)
    dispatcher.set_store_scp(keep)
    try:
        while True:
            dispatcher.dispatch()
    except (odil.AssociationReleased, odil.AssociationAborted):
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

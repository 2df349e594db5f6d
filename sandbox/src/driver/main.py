"""Chooses what this process is: the supervisor of a box, or a child that needs a fresh interpreter."""
import os
import sys

import _patchwright_bytecode as bytecode
import _patchwright_run as run
import _patchwright_supervisor as supervisor
import _patchwright_wire as wire


def main(source, bundle):
    if sys.version_info < (3, 6):
        os._exit(91)
    if source != 0:
        header, _ = wire.read_frame(source)
        os.close(source)
        os.set_inheritable(header["events"], False)
        code = 97
        try:
            run.run_child(header["header"], header["events"], bytecode.Bytecode(), header["root"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    box = supervisor.Supervisor(source, bundle)
    box.hello()
    try:
        box.serve()
    except (wire.Closed, BrokenPipeError):
        pass
    os._exit(0)

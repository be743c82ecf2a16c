"""Fuzzes one parser: `python tests/fuzz/run.py TARGET [CORPUS] [libFuzzer options]`.

Only our own modules are instrumented, while they are imported; instrumenting all that is loaded
takes most of a minute.
"""

import sys
from importlib import import_module
from pathlib import Path

import atheris

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    with atheris.instrument_imports(include=["isocenter"]):
        target = import_module(f"{sys.argv.pop(1)}_fuzzer")
    atheris.Setup(sys.argv, target.one_input)
    atheris.Fuzz()

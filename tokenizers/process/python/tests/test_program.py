"""The package without the program, and with one."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from vtbench import _program

SDK = pathlib.Path(__file__).resolve().parent.parent


def executable(path: pathlib.Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


class Program(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def env(self, **env: str):
        return mock.patch.dict(os.environ, env, clear=True)

    @mock.patch.object(_program, "carried", return_value=None)
    def test_find(self, carried: mock.Mock) -> None:
        script = executable(self.dir / "scripts/vtbench", "#!/bin/sh\n")
        program = executable(self.dir / "programs/vtbench", "\x7fELF")
        path = os.path.dirname(script) + os.pathsep + os.path.dirname(program)
        with self.env(PATH=path):
            # The script is this package's own command: taking it would never end.
            self.assertEqual(_program.find(), program)
            carried.return_value = "/wheel/vtbench"
            self.assertEqual(_program.find(), "/wheel/vtbench")
        with self.env(PATH=path, VTBENCH_BIN=program):
            self.assertEqual(_program.find(), program)
        with self.env(PATH=path, VTBENCH_BIN="/nowhere"), self.assertRaisesRegex(_program.ProgramMissing, "VTBENCH_BIN: /nowhere"):
            _program.find()
        carried.return_value = None
        with self.env(PATH=os.path.dirname(script)), self.assertRaisesRegex(_program.ProgramMissing, "only the part in Python"):
            _program.find()

    def test_missing(self) -> None:
        code = "import vtbench, vtbench._program as p; p.main()"
        p = subprocess.run([sys.executable, "-c", code], env={"PATH": str(self.dir), "PYTHONPATH": str(SDK)}, capture_output=True, text=True)
        self.assertEqual(p.returncode, 5, p.stderr)
        self.assertIn("the program vtbench is missing", p.stderr)

    def test_becomes(self) -> None:
        program = executable(self.dir / "vtbench", '#!/bin/sh\necho "$VTBENCH_ONNXRUNTIME" "$@"\nexit 3\n')
        lib = self.dir / "site/onnxruntime/capi/libonnxruntime.so.1.2.3"
        executable(lib, "")
        (lib.parent.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
        code = "import sys; sys.argv = ['vtbench', 'run', 'a b']; import vtbench._program as p; p.main()"
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{SDK}{os.pathsep}{self.dir / 'site'}", "VTBENCH_BIN": program}
        p = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stdout), (3, f"{lib} run a b\n"), p.stderr)

    def test_work(self) -> None:
        program = executable(self.dir / "vtbench", "#!/bin/sh\n")
        code = "import sys; sys.argv = ['vtbench-work', '--nats', 'a b']; import vtbench._program as p; p.work()"
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SDK), "VTBENCH_BIN": program}
        command = [sys.executable, "-c", code]
        p = subprocess.run(command, env=env, capture_output=True, text=True)
        self.assertEqual(p.returncode, 5, p.stderr)
        self.assertIn("vtbench-work is not there", p.stderr)
        executable(self.dir / "vtbench-work", '#!/bin/sh\necho "$@"\n')
        p = subprocess.run(command, env=env, capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stdout), (0, "--nats a b\n"), p.stderr)


if __name__ == "__main__":
    unittest.main()

"""Makes the wheel that carries the program: the SDK, and in it the tree of dist.sh.

setuptools makes it, out of a copy of the SDK; the program's own ONNX Runtime is left out,
since that of the wheel onnxruntime is used.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    for name in ("sdk", "tree", "out"):
        p.add_argument("--" + name, type=pathlib.Path, required=True)
    for name in ("version", "platform", "onnxruntime"):
        p.add_argument("--" + name, required=True)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder, "sdk")
        shutil.copytree(a.sdk, work, ignore=shutil.ignore_patterns("tests", "__pycache__", "build", "*.egg-info"))
        shutil.copytree(a.tree, work / "vtbench/program", ignore=shutil.ignore_patterns("libonnxruntime*", "bash-completion", "README.md"))

        project = work / "pyproject.toml"
        text = project.read_text()
        for pattern, replacement in (
            # PEP 440 has "0.1.0.dev0" for "0.1.0-dev".
            (r'^version = ".*"$', f'version = "{re.sub("-dev$", ".dev0", a.version)}"'),
            (r"^dependencies = \[(.*)\]$", rf'dependencies = [\1, "onnxruntime=={a.onnxruntime}"]'),
            (r"^requires-python = .*$", 'requires-python = ">=3.11"'),  # onnxruntime's
            (r'^vtbench = \["py.typed"(.*)\]$', r'vtbench = ["py.typed"\1, "program/**"]'),
        ):
            text, n = re.subn(pattern, replacement, text, flags=re.M)
            if n != 1:
                raise SystemExit(f"{a.sdk}/pyproject.toml has {n} lines like {pattern!r}, want 1")
        project.write_text(text)
        (work / "setup.cfg").write_text(f"[bdist_wheel]\nplat_name = {a.platform}\npython_tag = py3\n")
        # Equal bytes need equal tools.
        constraints = pathlib.Path(folder, "constraints.txt")
        constraints.write_text("setuptools==80.9.0\n")
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", str(a.out), str(work)],
            check=True,
            env={**os.environ, "PIP_CONSTRAINT": str(constraints), "PIP_BUILD_CONSTRAINT": str(constraints)},
        )


if __name__ == "__main__":
    main()

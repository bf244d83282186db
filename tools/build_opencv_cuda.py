"""Build OpenCV with CUDA from the source distribution of the package that requirements/core.txt names.

The wheel has the package's own name and version, so that exactly one OpenCV remains and every requirement
stays met. Everything happens in one folder, in steps that are not done twice.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "opencv-contrib-python"
#: gigabytes: of disk for the whole build, of memory for each compiler
_DISK, _MEMORY = 15, 2.5
#: CUDA's own modules, which nothing here uses, and which take longer than all the rest; cudev is needed
_LEFT_OUT = (
    *("arithm", "bgsegm", "codec", "features2d", "filters", "imgproc", "legacy", "objdetect", "optflow"),
    *("stereo", "warping"),
)
_ON = (
    *("WITH_CUDA", "WITH_CUDNN", "WITH_CUBLAS", "OPENCV_DNN_CUDA", "BUILD_opencv_cudev"),
    "PYTHON3_LIMITED_API",  # as the package has it: its setup.py looks here for where its files will be
)
_OFF = (
    *("WITH_CUFFT", "WITH_NVCUVID", "WITH_NVCUVENC", "WITH_ADE", "BUILD_opencv_gapi", "BUILD_TESTS"),
    *("BUILD_PERF_TESTS", *(f"BUILD_opencv_cuda{name}" for name in _LEFT_OUT)),
)


@dataclass(frozen=True)
class Finding:
    """Something the build needs: what was found, and what to do where that is not enough."""

    what: str
    found: str
    cure: str = ""


@dataclass(frozen=True)
class Plan:
    """What will be built, where, and with what."""

    folder: Path
    version: str
    arch: str
    cuda: Path
    jobs: int

    @property
    def source(self) -> Path:
        """The unpacked source distribution."""
        return self.folder / f"{PACKAGE.replace('-', '_')}-{self.version}"

    @property
    def python(self) -> Path:
        """The Python of the environment that holds the build tools."""
        return self.folder / "tools" / "bin" / "python"

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for the build."""
        flags = [*(f"-D{name}=ON" for name in _ON), *(f"-D{name}=OFF" for name in _OFF)]
        flags += ["-DCMAKE_CXX_STANDARD=17", f"-DCUDA_ARCH_BIN={self.arch}", "-DCUDA_ARCH_PTX="]
        flags += [f"-DCUDA_TOOLKIT_ROOT_DIR={self.cuda}"]
        return {
            "CMAKE_ARGS": " ".join(flags),
            "CMAKE_BUILD_PARALLEL_LEVEL": str(self.jobs),
            "MAKEFLAGS": f"-j{self.jobs}",
            "ENABLE_CONTRIB": "1",
            "ENABLE_HEADLESS": "0",
            "CUDACXX": str(self.cuda / "bin" / "nvcc"),
            "PATH": f"{self.python.parent}{os.pathsep}{self.cuda / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, then build; gives 1 where something is missing, 2 where a step failed."""
    options = _options(arguments)
    cuda = find_cuda(options.cuda)
    arch = options.arch or compute_capability()
    plan = Plan(options.folder.resolve(), package_version(), arch, cuda or Path("/usr/local/cuda"), jobs())
    findings = list(examine(cuda, arch, plan.folder))
    for finding in findings:
        print(f"  {finding.what:20} {finding.found}")
    missing = [finding for finding in findings if finding.cure]
    if missing:
        print("what is missing, and the cure:")
    for finding in missing:
        print(f"  {finding.what:20} {finding.cure}")
    print(f"steps, in {plan.folder}, with {plan.jobs} compilers at once:")
    for name, command in steps(plan):
        done = (plan.folder / f".{name}-done").exists()
        print(f"  {name:20} {'(done) ' if done else ''}{' '.join(map(str, command))}")
    if options.dry_run or missing:
        return 1 if missing else 0
    return build(plan)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="look and tell, and build nothing")
    parser.add_argument("--arch", default="", metavar="8.6", help="compute capability (default: this card's)")
    parser.add_argument("--cuda", type=Path, help="folder of the CUDA toolkit (default: found)")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "opencv-cuda", help="where to build")
    return parser.parse_args(arguments)


def package_version() -> str:
    """The version that requirements/core.txt pins."""
    text = (ROOT / "requirements" / "core.txt").read_text("utf-8")
    (found,) = re.findall(rf"^{PACKAGE}==(\S+)$", text, re.MULTILINE)
    return str(found)


def find_cuda(named: Path | None) -> Path | None:
    """The CUDA toolkit: the folder named, that of `$CUDA_HOME`, the usual one, or that of nvcc."""
    nvcc = shutil.which("nvcc")
    candidates = [
        named,
        Path(os.environ["CUDA_HOME"]) if os.environ.get("CUDA_HOME") else None,
        Path("/usr/local/cuda"),
        Path(nvcc).resolve().parent.parent if nvcc else None,
    ]
    return next((c for c in candidates if c and (c / "bin" / "nvcc").is_file()), None)


def compute_capability() -> str:
    """Of this machine's cards, such as 8.6 or 8.6,9.0; an empty text where none tells."""
    told = _output(["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"])
    return ",".join(
        sorted({line.strip() for line in told.splitlines() if re.fullmatch(r"\d+\.\d+", line.strip())})
    )


def jobs() -> int:
    """Compilers that the cores and the memory carry."""
    return max(1, min(os.cpu_count() or 1, int(_memory() / _MEMORY)))


def examine(cuda: Path | None, arch: str, folder: Path) -> Iterator[Finding]:
    """Everything the build needs."""
    system = f"{platform.system()} {platform.machine()}"
    usable = system in ("Linux x86_64", "Linux aarch64")
    yield Finding("system", system, "" if usable else "this script is for Linux, or Linux in WSL")
    python = f"{platform.python_version()} in {sys.prefix}"
    own = (
        ""
        if sys.prefix != sys.base_prefix
        else "run it with the environment's Python: PYTHON=.venv/bin/python"
    )
    yield Finding("python", python, own)
    yield _nvcc(cuda)
    yield _cudnn(cuda)
    yield Finding(
        "compute capability",
        arch or "no card found",
        "" if re.fullmatch(r"\d+\.\d+(,\d+\.\d+)*", arch) else "name the card's: --arch 8.6",
    )
    for program in ("g++", "make"):
        where = shutil.which(program)
        yield Finding(program, where or "-", "" if where else "apt-get install build-essential")
    yield from _room(folder)


def _nvcc(cuda: Path | None) -> Finding:
    cure = "install the CUDA toolkit 12 or 13 (cuda-toolkit), or name its folder: --cuda /usr/local/cuda"
    if cuda is None:
        return Finding("nvcc", "-", cure)
    found = re.search(r"release (\d+)\.(\d+)", _output([str(cuda / "bin" / "nvcc"), "--version"]))
    if not found:
        return Finding("nvcc", f"{cuda}: gives no version", cure)
    return Finding("nvcc", f"{found[1]}.{found[2]} in {cuda}", "" if int(found[1]) >= 12 else cure)


def _cudnn(cuda: Path | None) -> Finding:
    """The header tells the version; the library has to lie beside it, which the build finds out."""
    cure = "install cuDNN 9 with its headers (cudnn9-cuda-13, or libcudnn9-dev-cuda-13)"
    folders = [cuda / "include"] if cuda else []
    folders += [Path("/usr/include"), Path(f"/usr/include/{platform.machine()}-linux-gnu")]
    for folder in folders:
        header = folder / "cudnn_version.h"
        if header.is_file():
            text = header.read_text("utf-8", "replace")
            number = [re.search(rf"#define CUDNN_{part}\s+(\d+)", text) for part in ("MAJOR", "MINOR")]
            version = ".".join(match[1] for match in number if match)
            return Finding("cuDNN", f"{version} in {folder}", "" if version.startswith("9") else cure)
    return Finding("cuDNN", "-", cure)


def _room(folder: Path) -> Iterator[Finding]:
    parent = next(p for p in (folder, *folder.parents) if p.is_dir())
    disk, memory = shutil.disk_usage(parent).free / 1e9, _memory()
    more = "name a folder on a larger disk: --folder /big/opencv-cuda"
    yield Finding("disk", f"{disk:.0f} GB free in {parent}", "" if disk >= _DISK else more)
    enough = memory >= 2 * _MEMORY
    yield Finding(
        "memory", f"{memory:.0f} GB", "" if enough else f"{2 * _MEMORY:.0f} GB are needed: add swap space"
    )


def steps(plan: Plan) -> Iterator[tuple[str, list[str | Path]]]:
    """Names and commands, in order; the archive is unpacked between `download` and `compile`."""
    pip: list[str | Path] = [plan.python, "-m", "pip"]
    wheels = plan.folder / "wheels"
    exact = f"{PACKAGE}=={plan.version}"
    yield "tools", [sys.executable, "-m", "venv", plan.folder / "tools"]
    yield "download", [*pip, "download", "--no-deps", "--no-binary", PACKAGE, "-d", plan.folder, exact]
    yield "requirements", [*pip, "install", *build_requirements(plan.source)]
    wheel = [*pip, "wheel", "-v", "--no-deps", "--no-build-isolation", "-w", wheels, plan.source]
    yield "compile", wheel
    ours: list[str | Path] = [sys.executable, "-m", "pip"]
    replace: list[str | Path] = ["--force-reinstall", "--no-deps", "--no-index", "--find-links", wheels]
    yield "install", [*ours, "install", *replace, exact]


def build_requirements(source: Path) -> list[str]:
    """What the source says its build needs; the usual, until the source is here."""
    project = source / "pyproject.toml"
    if not project.is_file():
        return ["(what its pyproject.toml names: scikit-build, cmake, ninja, numpy)"]
    import tomllib

    named: list[str] = tomllib.loads(project.read_text("utf-8"))["build-system"]["requires"]
    return [*named, "cmake", "ninja"]


def build(plan: Plan) -> int:
    """Do what is not done yet; gives 2 where a step fails."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    for name in [name for name, _ in steps(plan)]:
        command = dict(steps(plan))[name]  # anew: what the build needs is known once the source is here
        done = plan.folder / f".{name}-done"
        if done.exists():
            continue
        print(f"build: {name}", flush=True)
        finished = subprocess.run(
            list(map(str, command)), env={**os.environ, **plan.environment}, check=False
        )
        if finished.returncode:
            print(f"build: {name} failed; mend what it says and run this again: it goes on from here")
            return 2
        if name == "download":
            unpack(plan)
        if name != "install":  # it is quick, and mends what a later installer broke
            done.touch()
    return check()


def unpack(plan: Plan) -> None:
    """The archive's files, kept inside the folder."""
    (archive,) = plan.folder.glob("opencv*contrib*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(plan.folder, filter="data")


def check() -> int:
    """One whole OpenCV, with CUDA, as the program itself sees it."""
    code = (
        "from vidstream.environment import check_opencv; check_opencv()\n"
        "from detectors.dnn.engines.opencv import devices\n"
        "print('build: OpenCV runs networks on', *devices())\n"
        "raise SystemExit('cuda' not in devices())"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    if finished.returncode:
        print("build: it is installed, but has no CUDA device here; python run.py doctor says more")
    return 2 if finished.returncode else 0


def _memory() -> float:
    """Gigabytes of memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _output(command: Sequence[str]) -> str:
    """What a program prints; nothing where there is none."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


if __name__ == "__main__":
    sys.exit(main())

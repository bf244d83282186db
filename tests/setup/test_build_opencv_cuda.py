"""The build of OpenCV with CUDA: what is missing, what would be done, and going on where it stopped."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch):
    spec = importlib.util.spec_from_file_location(
        "build_opencv_cuda", ROOT / "tools" / "build_opencv_cuda.py"
    )
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(tool, monkeypatch, tmp_path):
    """One that has everything: CUDA 13.0 and cuDNN 9.19 in a folder, a card of 8.6, disk and memory."""
    cuda = tmp_path / "cuda"
    (cuda / "bin").mkdir(parents=True)
    (cuda / "bin" / "nvcc").touch()
    (cuda / "include").mkdir()
    (cuda / "include" / "cudnn_version.h").write_text("#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 19\n")
    says = {"nvcc": "Cuda compilation tools, release 13.0, V13.0.88", "nvidia-smi": "8.6\n8.6\n"}
    monkeypatch.setattr(tool, "_output", lambda command: says.get(Path(command[0]).name, ""))
    monkeypatch.setattr(tool.platform, "system", lambda: "Linux")
    monkeypatch.setattr(tool.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(tool.shutil, "which", lambda name: f"/usr/bin/{name}")
    usage = type("Usage", (), {"free": 60e9})
    monkeypatch.setattr(tool.shutil, "disk_usage", lambda folder: usage)
    monkeypatch.setattr(tool, "_memory", lambda: 16.0)
    monkeypatch.setattr(tool.sys, "prefix", "/somewhere/.venv")
    monkeypatch.setenv("CUDA_HOME", str(cuda))
    return {"cuda": cuda, "says": says}


def test_on_a_machine_with_everything_nothing_is_missing(tool, machine, tmp_path, capsys):
    assert tool.main(["--dry-run", "--folder", str(tmp_path / "build")]) == 0
    told = capsys.readouterr().out
    assert "missing" not in told
    assert "9.19" in told
    assert "13.0" in told
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("lack", "words"),
    [
        pytest.param("nvcc", "install the CUDA toolkit 12 or 13", id="no nvcc"),
        pytest.param("old nvcc", "install the CUDA toolkit 12 or 13", id="CUDA 11"),
        pytest.param("cudnn", "install cuDNN 9 with its headers", id="no cuDNN"),
        pytest.param("card", "name the card's: --arch 8.6", id="no card"),
        pytest.param("memory", "5 GB are needed", id="little memory"),
        pytest.param("system", "this script is for Linux", id="another system"),
    ],
)
def test_what_is_missing_is_told_with_its_cure_and_nothing_is_built(
    tool, machine, monkeypatch, tmp_path, capsys, lack, words
):
    if lack == "nvcc":
        (machine["cuda"] / "bin" / "nvcc").unlink()
        monkeypatch.setattr(tool, "find_cuda", lambda named: None)
    elif lack == "old nvcc":
        machine["says"]["nvcc"] = "release 11.8, V11"
    elif lack == "cudnn":
        (machine["cuda"] / "include" / "cudnn_version.h").unlink()
    elif lack == "card":
        machine["says"]["nvidia-smi"] = ""
    elif lack == "memory":
        monkeypatch.setattr(tool, "_memory", lambda: 3.0)
    else:
        monkeypatch.setattr(tool.platform, "system", lambda: "Darwin")
    assert tool.main(["--folder", str(tmp_path / "build")]) == 1
    assert words in capsys.readouterr().out
    assert not (tmp_path / "build").exists()


def test_it_builds_the_pinned_package_with_cuda_for_the_card(tool, machine, tmp_path):
    plan = tool.Plan(tmp_path, tool.package_version(), "8.6,9.0", machine["cuda"], 4)
    flags = plan.environment["CMAKE_ARGS"].split()
    assert {
        "-DWITH_CUDA=ON",
        "-DPYTHON3_LIMITED_API=ON",
        "-DOPENCV_DNN_CUDA=ON",
        "-DCUDA_ARCH_BIN=8.6,9.0",
    } <= set(flags)
    assert plan.environment["ENABLE_CONTRIB"] == "1"
    commands = {name: " ".join(map(str, command)) for name, command in tool.steps(plan)}
    pinned = (ROOT / "requirements/core.txt").read_text()
    assert f"opencv-contrib-python=={plan.version}" in pinned
    assert commands["install"].endswith(f"opencv-contrib-python=={plan.version}")
    assert "--force-reinstall --no-deps --no-index" in commands["install"]


def test_a_build_that_failed_goes_on_where_it_stopped(tool, machine, monkeypatch, tmp_path, capsys):
    folder = tmp_path / "build"
    ran: list[str] = []
    broken = {"compile"}

    def run(command, **options):
        name = next(n for n, c in tool.steps(plan) if list(map(str, c)) == command)
        ran.append(name)
        if name == "download":
            with tarfile.open(folder / f"opencv_contrib_python-{plan.version}.tar.gz", "w:gz") as packed:
                text = b'[build-system]\nrequires = ["scikit-build", "numpy==2.0"]\n'
                entry = tarfile.TarInfo(f"{plan.source.name}/pyproject.toml")
                entry.size = len(text)
                packed.addfile(entry, io.BytesIO(text))
        return subprocess.CompletedProcess(command, 1 if name in broken else 0)

    plan = tool.Plan(folder.resolve(), tool.package_version(), "8.6", machine["cuda"], 4)
    monkeypatch.setattr(tool.subprocess, "run", run)
    monkeypatch.setattr(tool, "check", lambda: 0)
    assert tool.build(plan) == 2
    assert ran == ["tools", "download", "requirements", "compile"]
    assert "compile failed" in capsys.readouterr().out
    assert "scikit-build numpy==2.0 cmake ninja" in " ".join(map(str, dict(tool.steps(plan))["requirements"]))
    ran.clear()
    broken.clear()
    assert tool.build(plan) == 0
    assert ran == ["compile", "install"]


def test_the_shell_script_leads_there():
    script = ROOT / "tools" / "build_opencv_cuda.sh"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert script.stat().st_mode & 0o111

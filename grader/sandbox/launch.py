"""What the warm parent is started with, and all that it can see: bubblewrap's command line, or a plain one.

The file system of the sandbox is written down here, as a list of what is in it. Nothing is taken along because it lies
next to something that is needed: of the site-packages only the files of named distributions, of the system only its
folders of shared libraries, of this project only ``grader/worker``.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from grader.worker.session.confine import WHOLE_PROC

__all__ = [
    "SCRATCH",
    "Unavailable",
    "environment",
    "find_bubblewrap",
    "gpu_devices",
    "isolated_command",
    "packages",
    "plain_command",
]


SCRATCH = "/tmp"
"""Where an isolated session may write: the place that programs take for granted."""
_NOBODY = 65534
_PACKAGES = ("torch", "numpy")
_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_WORKER = Path(__file__).parent.parent / "worker"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_GPU_DEVICES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia[0-9]*", "nvidia-caps")
_GPU_HARDWARE = ("bus/pci/devices", "devices/pci*", "devices/system/cpu", "devices/system/node", "module/nvidia*")
"""Below /sys: where the driver reads how cards and processors are connected."""
_LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")
_DRIVER = "/driver"
_SYMLINKS = (Path("/lib"), Path("/lib64"), Path("/usr/lib64"))
_BOOTSTRAP = """
import importlib.util, runpy, sys
folder, settings, *packages = sys.argv[1:]
sys.path += packages
spec = importlib.util.spec_from_file_location("worker", folder + "/__init__.py", submodule_search_locations=[folder])
module = importlib.util.module_from_spec(spec)
sys.modules["worker"] = module
spec.loader.exec_module(module)
sys.argv = ["worker", settings]
runpy.run_module("worker", run_name="__main__")
"""
"""Makes the folder ``worker`` a package by itself, without its parent on ``sys.path``, and runs it."""


class Unavailable(Exception):
    """Something that has to be installed is not; one sentence."""


def find_bubblewrap() -> str:
    """Its path. Raises Unavailable."""
    if sys.platform != "linux":
        raise Unavailable("isolation needs Linux with bubblewrap: run there, or use --isolation none")
    found = shutil.which("bwrap")
    if found is None:
        raise Unavailable("bubblewrap is not installed: install it (apt install bubblewrap), or use --isolation none")
    return found


def gpu_devices() -> list[str]:
    """The device files of NVIDIA's cards; none on a machine without. Starts nothing on a card."""
    return sorted({str(path) for name in _GPU_DEVICES for path in Path("/dev").glob(name)})


def plain_command(control: int, site: Path, handler: Path | None, *, gpu: bool = False) -> list[str]:
    """Without isolation. ``control`` is the control socket's descriptor, ``site`` a folder with ``packages`` in it."""
    settings = _settings(control, confined=False, handler=str(handler.resolve()) if handler else None, gpu=gpu)
    return [*_interpreter(sys.executable), str(_WORKER), settings, str(site / "packages")]


def _settings(control: int, *, confined: bool, handler: str | None, gpu: bool) -> str:
    user = _NOBODY if confined and os.geteuid() == 0 else None
    devices = gpu_devices() if gpu else None
    settings = {"control": control, "confined": confined, "user": user, "handler": handler, "devices": devices}
    return json.dumps(settings | {"environment": _in_sessions(confined=confined, gpu=gpu)})


def _in_sessions(*, confined: bool, gpu: bool) -> dict[str, str]:
    """What a session's environment holds besides its scratch.

    Without isolation the card is in reach, and a session that was not given it must not see it: what ``cuda`` means
    to a submission must not depend on the machine.
    """
    if not gpu:
        # asked by NVML, torch answers without starting CUDA to find nothing
        return {} if confined else {"CUDA_VISIBLE_DEVICES": "", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    order = {name: os.environ[name] for name in ("CUDA_DEVICE_ORDER",) if name in os.environ}
    # the cache of compiled kernels would fill the scratch; the workspace makes cuBLAS repeatable
    return order | {
        "CUDA_VISIBLE_DEVICES": first,
        "CUDA_CACHE_DISABLE": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }


def _driver() -> list[Path]:
    """The shared libraries of NVIDIA's driver, which belong to the kernel's module and to no package.

    The dynamic linker is asked where they are, by loading the one that all others come with; nothing is initialised.
    """
    try:
        ctypes.CDLL("libcuda.so.1")
        maps = Path("/proc/self/maps").read_text("utf-8", "replace")
    except OSError:
        return []
    found = re.search(r"(/\S*/libcuda\.so\S*)", maps)
    folder = Path(found[1]).parent if found else Path("/nonexistent")
    # names, and not what they link to: libraries of the driver ask for each other by them
    return sorted({*folder.glob("libcuda*.so*"), *folder.glob("libnvidia-*.so*"), *folder.glob("libnvcuvid.so*")})


def _interpreter(path: str) -> list[str]:
    return [path, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOTSTRAP]


def environment(site: Path | None, *, gpu: bool = False) -> dict[str, str]:
    """For the parent's own start, with its folder when it is not isolated; sessions empty it."""
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")}
    names = {"LC_ALL": "C.UTF-8", "USER": "worker", "HOME": "/nonexistent"}
    memory = {
        # glibc keeps what tensors give back, rather than have the kernel clear the same pages for each of them anew
        "MALLOC_MMAP_THRESHOLD_": f"{2**25}",
        "MALLOC_TRIM_THRESHOLD_": f"{2**28}",
        "MALLOC_TOP_PAD_": f"{2**24}",
        # in large pages, of which a session has to be given a hundredth as many (glibc 2.35)
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
    if site is None:
        return one_thread | names | memory | {"LD_LIBRARY_PATH": f"/python/lib:{_DRIVER}" if gpu else "/python/lib"}
    libraries = _driver() if gpu else []
    driver = {"LD_LIBRARY_PATH": str(libraries[0].parent)} if libraries else {}
    return one_thread | names | memory | driver | {"TMPDIR": str(site)}


def isolated_command(bubblewrap: str, control: int, handler: Path | None, *, gpu: bool = False) -> list[str]:
    """Inside ``bubblewrap``. ``control`` is the descriptor of the control socket.

    ``gpu``: with the card's devices, the driver's libraries, and what the driver reads of the hardware.
    """
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # root's processes escape RLIMIT_NPROC in whatever user namespace: root becomes nobody, with these two rights
        options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        options.append("--unshare-user")
    options = ["--cap-drop", "ALL", *options, "--hostname", "sandbox", "--die-with-parent", "--new-session"]
    binds = [(str(source), target) for source, target in _mounts()]
    binds += [(str(path), f"/packages/{name}") for name, path in packages().items()]
    binds += [(str(_WORKER), "/worker")]
    if _LARGE_PAGES.is_dir():
        # the C library looks there before it asks for any
        binds += [(str(_LARGE_PAGES), str(_LARGE_PAGES))]
    if handler is not None:
        binds += [(str(handler.resolve()), "/handler.py")]
    devices = [*_DEVICES]
    if gpu:
        devices += gpu_devices()
        binds += [(str(path.resolve()), f"{_DRIVER}/{path.name}") for path in _driver()]
        hardware = [path for name in _GPU_HARDWARE for path in Path("/sys").glob(name)]
        binds += [(str(path), str(path)) for path in hardware]
    # said aloud, because what bubblewrap makes on the way to a file is for its own user alone
    targets = [*(target for _, target in binds), *devices]
    for folder in sorted({str(parent) for target in targets for parent in Path(target).parents} - {"/"}):
        options += ["--dir", folder]
    for source, target in binds:
        options += ["--ro-bind", source, target]
    for target in _masks():
        options += ["--tmpfs", target, "--remount-ro", target]
    if not gpu:
        # the driver where a system keeps it among the other libraries; without a card nothing of it is in reach
        for libraries in _library_folders():
            for library in sorted({path.resolve() for path in libraries.rglob("libcuda.so*")}):
                if library.is_relative_to(libraries):
                    options += ["--ro-bind", "/dev/null", str(library)]
    for link in _SYMLINKS:
        if link.is_symlink():
            options += ["--symlink", str(link.readlink()), str(link)]
    for device in devices:
        options += ["--dev-bind", device, device]
    if gpu and os.geteuid() == 0:
        options += ["--bind", "/proc", str(WHOLE_PROC)]
    # some imports want a folder for temporary files; every session covers it with its scratch
    options += ["--proc", "/proc", "--perms", "1777", "--tmpfs", SCRATCH]
    options += ["--remount-ro", "/", "--chdir", "/"]
    settings = _settings(control, confined=True, handler="/handler.py" if handler else None, gpu=gpu)
    return [bubblewrap, *options, "--", *_interpreter(f"/python/bin/{_PYTHON}"), "/worker", settings, "/packages"]


def _mounts() -> Iterator[tuple[Path, str]]:
    """The interpreter with its standard library, at ``/python``, and the folders of the system's shared libraries."""
    base = Path(sys.base_prefix)
    executable = getattr(sys, "_base_executable", None) or sys.executable
    yield Path(executable).resolve(), f"/python/bin/{_PYTHON}"
    yield from ((path, f"/python/{target}") for path, target in _standard_library())
    if base != Path("/usr"):
        for library in sorted((base / "lib").glob("lib*.so*")):
            if library.is_file():
                yield library.resolve(), f"/python/lib/{library.name}"
    for folder in _library_folders():
        yield folder, str(folder)


def _standard_library() -> Iterator[tuple[Path, str]]:
    platform_folder = Path(sys.base_exec_prefix, sys.platlibdir, _PYTHON)
    standard = Path(sysconfig.get_path("stdlib"))
    yield standard, f"lib/{_PYTHON}"
    if sys.platlibdir != "lib" and platform_folder.is_dir() and platform_folder != standard:
        yield platform_folder, f"{sys.platlibdir}/{_PYTHON}"


def _library_folders() -> list[Path]:
    triplet = sysconfig.get_config_var("MULTIARCH")
    candidates = [Path("/usr/lib64"), Path("/lib64")]
    if triplet:
        candidates += [Path("/usr/lib", triplet), Path("/lib", triplet)]
    return [folder for folder in candidates if folder.is_dir() and folder == folder.resolve()]


def _masks() -> Iterator[str]:
    """Where other packages lie inside what is mounted."""
    for path, target in _standard_library():
        for name in ("site-packages", "dist-packages"):
            if (path / name).is_dir():
                yield f"/python/{target}/{name}"
    for folder in _library_folders():
        for inside in (*folder.glob("python*/site-packages"), *folder.glob("python*/dist-packages")):
            yield str(inside)


def packages() -> dict[str, Path]:
    """Top-level entries of the installed distributions that the worker needs: name → where it lies.

    These are torch, numpy and whatever of their declared dependencies is installed; by name, so that
    nothing else of the site-packages comes along, neither the grader nor a ``.pth``.
    """
    entries: dict[str, Path] = {}
    seen: set[str] = set()
    queue = list(_PACKAGES)
    while queue:
        name = re.sub(r"[-_.]+", "-", queue.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in _PACKAGES:
                raise Unavailable(f"the package {name} is not installed: run pip install {name}") from None
            continue
        for requirement in distribution.requires or ():
            # a dependency of an extra that happens to be installed is somebody else's
            matched = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
            if matched and not re.search(r"\bextra\s*==", requirement):
                queue.append(matched[0])
        for entry in _top_level(distribution):
            path = Path(str(distribution.locate_file(entry)))
            if path.exists():
                entries[entry] = path.resolve()
    return entries


def _top_level(distribution: metadata.Distribution) -> set[str]:
    record = distribution.read_text("RECORD")
    if record is None:
        # installed by a system's package manager
        names = (distribution.read_text("top_level.txt") or "").split()
        files = {*names, *(f"{name}.py" for name in names)}
    else:
        # csv, but the first column holds no comma; reading 12,000 lines of torch as csv takes a tenth of a second
        files = {line.partition(",")[0].strip('"').partition("/")[0] for line in record.splitlines() if line}
    return {name for name in files if name not in ("", "..", "__pycache__") and not name.endswith(".pth")}

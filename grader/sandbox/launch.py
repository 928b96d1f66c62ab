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
from collections.abc import Iterator, Sequence
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
_WORKER = Path(__file__).parent.parent / "worker"
_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"


class Unavailable(Exception):
    """Something that has to be installed is not; one sentence."""


def find_bubblewrap() -> str:
    """Its path. Raises Unavailable."""
    if sys.platform != "linux":
        raise Unavailable("isolation needs Linux with bubblewrap: run there, or use --isolation none")
    path = shutil.which("bwrap")
    if path is None:
        raise Unavailable("bubblewrap is not installed: install it (apt install bubblewrap), or use --isolation none")
    return path


# --- the two commands -------------------------------------------------------------------------------------------------


def plain_command(control: int, site: Path, handler: Path | None, *, gpu: bool = False) -> list[str]:
    """Without isolation. ``control`` is the control socket's descriptor, ``site`` a folder with ``packages`` in it."""
    settings = _settings(control, confined=False, handler=str(handler.resolve()) if handler else None, gpu=gpu)
    return [*_interpreter(sys.executable), str(_WORKER), settings, str(site / "packages")]


def isolated_command(
    bubblewrap: str, control: int, handler: Path | None, *, gpu: bool = False, libraries: Sequence[Path] | None = None
) -> list[str]:
    """Inside ``bubblewrap``. ``control`` is the descriptor of the control socket.

    ``gpu``: with the GPU's devices, the driver's libraries, and what the driver reads of the hardware. ``libraries``
    are the folders of shared libraries, if not those of this system.
    """
    libraries = _library_folders() if libraries is None else libraries
    settings = _settings(control, confined=True, handler="/handler.py" if handler else None, gpu=gpu)
    options = [*_namespaces(), *_file_system(handler, libraries, gpu=gpu)]
    return [bubblewrap, *options, "--", *_interpreter(f"/python/bin/{_PYTHON}"), "/worker", settings, "/packages"]


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


def _interpreter(path: str) -> list[str]:
    return [path, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOTSTRAP]


_NOBODY = 65534


def _settings(control: int, *, confined: bool, handler: str | None, gpu: bool) -> str:
    """What ``warm`` is started with, as JSON."""
    user = _NOBODY if confined and os.geteuid() == 0 else None
    devices = gpu_devices() if gpu else None
    settings = {"control": control, "confined": confined, "user": user, "handler": handler, "devices": devices}
    return json.dumps(settings | {"environment": _session_environment(confined=confined, gpu=gpu)})


def _session_environment(*, confined: bool, gpu: bool) -> dict[str, str]:
    """What a session's environment holds besides its scratch.

    Without isolation the GPU is within reach. A session that may not use it must not see it: what ``cuda`` means to a
    submission must not depend on the machine.
    """
    if not gpu:
        # Asked by NVML, torch answers without starting CUDA only to find nothing.
        return {} if confined else {"CUDA_VISIBLE_DEVICES": "", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    order = {name: os.environ[name] for name in ("CUDA_DEVICE_ORDER",) if name in os.environ}
    # The cache of compiled kernels would fill the scratch. The workspace makes cuBLAS repeatable.
    return order | {
        "CUDA_VISIBLE_DEVICES": first,
        "CUDA_CACHE_DISABLE": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }


def environment(site: Path | None, *, gpu: bool = False) -> dict[str, str]:
    """For the parent's own start; sessions empty it. ``site`` is the parent's folder when it is not isolated."""
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")}
    names = {"LC_ALL": "C.UTF-8", "USER": "worker", "HOME": "/nonexistent"}
    memory = {
        # glibc keeps the memory that tensors give back. Otherwise the kernel clears the same pages for each new tensor.
        "MALLOC_MMAP_THRESHOLD_": f"{2**25}",
        "MALLOC_TRIM_THRESHOLD_": f"{2**28}",
        "MALLOC_TOP_PAD_": f"{2**24}",
        # In large pages (glibc 2.35), of which a session needs a hundredth as many.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
    if site is None:
        return one_thread | names | memory | {"LD_LIBRARY_PATH": f"/python/lib:{_DRIVER}" if gpu else "/python/lib"}
    libraries = _driver() if gpu else []
    driver = {"LD_LIBRARY_PATH": str(libraries[0].parent)} if libraries else {}
    return one_thread | names | memory | driver | {"TMPDIR": str(site)}


# --- bubblewrap's options ---------------------------------------------------------------------------------------------


def _namespaces() -> list[str]:
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # RLIMIT_NPROC does not hold root's processes in any user namespace. Root becomes nobody with these two rights.
        options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        options.append("--unshare-user")
    return ["--cap-drop", "ALL", *options, "--hostname", "sandbox", "--die-with-parent", "--new-session"]


_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_SYMLINKS = (Path("/lib"), Path("/lib64"), Path("/usr/lib64"))


def _file_system(handler: Path | None, libraries: Sequence[Path], *, gpu: bool) -> list[str]:
    """An empty file system, read-only, with what is listed; bubblewrap carries the options out in their order."""
    binds = list(_binds(handler, libraries, gpu=gpu))
    devices = [*_DEVICES, *(gpu_devices() if gpu else ())]
    options = []
    # Each folder is named, because a folder that bubblewrap makes on the way to a file is for its own user alone.
    targets = [*(target for _, target in binds), *devices]
    for folder in sorted({str(parent) for target in targets for parent in Path(target).parents} - {"/"}):
        options += ["--dir", folder]
    for source, target in binds:
        options += ["--ro-bind", source, target]
    for target in _masks(libraries):
        options += ["--tmpfs", target, "--remount-ro", target]
    if not gpu:
        for library in _drivers_among(libraries):
            options += ["--ro-bind", "/dev/null", str(library)]
    for link in _SYMLINKS:
        if link.is_symlink():
            options += ["--symlink", str(link.readlink()), str(link)]
    for device in devices:
        options += ["--dev-bind", device, device]
    if gpu and os.geteuid() == 0:
        options += ["--bind", "/proc", str(WHOLE_PROC)]
    # Some imports need a folder for temporary files; every session covers it with its scratch.
    options += ["--proc", "/proc", "--perms", "1777", "--tmpfs", SCRATCH]
    return [*options, "--remount-ro", "/", "--chdir", "/"]


_LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")


def _binds(handler: Path | None, libraries: Sequence[Path], *, gpu: bool) -> Iterator[tuple[str, str]]:
    """What is mounted, read-only: where it lies, and where the sandbox has it."""
    yield from ((str(source), target) for source, target in _mounts(libraries))
    yield from ((str(path), f"/packages/{name}") for name, path in packages().items())
    yield str(_WORKER), "/worker"
    if _LARGE_PAGES.is_dir():
        # The C library looks there before it asks for any.
        yield str(_LARGE_PAGES), str(_LARGE_PAGES)
    if handler is not None:
        yield str(handler.resolve()), "/handler.py"
    if gpu:
        yield from ((str(path.resolve()), f"{_DRIVER}/{path.name}") for path in _driver())
        hardware = (path for name in _GPU_HARDWARE for path in Path("/sys").glob(name))
        yield from ((str(path), str(path)) for path in hardware)


def _mounts(libraries: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The interpreter with its standard library, at ``/python``, and the folders of the system's shared libraries."""
    base = Path(sys.base_prefix)
    executable = getattr(sys, "_base_executable", None) or sys.executable
    yield Path(executable).resolve(), f"/python/bin/{_PYTHON}"
    yield from ((path, f"/python/{target}") for path, target in _standard_library())
    if base != Path("/usr"):
        for library in sorted((base / "lib").glob("lib*.so*")):
            if library.is_file():
                yield library.resolve(), f"/python/lib/{library.name}"
    yield from ((folder, str(folder)) for folder in libraries)


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


def _masks(libraries: Sequence[Path]) -> Iterator[str]:
    """Folders of other packages inside what is mounted."""
    for path, target in _standard_library():
        for name in ("site-packages", "dist-packages"):
            if (path / name).is_dir():
                yield f"/python/{target}/{name}"
    for folder in libraries:
        for inside in (*folder.glob("python*/site-packages"), *folder.glob("python*/dist-packages")):
            yield str(inside)


def _drivers_among(libraries: Sequence[Path]) -> Iterator[Path]:
    """The GPU's driver, where a system keeps it among the shared libraries that are mounted."""
    for folder in libraries:
        for library in sorted({path.resolve() for path in folder.rglob("libcuda.so*")}):
            if library.is_relative_to(folder):
                yield library


# --- the GPU ----------------------------------------------------------------------------------------------------------

_GPU_DEVICES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia[0-9]*", "nvidia-caps")
"""Below /dev."""
_GPU_HARDWARE = ("bus/pci/devices", "devices/pci*", "devices/system/cpu", "devices/system/node", "module/nvidia*")
"""Below /sys: where the driver reads how GPUs and processors are connected."""
_DRIVER = "/driver"
"""Where the sandbox has the driver's libraries."""


def gpu_devices() -> list[str]:
    """The device files of NVIDIA's GPUs; none on a machine without one. Starts nothing on a GPU."""
    return sorted({str(path) for name in _GPU_DEVICES for path in Path("/dev").glob(name)})


def _driver() -> list[Path]:
    """The shared libraries of NVIDIA's driver, which belong to the kernel's module and to no package.

    The dynamic linker says where they are: it loads the one that all others come with, and nothing is initialised.
    """
    try:
        ctypes.CDLL("libcuda.so.1")
        maps = Path("/proc/self/maps").read_text("utf-8", "replace")
    except OSError:
        return []
    match = re.search(r"(/\S*/libcuda\.so\S*)", maps)
    folder = Path(match[1]).parent if match else Path("/nonexistent")
    # By their names, and not by what these link to: the driver's libraries ask for each other by name.
    return sorted({*folder.glob("libcuda*.so*"), *folder.glob("libnvidia-*.so*"), *folder.glob("libnvcuvid.so*")})


# --- the packages -----------------------------------------------------------------------------------------------------

_PACKAGES = ("torch", "numpy")


def packages() -> dict[str, Path]:
    """Top-level entries of the installed distributions that the worker needs: name → where it lies.

    These are torch, numpy and those of their declared dependencies that are installed. They are listed by name, so that
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
            # A dependency of an extra is not torch's own, even if it happens to be installed.
            match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
            if match and not re.search(r"\bextra\s*==", requirement):
                queue.append(match[0])
        for entry in _top_level(distribution):
            path = Path(str(distribution.locate_file(entry)))
            if path.exists():
                entries[entry] = path.resolve()
    return entries


def _top_level(distribution: metadata.Distribution) -> set[str]:
    record = distribution.read_text("RECORD")
    if record is None:
        # A system's package manager has installed it.
        names = (distribution.read_text("top_level.txt") or "").split()
        files = {*names, *(f"{name}.py" for name in names)}
    else:
        # A CSV file whose first column holds no comma. Read as CSV, the 12,000 lines of torch take a tenth of a second.
        files = {line.partition(",")[0].strip('"').partition("/")[0] for line in record.splitlines() if line}
    return {name for name in files if name not in ("", "..", "__pycache__") and not name.endswith(".pth")}

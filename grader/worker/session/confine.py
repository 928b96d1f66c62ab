"""What a session may not do: the layers that Linux puts around a forked child, from the inside.

Each function is one layer, and no function takes a layer away. Their order matters; ``warm`` keeps it. Namespaces and
mounts need the capabilities that come with a new user namespace. Landlock and seccomp need ``no_new_privs``. The filter
of seccomp comes last, because it refuses the system calls of all the others.

Everything goes through ``ctypes`` to the C library. ``os.unshare`` exists only from Python 3.12 on. A package for
Landlock or seccomp would have to be mounted into the sandbox with its shared library, for two structures and an array
of numbers. Sources: namespaces(7), user_namespaces(7), capabilities(7), landlock(7), seccomp(2) and the
kernel's ``unistd_64.h`` (x86_64) and ``asm-generic/unistd.h`` (aarch64).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import platform
import struct
from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "WHOLE_PROC",
    "Unconfined",
    "be_subreaper",
    "drop_privileges",
    "enter_namespaces",
    "hide_from_others",
    "hide_processes",
    "limit",
    "mount_scratch",
    "restrict_files",
    "restrict_system_calls",
    "show_own_processes",
    "use_large_pages",
]


WHOLE_PROC = Path("/whole-proc")
"""The machine's own ``/proc``, mounted where a session uses a GPU and root runs the grader. The kernel mounts a new
``/proc`` only where a whole one is visible, and bubblewrap covers parts of the one that it makes for root. It is hidden
before a session begins."""


class Unconfined(Exception):
    """A layer cannot be put in force. The text names it and says why. It is never the submission's fault."""


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(layer: str, function: str, *arguments: int | bytes | ctypes.c_void_p | ctypes.c_ulong | None) -> int:
    status = int(getattr(_libc(), function)(*arguments))
    if status < 0:
        raise Unconfined(f"{layer}: {function} failed: {os.strerror(ctypes.get_errno())}")
    return status


def _prctl(layer: str, option: int, *arguments: int) -> int:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _call(layer, "prctl", option, *(ctypes.c_ulong(argument) for argument in padded))


_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_PR_SET_SECUREBITS = 28
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4


# --- namespaces -------------------------------------------------------------------------------------------------------

_CLONE_NEW = {
    "user": 0x10000000,
    "pid": 0x20000000,
    "mount": 0x00020000,
    "ipc": 0x08000000,
    "network": 0x40000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
}
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000


def enter_namespaces() -> None:
    """Own user, PID (from the next fork on), mount, IPC, network, UTS and cgroup namespaces. Needs a single thread."""
    user, group = os.getuid(), os.getgid()
    # A change of user takes /proc/self away from the process. It has it back until ``hide_from_others``.
    _prctl("namespaces", _PR_SET_DUMPABLE, 1)
    with contextlib.suppress(OSError):
        # When the machine runs out of memory, the kernel is to end a session before what started it.
        Path("/proc/self/oom_score_adj").write_text("1000")
    _call("namespaces", "unshare", sum(_CLONE_NEW.values()))
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError as exc:
        raise Unconfined(f"namespaces: the user namespace cannot be mapped: {exc}") from exc
    _call("namespaces", "mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)


def mount_scratch(path: Path, *, size: int, files: int) -> None:
    """A tmpfs of at most ``size`` bytes and ``files`` entries at ``path``."""
    options = f"size={size},nr_inodes={files},mode=700".encode()
    _call("scratch", "mount", b"scratch", os.fsencode(path), b"tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, options)


def hide_processes() -> None:
    """Cover ``/proc`` with an empty folder, which shows no process, not even the session's own.

    Nothing in a submission needs it.
    """
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_RDONLY
    _call("/proc", "mount", b"none", b"/proc", b"tmpfs", flags, b"size=4k,nr_inodes=1,mode=555")


def show_own_processes() -> None:
    """Mount a ``/proc`` that shows only this PID namespace. Called by the first process of the namespace.

    CUDA names its threads by writing to ``/proc/self/task``, under the numbers that they have in this namespace.
    """
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _call("/proc", "mount", b"proc", b"/proc", b"proc", flags, None)
    if WHOLE_PROC.exists():
        hidden = flags | _MS_RDONLY
        _call("/proc", "mount", b"none", os.fsencode(WHOLE_PROC), b"tmpfs", hidden, b"size=4k,nr_inodes=1,mode=555")


# --- memory -----------------------------------------------------------------------------------------------------------

_MADV_COLLAPSE = 25
_LARGE_PAGE = 2**21


def use_large_pages() -> None:
    """Move this process's memory to large pages, where the kernel can (Linux 6.1).

    A fork copies an entry for every page, and a session takes three forks. With large pages they take a third of the
    time. No content changes, so it does not matter if the kernel refuses.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            addresses, rights, _, device, *_ = line.split()
            if rights != "rw-p" or device != "00:00":  # anonymous and private
                continue
            first, last = (int(address, 16) for address in addresses.split("-"))
            first, last = -(-first // _LARGE_PAGE) * _LARGE_PAGE, last // _LARGE_PAGE * _LARGE_PAGE
            if first < last:
                _libc().madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_COLLAPSE)


# --- processes --------------------------------------------------------------------------------------------------------


def be_subreaper() -> None:
    """Make orphans among this process's descendants its children."""
    _prctl("subreaper", _PR_SET_CHILD_SUBREAPER, 1)


def hide_from_others() -> None:
    """Let no process without privileges trace this one or read its memory."""
    _prctl("dumpable", _PR_SET_DUMPABLE, 0)


def limit(
    *,
    cpu_seconds: int,
    memory: int | None,
    held: int,
    processes: int | None,
    open_files: int,
    file_bytes: int,
    gpu: bool = False,
) -> dict[str, str]:
    """Set the kernel's own limits on this process, soft and hard. Returns layer → in force, or why not.

    ``memory`` (bytes; None for no limit) is added to ``held``, the bytes that the process has already. The limit is on
    the address space, which counts shared memory as RLIMIT_DATA does not; on a CPU, torch reserves hardly more than it
    uses. With a ``gpu`` the limit is on data, because CUDA reserves terabytes. ``processes`` counts processes and
    threads (None for no limit).
    """
    import resource

    wanted: dict[str, tuple[int, int]] = {
        # The soft limit ends the process with SIGXCPU. Code that ignores it is ended by SIGKILL a second later.
        "CPU": (cpu_seconds, cpu_seconds + 1),
        "NOFILE": (open_files, open_files),
        "FSIZE": (file_bytes, file_bytes),
        # 1 byte prevents a core dump, also one that is piped to a program, which 0 does not prevent; see core(5).
        "CORE": (1, 1),
        "MEMLOCK": (0, 0),
        "MSGQUEUE": (0, 0),
        "SIGPENDING": (256, 256),
        "NICE": (0, 0),
        "RTPRIO": (0, 0),
    }
    if memory is not None:
        wanted["DATA" if gpu else "AS"] = (held + memory, held + memory)
    if processes is not None:
        wanted["NPROC"] = (processes, processes)
    refused = [name for name, value in (("AS", memory), ("NPROC", processes)) if value is None]
    for name, (soft, hard) in wanted.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue
        try:
            _, ceiling = resource.getrlimit(number)
            if ceiling != resource.RLIM_INFINITY:
                soft, hard = min(soft, ceiling), min(hard, ceiling)
            resource.setrlimit(number, (soft, hard))
        except (OSError, ValueError):
            # macOS refuses some of these, above all the address space.
            refused.append(name)
    state = f"in force, except RLIMIT_{', RLIMIT_'.join(refused)}" if refused else "in force"
    return {"limits": f"{state}; of memory the data alone, not the address space, for CUDA" if gpu else state}


# --- privileges -------------------------------------------------------------------------------------------------------

_CAPABILITY_VERSION_3 = 0x20080522
_SECURE_ALL_LOCKED = 0b11101111  # no root, no setuid fixup, no ambient raise, each locked; keep-caps off and locked


def drop_privileges() -> None:
    """Empty every set of capabilities for good: bounding, ambient, inheritable, permitted, effective."""
    layer = "capabilities"
    _prctl(layer, _PR_SET_NO_NEW_PRIVS, 1)
    _prctl(layer, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        try:
            known = _prctl(layer, _PR_CAPBSET_READ, capability)
        except Unconfined:
            break
        if known:
            _prctl(layer, _PR_CAPBSET_DROP, capability)
    _prctl(layer, _PR_SET_KEEPCAPS, 0)
    _prctl(layer, _PR_SET_SECUREBITS, _SECURE_ALL_LOCKED)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _call(layer, "capset", header, bytes(24))


# --- Landlock ---------------------------------------------------------------------------------------------------------

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same numbers on every architecture
_READ = 1 << 2 | 1 << 3  # files, folders
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_EXECUTE = 1 << 0
_CONTROL_DEVICE = 1 << 15
_MAKE_DEVICE_OR_SOCKET = 1 << 6 | 1 << 9 | 1 << 11  # character device, socket, block device
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""The kernel's Landlock version → how many access rights to files it knows; 16 from version 5 on."""


def restrict_files(scratch: Path, devices: Sequence[str] = ()) -> str:
    """Allow reading wherever something is mounted, and writing only in ``scratch`` and to ``/dev/null``.

    TCP is refused, and so are signals and abstract sockets to anything outside. ``devices`` are the files of the GPU,
    which may be written and controlled. ``/proc`` may then be written too, see ``show_own_processes``.

    Returns a sentence about the layer: an older kernel has less of it, or none.
    """
    libc = _libc()
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return f"not in this kernel ({os.strerror(ctypes.get_errno())})"
    every_right = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0
    scoped = 0b11 if version >= 6 else 0
    # An older kernel takes a shorter structure.
    attributes = struct.pack("=QQQ", every_right, network, scoped)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        raise Unconfined(f"Landlock: no rules can be made: {os.strerror(ctypes.get_errno())}")
    try:
        for path, rights in (
            (Path("/"), _READ),
            (Path("/dev/null"), 1 << 2 | _WRITE_FILE),
            (scratch, every_right & ~(_EXECUTE | _MAKE_DEVICE_OR_SOCKET)),
            *((Path(device), 1 << 2 | _WRITE_FILE | _CONTROL_DEVICE) for device in devices),
            *([(Path("/proc"), _READ | _WRITE_FILE | _TRUNCATE)] if devices else []),
        ):
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = struct.pack("=Qi", rights & every_right, folder)
                if libc.syscall(_LANDLOCK_ADD, rules, 1, rule, 0) < 0:
                    raise Unconfined(f"Landlock: no rule for {path}: {os.strerror(ctypes.get_errno())}")
            finally:
                os.close(folder)
        _prctl("Landlock", _PR_SET_NO_NEW_PRIVS, 1)
        if libc.syscall(_LANDLOCK_RESTRICT, rules, 0) < 0:
            raise Unconfined(f"Landlock: the rules cannot be put in force: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(rules)
    return f"in force (version {version})"


# --- seccomp ----------------------------------------------------------------------------------------------------------

# Name → number on x86_64, number on aarch64; None where the architecture does not have the call.
# This is a list of what is refused, and not of what is allowed. What numpy, torch and the C library call changes with
# every release, and to end a right submission for an unlisted call would be our failure. Two things make up for it:
# Every call that is newer than this list is refused as unknown. All other calls work on the session's own memory, files
# and threads, because nothing else is reachable by then.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other processes, new programs (threads are allowed, see below)
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440), "process_mrelease": (448, 448),
    # namespaces, mounts, roots
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "statmount": (457, 457), "listmount": (458, 458), "sethostname": (170, 161), "setdomainname": (171, 162),
    # sockets of every kind, and files passed through the one there is
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendmsg": (46, 211), "recvmsg": (47, 212), "sendmmsg": (307, 269),
    "recvmmsg": (299, 243),
    # memory that no limit counts, and memory shared with others
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "shmdt": (67, 197), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "move_pages": (279, 239), "migrate_pages": (256, 238),
    # large and often attacked parts of the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_setup": (206, 0), "io_submit": (209, 2),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "lookup_dcookie": (212, 18), "personality": (135, 92), "splice": (275, 76),
    "tee": (276, 77), "vmsplice": (278, 75), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None),
    # the machine itself
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116), "vhangup": (153, 58),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
}  # fmt: skip
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_PRLIMIT = (302, 261)
_SOCKET = (41, 198)
_LOCAL = 1  # AF_UNIX
_LAST_KNOWN = 462  # mseal; later calls were not considered here
_CLONE_THREAD = 0x00010000
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine → column above, and the number by which seccomp knows the machine."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _MACHINE, _ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; arguments are 8 bytes each, little-endian
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


def restrict_system_calls(*, gpu: bool = False) -> str:
    """Refuse the system calls above for good, with EPERM. A call by another machine's numbers ends the process.

    Threads may be started, processes may not: ``clone`` needs CLONE_THREAD. A filter cannot read the flags of
    ``clone3``, so that call is answered as by an older kernel, and the C library then uses ``clone``. With a ``gpu``,
    CUDA may listen on a local socket, in a network namespace of its own, where nobody can connect.
    """
    machine = platform.machine()
    if machine not in _MACHINES:
        raise Unconfined(f"seccomp: there is no filter for {machine}, only for {' and '.join(_MACHINES)}")
    program = _filter(machine, gpu=gpu)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
    _prctl("seccomp", _PR_SET_NO_NEW_PRIVS, 1)
    _prctl("seccomp", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))
    return "in force, but for local sockets, which CUDA opens" if gpu else "in force"


def _filter(machine: str, *, gpu: bool) -> bytes:
    column, identity = _MACHINES[machine]
    refuse, unknown = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS

    def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    def when(number: int, *then: bytes) -> list[bytes]:
        return [step(_EQUAL, number, 0, len(then)), *then]

    steps = [
        step(_LOAD, _MACHINE),
        step(_EQUAL, identity, 1, 0),
        step(_RETURN, _KILL),
        step(_LOAD, _NUMBER),
        # This refuses the second numbering of x86_64 (x32) too, which begins far above.
        step(_AT_LEAST, _LAST_KNOWN + 1, 0, 1),
        step(_RETURN, unknown),
        *when(_CLONE3[column], step(_RETURN, unknown)),
        *when(
            _CLONE[column],
            step(_LOAD, _ARGUMENT),
            step(_ANY_BIT, sum(_CLONE_NEW.values()), 1, 0),
            step(_ANY_BIT, _CLONE_THREAD, 1, 0),
            step(_RETURN, refuse),
            step(_RETURN, _ALLOW),
        ),
        # A process may read and lower its own limits, but not those of the session's first process.
        *when(
            _PRLIMIT[column],
            step(_LOAD, _ARGUMENT),
            step(_EQUAL, 0, 0, 1),
            step(_RETURN, _ALLOW),
            step(_RETURN, refuse),
        ),
    ]
    if gpu:
        steps += when(
            _SOCKET[column],
            step(_LOAD, _ARGUMENT),
            step(_EQUAL, _LOCAL, 0, 1),
            step(_RETURN, _ALLOW),
            step(_RETURN, refuse),
        )
    for name, numbers in _REFUSED.items():
        number = numbers[column]
        if number is not None and not (gpu and name in ("bind", "listen")):
            steps += when(number, step(_RETURN, refuse))
    steps.append(step(_RETURN, _ALLOW))
    return b"".join(steps)


with contextlib.suppress(OSError):
    # Once, before the fork: afterwards the library may be out of reach.
    _libc()

"""Submissions that read or change what is not theirs. What they find they print, so that the report would show it."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from pathlib import Path

from .cases import Case, altered, code

__all__ = ["CASES"]

ROOT = Path(__file__).resolve().parents[2]

_PRINT = "def show(f, *a):\n    try: print('SEEN', repr(f(*a))[:4000])\n    except BaseException as e: print('REFUSED', type(e).__name__)\nimport os\n"


def _theft(name: str, attack: str) -> Case:
    """``{cohort}``, ``{home}``, … in the attack become the places where these are on this machine."""

    def make(folder: Path) -> None:
        base = folder.parent.parent
        places = {
            "cohort": folder.parent,
            "folder": base,
            "home": base / "home",
            "temporary": base / "tmp",
            "root": ROOT,
        }
        source = altered(attack=_PRINT + attack)
        for name, place in places.items():
            source = source.replace(f"{{{name}}}", str(place))
        code(source)(folder)

    return Case(f"theft-{name}", "theft", make)


def _read(name: str, *paths: str) -> Case:
    return _theft(name, f"for path in {paths!r}:\n    show(os.listdir, path)\n    show(lambda: open(path).read())")


CASES = [
    _read("other-submissions", "..", "../..", "/submissions", "../honest-neighbour/colourization.py", "{cohort}", "{cohort}/honest-neighbour/colourization.py"),
    _read("home", "/root", "/home", "{home}", "{home}/.ssh/id_ed25519", "{home}/notes.txt", "/root/.ssh"),
    _read("project", "{root}", "{root}/reference/layers.py", "{root}/reference/known.py", "{root}/rubric.yaml", "{root}/grader/exam.py"),
    _read("reports", "{folder}/reports", "{folder}/exam.txt", "{folder}/reports/honest-neighbour/report.json"),
    _read("temporary-files", "/tmp", "/var/tmp", "{temporary}/somebody-elses.txt", "/dev/shm", "/run"),
    _read("system-files", "/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/resolv.conf", "/proc/1/environ", "/proc/self/environ", "/proc/mounts", "/proc/self/maps", "/sys"),
    _theft("environment", "show(dict, os.environ)\nshow(os.environb.get, b'GRADE_CANARY')\nimport ctypes\nshow(lambda: ctypes.CDLL(None).getenv(b'GRADE_CANARY'))"),
    _theft("memory-of-others", "for pid in range(1, 400):\n    show(lambda: open(f'/proc/{pid}/mem', 'rb').read(10)) if os.path.exists(f'/proc/{pid}') else None\nimport ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nshow(lambda: [libc.ptrace(16, 1, 0, 0), ctypes.get_errno()])\nshow(lambda: [libc.process_vm_readv(1, 0, 0, 0, 0, 0), ctypes.get_errno()])"),
    _theft("own-memory-for-secrets", "import gc\nshow(lambda: [one for one in gc.get_objects() if isinstance(one, dict) and any('canary-' in str(v) for v in list(one.values())[:50] if isinstance(v, str))])"),
    _theft("seed-in-objects", "import gc\nshow(lambda: [d for d in gc.get_objects() if isinstance(d, dict) and ('seed' in d or 'expected' in d) and 'rubric' in d])"),
    _theft("descriptors", "for fd in range(3, 64):\n    try: print('OPEN', fd, os.fstat(fd).st_mode, os.lseek(fd, 0, 0))\n    except OSError: pass\nshow(lambda: os.listdir('/proc/self/fd'))"),
    _theft("network", "import socket\nfor family, address in ((socket.AF_INET, ('127.0.0.1', 22)), (socket.AF_INET, ('1.1.1.1', 53)), (socket.AF_UNIX, '/run/dbus/system_bus_socket'), (socket.AF_UNIX, '\\0x')):\n    show(lambda: socket.socket(family).connect(address))\nshow(socket.gethostbyname, 'example.com')\nimport urllib.request\nshow(lambda: urllib.request.urlopen('http://169.254.169.254/').read())"),
    _theft("write-site-packages", "import torch, sys\nfor folder in (os.path.dirname(torch.__file__), '/packages', '/python', '/worker', '/', '/usr/lib', os.path.dirname(os.__file__)):\n    show(lambda: open(os.path.join(folder, 'evil.py'), 'w').write('x'))\n    show(lambda: os.chmod(folder, 0o777))\n    show(lambda: os.rename(folder, folder + '2'))"),
    _theft("write-reports", "for path in ('{folder}/reports/x', '{folder}/exam.txt', '{home}/notes.txt', '{temporary}/somebody-elses.txt', '{cohort}/honest-neighbour/colourization.py', '{root}/rubric.yaml'):\n    show(lambda: os.makedirs(os.path.dirname(path)))\n    show(lambda: open(path, 'w').write('taken'))\n    show(os.unlink, path)"),
    _theft("remount", "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nfor call in (lambda: libc.mount(b'/', b'/tmp', None, 4096, None), lambda: libc.umount2(b'/tmp', 2), lambda: libc.unshare(0x10000000), lambda: libc.chroot(b'/tmp'), lambda: libc.setuid(0), lambda: libc.pivot_root(b'/', b'/tmp')):\n    show(lambda: [call(), ctypes.get_errno()])"),
    _theft("links-out", "for target in ('/', '{home}/notes.txt', '{cohort}', '../../..'):\n    show(lambda: (os.path.lexists('l') and os.unlink('l'), os.symlink(target, 'l'), open('l').read()))\nshow(os.link, '{home}/notes.txt', 'hard')\nshow(lambda: os.open('/', os.O_RDONLY | os.O_DIRECTORY))"),
    _theft("shared-memory", "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nfor key in range(100):\n    show(lambda: libc.shmget(key, 0, 0)) if libc.shmget(key, 0, 0) >= 0 else None\nfrom multiprocessing import shared_memory\nshow(lambda: shared_memory.SharedMemory(create=True, size=100).name)"),
    _theft("devices", "for name in ('/dev/mem', '/dev/kmsg', '/dev/sda', '/dev/nvidia0', '/dev/tty', '/dev/fuse', '/dev/kvm'):\n    show(lambda: open(name, 'rb').read(10))\nshow(os.listdir, '/dev')\nshow(os.mknod, 'null', 0o20666, 0x103)"),
    _theft("terminal", "import fcntl, termios\nshow(lambda: fcntl.ioctl(0, termios.TIOCSTI, b'x'))\nshow(lambda: fcntl.ioctl(1, termios.TIOCSTI, b'x'))\nshow(lambda: open('/dev/tty', 'w').write('x'))"),
    _theft("a-message-to-the-neighbour", "import tempfile\nshow(lambda: open('/tmp/for-the-neighbour', 'w').write('x'))\nshow(lambda: open('/dev/shm/for-the-neighbour', 'w').write('x'))\nshow(lambda: os.listdir('/tmp'))"),
]  # fmt: skip

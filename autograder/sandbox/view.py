"""What of the file system a child needs, and a root directory with nothing else in it.

`readable_roots` lists the interpreter's library, the installed packages and the system's shared libraries. `enter`
makes these, read-only, the whole file system of the calling process and its children (a mount namespace). That also
makes an interpreter under a private home usable for another user, without opening the home: its parents are
directories of the new root, with nothing but the way to the interpreter in them.
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig

from . import kernel

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
FILES = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
PLACES = ("/tmp", "/mnt", "/run", "/var/tmp")
LIBRARY_PATHS = ("stdlib", "platstdlib", "purelib", "platlib")
PACKAGES = ("site-packages", "dist-packages")


def mapped_library_directories() -> set[str]:
    """Directories of the shared libraries this process has loaded."""
    with open("/proc/self/maps") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line and "/" in line}
    return {os.path.dirname(path) for path in paths}


def package_directories() -> set[str]:
    """Directories of installed packages that this process searches, those that a .pth file names too.

    A source tree is none, even where an editable installation has put it on the path: solutions may lie there.
    """
    return {path for path in sys.path if os.path.basename(path) in PACKAGES and os.path.isdir(path)}


def readable_roots() -> list[str]:
    """Directories and files a child may read; none lies inside another."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    wanted = package_directories() | {sysconfig.get_path(name) for name in LIBRARY_PATHS}
    wanted |= {sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")}
    wanted |= mapped_library_directories() | set(FILES) | set(DEVICES)
    existing = sorted({os.path.normpath(path) for path in wanted if os.path.exists(path)})
    roots: list[str] = []
    for path in existing:
        if not any(path.startswith(root + "/") for root in roots):
            roots.append(path)
    return roots


def private_parent(roots: list[str]) -> str | None:
    """A directory that other users cannot enter, on the way to one of the roots; None if there is none."""
    for root in roots:
        path = os.path.dirname(os.path.realpath(root))
        while path != "/":
            if not os.stat(path).st_mode & stat.S_IXOTH:
                return path
            path = os.path.dirname(path)
    return None


def enter(roots: list[str]) -> None:
    """Make the roots all there is. Needs the right to mount; raises OSError. The process must have one thread."""
    place = next(path for path in PLACES if os.path.isdir(path))
    links = {name: os.readlink("/" + name) for name in os.listdir("/") if os.path.islink("/" + name)}
    kernel.own_mounts()
    sources = {path: os.open(path, os.O_PATH) for path in roots}  # a path of our own mounts, not of the old ones
    kernel.mount("tmpfs", place, "tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, "mode=0755,size=1m")
    for name, target in links.items():
        if name.startswith("lib"):
            os.symlink(target, os.path.join(place, name))
    for path, source in sources.items():
        target = place + path
        if stat.S_ISDIR(os.fstat(source).st_mode):
            os.makedirs(target, 0o755)
        else:
            os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_RDONLY, 0o644))
        devices = 0 if path in DEVICES else kernel.NO_DEVICES
        kernel.mount(f"/proc/self/fd/{source}", target, None, kernel.BIND)
        kernel.mount("none", target, None, kernel.BIND | kernel.REMOUNT | kernel.READ_ONLY | kernel.NO_SUID | devices)
        os.close(source)
    kernel.mount("none", place, None, kernel.BIND | kernel.REMOUNT | kernel.READ_ONLY | kernel.NO_SUID)
    kernel.make_root(place)

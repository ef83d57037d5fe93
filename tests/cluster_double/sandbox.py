"""Run as a program: one container's process, in mount, PID and host name namespaces of its own.

``python sandbox.py SPEC.json`` reads signals from standard input, one byte each, and passes them to the container's
process; at the end of standard input it kills everything in the container. It exits with the process's exit code.

The container's root holds what the machine's root holds, except /tmp, which is empty, and the mounts of the spec.
"""

# A path here is one of the old root, or the same under the new one: plain strings.
# ruff: noqa: PTH101, PTH102, PTH103, PTH110, PTH112, PTH115, PTH118, PTH120, PTH121, PTH208, PTH211
import ctypes
import json
import os
import select
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import Any

NEWNS, NEWUTS, NEWPID = 0x00020000, 0x04000000, 0x20000000
RDONLY, NOSUID, REMOUNT, BIND, REC, PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
DETACH, PDEATHSIG = 2, 1
KEPT_WRITABLE = ("/dev", "/proc", "/sys")

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> None:
    """A function of the C library that returns 0 when it has worked."""
    packed = [argument.encode() if isinstance(argument, str) else argument for argument in arguments]
    if getattr(libc, name)(*packed) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}{arguments}: {os.strerror(code)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    call("mount", source, target, kind, ctypes.c_ulong(flags), data)


class Root:
    """The new root, under `path` of the old one."""

    def __init__(self, path: str, spec: dict[str, Any]) -> None:
        self.path = path
        self.spec = spec
        self.bound: list[str] = []
        mount("tmpfs", path, "tmpfs", 0, "mode=755")

    def build(self) -> None:
        targets = [os.path.realpath(item["target"]) for item in self.spec["mounts"]]
        opened = {"/"}
        for target in targets:
            missing = Path(target)
            while not missing.parent.exists():
                missing = missing.parent
            if not missing.exists():
                opened.update(str(parent) for parent in missing.parents)
        self.expose("/", opened)
        readonly = []
        for target, item in sorted(zip(targets, self.spec["mounts"], strict=True), key=lambda pair: pair[0].count("/")):
            self.bind(item["source"], target)
            if item.get("readonly"):
                readonly.append(target)
        for path in sorted(self.spec["keep"], key=len):
            if not os.path.exists(self.path + path) or not os.path.samefile(path, self.path + path):
                self.bind(path, path)
        for path in self.spec["hidden"]:
            if os.path.lexists(self.path + path):
                self.bind(self.spec["empty_dir" if os.path.isdir(path) else "empty_file"], path)
        os.makedirs(self.path + "/proc", exist_ok=True)
        mount("proc", self.path + "/proc", "proc", NOSUID)
        for target in readonly:
            mount(None, self.path + target, None, BIND | REMOUNT | RDONLY)
        if self.spec["readonly_root"]:
            for path in [*self.bound, "/"]:
                mount(None, self.path + path, None, BIND | REMOUNT | RDONLY)

    def expose(self, folder: str, opened: set[str]) -> None:
        """Show what is in a folder; those that new mount points are needed in are made anew."""
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if path == "/proc":
                continue
            if path == "/tmp":
                os.mkdir(self.path + path, 0o1777)
                os.chmod(self.path + path, 0o1777)
            elif stat.S_ISLNK(mode):
                os.symlink(os.readlink(path), self.path + path)
            elif path in opened:
                os.mkdir(self.path + path)
                self.expose(path, opened)
            elif stat.S_ISDIR(mode) or stat.S_ISREG(mode):
                self.bind(path, path)
                if not path.startswith(KEPT_WRITABLE):
                    self.bound.append(path)

    def bind(self, source: str, target: str) -> None:
        place = self.path + target
        if not os.path.lexists(place):
            if os.path.isdir(source):
                os.makedirs(place)
            else:
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        mount(source, place, None, BIND | REC)

    def enter(self) -> None:
        os.chdir(self.path)
        call("pivot_root", ".", ".")
        call("umount2", ".", DETACH)
        os.chdir("/")


def become(spec: dict[str, Any]) -> None:
    """Turn this process, the first of its PID namespace, into the container's."""
    call("prctl", PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.setsid()
    try:
        mount(None, "/", None, REC | PRIVATE)
        root = Root(spec["root"], spec)
        root.build()
        root.enter()
        socket.sethostname(spec["hostname"][:63])
        os.chdir(spec["cwd"])
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
    except FileNotFoundError:
        print(f'exec: "{spec["argv"][0]}": executable file not found in $PATH', file=sys.stderr, flush=True)
        os._exit(128)
    except OSError as error:
        print(f"the container does not start: {error}", file=sys.stderr, flush=True)
        os._exit(128)


def supervise(child: int) -> int:
    """Pass signals on until the child has ended."""
    ended = os.pidfd_open(child)
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(ended, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if ended in ready:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for number in os.read(0, 16) or [signal.SIGKILL]:
            os.kill(child, number)
            if number == signal.SIGKILL:
                poll.unregister(0)
                break


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text())
    call("unshare", NEWNS | NEWPID | NEWUTS)
    child = os.fork()
    if child == 0:
        become(spec)
    code = supervise(child)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()

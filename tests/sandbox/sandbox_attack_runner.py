"""Run every attack of one tier and print what came of each, as JSON: `python sandbox_attack_runner.py TIER FOLDER`.

TIER is A, B, or "unconfined" for the controls. Tier A needs root. For tier B, root first becomes an ordinary user; an
interpreter under a private home is shown to that user in a mount namespace of this process's own.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

NOBODY = 65534
CANNOT = 77


def show_interpreter() -> None:
    """Let other users reach the interpreter, in this process's mounts only."""
    from autograder.sandbox import kernel, view

    base = os.path.realpath(sys.base_prefix)
    private = view.private_parent([base, os.path.realpath(sys.prefix), str(HERE), __import__("torch").__file__])
    if private is None:
        return
    if not base.startswith(private + "/"):
        print(f"{private} is private and holds more than the interpreter")
        sys.exit(CANNOT)
    kernel.own_mounts()
    source = os.open(base, os.O_PATH)
    kernel.mount("tmpfs", private, "tmpfs", 0, "mode=0755,size=1m")
    os.makedirs(base)
    kernel.mount(f"/proc/self/fd/{source}", base, None, kernel.BIND)


def become_ordinary() -> None:
    """Drop to nobody."""
    if os.geteuid() == 0:
        show_interpreter()
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def outcome(warm, attack, places: dict[str, str]) -> dict:
    """Run one attack: its value, error or death, and how long it took."""
    from autograder.sandbox import ChildDied, RemoteObject, StudentError

    source = attack.source()
    for word, text in places.items():
        source = source.replace(word, text)
    began = time.monotonic()
    told: dict = {}
    child = None
    try:
        child = warm.spawn({"work.py": source.encode(), **attack.files}, "work.py")
        pid = child.channel.process.pid
        with child.deadline(0.5 if any("took" in death for death in attack.deaths) else 15.0):
            arguments = [lambda f: f(arguments[0])] if "def attack(f)" in source else []
            arguments = arguments or ([print] if "given[0]" in source else [])
            value = child.target.attack(*arguments)
            kind = "RemoteObject" if isinstance(value, RemoteObject) else type(value).__name__
            told = {"value": value if type(value) in (bool, int, str) else kind, "kind": kind}
            if attack.again:
                time.sleep(0.1)
                told["again"] = child.target.attack()
    except StudentError as error:
        told |= {"error": error.type_name, "message": str(error)[:200]}
    except ChildDied as error:
        told |= {"died": error.reason}
    except Exception as error:
        told |= {"error": f"in the judge: {error!r}", "loaded": str([text.describe() for _, text in child.errors])}
    finally:
        if child is not None:
            child.kill()
            told["left"] = os.path.exists(f"/proc/{pid}")
    return told | {"seconds": round(time.monotonic() - began, 3)}


def main(tier: str, folder: Path) -> None:
    """Print {"tier": …, "outcomes": {attack: outcome}}."""
    if tier == "B":
        become_ordinary()
    import torch
    from sandbox_attacks import ATTACKS, CONTROLS

    from autograder.sandbox import Limits, WarmProcess

    torch.set_num_threads(1)
    os.environ["JUDGE_TOKEN"] = "tell nobody"
    listener = socket.create_server(("127.0.0.1", 0))
    places = {
        "SECRET": str(folder / "secret"),
        "RESULTS": str(folder / "results"),
        "FOLDER": str(folder),
        "JUDGE": str(os.getpid()),
        "PORT": str(listener.getsockname()[1]),
    }

    def state() -> list:
        return [(p.name, p.read_bytes(), p.stat().st_mode, p.stat().st_mtime) for p in sorted(folder.iterdir())]

    before = state()
    outcomes = {}
    free = tier == "unconfined"
    with WarmProcess(Limits(memory=1 << 30, call_seconds=15.0), unconfined=free) as warm:
        for attack in ATTACKS:
            if attack.name in CONTROLS if free else tier in attack.tiers:
                outcomes[attack.name] = outcome(warm, attack, places)
                outcomes[attack.name]["damage"] = not free and state() != before
        print(json.dumps({"tier": warm.tier, "reasons": warm.reasons, "user": os.getuid(), "outcomes": outcomes}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""Run student code in a confined process and talk to it in plain data.

`WarmProcess` starts the process from which children are forked, `WarmProcess.spawn` loads a submission in one,
`Child.target` is the submission as laws see it. `StudentError` is what their code raised, `ChildDied` says how their
process ended. `Limits` bounds a child. `ForkServer` is the same machinery for another role.
"""

from .errors import ChildDied, Frame, SandboxError, StudentError
from .judge_end import Child
from .limits import Limits
from .remote import RemoteObject, RemoteTarget
from .warm import ForkServer, WarmProcess
from .wire import WireError, pack, unpack

__all__ = [
    "Child",
    "ChildDied",
    "ForkServer",
    "Frame",
    "Limits",
    "RemoteObject",
    "RemoteTarget",
    "SandboxError",
    "StudentError",
    "WarmProcess",
    "WireError",
    "pack",
    "unpack",
]

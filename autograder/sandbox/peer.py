"""Either end of the conversation between judge and child: `Peer`.

`ask` sends a request and waits for its reply, answering whatever the other side asks meanwhile; `answer` performs one
request. Both ends speak the same messages,

    [ASK, number, operation, context, arguments]        [TELL, number, raised, graph, value, changes]

where arguments, value and changes are frames of their own, graph describes the autograd graph behind the value
(see `gradients`), and changes are the arguments again if the callee modified them. Numbers are strictly sequential and
replies strictly nested. What a side cannot turn into plain data it keeps, and sends a number for it. An array or tensor
that the child was given and gives back unchanged is in the judge too the one that was given.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from .errors import ChildDied
from .gradients import Graphs, KeptThere, Links, cross, has_come_back
from .plain import place
from .wire import FIRST_EXTENSION, MAX_FRAME, WireError, pack, unpack

ASK, TELL = 0, 1
JUDGE, CHILD = 0, 1
OBJECT, LINK, OUTPUT, GIVEN = range(FIRST_EXTENSION, FIRST_EXTENSION + 4)
MAX_NESTING = 32
MAX_NUMBER = 1 << 48  # two numbers never have the same hash
NAME_LENGTH = 200


class Channel(Protocol):
    """Whole frames to and from the other side."""

    def send(self, frame: bytes) -> None: ...

    def receive(self) -> bytes: ...


class GraphLeaf(NamedTuple):
    """A leaf that a reply's graph reaches; its data is sent once only."""

    tensor: torch.Tensor


def arrays_in(value: Any) -> list:
    """The arrays and tensors in lists, tuples and dicts, in an order that is the same on both sides."""
    kind = type(value)  # of other types the child may have the object and the judge a stand-in
    if kind in (dict, OrderedDict):
        value, kind = list(value.values()), list
    if kind in (list, tuple):
        return [found for item in value for found in arrays_in(item)]
    return [value] if kind in (torch.Tensor, np.ndarray) else []


class Outgoing:
    """How values beyond plain data leave; `outputs` collects results that have a graph behind them.

    `given` are arguments that the receiver still has as they are here.
    """

    def __init__(self, peer: Peer, is_reply: bool) -> None:
        self.peer, self.is_reply, self.outputs = peer, is_reply, []
        self.given: list | None = None
        self.numbers: dict[tuple | None, int] | None = None
        self.leaves: dict[int, torch.Tensor] = {}

    def again(self, value: Any) -> tuple[int, list] | None:
        """The number of an array or tensor that was given."""
        if self.given is None or id(value) in self.leaves:
            return None
        if self.numbers is None:
            self.numbers = {place(array): number for number, array in enumerate(arrays_in(self.given))}
            self.numbers.pop(None, None)
        number = self.numbers.get(place(value))
        return None if number is None else (GIVEN, [number])

    def pack(self, value: Any) -> tuple[int, list] | None:
        """Kind and fields of a tensor that requires grad, an nn.Parameter, or an object that stays here."""
        if type(value) is GraphLeaf:
            return self.link(self.peer.links.fields(value.tensor, as_leaf_of_graph=True))
        if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.layout != torch.strided:
            return self.peer.pack_object(value)
        if not value.requires_grad:
            return LINK, [0, value.data, None, True]
        if value.is_leaf or not self.is_reply or has_come_back(value):
            return self.link(self.peer.links.fields(value))
        for index, output in enumerate(self.outputs):
            if output is value:
                return OUTPUT, [index]
        self.outputs.append(value)
        return OUTPUT, [len(self.outputs) - 1]

    def link(self, fields: list) -> tuple[int, list]:
        """Kind and fields of a linked tensor: one of its own, even where it has the memory of an argument."""
        self.leaves |= {id(part): part for part in fields[1:3] if part is not None}
        return LINK, fields


class Incoming:
    """How they arrive; `outputs` are the tensors a reply refers to by index, `arguments` what it answers.

    `back` collects the linked tensors of a question, by key.
    """

    def __init__(
        self,
        peer: Peer,
        outputs: list[torch.Tensor] = (),
        arguments: tuple = (),
        back: dict[int, torch.Tensor] | None = None,
    ) -> None:
        self.peer, self.outputs, self.arguments, self.back = peer, outputs, arguments, back
        self.given: list = []

    def unpack(self, kind: int, fields: list) -> Any:
        """The value; raises WireError."""
        if kind == OBJECT:
            return self.peer.unpack_object(fields)
        if kind == LINK and any(part is one for part in fields for one in self.given):
            raise WireError("a linked tensor on the memory of an argument")
        if kind == LINK and [type(part) for part in fields] == [int, torch.Tensor, type(None), bool] and fields[0] == 0:
            return torch.nn.Parameter(fields[1], requires_grad=False)
        if kind == LINK:
            tensor = self.peer.links.receive(fields, self.peer.on_gradient)
            if self.back is None:
                return tensor
            key = fields[0]
            if key not in self.back:
                self.back[key] = self.peer.links.comes_back(tensor)
            return self.back[key]
        if kind == OUTPUT and len(fields) == 1 and type(fields[0]) is int and 0 <= fields[0] < len(self.outputs):
            return self.outputs[fields[0]]
        if kind == GIVEN and len(fields) == 1 and type(fields[0]) is int:
            given = arrays_in(self.arguments)
            if 0 <= fields[0] < len(given):
                one = given[fields[0]]
                self.given.append(one.detach() if type(one) is torch.Tensor and one.requires_grad else one)
                return self.given[-1]
        raise WireError(f"unknown kind {kind}")


class Peer:
    """One end. Subclasses say what may be asked of them (`operations`) and how objects and errors cross."""

    side = JUDGE
    on_gradient: Callable[[int, torch.Tensor], None] | None = None

    def __init__(self, channel: Channel, frame_limit: int = MAX_FRAME) -> None:
        self.channel, self.frame_limit = channel, frame_limit
        self.links = Links(1 if self.side == JUDGE else -1)
        self.graphs = Graphs()
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.made = self.asked = self.answered = self.nesting = 0
        self.dropped_graphs: list[int] = []
        self.operations: dict[str, Callable[..., Any]] = {"pull": self.graphs.pull}

    # What subclasses define.

    def foreign(self, number: int, name: str) -> Any:
        """The stand-in for an object the other side keeps."""
        raise NotImplementedError

    def own_number(self, value: Any) -> tuple[int, int, str] | None:
        """(owner, number, name) of a stand-in, or of an object kept here; None if it may not cross."""
        raise NotImplementedError

    def context(self) -> list:
        """What rides with every request."""
        raise NotImplementedError

    def enter(self, context: list) -> None:
        """Take in what rode with a request; raises WireError."""
        raise NotImplementedError

    def raise_there(self, error: BaseException) -> list:
        """An exception of ours as plain data."""
        raise NotImplementedError

    def violated(self, error: WireError) -> BaseException:
        """The exception to raise when the other side has broken the protocol."""
        raise NotImplementedError

    def raise_here(self, description: list) -> BaseException:
        """The exception to raise for one of theirs; raises WireError."""
        raise NotImplementedError

    # Objects.

    def keep(self, value: Any) -> int:
        """The number under which an object is kept here."""
        number = self.numbers.get(id(value))
        if number is None:
            self.made += 1
            number = self.numbers[id(value)] = self.made
            self.objects[number] = value
        return number

    def let_go(self, numbers: list) -> None:
        """Forget objects by number; raises WireError."""
        for number in numbers:
            if type(number) is not int:
                raise WireError("malformed number")
            value = self.objects.pop(number, None)
            self.numbers.pop(id(value), None)

    def pack_object(self, value: Any) -> tuple[int, list] | None:
        """Kind and fields of an object that does not cross."""
        found = self.own_number(value)
        return None if found is None else (OBJECT, list(found))

    def unpack_object(self, fields: list) -> Any:
        """The object, or its stand-in; raises WireError."""
        if [type(field) for field in fields] != [int, int, str] or len(fields[2]) > NAME_LENGTH:
            raise WireError("malformed object")
        owner, number, name = fields
        if not 0 < number <= MAX_NUMBER:
            raise WireError("malformed number")
        if owner == self.side:
            if number not in self.objects:
                raise WireError("an object that is not kept here (from an earlier law?)")
            return self.objects[number]
        return self.foreign(number, name)

    # Conversation.

    def ask(self, operation: str, *arguments: Any) -> Any:
        """Perform an operation on the other side; returns its value or raises what it raised.

        Raises WireError if an argument cannot be sent.
        """
        frame = pack(list(arguments), Outgoing(self, is_reply=False), self.frame_limit)
        dropped, self.dropped_graphs = self.dropped_graphs, []
        context = [torch.is_grad_enabled(), dropped, *self.context()]
        message = pack([ASK, self.asked + 1, operation, context, frame], None, self.frame_limit)
        self.asked += 1
        number = self.asked
        self.channel.send(message)
        try:
            while (message := self.receive())[0] == ASK:
                self.answer(message)
            value = self.conclude(number, message, arguments)
        except WireError as error:
            raise self.violated(error) from error
        if message[2]:
            raise value
        return value

    def receive(self) -> list:
        """The next message, its outer form checked; raises WireError."""
        message = unpack(self.channel.receive())
        types = [type(part) for part in message] if type(message) is list else []
        if types == [int, int, str, list, bytes] and message[0] == ASK:
            return message
        if len(types) == 6 and types[:3] == [int, int, bool] and types[4] is bytes and message[0] == TELL:
            return message
        raise WireError("not a message")

    def conclude(self, number: int, message: list, arguments: tuple) -> Any:
        """Take a reply apart: changes to arguments first, then the value or the exception."""
        _, told, raised, graph, value_frame, changes = message
        if told != number:
            raise WireError("a reply to another question")
        incoming = Incoming(self, self.rebuild_graph(graph), arguments)
        value = unpack(value_frame, incoming)
        if changes is not None:
            if type(changes) is not bytes:
                raise WireError("malformed changes")
            self.apply_changes(arguments, unpack(changes, incoming))
        return self.raise_here(value) if raised else value

    def apply_changes(self, arguments: tuple, changed: Any) -> None:
        """Make the caller's arguments what the callee made of them; only the judge is told."""
        raise WireError("changes that were not asked for")

    def rebuild_graph(self, graph: Any) -> list[torch.Tensor]:
        """The outputs of a reply, connected to our counterparts of its leaves; raises WireError."""
        if graph is None:
            return []
        if type(graph) is not list or [type(part) for part in graph] != [int, bytes, bytes]:
            raise WireError("malformed graph")
        kept = KeptThere(graph[0], self)
        leaves, outputs = unpack(graph[1], Incoming(self)), unpack(graph[2])
        if type(leaves) is not list or type(outputs) is not list:
            raise WireError("malformed graph")
        return cross(kept, outputs, leaves)

    def answer(self, message: list) -> None:
        """Perform one request and send the reply; raises WireError if the request is malformed."""
        _, number, operation, context, frame = message
        if number != self.answered + 1 or operation not in self.operations:
            raise WireError("a question out of order, or unknown")
        self.answered = number
        grad_enabled, dropped, *rest = context if len(context) > 1 else [None, None]
        if type(grad_enabled) is not bool or type(dropped) is not list or any(type(one) is not int for one in dropped):
            raise WireError("malformed context")
        for graph in dropped:
            self.graphs.kept.pop(graph, None)
        self.enter(rest)
        back: dict[int, torch.Tensor] = {}
        arguments = unpack(frame, Incoming(self, back=back))
        if type(arguments) is not list:
            raise WireError("malformed arguments")
        self.nesting += 1
        try:
            with torch.set_grad_enabled(grad_enabled), self.links.standing_for(back.values()):
                reply = self.perform(number, operation, arguments, frame)
        finally:
            self.nesting -= 1
        self.channel.send(reply)

    def perform(self, number: int, operation: str, arguments: list, frame: bytes) -> bytes:
        """The reply to one request: whatever the operation raises is part of the reply."""
        try:
            if self.nesting > MAX_NESTING:
                raise RecursionError(f"calls between judge and submission nested more than {MAX_NESTING} deep")
            value = self.operations[operation](*arguments)
            return self.reply(number, False, value, arguments, frame)
        except ChildDied:
            raise
        except BaseException as error:
            description = self.raise_there(error)
        try:
            return self.reply(number, True, description, arguments, frame)
        except WireError:  # the changed arguments cannot be sent; what was raised can
            return pack([TELL, number, True, None, pack(description), None])

    def reply(self, number: int, raised: bool, value: Any, arguments: list, frame: bytes) -> bytes:
        """The message that tells a value or an exception; raises WireError if it cannot be sent."""
        outgoing = Outgoing(self, is_reply=True)
        changes = self.changes(arguments, frame, outgoing)
        if self.side == CHILD and changes is None:
            outgoing.given = arguments
        value_frame = pack(value, outgoing, self.frame_limit)
        graph = None
        if outgoing.outputs:
            kept, leaves = self.graphs.keep(outgoing.outputs)
            outputs = pack([output.detach() for output in outgoing.outputs], None, self.frame_limit)
            graph = [kept, pack([GraphLeaf(leaf) for leaf in leaves], outgoing, self.frame_limit), outputs]
        return pack([TELL, number, raised, graph, value_frame, changes], None, self.frame_limit)

    def changes(self, arguments: list, frame: bytes, outgoing: Outgoing) -> bytes | None:
        """The arguments again, if they are no longer what arrived; only the child looks."""
        return None

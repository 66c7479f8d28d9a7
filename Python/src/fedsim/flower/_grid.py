"""Clients in this process: for tests, examples and small runs, without Ray and without a
network."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.common.constant import ErrorCode
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from ..errors import InvalidError

log = logging.getLogger("flwr").log

#: Flower's own number of the server.
_SERVER = 1
#: Nodes are numbered from here on.
_FIRST_NODE = 1000

UserConfig = Mapping[str, Any]


class LocalGrid(Grid):
    """Runs a ClientApp on `nodes` nodes, one after the other, in this process.

    Messages are written to the bytes that would travel and read again, so that no node shares an
    object with the server or with another one. A node keeps its Context from round to round. An
    exception in the app becomes an error in the reply, as in Flower's own processes.

    It sets `TaskIdentity`, without which flwr 1.42 makes no message outside of its own processes.
    That is private to Flower, and a reason to pin its version.

    Args:
        app: the clients' app, with its mods.
        nodes: how many there are; each has `partition-id` and `num-partitions` in its
            `node_config`, as in Flower's simulation.
        run_config: of every node's Context.
        node_config: more of each node's own: a function of its partition.
        raise_errors: raises an app's exception in place of replying with it.
    """

    def __init__(
        self,
        app: ClientApp,
        nodes: int,
        *,
        run_config: UserConfig | None = None,
        node_config: Callable[[int], UserConfig] | None = None,
        raise_errors: bool = False,
    ) -> None:
        if isinstance(nodes, bool) or not isinstance(nodes, int) or nodes < 1:
            raise InvalidError(f"nodes: found {nodes!r}; allowed: an integer from 1 on")
        if TaskIdentity._run_id is None:
            TaskIdentity.run_id = secrets.randbits(62) + 1
        if TaskIdentity._node_id is None:
            TaskIdentity.node_id = _SERVER
        if TaskIdentity._task_id is None:
            TaskIdentity.task_id = 1
        self._app = app
        self._raise_errors = raise_errors
        self._run = Run.create_empty(TaskIdentity.run_id)
        self._contexts: dict[int, Context] = {}
        for index in range(nodes):
            config: dict[str, Any] = {"partition-id": index, "num-partitions": nodes}
            if node_config is not None:
                config.update(node_config(index))
            self._contexts[_FIRST_NODE + index] = Context(
                run_id=TaskIdentity.run_id,
                node_id=_FIRST_NODE + index,
                node_config=config,
                state=RecordDict(),
                run_config=dict(run_config or {}),
            )
        self._replies: dict[str, Message] = {}
        #: Bytes of all messages to nodes and from them, with Flower's metadata.
        self.bytes_down = 0
        self.bytes_up = 0

    def context(self, node: int) -> Context:
        """What a node keeps: a test may look at it, a server cannot."""
        return self._contexts[node]

    # ---- Grid

    def set_run(self, run: Run) -> None:
        """The run that messages are of."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run that messages are of."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """A message to a node."""
        return Message(content, dst_node_id, message_type, group_id=group_id, ttl=ttl)

    def get_node_ids(self) -> list[int]:
        """All nodes: they are always there."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Delivers messages: their nodes work at once."""
        identifiers = []
        for message in messages:
            identifier = secrets.token_hex(16)
            proto = message_to_proto(message)
            proto.metadata.message_id = identifier
            data = proto.SerializeToString()
            self.bytes_down += len(data)
            delivered = message_from_proto(type(proto).FromString(data))
            reply = message_to_proto(self._handled(delivered))
            reply.metadata.message_id = secrets.token_hex(16)
            data = reply.SerializeToString()
            self.bytes_up += len(data)
            self._replies[identifier] = message_from_proto(type(reply).FromString(data))
            identifiers.append(identifier)
        return identifiers

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Replies to messages, each once."""
        return [self._replies.pop(one) for one in message_ids if one in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Delivers messages and gives the replies back. With a timeout, nodes that would start
        after it do not."""
        ends = None if timeout is None else time.monotonic() + timeout
        replies: list[Message] = []
        for message in messages:
            if ends is not None and time.monotonic() > ends:
                break
            replies.extend(self.pull_messages(self.push_messages([message])))
        return replies

    def _handled(self, message: Message) -> Message:
        context = self._contexts.get(message.metadata.dst_node_id)
        if context is None:
            return Message(
                Error(ErrorCode.NODE_UNAVAILABLE, "there is no such node"), reply_to=message
            )
        try:
            return self._app(message, context)
        except Exception as error:
            if self._raise_errors:
                raise
            log(logging.WARNING, "node %s: %s: %s", context.node_id, type(error).__name__, error)
            reason = f"{type(error).__name__}: {error}"
            return Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason), reply_to=message)

    def __getstate__(self) -> Any:
        raise TypeError("a LocalGrid has its clients' secrets and cannot be pickled")

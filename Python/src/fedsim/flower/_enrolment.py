"""The server's half of the keys: who has which slot, and what the server shares with whom."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NoReturn

from flwr.app import Message, MessageType, RecordDict

from ..errors import FedSimError, PayloadError
from ..keys import KeyPair, random_key
from . import _wire
from ._commitment import Commitment


class Enrolment:
    """Slots 0 to N - 1 of the population, and the keys of those who have enrolled.

    A node gets the next free slot when it is first seen. Cohorts are drawn over all N slots, taken
    or not, so that the sampling rate is the planned one; a slot without a node is a client that
    does not answer. The first public key of a node is the one that counts: another one is refused
    until `forget`.
    """

    def __init__(self, commitment: Commitment, pair: KeyPair | None = None) -> None:
        self._commitment = commitment
        self._pair = KeyPair() if pair is None else pair
        self.federation = secrets.token_bytes(_wire.FEDERATION_BYTES)
        self.rotation = random_key()
        self.settings = commitment.channel_text()
        self._digest = _wire.settings_digest(self.settings, self.rotation, self._pair.public_key)
        self._slots: dict[int, int] = {}
        self._nodes: list[int] = []
        self._keys: dict[int, _wire.PairKeys] = {}
        self._public: dict[int, bytes] = {}
        self._owners: dict[bytes, int] = {}

    @property
    def public_key(self) -> bytes:
        """The server's public key, which clients may be given (`ChannelMod(server_key=)`)."""
        return self._pair.public_key

    def see(self, nodes: Iterable[int]) -> int:
        """Gives slots to nodes that are new.

        Returns:
            how many have none, since all are taken: they are not of the population that the account
                is for,
            and are never drawn.
        """
        left = 0
        for node in nodes:
            if node in self._slots:
                continue
            if len(self._nodes) >= self._commitment.clients:
                left += 1
                continue
            self._slots[node] = len(self._nodes)
            self._nodes.append(node)
        return left

    def nodes(self, slots: Iterable[int]) -> list[int]:
        """The nodes in these slots; free slots have none."""
        return [self._nodes[slot] for slot in slots if slot < len(self._nodes)]

    def __contains__(self, node: int) -> bool:
        return node in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self, node: int) -> _wire.PairKeys:
        """What the server shares with a node that has enrolled."""
        return self._keys[node]

    def forget(self, node: int) -> None:
        """Lets a node enrol again, with another key: where it has lost its state. Its slot stays
        its own."""
        self._keys.pop(node, None)
        self._owners.pop(self._public.pop(node, b""), None)

    def request(self, node: int) -> Message:
        """The message that asks a node for its public key."""
        record = _wire.config(
            "enrol",
            self.federation,
            settings=self.settings,
            rotation=self.rotation,
            server_key=self._pair.public_key,
        )
        return Message(RecordDict({_wire.RECORD: record}), node, MessageType.TRAIN)

    def accept(self, reply: Message) -> None:
        """Takes the public key in a node's answer.

        Raises:
            PayloadError: for an answer that no honest client sends.
        """
        node = reply.metadata.src_node_id
        if node not in self._slots:
            raise PayloadError(f"found an answer of node {node}, which was not asked")
        record = _wire.ours(reply)
        if record is None or _wire.field(record, "kind", str) != "enrolled":
            raise PayloadError("found no answer to an enrolment; allowed: what ChannelMod sends")
        if not _wire.equal(_wire.field(record, "federation", bytes), self.federation):
            raise PayloadError("federation: found another one")
        public = _wire.field(record, "public-key", bytes, _wire.KEY_BYTES)
        if self._public.get(node, public) != public:
            raise PayloadError("public-key: found another one than the first of this node")
        if self._owners.get(public, node) != node:
            raise PayloadError("public-key: found that of another node")
        try:
            session = self._pair.session(public, as_server=True)
        except FedSimError as error:
            raise PayloadError(f"public-key: found one that makes no key ({error})") from error
        keys = _wire.PairKeys.of(session, self.federation, self._digest)
        if not _wire.equal(
            _wire.field(record, "tag", bytes, _wire.TAG_BYTES), keys.enrolment_tag(public)
        ):
            raise PayloadError("tag: found one of another key")
        self._keys[node] = keys
        self._public[node] = public
        self._owners[public] = node

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Enrolment holds secrets and cannot be pickled")

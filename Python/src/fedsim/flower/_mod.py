"""The client's half: a mod that turns what a ClientApp returns into a few bytes with exact
noise."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Context,
    Error,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp.typing import ClientAppCallable
from flwr.common.constant import ErrorCode
from numpy.typing import NDArray

from ..errors import FedSimError, InvalidError, PayloadError, PrivacyRefused, StateError
from ..keys import KeyPair
from . import _wire
from ._commitment import Commitment

#: Where a node keeps its keys: a ConfigRecord of the Context's state, which Flower sends nowhere.
STATE = "fedsim.client"
WEIGHT = "num-examples"


class ChannelMod:
    """Clips a client's update, codes it and sends the bytes: `ClientApp(mods=[ChannelMod(plan)])`.

    The app's own train function stays as it is: it gets the model in an ArrayRecord and returns
    one. The mod

    - answers the server's first message with a public key; what follows from its secret half stays
      in the Context's state;
    - takes the update (new weights less the broadcast's, or what was returned: `returns`), as one
      vector. A vector with a number that is not finite becomes the zero vector, and the client
      still sends noise;
    - clips it to C and codes it, with N(0, sigma^2) noise on each coordinate, under the key of the
      pair and the round. One message for each round: a second is refused, whoever asks;
    - sends the payload as an Array of type "fedsim.code.v1" with a tag that binds it to round and
      model.

    It must be the first of the mods, so that what it sends is not changed. Messages other than
    training pass. The object holds public numbers only and can be pickled, by Ray as well.

    Args:
        plan: what `fedsim.plan` returned, or a Commitment: a server whose settings differ is
            refused. None takes the settings of the server's first message, which must have noise
            and a clipping norm.
        returns: "weights" where the app returns the new model, "update" where it returns the
            difference.
        keep_metrics: sends the app's metrics too. They are computed from the client's data and have
            no noise: no epsilon covers them. Otherwise the server gets `num-examples` = 1 from
            everybody.
        server_key: 32 bytes, the server's public key, where clients have it from elsewhere. None
            trusts the first message of a run.
    """

    def __init__(
        self,
        plan: Any = None,
        *,
        returns: str = "weights",
        keep_metrics: bool = False,
        server_key: bytes | None = None,
    ) -> None:
        if returns not in ("weights", "update"):
            raise InvalidError(f"returns: found {returns!r}; allowed: 'weights', 'update'")
        if server_key is not None and (
            not isinstance(server_key, bytes) or len(server_key) != _wire.KEY_BYTES
        ):
            raise InvalidError(
                f"server_key: found {type(server_key).__name__}; allowed: {_wire.KEY_BYTES} bytes"
            )
        self._settings = None if plan is None else Commitment.of(plan).channel_text()
        self._returns = returns
        self._keep_metrics = keep_metrics
        self._server_key = server_key

    def __call__(self, message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        """Flower calls this for every message."""
        if message.metadata.message_type.split(".")[0] != "train":
            return call_next(message, context)
        try:
            record = _wire.ours(message)
            if record is None:
                raise PrivacyRefused(
                    f"found a training message without a record {_wire.RECORD!r}; allowed: those "
                    "of fedsim.flower.FedSimStrategy. Another one would add up what has no noise"
                )
            kind = _wire.field(record, "kind", str)
            if kind == "enrol":
                return Message(self._enrolled(record, context), reply_to=message)
            if kind == "train":
                return self._train(record, message, context, call_next)
            raise PayloadError(f"{_wire.RECORD}.kind: found {kind!r}; allowed: 'enrol', 'train'")
        except FedSimError as error:
            return Message(
                Error(ErrorCode.MOD_FAILED_PRECONDITION, f"ChannelMod: {error}"), reply_to=message
            )

    # ---- Enrolment

    def _enrolled(self, record: ConfigRecord, context: Context) -> RecordDict:
        federation = _wire.field(record, "federation", bytes, _wire.FEDERATION_BYTES)
        settings = _wire.field(record, "settings", str)
        rotation = _wire.field(record, "rotation", bytes, _wire.KEY_BYTES)
        server_key = _wire.field(record, "server-key", bytes, _wire.KEY_BYTES)
        _check(settings, self._settings)
        if self._server_key is not None and not _wire.equal(self._server_key, server_key):
            raise PrivacyRefused(
                "server-key: found another key than the one that this client was given"
            )
        state = context.state.get(STATE)
        if isinstance(state, ConfigRecord) and state.get("federation") == federation:
            # Once more for this federation: the same answer, and rounds that were sent stay sent.
            told = (state["settings"], state["rotation"], state["server-key"])
            if told != (settings, rotation, server_key):
                raise PrivacyRefused(
                    "found other settings than at this federation's first enrolment"
                )
        else:
            # The pair makes two keys for this federation, and is forgotten: nothing else needs it.
            pair = KeyPair()
            digest = _wire.settings_digest(settings, rotation, server_key)
            made = _wire.PairKeys.of(pair.session(server_key), federation, digest)
            state = ConfigRecord(
                {
                    "federation": federation,
                    "settings": settings,
                    "rotation": rotation,
                    "server-key": server_key,
                    "public-key": pair.public_key,
                    "code-key": made.code,
                    "tag-key": made.tag,
                    "last-round": 0,
                }
            )
            context.state[STATE] = state
        public_key = _bytes(state, "public-key")
        answer = _wire.config(
            "enrolled",
            federation,
            public_key=public_key,
            tag=_keys(state).enrolment_tag(public_key),
        )
        return RecordDict({_wire.RECORD: answer, "metrics": MetricRecord({WEIGHT: 1})})

    # ---- A round

    def _train(
        self, record: ConfigRecord, message: Message, context: Context, call_next: ClientAppCallable
    ) -> Message:
        federation = _wire.field(record, "federation", bytes, _wire.FEDERATION_BYTES)
        round = _wire.field(record, "round", int)
        state = context.state.get(STATE)
        if not isinstance(state, ConfigRecord) or state.get("federation") != federation:
            raise StateError("found a round of a federation that this client is not enrolled in")
        settings = json.loads(str(state["settings"]))
        _check(str(state["settings"]), self._settings)
        _unused(state, round, settings["rounds"])
        models = list(message.content.array_records.values())
        if len(models) != 1:
            raise InvalidError(f"found {len(models)} ArrayRecords in the broadcast; allowed: one")
        model = models[0]
        layout = _wire.Layout.of(model)
        if layout.dimension != settings["dimension"]:
            raise PrivacyRefused(
                f"found a model of {layout.dimension:,} numbers; planned: {settings['dimension']:,}"
            )
        sent = _wire.digest(model)
        before = layout.flatten(model, "broadcast")
        message.content = RecordDict(
            {name: value for name, value in message.content.items() if name != _wire.RECORD}
        )

        reply = call_next(message, context)
        if reply.has_error():
            return reply

        key, update = self._update(layout, before, reply)
        # The app had the state in its hands: look again, and mark the round before anything is
        # coded.
        _unused(state, round, settings["rounds"])
        state["last-round"] = round
        context.state[STATE] = state
        channel = _wire.channel_of(
            settings["codec"],
            settings["dimension"],
            settings["clippingNorm"],
            settings["noiseScale"],
            _bytes(state, "rotation"),
            json.dumps(settings["options"]),
        )
        keys = _keys(state)
        payload = channel.encode(update, key=keys.code, round=round)
        answer = _wire.config(
            "code", federation, round=round, tag=keys.code_tag(round, sent, payload)
        )
        code = Array("uint8", (len(payload),), _wire.STYPE, payload)
        metrics = MetricRecord({WEIGHT: 1})
        if self._keep_metrics:
            for found in reply.content.metric_records.values():
                metrics.update({name: value for name, value in found.items() if name != WEIGHT})
        reply.content = RecordDict(
            {key: ArrayRecord({_wire.CODE: code}), "metrics": metrics, _wire.RECORD: answer}
        )
        return reply

    def _update(
        self, layout: _wire.Layout, before: NDArray[np.float64], reply: Message
    ) -> tuple[str, NDArray[np.float32]]:
        """The key of the reply's ArrayRecord, and the update that is clipped and coded: finite."""
        records = list(reply.content.array_records.items())
        if len(records) != 1:
            raise InvalidError(
                f"found {len(records)} ArrayRecords in what the app returned; allowed: one"
            )
        key, record = records[0]
        values = layout.flatten(record, "what the app returned")
        with np.errstate(over="ignore", invalid="ignore"):
            if self._returns == "weights":
                values = values - before
            update = values.astype(np.float32)
        if not np.isfinite(update).all():
            # Not an error: whether a client answers must not be what its data decide where it can
            # be avoided.
            update = np.zeros(layout.dimension, np.float32)
        return key, update


def _check(settings: str, planned: str | None) -> None:
    """Refuses a channel that is not the planned one, or one that would send without a guarantee."""
    if planned is not None:
        if settings == planned:
            return
        raise PrivacyRefused(f"settings: found {settings[:500]}; planned: {planned}")
    try:
        found = json.loads(settings)
        norm, scale = float(found["clippingNorm"]), float(found["noiseScale"])
        known = isinstance(found["codec"], str) and isinstance(found["options"], dict)
        known = known and all(
            type(found[name]) is int and found[name] > 0 for name in ("dimension", "rounds")
        )
    except (ValueError, TypeError, KeyError) as error:
        raise PayloadError("settings: found what is no channel's settings") from error
    if not (known and math.isfinite(norm) and math.isfinite(scale) and norm > 0 and scale > 0):
        raise PrivacyRefused(
            f"settings: found {settings[:500]}; allowed: a clipping norm and noise above 0"
        )


def _unused(state: ConfigRecord, round: int, rounds: int) -> None:
    last = state["last-round"]
    if not 1 <= round <= rounds:
        raise PrivacyRefused(f"round: found {round}; planned: 1 to {rounds}")
    if not isinstance(last, int) or round <= last:
        raise StateError(
            f"round: found {round}, and this client has sent one of round {last!r}. A key and a "
            "round are for one "
            "message: from two the noise could be taken off"
        )


def _bytes(state: ConfigRecord, name: str) -> bytes:
    value = state[name]
    if not isinstance(value, bytes):
        raise StateError(f"{STATE}.{name}: found {type(value).__name__} in what this client keeps")
    return value


def _keys(state: ConfigRecord) -> _wire.PairKeys:
    """The keys that a node keeps: as secret as what it learned from its data."""
    settings = _wire.settings_digest(
        str(state["settings"]), _bytes(state, "rotation"), _bytes(state, "server-key")
    )
    return _wire.PairKeys(_bytes(state, "code-key"), _bytes(state, "tag-key"), settings)

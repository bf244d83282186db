"""What Home Assistant is told of a camera, so that it shows up there by itself.

One message per camera in the format of MQTT device discovery (Home Assistant 2024.11 and newer):
https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

import json
import re
import zlib
from typing import Any, Final

from vidstream.sinks.messages.topics import level

#: events that begin something, and those that end just that; others are over after a while
_ENDS: Final = {"alert_started": "alert_ended"}
#: seconds for which an event without an end shows
_SHOWN: Final = 10
#: so many entities a camera may have: names of events may be read off the picture
_MOST: Final = 200


class Device:
    """One camera: its entities come up as its counts and events do; a change makes a new document."""

    def __init__(self, prefix: str, source: str, discovery: str) -> None:
        base = f"{prefix}/{level(source)}"
        self.topic = f"{discovery}/device/{_id(prefix, source)}/config"
        self._id = _id(prefix, source)
        self._presence = f"{prefix}/availability"
        self._base = base
        self._source = source
        self._entities: dict[str, dict[str, Any]] = {}
        self._seen: set[tuple[str, str]] = set()
        self._add("connection", "binary_sensor", "Connection", self._connection())
        self._add("state", "sensor", "State", self._state())

    def count(self, place: str, label: str) -> bool:
        """A number; True where it is a new one."""
        fields = {
            "state_topic": f"{self._base}/counts/{level(place)}",
            "value_template": f"{{{{ value_json[{_literal(label)}] }}}}",
            "state_class": "measurement",
        }
        name = " ".join(filter(None, (place, label)))
        return self._add(_id("count", place, label), "sensor", name, fields)

    def event(self, kind: str, name: str) -> bool:
        """Something that happens; True where it is something new. What only ends something is none."""
        if (kind, name) in self._seen or kind in _ENDS.values():
            return False
        if len(self._seen) < _MOST:
            self._seen.add((kind, name))
        end = _ENDS.get(kind)
        whose = f"value_json.name == {_literal(name)}"
        on = f"'ON' if value_json.kind == {_literal(kind)} and {whose}"
        off = f" else 'OFF' if value_json.kind == {_literal(end)} and {whose}" if end else ""
        fields: dict[str, Any] = {
            "state_topic": f"{self._base}/events",
            "value_template": f"{{{{ {on}{off} else '' }}}}",
            **({} if end else {"off_delay": _SHOWN}),
        }
        words = " ".join(filter(None, (name, kind.replace("_", " "))))
        return self._add(_id("event", kind, name), "binary_sensor", words, fields)

    def picture(self) -> bool:
        """The newest picture; True where it is new that there is one."""
        fields = {"image_topic": f"{self._base}/snapshot", "content_type": "image/jpeg"}
        return self._add("snapshot", "image", "Snapshot", fields)

    def document(self) -> bytes:
        """All that is known, as the payload of the discovery topic."""
        document = {
            "device": {"identifiers": [self._id], "name": self._source, "manufacturer": "vidstream"},
            "origin": {"name": "vidstream"},
            "components": self._entities,
        }
        return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")

    def _add(self, key: str, platform: str, name: str, fields: dict[str, Any]) -> bool:
        if key in self._entities or len(self._entities) >= _MOST:
            return False
        both = [{"topic": self._presence}, {"topic": f"{self._base}/availability"}]
        self._entities[key] = {
            "platform": platform,
            "unique_id": f"{self._id}_{key}",
            "name": name,
            "availability": both,
            "availability_mode": "all",
        } | fields
        return True

    def _connection(self) -> dict[str, Any]:
        return {
            "state_topic": f"{self._base}/availability",
            "payload_on": "online",
            "payload_off": "offline",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "availability": [{"topic": self._presence}],
        }

    def _state(self) -> dict[str, Any]:
        return {
            "state_topic": f"{self._base}/state",
            "value_template": "{{ value_json.state }}",
            "json_attributes_topic": f"{self._base}/state",
            "entity_category": "diagnostic",
            "availability": [{"topic": self._presence}],
        }


def _id(*parts: str) -> str:
    """An id of letters, digits and ``_``, different for different parts."""
    text = "\0".join(parts)
    words = re.sub(r"[^a-zA-Z0-9]+", "_", "_".join(parts)).strip("_")[:60]
    return f"{words}_{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def _literal(text: str) -> str:
    """A text within a template: what stands in it stays a text."""
    return json.dumps(text).replace("{", "\\u007b").replace("}", "\\u007d").replace("%", "\\u0025")

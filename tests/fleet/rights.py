# SPDX-License-Identifier: Apache-2.0
"""Whether RabbitMQ's definitions (`sconce-pki export rabbitmq`) give the rights of mosquitto's list, over every topic and filter that a
handful of words make. Both are read here by what their brokers do with them, which is written down once for each."""

import itertools
import re

# (command of sconce-pki, identity)
IDENTITIES = [
    ("node hall", "hall"), ("node attic; grant attic hall shed; ungrant attic shed", "attic"),
    ("node porch --commands hall", "porch"), ("client me", "me"), ("client you", "you"), ("client display --read-only", "display"),
    ("client phone --node hall", "phone"), ("client wall --read-only --node hall", "wall"), ("client ha --home-assistant", "ha"),
    ("client guest --home-assistant --node hall", "guest"), ("node cellar; revoke cellar; node cellar", "cellar.2"),
    ("client old; revoke old; client old", "old.2"), ("client gone; revoke gone", "gone"), ("", "sconce-pki.signer"),
]
FIRST = ["sconce", "homeassistant", "sconce-pki", "my-sconce"]
WORDS = ["hall", "cellar", "node", "reply", "me", "old.2", "set", "get", "state", "status", "device", "request", ""]
# What programs of ours and of others subscribe to, and whose rights let it pass.
FILTERS = [
    ("sconce/+/status", "me you display ha old.2"), ("sconce/+/info", "me you display ha old.2"), ("sconce/+/+/state", "me you display ha old.2"),
    ("sconce/+/+/status", "me you display ha old.2"), ("sconce/hall/#", "me you display phone wall ha guest old.2"),
    ("sconce/hall/+/state", "me you display phone wall ha guest old.2"), ("sconce/reply/me/#", "me"), ("sconce/reply/old.2/#", "old.2"),
    ("homeassistant/#", "ha"), ("homeassistant/device/+/+/config", "ha"), ("sconce/hall/+/set", "hall me you display phone wall ha guest old.2"),
    ("sconce/hall/+/set/+", "hall me you display phone wall ha guest old.2"), ("sconce/cellar/+/set", "cellar.2 me you display ha old.2"),
    ("sconce-pki/+/request", "sconce-pki.signer"), ("sconce-pki/hall/answer", "hall"), ("sconce-pki/cellar.2/answer", "cellar.2"),
    ("sconce/#", ""), ("sconce/+/#", ""), ("sconce/+/+/+", ""), ("#", ""), ("+/#", ""), ("sconce/reply/#", ""), ("sconce/reply/+/1", ""),
    ("sconce/+/me/#", ""), ("sconce/*/#", ""), ("sconce.#", ""), ("sconce.hall/#", "me you display phone wall ha guest old.2"),
]


def fits(pattern, topic):
    """MQTT's."""
    wanted, words = pattern.split("/"), topic.split("/")
    for at, word in enumerate(wanted):
        if word == "#":
            return True
        if at >= len(words) or word not in ("+", words[at]):
            return False
    return len(wanted) == len(words)


class Mosquitto:
    """What is denied is denied first, wherever it stands."""

    def __init__(self, text):
        self.lines, user = {}, None
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word == "user":
                user = self.lines.setdefault(rest, [])
            elif word == "topic":
                user.append(rest.split(" "))

    def may(self, identity, access, topic):
        lines = [kind for kind, pattern in self.lines.get(identity, []) if fits(pattern, topic)]
        return "deny" not in lines and any(kind in (access, "readwrite") for kind in lines)


def key_of(topic):
    return topic.replace("/", ".").replace("+", "*")


class RabbitMQ:
    """One expression for the whole key; '*' is one word, '#' any number of them."""

    def __init__(self, definitions):
        assert {user["name"] for user in definitions["users"]} == {entry["user"] for entry in definitions["topic_permissions"]}
        assert all(user["password_hash"] == "" and user["tags"] == [] for user in definitions["users"])
        self.expressions = {(entry["user"], access): re.compile(entry[access])
                            for entry in definitions["topic_permissions"] for access in ("read", "write")}

    def may(self, identity, access, topic):
        expression = self.expressions.get((identity, access))
        return bool(expression and expression.search(key_of(topic)))

    def brings(self, pattern, topic):
        """As the exchange goes by it: dots are slashes."""
        return fits(key_of(pattern).replace("*", "+").replace(".", "/"), topic.replace(".", "/"))


def is_less(topic):
    """Where RabbitMQ gives less: an answer goes and comes by the topics that are an answer's alone, and no wildcard of the signer's is a
    name with a dot."""
    return topic.startswith("sconce/reply") or topic == "sconce-pki/old.2/request"


def topics(words):
    for first in FIRST:
        yield first
        for count in (1, 2, 3):
            for rest in itertools.product(words, repeat=count):
                # A dot is a slash there: it is for identities alone.
                if "old.2" not in rest or rest[:2] == ("reply", "old.2") and "old.2" not in rest[2:] or first == "sconce-pki" and rest[0] == "old.2":
                    yield "/".join([first, *rest])


def compare(acl, definitions):
    """Returns what is wrong, and how much was compared."""
    mosquitto, rabbitmq = Mosquitto(acl), RabbitMQ(definitions)
    wrong, count = [], 0
    every = list(topics(WORDS))
    names = [identity for _, identity in IDENTITIES]
    for identity in names:
        for topic in every:
            for access in ("read", "write"):
                there, here = mosquitto.may(identity, access, topic), rabbitmq.may(identity, access, topic)
                count += 1
                if here and not there or there and not here and not is_less(topic):
                    wrong.append(f"{identity} {access} {topic}: mosquitto {there}, RabbitMQ {here}")
    sendable = [topic for topic in every if any(rabbitmq.may(identity, "write", topic) for identity in names)]
    wildcards = [*topics(["hall", "reply", "lamp", "state", "+", "*"]), *(f"{topic}/#" for topic in topics(["hall", "reply", "me", "+", "*"]))]
    for identity in names:
        for pattern in [*wildcards, "#", "+/#", "+/+/+"]:
            if not rabbitmq.may(identity, "read", pattern):
                continue
            for topic in sendable:
                count += 1
                if rabbitmq.brings(pattern, topic) and not mosquitto.may(identity, "read", topic):
                    wrong.append(f"{identity} subscribes to {pattern} and gets {topic}")
    for pattern, whose in FILTERS:
        for identity in names:
            count += 1
            if rabbitmq.may(identity, "read", pattern) != (identity in whose.split()):
                wrong.append(f"{identity} subscribes to {pattern}: {rabbitmq.may(identity, 'read', pattern)}")
    return wrong, count

# SPDX-License-Identifier: Apache-2.0
"""Three members of a RabbitMQ 4 cluster on loopback, in a Debian 13 root (tests/roots/rabbitmq-root), and a client that sees every reason code."""

import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

from fleet import Failed, Program, run, until

HERE = Path(__file__).resolve().parent
MEMBERS = (1, 2, 3)  # at 127.0.0.1, .2, .3
PORT, WEB_PORT = 8883, 8884
RABBITMQ_CONF = """
listeners.tcp = none
mqtt.listeners.tcp = none
mqtt.listeners.ssl.default = 127.0.0.{number}:{port}
mqtt.allow_anonymous = false
mqtt.ssl_cert_login = true
ssl_cert_login_from = common_name
load_definitions = {directory}/definitions.json
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = r1@localhost
cluster_formation.classic_config.nodes.2 = r2@localhost
cluster_formation.classic_config.nodes.3 = r3@localhost
log.console = true
log.console.level = info
"""
TLS = """[
  {{cacertfile, "{pki}/ca.crt"}}, {{certfile, "{pki}/issued/localhost.crt"}}, {{keyfile, "{pki}/issued/localhost.key"}},
  {{verify, verify_peer}}, {{fail_if_no_peer_cert, true}}, {{versions, ['tlsv1.3', 'tlsv1.2']}},
  {{crl_check, peer}}, {{crl_cache, {{ssl_crl_hash_dir, {{internal, [{{dir, "{directory}/crls"}}]}}}}}}{more}]"""
ADVANCED = """[{{rabbit, [{{ssl_options, {tls}}}]}}, {{rabbitmq_web_mqtt, [{{tcp_config, []}}, {{ssl_config, {web}}}]}}].
"""


def debian_root():
    """Made once. It runs before the namespaces: what it fetches comes over the machine's network."""
    if os.geteuid() != 0:
        print("skipped: namespaces and a Debian 13 root need root")
        sys.exit(77)
    made = subprocess.run([HERE.parent / "roots/rabbitmq-root"], text=True, stdout=subprocess.PIPE, check=False)
    if made.returncode != 0:
        sys.exit(made.returncode)
    return made.stdout.strip()


def take(stream, count):
    """Exactly so many bytes."""
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


class Frames:
    """MQTT in a browser's way: binary messages of a web socket, as a socket's bytes."""

    def __init__(self, stream, host):
        self.stream, self.rest = stream, b""
        stream.sendall(f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += take(self.stream, 1)
        if b" 101 " not in head:
            raise Failed(f"no web socket: {head.decode()}")

    def sendall(self, data):
        size = bytes([128 | len(data)]) if len(data) < 126 else bytes([254]) + struct.pack(">H", len(data))
        self.stream.sendall(b"\x82" + size + bytes(4) + data)  # masked by zeros

    def recv(self, count):
        while not self.rest:
            kind, size = take(self.stream, 2)
            size = struct.unpack(">H", take(self.stream, 2))[0] if size == 126 else size
            data = take(self.stream, size)
            if kind & 15 == 8:
                return b""
            self.rest = data if kind & 15 in (0, 2) else b""
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def close(self):
        self.stream.close()


class Client:
    """As much of MQTT 5 as it takes to see what the broker answers."""

    def __init__(self, member, pki, name, web=False):
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / f"issued/{name}.crt", pki / f"issued/{name}.key")
        host = f"127.0.0.{member}"
        stream = context.wrap_socket(socket.create_connection((host, WEB_PORT if web else PORT), 30), server_hostname="localhost")
        self.socket = Frames(stream, host) if web else stream
        own = f"probe-{name}-{time.monotonic_ns()}".encode()
        self.send(0x10, b"\0\4MQTT\5\2" + struct.pack(">H", 60) + b"\0" + struct.pack(">H", len(own)) + own)
        self.number, self.kept = 0, []
        kind, body = self.receive()
        if kind != 0x20 or body[1] != 0:
            raise Failed(f"{name} is refused: {body.hex()}")

    def send(self, kind, body):
        size, length = b"", len(body)
        while True:
            size += bytes([length % 128 | (128 if length > 127 else 0)])
            length //= 128
            if length == 0:
                break
        self.socket.sendall(bytes([kind]) + size + body)

    def receive(self):
        kind, length, shift = take(self.socket, 1)[0], 0, 0
        while True:
            byte = take(self.socket, 1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, take(self.socket, length)

    def answer(self, wanted):
        """The reason of the packet of that kind that answers; messages that come before it are kept."""
        while True:
            kind, body = self.receive()
            if kind & 0xF0 == 0x30:
                self.kept.append((kind, body))
            if kind & 0xF0 == 0xE0:
                raise ConnectionError(f"disconnected: {body.hex()}")
            if kind & 0xF0 == wanted and body[:2] == struct.pack(">H", self.number):
                return 0 if len(body) < 3 else body[2] if wanted == 0x40 else body[-1]

    def message(self, topic, is_it):
        """The payload of the first of that topic that is it."""
        head = struct.pack(">H", len(topic.encode())) + topic.encode()
        while True:
            kind, body = self.kept.pop(0) if self.kept else self.receive()
            if kind & 0xF0 == 0x30 and body.startswith(head):
                at = len(head) + (2 if kind & 6 else 0)
                payload = body[at + 1 + body[at]:]  # properties of less than 128 bytes
                if is_it(payload):
                    return payload

    def publish(self, topic, payload=b"x"):
        self.number = self.number % 60000 + 1
        self.send(0x32, struct.pack(">H", len(topic.encode())) + topic.encode() + struct.pack(">H", self.number) + b"\0" + payload)
        return self.answer(0x40)

    def subscribe(self, pattern):
        self.number = self.number % 60000 + 1
        self.send(0x82, struct.pack(">H", self.number) + b"\0" + struct.pack(">H", len(pattern.encode())) + pattern.encode() + b"\1")
        return self.answer(0x90)

    def close(self):
        self.socket.close()


class Cluster:
    def __init__(self, directory, root, before=()):
        """`before` is what goes before each member's command."""
        self.directory, self.root, self.pki = directory, root, directory / "pki"
        self.before = list(before)
        self.members = {}

    def prepare(self):
        subprocess.run(["mount", "--bind", self.root, self.root], check=True)
        for name in ("tmp", "run", "var/lib/rabbitmq", "var/log"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", self.root / name], check=True)
        inside = Path(f"{self.root}{self.directory}")
        inside.mkdir(parents=True)
        subprocess.run(["mount", "--bind", self.directory, inside], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.root / "proc"], check=True)
        hosts = self.directory / "hosts"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.{number} broker.test\n" for number in MEMBERS))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        cookie = self.root / "var/lib/rabbitmq/.erlang.cookie"
        cookie.write_text("sconce")
        cookie.chmod(0o400)
        (self.directory / "plugins").write_text("[rabbitmq_mqtt,rabbitmq_web_mqtt,rabbitmq_auth_mechanism_ssl].\n")
        (self.directory / "crls").mkdir()

    def publish_crl(self):
        """By the name that Erlang looks for: a hash of the issuer, with .r and a number."""
        text = run("openssl", "crl", "-in", self.pki / "crl.pem", "-noout", "-hash").strip()
        shutil.copy(self.pki / "crl.pem", self.directory / f"crls/{text}.r0")

    def environment(self, number):
        home = f"/var/lib/rabbitmq/r{number}"
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/var/lib/rabbitmq", "LANG": "C.UTF-8", "ERL_EPMD_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODENAME": f"r{number}@localhost", "RABBITMQ_DIST_PORT": str(25670 + number), "RABBITMQ_MNESIA_BASE": home,
                "RABBITMQ_LOG_BASE": f"/var/log/r{number}", "RABBITMQ_LOGS": "-", "RABBITMQ_CONFIG_FILE": f"{self.directory}/r{number}.conf",
                "RABBITMQ_ADVANCED_CONFIG_FILE": f"{self.directory}/advanced{number}.config",
                "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self.directory}/plugins", "RABBITMQ_PID_FILE": f"{self.directory}/r{number}.pid",
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none"}

    def start(self, number):
        (self.directory / f"r{number}.conf").write_text(RABBITMQ_CONF.format(number=number, port=PORT, directory=self.directory))
        tls, web = (TLS.format(pki=self.pki, directory=self.directory, more=more)
                    for more in ("", f', {{ip, "127.0.0.{number}"}}, {{port, {WEB_PORT}}}'))
        (self.directory / f"advanced{number}.config").write_text(ADVANCED.format(tls=tls, web=web))
        (self.directory / f"r{number}.log").unlink(missing_ok=True)
        self.members[number] = Program(self.directory / f"r{number}.log", [*self.before, "chroot", self.root, "/usr/lib/rabbitmq/bin/rabbitmq-server"],
                                       env=self.environment(number))

    def until_up(self, number):
        member = self.members[number]

        def is_up():
            if member.process.poll() is not None:
                raise Failed(f"r{number} ended: {member.text()[-3000:]}")
            # Not "Server startup complete": under a thousand lines at once RabbitMQ's logger leaves lines out, and this is not its.
            return "completed with" in member.text()
        until(is_up, f"r{number} is up", limit_s=120)

    def control(self, number, *words):
        return run("chroot", self.root, "/usr/lib/rabbitmq/bin/rabbitmqctl", *words, env=self.environment(number))

    def pid(self, number):
        return int((self.directory / f"r{number}.pid").read_text())

    def kill(self, number):
        os.kill(self.pid(number), signal.SIGKILL)

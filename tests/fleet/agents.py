# SPDX-License-Identifier: Apache-2.0
"""Many real agents on one machine, each with a certificate, a switch and a sensor of its own, and one client that watches them all."""

import os
import re
import statistics
from datetime import datetime
from pathlib import Path

from fleet import BUILD, Failed, Program, Tail, changes, run, until

EVERY_S = 20  # an agent that does not get its turn reads late; by as much as this, and it would look like a loss
AT_ONCE = 50
# In a fleet the agents' part of the work is done elsewhere: a broker is not to wait for its turn among a thousand of them.
OWN_PROCESSOR = ["chrt", "--rr", "1"]
CONFIG = """
[node]
clock = trusted
[broker]
url = {url}
[tls]
ca = {pki}/ca.crt
cert = {pki}/issued/{name}.crt
key = {pki}/issued/{name}.key
crl = {pki}/crl.pem
[gpio]
chip = sim
sim_dir = {root}/sim
[switch pump]
line = GPIO21
[thermal cellar]
root = {thermal}
every = {every}s
"""
TIME = re.compile(r'"time":"([^"]*)"')


def make_pki(pki, count, *hosts):
    """One authority, `count` nodes, and the one who watches."""
    def sconce_pki(*words):
        return run(BUILD / "sconce-pki", "-d", pki, *words)
    sconce_pki("init")
    sconce_pki("broker", *hosts)
    names = [f"n{number:04}" for number in range(1, count + 1)]
    for name in names:
        sconce_pki("node", name)
    sconce_pki("client", "watcher")
    return names


def kilobytes(pid, *fields):
    """Of /proc/PID/smaps_rollup."""
    found = dict(re.findall(r"^(\w+): +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M))
    return sum(int(found[field]) for field in fields)


class Agent:
    def __init__(self, name, root, thermal, pki, url):
        self.name = name
        for directory in ("state", "run"):
            (root / directory).mkdir(parents=True)
        (root / "conf").write_text(CONFIG.format(url=url, pki=pki, root=root, name=name, thermal=thermal, every=EVERY_S))
        self.program = Program(root / "log", [BUILD / "sconced", "--config", root / "conf", "--plugins", BUILD / "plugins"],
                               env=dict(os.environ, STATE_DIRECTORY=str(root / "state"), RUNTIME_DIRECTORY=str(root / "run")))

    def private_dirty_kb(self):
        return kilobytes(self.program.process.pid, "Private_Dirty")


class Agents:
    def __init__(self, directory, pki):
        self.directory, self.pki = directory, pki
        self.all = []
        zone = directory / "thermal/thermal_zone0"
        zone.mkdir(parents=True)
        (zone / "type").write_text("cpu\n")
        (zone / "temp").write_text("21000\n")

    def start(self, names, url_of, are_in):
        """Some at a time: the next ones when `are_in`(names) says that the broker has let these in."""
        for at in range(0, len(names), AT_ONCE):
            some = names[at:at + AT_ONCE]
            self.all += [Agent(name, self.directory / name, self.directory / "thermal", self.pki, url_of(name)) for name in some]
            until(lambda names=some: are_in(names), f"{some[0]} to {some[-1]} are in")

    def check_running(self):
        ended = [agent for agent in self.all if not agent.program.is_running()]
        if ended:
            raise Failed(f"{len(ended)} agents have ended: {ended[0].name}: {ended[0].program.text()[-1000:]}")

    def private_dirty_kb(self):
        """Median and largest."""
        self.check_running()
        values = [agent.private_dirty_kb() for agent in self.all]
        return statistics.median(values), max(values)

    def stop(self):
        for agent in self.all:
            agent.program.process.kill()
        for agent in self.all:
            agent.program.process.wait()


class Watch:
    """A client with a session that lasts. A reading has its node and its time, however often it comes: at once on `state`, late on
    `history`. Readings are in time or late, never early: one that is missing is a gap of two EVERY_S."""

    TOPICS = ("sconce/+/+/state", "sconce/+/+/history", "sconce/+/status")

    def __init__(self, directory, pki, host, port):
        self.tail = Tail(directory / "watched")
        self.times, self.came, self.online, self.count = {}, 0, {}, 0
        own = pki / "issued/watcher"
        topics = [word for topic in self.TOPICS for word in ("-t", topic)]
        # What is acknowledged to an agent and not yet sent to this client would be lost with the broker: nothing is to wait for it.
        self.command = [
            *OWN_PROCESSOR, "stdbuf", "-oL", "mosquitto_sub", "-V", "5", "-x", "86400", "-D", "connect", "receive-maximum", "65535", "-c", "-q", "1", "-h", host, "-p", port, "--cafile", pki / "ca.crt", "--cert",
            f"{own}.crt", "--key", f"{own}.key", "-i", "watcher", "-F", "%r %t %p", *topics]
        changes.watch(directory)
        self.start()

    def start(self):
        self.program = Program(self.tail.path, self.command)

    def end(self):
        """After the broker's: what it has sent is read first. mosquitto_sub does not come back after each kind of end by itself."""
        own = f"pid={self.program.process.pid},"
        until(lambda: own not in run("ss", "-Htnp", "state", "connected"), "the watcher has read the rest")
        self.program.stop()

    def look(self):
        for line in self.tail.lines():
            retained, _, rest = line.partition(" ")
            topic, _, payload = rest.partition(" ")
            level = topic.split("/")
            if level[0] != "sconce":
                continue
            self.count += 1
            if level[2:] == ["status"] and payload == "online" and retained == "0":
                self.online[level[1]] = self.online.get(level[1], 0) + 1
            elif level[2:3] == ["cellar"] and (found := TIME.search(payload)) and "temperature" in payload:
                self.came += 1
                self.times.setdefault(level[1], set()).add(found[1])

    def gaps(self):
        """(node, from, to) where a reading is missing between two that have come."""
        found = []
        for name, texts in self.times.items():
            times = sorted(datetime.fromisoformat(text) for text in texts)
            found += [(name, str(one), str(next_one)) for one, next_one in zip(times, times[1:])
                      if (next_one - one).total_seconds() > 2 * EVERY_S - 0.5]
        return found

    def newest(self, name):
        return max(self.times.get(name, {""}))

    def until_whole(self, names, limit_s=120):
        """Until each node has a reading that it made after this, and nothing is missing between. What is missing then."""
        self.look()
        before = {name: self.newest(name) for name in names}

        def is_whole():
            self.look()
            return all(self.newest(name) > before[name] for name in names) and not self.gaps()
        try:
            until(is_whole, "all readings", limit_s=limit_s)
        except Failed:
            silent = [name for name in names if self.newest(name) <= before[name]]
            if silent:
                raise Failed(f"{len(silent)} nodes are silent: {silent[:10]}") from None
        return self.gaps()

    def forget(self):
        """All but each node's newest, which the next gap begins with."""
        self.times, self.came = {name: {max(times)} for name, times in self.times.items()}, len(self.times)

    def readings(self):
        return sum(len(texts) for texts in self.times.values())

# SPDX-License-Identifier: Apache-2.0
"""lamp.py HOST PORT DIRECTORY NODE: a lamp on paho for Python."""

import json
import sys
from datetime import datetime, timezone

import paho.mqtt.client as mqtt

host, port, directory, node = sys.argv[1:]
status, state = f"sconce/{node}/status", f"sconce/{node}/kitchen/state"
line = open(f"{directory}/value", "wb", buffering=0)
LEVELS = {"ON": b"1\n", "OFF": b"0\n"}


def on_connect(client, userdata, flags, reason, properties):
    client.publish(status, "online", qos=1, retain=True)
    client.subscribe(f"sconce/{node}/kitchen/set", qos=1)


def on_message(client, userdata, message):
    command = message.payload.decode()
    if command not in LEVELS:
        return
    line.seek(0)
    line.write(LEVELS[command])
    time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    client.publish(state, json.dumps({"time": time, "state": command}), qos=1, retain=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=node, protocol=mqtt.MQTTv5)
client.tls_set(f"{directory}/ca.crt", f"{directory}/node.crt", f"{directory}/node.key")
client.will_set(status, "offline", qos=1, retain=True)
client.on_connect, client.on_message = on_connect, on_message
client.connect(host, int(port))
client.loop_forever()

# python3 lamp.py HOST PORT NAME: prints the states of the node hall; a line "TOPIC PAYLOAD" is published, and answered.
import secrets
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

host, port, name = sys.argv[1:]
reply = f"sconce/reply/{name}/{secrets.token_hex(8)}"
asked = set()


def on_connect(client, *_):
    client.subscribe([("sconce/hall/+/state", 1), (reply, 1)])


def on_message(client, userdata, message):
    if message.topic != reply:
        print(message.topic, message.payload.decode(), flush=True)
    elif message.properties.CorrelationData in asked:  # others may write here too
        print("answer", message.payload.decode(), flush=True)


client = mqtt.Client(client_id="", protocol=mqtt.MQTTv5)
client.tls_set("ca.crt", f"{name}.crt", f"{name}.key")  # verifies the broker's certificate and its name
client.on_connect, client.on_message = on_connect, on_message
client.connect(host, int(port))
client.loop_start()
for line in sys.stdin:
    topic, payload = line.strip().split(" ", 1)
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = reply
    properties.CorrelationData = secrets.token_bytes(16)
    properties.MessageExpiryInterval = 5
    asked.add(properties.CorrelationData)
    client.publish(topic, payload, qos=1, properties=properties)
client.disconnect()
client.loop_stop()

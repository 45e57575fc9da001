// go run lamp.go HOST PORT NAME: prints the states of the node hall and its results; a line "TOPIC PAYLOAD" is published.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"strings"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// tlsConfig has our certificate, and verifies the broker's with its name: that is Go's default.
func tlsConfig(name string) *tls.Config {
	pem, err := os.ReadFile("ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	certificate, err := tls.LoadX509KeyPair(name+".crt", name+".key")
	if err != nil {
		log.Fatal(err)
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}}
}

func finish(token mqtt.Token) {
	if token.Wait(); token.Error() != nil {
		log.Fatal(token.Error())
	}
}

// connect calls onConnect again after each reconnection: the broker keeps no session for us.
func connect(host, port, name string, onConnect mqtt.OnConnectHandler) mqtt.Client {
	options := mqtt.NewClientOptions().AddBroker("ssl://" + host + ":" + port).SetTLSConfig(tlsConfig(name))
	client := mqtt.NewClient(options.SetOnConnectHandler(onConnect))
	finish(client.Connect())
	return client
}

func show(_ mqtt.Client, message mqtt.Message) {
	fmt.Println(message.Topic(), string(message.Payload()))
}

func subscribe(client mqtt.Client) {
	client.SubscribeMultiple(map[string]byte{"sconce/hall/+/state": 1, "sconce/hall/+/result": 1}, show)
}

func main() {
	host, port, name := os.Args[1], os.Args[2], os.Args[3]
	subscriber := connect(host, port, name, subscribe)
	publisher := connect(host, port, name, nil)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		topic, payload, _ := strings.Cut(lines.Text(), " ")
		finish(publisher.Publish(topic, 1, false, payload))
	}
	publisher.Disconnect(250)
	subscriber.Disconnect(250)
}

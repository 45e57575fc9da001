// lamp HOST PORT DIRECTORY NODE: a lamp on paho for Go: the article's program, as a node.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

func tlsConfig(directory string) *tls.Config {
	pem, err := os.ReadFile(directory + "/ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	certificate, err := tls.LoadX509KeyPair(directory+"/node.crt", directory+"/node.key")
	if err != nil {
		log.Fatal(err)
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}}
}

func main() {
	host, port, directory, node := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	line, err := os.Create(directory + "/value")
	if err != nil {
		log.Fatal(err)
	}
	status, state := "sconce/"+node+"/status", "sconce/"+node+"/kitchen/state"
	levels := map[string]string{"ON": "1\n", "OFF": "0\n"}
	set := func(client mqtt.Client, message mqtt.Message) {
		command := string(message.Payload())
		level, known := levels[command]
		if !known {
			return
		}
		line.WriteAt([]byte(level), 0)
		stamp := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		client.Publish(state, 1, true, fmt.Sprintf(`{"time":"%s","state":"%s"}`, stamp, command))
	}
	options := mqtt.NewClientOptions().AddBroker("ssl://" + host + ":" + port).SetTLSConfig(tlsConfig(directory))
	options.SetClientID(node).SetWill(status, "offline", 1, true).SetOnConnectHandler(func(client mqtt.Client) {
		client.Publish(status, 1, true, "online")
		client.Subscribe("sconce/"+node+"/kitchen/set", 1, set)
	})
	if token := mqtt.NewClient(options).Connect(); token.Wait() && token.Error() != nil {
		log.Fatal(token.Error())
	}
	select {}
}

// SPDX-License-Identifier: Apache-2.0
// mochi-mqtt as the broker of a system test: takes a config of mosquitto's (-c FILE), listeners and access list, and goes by it as mosquitto does.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

type listener struct {
	port, host string
	words      map[string]string
}

type config struct {
	listeners []*listener
	aclFile   string
}

type line struct{ access, pattern string }

func lines(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

func readConfig(path string) *config {
	all := &config{}
	for _, text := range lines(path) {
		word, rest, _ := strings.Cut(text, " ")
		switch word {
		case "listener":
			port, host, _ := strings.Cut(rest, " ")
			all.listeners = append(all.listeners, &listener{port, host, map[string]string{}})
		case "acl_file":
			all.aclFile = rest
		case "cafile", "certfile", "keyfile", "crlfile", "require_certificate":
			all.listeners[len(all.listeners)-1].words[word] = rest
		}
	}
	return all
}

// ---- The access list -----------------------------------------------------------------------------------------------

func fits(pattern, topic string) bool {
	wanted, words := strings.Split(pattern, "/"), strings.Split(topic, "/")
	for at, word := range wanted {
		if word == "#" {
			return true
		}
		if at >= len(words) || word != "+" && word != words[at] {
			return false
		}
	}
	return len(wanted) == len(words)
}

func readList(path string) map[string][]line {
	rights, user := map[string][]line{}, ""
	for _, text := range lines(path) {
		words := strings.SplitN(text, " ", 3)
		if words[0] == "user" {
			user = words[1]
		} else if words[0] == "topic" {
			rights[user] = append(rights[user], line{words[1], words[2]})
		}
	}
	return rights
}

type rights struct {
	mqtt.HookBase
	path string
	lock sync.Mutex
	list map[string][]line
}

func (r *rights) ID() string { return "rights" }

func (r *rights) Provides(what byte) bool {
	return bytes.Contains([]byte{mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSessionEstablished}, []byte{what})
}

func (r *rights) load() {
	if r.path != "" {
		list := readList(r.path)
		r.lock.Lock()
		r.list = list
		r.lock.Unlock()
	}
}

func (r *rights) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

func (r *rights) OnSessionEstablished(client *mqtt.Client, _ packets.Packet) {
	fmt.Fprintf(os.Stderr, "connected as %s (p%d, u'%s')\n", client.ID, client.Properties.ProtocolVersion, nameOf(client))
}

func nameOf(client *mqtt.Client) string {
	if secure, is := client.Net.Conn.(*tls.Conn); is && len(secure.ConnectionState().PeerCertificates) > 0 {
		return secure.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	return ""
}

// A wildcard is subscribed to, and what comes by it is looked at one by one.
func (r *rights) OnACLCheck(client *mqtt.Client, topic string, write bool) bool {
	if r.path == "" || !write && strings.ContainsAny(topic, "+#") {
		return true
	}
	access, is := map[bool]string{true: "write", false: "read"}[write], false
	r.lock.Lock()
	defer r.lock.Unlock()
	for _, each := range r.list[nameOf(client)] {
		if fits(each.pattern, topic) {
			if each.access == "deny" {
				return false
			}
			is = is || each.access == "readwrite" || each.access == access
		}
	}
	return is
}

// ---- The broker ----------------------------------------------------------------------------------------------------

func (l *listener) revoked(raw [][]byte, _ [][]*x509.Certificate) error {
	text, err := os.ReadFile(l.words["crlfile"])
	if err != nil || len(raw) == 0 {
		return err
	}
	own, err := x509.ParseCertificate(raw[0])
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		return err
	}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(own.SerialNumber) == 0 {
			return errors.New("revoked")
		}
	}
	return nil
}

func (l *listener) tls() *tls.Config {
	if l.words["certfile"] == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(l.words["certfile"], l.words["keyfile"])
	if err != nil {
		log.Fatal(err)
	}
	settings := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if l.words["require_certificate"] == "true" {
		text, err := os.ReadFile(l.words["cafile"])
		if err != nil {
			log.Fatal(err)
		}
		settings.ClientAuth, settings.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		settings.ClientCAs.AppendCertsFromPEM(text)
		if l.words["crlfile"] != "" {
			settings.VerifyPeerCertificate = l.revoked
		}
	}
	return settings
}

func main() {
	if len(os.Args) != 3 || os.Args[1] != "-c" {
		log.Fatal("usage: mochi -c FILE")
	}
	all := readConfig(os.Args[2])
	list := &rights{path: all.aclFile}
	list.load()
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err := server.AddHook(list, nil); err != nil {
		log.Fatal(err)
	}
	for number, each := range all.listeners {
		settings := listeners.Config{ID: fmt.Sprint(number), Address: each.host + ":" + each.port, TLSConfig: each.tls()}
		var opened listeners.Listener = listeners.NewTCP(settings)
		if each.port == "0" {
			settings.Address = each.host
			opened = listeners.NewUnixSock(settings)
		}
		if err := server.AddListener(opened); err != nil {
			log.Fatal(err)
		}
	}
	if err := server.Serve(); err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, "mochi-mqtt is running")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM)
	for <-signals == syscall.SIGHUP {
		list.load()
	}
	_ = server.Close()
}

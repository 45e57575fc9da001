// SPDX-License-Identifier: Apache-2.0
// Keeps the page's own files, so that it opens without a network and shows the last state. The network comes first, for as
// long as anyone waits: away from home it may neither answer nor refuse.
const KEPT = "sconce-BUILD";
const FILES = ["./", "index.html", "app.js", "mqtt.js", "uplot.js", "app.css", "manifest.webmanifest", "icons/icon.svg"];
const PATIENCE_MS = 3000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

async function fetchAndKeep(request) {
  const fresh = await fetch(request);
  if (fresh.ok) {
    const copy = fresh.clone();
    caches.open(KEPT).then((cache) => cache.put(request, copy));
  }
  return fresh;
}

async function answer(request) {
  const kept = await caches.match(request, { ignoreSearch: true });
  if (!kept) return fetchAndKeep(request);
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS, kept));
  return Promise.race([fetchAndKeep(request).catch(() => kept), late]);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === self.location.origin) event.respondWith(answer(request));
});

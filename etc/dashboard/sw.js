// SPDX-License-Identifier: Apache-2.0
// Keeps the page's own files, so that it opens without a network and shows the last state. The network comes first.
const KEPT = "sconce-BUILD";
const FILES = ["./", "index.html", "app.js", "mqtt.js", "uplot.js", "app.css", "manifest.webmanifest", "icons/icon.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

async function answer(request) {
  try {
    const fresh = await fetch(request);
    if (fresh.ok) {
      const copy = fresh.clone();
      caches.open(KEPT).then((cache) => cache.put(request, copy));
    }
    return fresh;
  } catch (error) {
    const kept = await caches.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === self.location.origin) event.respondWith(answer(request));
});

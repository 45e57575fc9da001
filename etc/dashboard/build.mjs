// SPDX-License-Identifier: Apache-2.0
// Makes the page: node build.mjs [DIRECTORY]. Fails where it would be larger than LIMIT, compressed as nginx sends it.
import { build } from "esbuild";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 100_000;
const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "../../build/dashboard"));

// MQTT.js carries for browsers what Node.js has: a third of that is used.
const STAND_INS = [
  [/^worker-timers$/, "timers.mjs"],
  [/^debug$/, "debug.cjs"],
  [/^lru-cache$/, "lru-cache.cjs"],
  [/^rfdc\/default$/, "copy.cjs"],
  [/^readable-stream$/, "streams.cjs"],
  [/^process\/$/, "process.cjs"],
  [/^(ws|string_decoder\/?)$/, "nothing.cjs"],
  [/\/package\.json$/, "version.cjs"],
  [/\/internal\/streams\/(async_iterator|from|pipeline)(\.js)?$/, "nothing.cjs"],
];

const standIns = {
  name: "stand-ins",
  setup(bundle) {
    for (const [filter, file] of STAND_INS) bundle.onResolve({ filter }, () => ({ path: join(here, "stand-ins", file) }));
    // Only its list of buffers: the stream around it is not used.
    bundle.onResolve({ filter: /^bl$/ }, () => ({ path: join(here, "node_modules/bl/BufferList.js") }));
    bundle.onResolve({ filter: /^buffer\/?$/ }, () => ({ path: join(here, "node_modules/buffer/index.js") }));
  },
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const scripts = {
  absWorkingDir: here,
  metafile: true,
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  charset: "utf8",
};
// Three files, each of which a browser reads in a task of its own.
const made = [
  await build({ ...scripts, entryPoints: { app: "src/main.ts", uplot: "uplot" }, splitting: true, external: ["./mqtt.js"] }),
  await build({ ...scripts, entryPoints: { mqtt: "src/mqtt.ts" }, define: { global: "globalThis" }, inject: ["stand-ins/globals.mjs"], plugins: [standIns] }),
];
await build({
  absWorkingDir: here,
  entryPoints: ["app.css"],
  outdir: out,
  bundle: true,
  minify: true,
  logLevel: "warning",
});
for (const file of ["index.html", "manifest.webmanifest", "icons"]) cpSync(join(here, file), join(out, file), { recursive: true });

// The licences of what is in them.
const inputs = made.flatMap(({ metafile }) => Object.keys(metafile.inputs));
const packages = new Set(inputs.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
const licences = [...packages].sort().map((name) => {
  const directory = join(here, "node_modules", name);
  const file = readdirSync(directory).find((one) => /^licen[cs]e/i.test(one));
  return `==== ${name}\n\n${file ? readFileSync(join(directory, file), "utf8") : JSON.parse(readFileSync(join(directory, "package.json"), "utf8")).license}`;
});
writeFileSync(join(out, "licences.txt"), licences.join("\n"));

// The service worker keeps the files of one build: its text changes when one of them does.
const kept = ["index.html", "app.js", "mqtt.js", "uplot.js", "app.css", "manifest.webmanifest", "icons/icon.svg"];
const digest = createHash("sha256");
for (const file of kept) digest.update(readFileSync(join(out, file)));
const worker = readFileSync(join(here, "sw.js"), "utf8").replace("BUILD", digest.digest("hex").slice(0, 12));
writeFileSync(join(out, "sw.js"), worker);

const sent = ["index.html", "app.js", "mqtt.js", "uplot.js", "app.css", "sw.js", "manifest.webmanifest"];
const sizes = sent.map((file) => {
  const compressed = gzipSync(readFileSync(join(out, file)), { level: 9 });
  // nginx's gzip_static sends these as they are.
  writeFileSync(join(out, `${file}.gz`), compressed);
  return [file, compressed.length];
});
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
console.log(`${sizes.map(([file, size]) => `${file} ${size}`).join(", ")}: ${total} bytes compressed, of ${LIMIT}`);
if (total > LIMIT) process.exit(1);

// SPDX-License-Identifier: Apache-2.0
// The page's own modules, for tests without a browser.
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { TREE } from "./stage.mjs";

const page = join(TREE, "etc/dashboard");
const { build } = createRequire(join(page, "build.mjs"))("esbuild");

/** modules("house", "topics") */
export async function modules(...names) {
  const directory = mkdtempSync(join(tmpdir(), "sconce-modules-"));
  try {
    const file = join(directory, "all.mjs");
    const contents = names.map((name) => `export * from "./${name}.js";`).join("\n");
    await build({ stdin: { contents, resolveDir: join(page, "src"), loader: "ts" }, outfile: file, bundle: true, format: "esm", platform: "node", logLevel: "error" });
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

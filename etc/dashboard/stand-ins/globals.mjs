// SPDX-License-Identifier: Apache-2.0
// Names that are there by themselves in Node.js: esbuild brings them in where one is used.
import { Buffer } from "buffer/";
import process from "./process.cjs";
export { Buffer, process };

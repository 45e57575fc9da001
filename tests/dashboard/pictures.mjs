// SPDX-License-Identifier: Apache-2.0
// Takes the page's pictures: node tests/dashboard/pictures.mjs [DIRECTORY [WORD]], into docs/pictures by default.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hallDevices, DOOR, KITCHEN } from "./house.mjs";
import { Stage, TREE } from "./stage.mjs";

// SPDX-License-Identifier: Apache-2.0
// The model alone, without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { modules } from "./modules.mjs";

const { addPoint, chooseLanguage, Clock, Frames, House, iconOf, isWritable, join, kindOf, mainChannel, nameOf, Pace, readJson, readTopic, readTrends, sparkPath, STEPS, summary, summaryText, topicFits, word } = await modules("clock", "frame", "house", "json", "kinds", "pace", "points", "spark", "topics", "words");

const NOW = Date.parse("2026-11-22T19:30:00Z");

function apply(house, topic, payload, retained = true) {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  house.apply({ topic: readTopic("sconce", `sconce/${topic}`), payload: text, retained, now: NOW });
}

function houseOf(devices) {
  const house = new House();
  apply(house, "hall/info", { version: "0.1.0", devices });
  apply(house, "hall/status", "online");
  return house;
}

const LAMP = { plugin: "lamp", name: "Table", area: "Kitchen", channels: { effect: { kind: "select", choices: ["none"] }, state: { kind: "light" }, brightness: { kind: "number", min: 1, max: 255 } } };
const CELLAR = { plugin: "w1", channels: { temperature: { kind: "sensor", unit: "°C", class: "temperature" } } };

test("readTopic__of_each_length__names_its_words", () => {
  assert.deepEqual(readTopic("sconce", "sconce/hall/info"), { node: "hall", device: "", leaf: "info", channel: "" });
  assert.deepEqual(readTopic("a/b", "a/b/hall/lamp/set/state"), { node: "hall", device: "lamp", leaf: "set", channel: "state" });
  for (const other of ["sconce/hall", "sconce/reply/me/1", "other/hall/info", "sconce/a/b/c/d/e", "sconced/hall/info"]) assert.equal(readTopic("sconce", other), null, other);
});

test("topicFits__wildcards_and_parts__fit_as_in_MQTT", () => {
  for (const filter of ["sconce/+/+/state", "sconce/#", "lamp/st", "sconce/hall/lamp/state"]) assert.equal(topicFits(filter, "sconce/hall/lamp/state"), true, filter);
  for (const filter of ["sconce/+/state", "sconce/+/+/set", "x"]) assert.equal(topicFits(filter, "sconce/hall/lamp/state"), false, filter);
});

test("STEPS__each_topic_of_a_node__comes_once", () => {
  const topics = ["info", "status", "get", "lamp/state", "lamp/status", "lamp/error", "lamp/event", "lamp/history", "lamp/result", "lamp/set", "lamp/set/state", "lamp/get", "node/set/restart"];
  for (const topic of [...topics.map((rest) => `hall/${rest}`), "reply/me/1", "reply/page-1"]) assert.equal(STEPS.flat().filter((filter) => topicFits(filter, topic)).length, 1, topic);
});

test("House__topics_that_every_object_has__are_nothing", () => {
  const house = houseOf({ table: LAMP });
  for (const leaf of ["valueOf", "hasOwnProperty", "__proto__", "constructor"]) apply(house, `hall/table/${leaf}`, "ON");
  apply(house, "hall/info", { devices: { table: LAMP, toString: LAMP } });
  apply(house, "hall/info", { devices: { table: LAMP } });
  assert.deepEqual(house.devices().map(({ id }) => id), ["table"]);
});

test("House__error_that_ended_while_nobody_looked__is_not_shown", () => {
  const house = houseOf({ table: LAMP });
  apply(house, "hall/table/error", { code: "eio", message: "gone" });
  house.take();
  house.forgetErrors();
  assert.equal(house.device("hall/table").error, "");
  assert.ok(house.take().keys.has("hall/table"), "the card is not drawn again");
});

test("House__what_no_node_describes__makes_no_node_and_is_bounded", () => {
  const house = new House();
  for (const topic of ["typo/x/set", "typo/x/status", "typo/status"]) apply(house, topic, topic.endsWith("set") ? "ON" : "");
  assert.equal(house.nodes.size, 0);
  for (let n = 0; n < 1000; n++) apply(house, `evil/d${n}/state`, { [`k${n}`]: n });
  for (let n = 0; n < 1000; n++) apply(house, "evil/d0/state", { time: "2026-11-22T19:29:00Z", [`k${n}`]: n });
  assert.ok(house.nodes.get("evil").devices.size <= 64);
  assert.ok(house.device("evil/d0").points.size <= 64);
});

test("House__control_characters_in_a_name__are_left_out", () => {
  const house = houseOf({ table: { ...LAMP, name: "Ta\u0007ble", area: "\u0000" } });
  assert.deepEqual([house.device("hall/table").name, house.device("hall/table").area], ["Table", ""]);
});

test("Clock__of_the_house__is_kept_and_read_again_when_it_must", async () => {
  const there = { at: 1_000_000, asked: 0 };
  const own = { wall: 1_500_000, steady: 0 };
  const clock = new Clock(async () => ((there.asked += 1), there.at), () => own.wall, () => own.steady);
  assert.equal(await clock.surely(), 1_000_000);
  assert.equal(await clock.surely(), 1_000_000);
  assert.equal(there.asked, 1);
  own.wall = 1_000_500; // put right
  assert.equal(await clock.surely(), 1_000_500);
  own.wall += 700_000; // and goes on for long
  own.steady += 700_000;
  there.at = NaN;
  assert.equal(await clock.surely(), 1_700_500);
  assert.equal(there.asked, 3);
  await clock.surely();
  assert.equal(there.asked, 4); // since nobody said
  there.at = 1_705_500;
  assert.equal(await clock.surely(), 1_705_500);
});

test("readJson__envelope__is_taken_off", () => {
  assert.deepEqual(readJson('{"header":{"node":"hall"},"content":{"state":"ON"},"footer":{}}'), { state: "ON" });
  assert.deepEqual(readJson('{"header":1,"content":2}'), { header: 1, content: 2 });
  for (const bad of ["", "[1]", "ON", "{", "null"]) assert.equal(readJson(bad), null, bad);
});

test("House__state_before_info__device_is_shown_with_it", () => {
  const house = new House();
  apply(house, "hall/table/state", { time: "2026-11-22T19:29:00Z", state: "ON" });
  assert.equal(house.devices().length, 0);
  apply(house, "hall/info", { devices: { table: LAMP } });
  assert.deepEqual(house.devices().map((device) => [device.name, device.state.state]), [["Table", "ON"]]);
});

test("House__node_away__its_devices_are_offline", () => {
  const house = houseOf({ table: LAMP });
  const device = house.device("hall/table");
  assert.equal(house.availability(device), "unknown");
  apply(house, "hall/table/status", "online");
  assert.equal(house.availability(device), "online");
  house.take();
  apply(house, "hall/status", "offline");
  assert.equal(house.availability(device), "offline");
  assert.ok(house.take().keys.has("hall/table"), "the card is not drawn again");
});

test("House__device_gone_from_info__is_gone", () => {
  const house = houseOf({ table: LAMP, cellar: CELLAR });
  apply(house, "hall/info", { devices: { cellar: CELLAR } });
  assert.deepEqual(house.devices().map((device) => device.id), ["cellar"]);
  apply(house, "hall/info", "");
  assert.equal(house.nodes.size, 0);
});

test("House__nothing_described_again__is_dropped_when_all_has_come", () => {
  const house = houseOf({ table: LAMP });
  house.begin();
  apply(house, "shed/info", { devices: {} });
  house.dropStale();
  assert.deepEqual([...house.nodes.keys()], ["shed"]);
});

test("House__history__stands_at_its_true_time_and_once", () => {
  const house = houseOf({ cellar: CELLAR });
  apply(house, "hall/cellar/state", { time: "2026-11-22T19:20:00Z", temperature: 9 }, false);
  apply(house, "hall/cellar/state", { time: "2026-11-22T19:30:00Z", temperature: 11 }, false);
  const late = { seq: 1, boot: "b", time: "2026-11-22T19:25:00Z", state: { temperature: 10 } };
  apply(house, "hall/cellar/history", late, false);
  apply(house, "hall/cellar/history", late, false);
  apply(house, "hall/cellar/history", { ...late, time: null, state: { temperature: 99 } }, false);
  assert.deepEqual(house.device("hall/cellar").points.get("temperature").map(([, value]) => value), [9, 10, 11]);
});

test("House__event_live_and_again_in_history__is_one", () => {
  const house = houseOf({ wall: { plugin: "button", channels: { press: { kind: "event" } } } });
  apply(house, "hall/wall/event", { time: "2026-11-22T19:29:00Z", channel: "press", event_type: "single" }, false);
  apply(house, "hall/wall/history", { time: "2026-11-22T19:29:00Z", event: { channel: "press", event_type: "single" } }, false);
  apply(house, "hall/wall/history", { time: "2026-11-22T19:28:00Z", event: { channel: "press", event_type: "long" } }, false);
  assert.deepEqual(house.device("hall/wall").events.map((event) => event.type), ["single", "long"]);
});

test("House__what_makes_no_sense__changes_nothing", () => {
  const house = houseOf({ table: LAMP });
  for (const payload of ["", "{", "[]", "null", '{"devices":7}', '{"devices":{"x":7}}']) apply(house, "hall/table/state", payload);
  apply(house, "hall/info", '{"devices":{"table":{"channels":{"state":7}}}}');
  assert.deepEqual(house.device("hall/table").channels, []);
});

test("mainChannel__lamp__is_its_light", () => {
  const device = houseOf({ table: LAMP }).device("hall/table");
  assert.equal(mainChannel(device).key, "state");
  device.state = { state: "ON", brightness: 128 };
  assert.equal(summaryText(device), "On · 50%");
  device.state = { state: "OFF", brightness: 128 };
  assert.equal(summaryText(device), "Off");
});

test("isWritable__channel_unlike_its_kind__counts", () => {
  const device = houseOf({ meter: { plugin: "counter", channels: { total: { kind: "sensor", writable: true }, level: { kind: "number", writable: false }, new: { kind: "hologram" } } } }).device("hall/meter");
  assert.deepEqual(device.channels.map(isWritable), [true, false, false]);
  assert.equal(kindOf(device.channels[2]).control, "none");
});

test("kindOf__names_that_every_object_has__are_names_as_any_other", () => {
  for (const odd of ["constructor", "toString", "__proto__"]) {
    const house = houseOf({ contact: { channels: { state: { kind: "binary_sensor", class: odd } } }, cover: { channels: { state: { kind: "cover", class: odd } } }, new: { channels: { state: { kind: odd, unit: odd } } } });
    for (const id of ["contact", "cover", "new"]) {
      apply(house, `hall/${id}/state`, { time: "2026-11-22T19:29:00Z", state: odd });
      assert.match(summaryText(house.device(`hall/${id}`)), id === "new" ? /./ : /^Unknown$/, odd);
      assert.match(iconOf(house.device(`hall/${id}`)), /^(door|shutter|text)$/, odd);
      assert.equal(house.device(`hall/${id}`).points.size, 0, odd);
    }
  }
});

test("nameOf__names_that_are_sentences_elsewhere__stay_names", () => {
  assert.deepEqual(["range", "days", "stale", "gone", "constructor", "soil_wet"].map(nameOf), ["Range", "Days", "Stale", "Gone", "Constructor", "Soil wet"]);
  assert.deepEqual(["temperature", "double", "co2"].map(nameOf), ["Temperature", "Double press", "CO₂"]);
});

test("word__what_is_put_in__is_not_looked_at_again", () => {
  assert.equal(word("controlOf", "{1} (s)", "Open"), "{1} (s): Open");
  assert.deepEqual([1, 2].map((count) => word("deviceCount", count)), ["1 device", "2 devices"]);
});

test("words__Chinese__leave_no_plugin_s_channel_in_English", () => {
  chooseLanguage("zh-Hant", []);
  try {
    for (const key of ["state", "effect", "breathe", "flash", "for", "position", "press", "single", "double", "triple", "long", "release", "turn", "clockwise", "counterclockwise", "total", "rate", "temperature", "load", "memory_used", "disk_used", "wifi_signal", "under_voltage", "throttled"]) assert.match(nameOf(key), /\p{Script=Han}/u, key);
  } finally {
    chooseLanguage("en", []);
  }
});

test("addPoint__late_and_double__stays_in_order", () => {
  const points = [];
  for (const time of [1, 5, 3, 5, 2]) addPoint(points, time, time);
  assert.deepEqual(points.map(([time]) => time), [1, 2, 3, 5]);
});

const ANSWER = { ok: true, start: "2026-11-22T19:00:00Z", step_s: 300, channels: { temperature: { min: [1, null, 3], mean: [2, null, 4], max: [3, null, 5] }, pump: { on: [0, 0.5, 1] }, odd: 7 } };

test("readTrends__answer__has_each_channel", () => {
  const trends = readTrends(ANSWER);
  assert.deepEqual([...trends.keys()], ["temperature", "pump"]);
  assert.equal(trends.get("pump").isShare, true);
  assert.equal(readTrends({ ok: true, start: null, step_s: 300, channels: {} }).size, 0);
});

test("join__readings_in_a_bucket__stand_for_it", () => {
  const trend = readTrends(ANSWER).get("temperature");
  const { start } = trend;
  const curve = join(trend, [[start + 310_000, 7], [start + 1_000_000, 8]], start - 1);
  assert.deepEqual(curve.values, [2, 7, 4, 8]);
  assert.deepEqual(curve.times.map((time) => time - start / 1000), [150, 310, 750, 1000]);
  // 2 for 160 s, 7 for 440, 4 for 250, 8 for the last 200.
  assert.deepEqual(summary(curve, start / 1000 + 1200), { low: 1, mean: (2 * 160 + 7 * 440 + 4 * 250 + 8 * 200) / 1050, high: 8 });
});

test("summary__many_readings_in_a_short_time__count_for_that_time", () => {
  const trend = { start: 0, step: 300_000, isShare: false, mean: Array(283).fill(10), min: [], max: [] };
  const points = Array.from({ length: 1500 }, (_, n) => [283 * 300_000 + n * 1000, 20]);
  const { mean } = summary(join(trend, points, 0), 86400);
  assert.ok(Math.abs(mean - (10 * 84750 + 20 * 1500) / 86250) < 0.05, `${mean}`);
});

test("join__readings_long_after_the_trend__are_no_line_with_it", () => {
  const trend = readTrends(ANSWER).get("temperature");
  const points = [[trend.start + 7_200_000, 7]];
  assert.deepEqual(join(trend, points, trend.start).values, [2, null, 4, null, 7]);
  assert.deepEqual(join(undefined, points, trend.start).values, [7]);
});

test("readTrends__of_more_than_a_day__is_cut", () => {
  const answer = { start: "2026-11-22T19:00:00Z", step_s: 300, channels: { t: { mean: Array(100_000).fill(1), min: [], max: [] } } };
  assert.equal(readTrends(answer).get("t").mean.length, 288);
});

test("join__nothing_in_between__leaves_a_gap", () => {
  const trend = readTrends(ANSWER).get("temperature");
  const curve = join(trend, [], trend.start);
  assert.deepEqual(curve.values, [2, null, 4]);
});

test("sparkPath__gap__is_left_and_too_few_values_draw_nothing", () => {
  assert.equal(sparkPath({ times: [0, 1, 2, 3, 4], values: [1, 2, null, 4, 5] }, 0, 4).match(/M/g).length, 2);
  assert.equal(sparkPath({ times: [0, 1, 2], values: [1, null, 2] }, 0, 4), "");
});

/** What is handed on, as text, and the tasks that were asked for. */
function paced() {
  const tasks = [];
  const came = [];
  const pace = new Pace((data) => came.push(Buffer.from(data).toString()), (callback) => tasks.push(callback));
  return { pace, tasks, came, add: (text) => pace.add(Buffer.from(text)) };
}

test("Pace__many_at_once__are_handed_on_in_order_a_few_in_each_task", () => {
  const { tasks, came, add } = paced();
  const sent = Array.from({ length: 300 }, (_, n) => `message ${n};`.padEnd(40, "."));
  for (const text of sent) add(text);
  assert.deepEqual(came, [], "the task that brings it has to end first");
  while (tasks.length > 0) {
    assert.equal(tasks.length, 1);
    tasks.shift()();
    assert.ok(came.at(-1).length <= 4096, `${came.at(-1).length} bytes in one`);
  }
  assert.ok(came.length > 1, "all came in one task");
  assert.equal(came.join(""), sent.join(""));
});

test("Pace__what_comes_while_some_wait__comes_after_them", () => {
  const { tasks, came, add } = paced();
  const large = "L".repeat(10_000);
  for (const text of ["first", large, "third"]) add(text);
  tasks.shift()();
  add("last");
  while (tasks.length > 0) tasks.shift()();
  assert.deepEqual(came, ["first", large, "thirdlast"]);
  add("again");
  tasks.shift()();
  assert.equal(came.at(-1), "again");
  assert.equal(tasks.length, 0);
});

test("Pace__flushed__hands_all_on_and_nothing_twice", () => {
  const { pace, tasks, came, add } = paced();
  for (let n = 0; n < 3; n++) add(String(n).repeat(4000));
  pace.flush();
  while (tasks.length > 0) tasks.shift()();
  assert.equal(came.join(""), ["0", "1", "2"].map((text) => text.repeat(4000)).join(""));
});

/** Frames, of which the next one comes when it is called for. */
function framesByHand(t) {
  const next = [];
  const names = ["document", "requestAnimationFrame"];
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  globalThis.document = { hidden: false };
  globalThis.requestAnimationFrame = (callback) => next.push(callback);
  t.after(() => names.forEach((name, at) => (before[at] ? Object.defineProperty(globalThis, name, before[at]) : delete globalThis[name])));
  return { frames: new Frames(), frame: () => next.splice(0).forEach((callback) => callback()) };
}

test("Frames__held__draws_what_was_asked_for_when_it_is_released", (t) => {
  const { frames, frame } = framesByHand(t);
  const drawn = [];
  const job = (name) => () => void drawn.push(name);
  frames.ask(job("before"));
  frames.hold(60_000);
  frames.ask(job("held"));
  frame();
  assert.deepEqual(drawn, []);
  frames.release();
  frame();
  assert.deepEqual(drawn, ["before", "held"]);
  frames.ask(job("after"));
  frame();
  assert.equal(drawn.at(-1), "after");
});

test("Frames__job_with_something_left__goes_on_in_the_next_frame", (t) => {
  const { frames, frame } = framesByHand(t);
  let left = 3;
  frames.ask(() => --left > 0);
  for (const expected of [2, 1, 0, 0]) {
    frame();
    assert.equal(left, expected);
  }
});

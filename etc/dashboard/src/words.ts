// SPDX-License-Identifier: Apache-2.0
// Every word that the page shows, in English and in Traditional Chinese. {0} is what is put in, (s) stands unless that is 1.

import { own } from "./json.js";

export type Language = "en" | "zh-Hant";

const WORDS = {
  rooms: ["Rooms", "房間"],
  nodes: ["Nodes", "節點"],
  log: ["Messages", "訊息"],
  search: ["Search", "搜尋"],
  favourites: ["Favourites", "我的最愛"],
  addFavourite: ["Add to favourites", "加入我的最愛"],
  removeFavourite: ["Remove from favourites", "從我的最愛移除"],
  elsewhere: ["Elsewhere", "其他"],
  back: ["Back", "返回"],
  otherLanguage: ["中文", "English"],
  skip: ["Skip to content", "跳至內容"],
  mainMenu: ["Main", "主選單"],

  connected: ["Connected", "已連線"],
  connecting: ["Connecting…", "連線中…"],
  away: ["Not connected", "未連線"],
  readOnly: ["View only", "僅供檢視"],

  on: ["On", "開"],
  off: ["Off", "關"],
  offline: ["Offline", "離線"],
  nodeOffline: ["Node is offline", "節點離線"],
  unknown: ["Unknown", "未知"],
  online: ["Online", "上線"],
  open: ["Open", "開啟"],
  closed: ["Closed", "關閉"],
  opening: ["Opening…", "開啟中…"],
  closing: ["Closing…", "關閉中…"],
  stopped: ["Stopped", "已停止"],
  detected: ["Detected", "偵測到"],
  clear: ["Clear", "未偵測到"],
  wet: ["Wet", "潮濕"],
  dry: ["Dry", "乾燥"],
  problem: ["Problem", "異常"],
  ok: ["OK", "正常"],
  locked: ["Locked", "已上鎖"],
  unlocked: ["Unlocked", "未上鎖"],
  active: ["Active", "作用中"],
  inactive: ["Inactive", "未作用"],
  low: ["Low", "電量低"],
  noEvents: ["Nothing yet", "尚無事件"],

  openIt: ["Open", "開啟"],
  closeIt: ["Close", "關閉"],
  stopIt: ["Stop", "停止"],
  press: ["Press", "按下"],
  set: ["Set", "設定"],
  send: ["Send", "送出"],
  controlOf: ["{0}: {1}", "{0}：{1}"],

  controls: ["Controls", "控制"],
  readings: ["Readings", "讀數"],
  events: ["Events", "事件"],
  overTime: ["Over time", "歷史"],
  day: ["24 hours", "24 小時"],
  week: ["7 days", "7 天"],
  spanOf: ["Time shown", "顯示期間"],
  range: ["lowest {0}, mean {1}, highest {2}", "最低 {0}，平均 {1}，最高 {2}"],
  shareOn: ["on {0} of the time", "開啟時間占 {0}"],
  noReadings: ["No readings in this time.", "這段期間沒有讀數。"],
  trendReadOnly: ["What was before cannot be asked for with a certificate that only views; readings gather here while the page is open.", "僅供檢視的憑證無法查詢過往讀數；頁面開啟期間的讀數會累積於此。"],
  trendLate: ["The node did not answer what was before; what comes now is drawn.", "節點未回覆過往讀數；以下為目前讀數。"],
  loading: ["Loading…", "載入中…"],
  details: ["Details", "詳細資料"],
  node: ["Node", "節點"],
  plugin: ["Plugin", "外掛"],
  lastReading: ["Last reading", "最近讀數"],
  topics: ["Topic", "主題"],
  room: ["Room", "房間"],

  version: ["Version", "版本"],
  uptime: ["Up for", "已執行"],
  memory: ["Memory", "記憶體"],
  queue: ["Waiting to be sent", "等待傳送"],
  dropped: ["Could not be delivered", "無法送達"],
  certificate: ["Certificate ends in", "憑證效期剩餘"],
  days: ["{0} day(s)", "{0} 天"],
  hours: ["{0} h", "{0} 小時"],
  minutes: ["{0} min", "{0} 分鐘"],
  deviceCount: ["{0} device(s)", "{0} 個裝置"],
  offlineCount: [", {0} offline", "，{0} 個離線"],
  problems: ["Problems", "問題"],
  restart: ["Restart", "重新啟動"],
  reload: ["Read the config again", "重新讀取設定"],
  sure: ["Really restart?", "確定要重新啟動？"],
  lampsOn: ["{0} on", "{0} 盞燈亮著"],

  waiting: ["Waiting for the answer…", "等待回覆…"],
  done: ["Done", "完成"],
  noAnswer: ["No answer from the node. It may be busy or cut off; nothing is sent again by itself.", "節點沒有回覆，可能忙碌或斷線；不會自動重送。"],
  notAllowed: ["This certificate may not command this node.", "此憑證無權控制此節點。"],
  notSent: ["There is no connection to the broker: the command was not sent.", "未連線至 MQTT 伺服器，指令未送出。"],
  unsure: ["The connection ended meanwhile: it may have been carried out, or not.", "連線中斷，指令可能已執行，也可能沒有。"],
  dismiss: ["Dismiss", "關閉訊息"],
  refusedAt: ["{0}: {1}", "{0}：{1}"],

  emptyTitle: ["No devices yet", "還沒有裝置"],
  emptyText: ["The broker answers, but no node has described itself. On a node: `sudo sconce doctor`. A certificate that was revoked sees nothing either.", "MQTT 伺服器有回應，但還沒有節點回報自己的裝置。請在節點上執行 `sudo sconce doctor`。憑證若已撤銷，也看不到任何資料。"],
  searchingTitle: ["Looking for your home…", "正在尋找您的家…"],
  searchingText: ["The page connects to `{0}`.", "正在連線至 `{0}`。"],
  nothingTitle: ["Nothing is called “{0}”", "找不到「{0}」"],
  nothingText: ["Names, rooms and nodes are searched.", "搜尋範圍包含名稱、房間與節點。"],
  clearSearch: ["Show all", "顯示全部"],
  awayTitle: ["The broker cannot be reached", "無法連線至 MQTT 伺服器"],
  awayText: ["The page keeps trying `{0}`. Is the broker running, and does this browser have a certificate that it knows?", "頁面會持續嘗試連線至 `{0}`。MQTT 伺服器是否執行中？瀏覽器是否已匯入伺服器認可的憑證？"],
  askCertificate: ["Choose the certificate for the broker", "選擇要出示給 MQTT 伺服器的憑證"],
  askCertificateText: ["opens the broker’s own address once, where the browser asks which certificate to show. Then come back.", "會開啟 MQTT 伺服器的網址，瀏覽器會詢問要出示哪張憑證，選好後請回到此頁。"],
  tryNow: ["Try now", "立即重試"],
  refusedTitle: ["The broker does not let this page in", "MQTT 伺服器拒絕連線"],
  refusedText: ["It answered: {0}", "回應：{0}"],
  configTitle: ["config.json cannot be read", "無法讀取 config.json"],
  configText: ["It lies beside the page and names the broker: `{\"broker\":\"wss://broker.lan:8884/\"}`. The reason: {0}", "此檔案與頁面放在一起，用來指定 MQTT 伺服器：`{\"broker\":\"wss://broker.lan:8884/\"}`。原因：{0}"],
  gone: ["This device is not there any more.", "此裝置已不存在。"],
  stale: ["The last state, from {0}. It is not live.", "這是 {0} 的最後狀態，並非即時。"],

  filter: ["Filter: part of a topic, or sconce/+/+/state", "篩選：主題的一部分，或 sconce/+/+/state"],
  pause: ["Pause", "暫停"],
  goOn: ["Go on", "繼續"],
  empty: ["Clear", "清除"],
  paused: ["Paused: {0} more have come", "已暫停：又收到 {0} 則"],
  noMessages: ["No message fits the filter.", "沒有符合的訊息。"],
  noMessagesYet: ["No message yet.", "尚無訊息。"],
  publish: ["Publish", "發布"],
  topic: ["Topic", "主題"],
  payload: ["Payload", "內容"],
  published: ["The broker took it.", "MQTT 伺服器已接收。"],
  notPublished: ["Not published: {0}", "未發布：{0}"],
  retainedMark: ["retained", "保留"],
  messagesShown: ["{0} message(s)", "{0} 則訊息"],
} as const satisfies { [key: string]: readonly [string, string] };

export type Word = keyof typeof WORDS;

/** What channels, classes, choices and events are called: apart from WORDS, where a channel `range` is a sentence. */
const NAMES: { readonly [key: string]: readonly [string, string] } = {
  brightness: ["Brightness", "亮度"],
  position: ["Position", "位置"],
  temperature: ["Temperature", "溫度"],
  humidity: ["Humidity", "濕度"],
  pressure: ["Pressure", "氣壓"],
  illuminance: ["Light", "照度"],
  state: ["State", "狀態"],
  effect: ["Effect", "效果"],
  transition: ["Transition", "漸變"],
  flash: ["Flash", "閃爍"],
  for: ["For a time", "持續時間"],
  total: ["Total", "累計"],
  rate: ["Rate", "速率"],
  power: ["Power", "功率"],
  turn: ["Turn", "旋轉"],
  value: ["Value", "數值"],
  load: ["Load", "負載"],
  memory_used: ["Memory used", "記憶體使用"],
  disk_used: ["Disk used", "磁碟使用"],
  wifi_signal: ["Wi-Fi signal", "Wi-Fi 訊號"],
  under_voltage: ["Under-voltage", "電壓不足"],
  throttled: ["Throttled", "降速"],
  clockwise: ["Clockwise", "順時針"],
  counterclockwise: ["Counterclockwise", "逆時針"],
  press: ["Press", "按鍵"],
  single: ["Single press", "按一下"],
  double: ["Double press", "按兩下"],
  triple: ["Triple press", "按三下"],
  long: ["Long press", "長按"],
  release: ["Released", "放開"],
  none: ["None", "無"],
  blink: ["Blink", "閃爍"],
  breathe: ["Breathe", "呼吸"],
  auto: ["Automatic", "自動"],
  low: ["Low", "低"],
  medium: ["Medium", "中"],
  high: ["High", "高"],
  co2: ["CO₂", "二氧化碳"],
  carbon_dioxide: ["CO₂", "二氧化碳"],
  voc: ["VOC", "VOC"],
  pm25: ["PM2.5", "PM2.5"],
  voltage: ["Voltage", "電壓"],
  current: ["Current", "電流"],
  energy: ["Energy", "用電量"],
  frequency: ["Frequency", "頻率"],
  distance: ["Distance", "距離"],
  speed: ["Speed", "速度"],
  water: ["Water", "用水量"],
  gas: ["Gas", "瓦斯"],
  battery: ["Battery", "電池"],
  moisture: ["Moisture", "濕度"],
  weight: ["Weight", "重量"],
  signal_strength: ["Signal strength", "訊號強度"],
};

const LANGUAGES: readonly Language[] = ["en", "zh-Hant"];
let column = 0;

/** Chinese where the browser asks for any of it first; what was chosen by hand comes before that. */
export function chooseLanguage(chosen: string | null, preferred: readonly string[]): Language {
  const first = preferred[0] ?? "en";
  const language = LANGUAGES.find((one) => one === chosen) ?? (first.toLowerCase().startsWith("zh") ? "zh-Hant" : "en");
  column = LANGUAGES.indexOf(language);
  return language;
}

export function currentLanguage(): Language {
  return LANGUAGES[column] as Language;
}

export function word(key: Word, ...given: (string | number)[]): string {
  const text = WORDS[key][column] as string;
  return text.replace(/\{(\d)\}|\(s\)/g, (_, at?: string) => (at === undefined ? (Number(given[0]) === 1 ? "" : "s") : String(given[Number(at)])));
}

/** A channel's key or class as people call it: from the table, or its words. */
export function nameOf(key: string): string {
  const name = own(NAMES, key);
  if (name) return name[column] as string;
  const text = key.replace(/_/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** To make what writes numbers and times costs a hundred times what it then takes to write one. */
function once<Made>(make: (language: Language) => Made): () => Made {
  const made = new Map<Language, Made>();
  return () => {
    const language = currentLanguage();
    let one = made.get(language);
    if (!one) made.set(language, (one = make(language)));
    return one;
  };
}

const NUMBERS = [0, 1, 2].map((maximumFractionDigits) => once((language) => new Intl.NumberFormat(language, { maximumFractionDigits })));
const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const nearTimes = once((language) => new Intl.DateTimeFormat(language, { ...CLOCK, second: "2-digit" }));
const farTimes = once((language) => new Intl.DateTimeFormat(language, { ...CLOCK, month: "short", day: "numeric" }));
const names = once((language) => new Intl.Collator(language));

/** What makes all of them, one in each. */
export const WRITERS: readonly (() => unknown)[] = [...NUMBERS, nearTimes, farTimes, names];

export function numberText(value: number, digits: 0 | 1 | 2 = 2): string {
  return (NUMBERS[digits] as () => Intl.NumberFormat)().format(value);
}

export function timeText(time: number, now = Date.now()): string {
  const times = Math.abs(now - time) < 20 * 3600_000 ? nearTimes : farTimes;
  return times().format(time);
}

/** Which of two names comes first, for people. */
export function compareNames(a: string, b: string): number {
  return names().compare(a, b);
}

export function ageText(seconds: number): string {
  if (seconds >= 2 * 86400) return word("days", Math.floor(seconds / 86400));
  if (seconds >= 2 * 3600) return word("hours", Math.floor(seconds / 3600));
  return word("minutes", Math.floor(seconds / 60));
}

// Listening to a broker for a while, over one connection: which topics, what is asked of whom, and when it is enough. It publishes
// questions only, and nothing retained. What is heard goes to the survey.

import { randomBytes } from "node:crypto";
import { ConnectionError } from "../../adapters/mqtt/connection-port.ts";
import { after, type Instant, type Millis, millis } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";
import { notConnected, refusal } from "../client-failures.ts";
import type { ClientSettings } from "../client-settings.ts";
import { CommandError } from "../exit-codes.ts";
import { createWakeUps } from "../wake-ups.ts";
import { longestTopic } from "../../adapters/switchers/tasmota-topics.ts";
import { shellyQuestions } from "./shelly.ts";
import { discoveryFilters, mostListBytes, type Survey } from "./survey.ts";
import type { Reachable } from "./tasmota-records.ts";
import { questionsFor } from "./tasmota-settings.ts";
import { isFit } from "./yaml-text.ts";

export interface Listening {
  readonly settings: ClientSettings;
  readonly clock: Clock;
  readonly length: Millis;
  /** False: publish nothing at all. */
  readonly ask: boolean;
  readonly survey: Survey;
  readonly say: (text: string) => void;
  /** Called several times a second. */
  readonly tick: (left: Millis) => void;
  readonly signal: AbortSignal;
}

const connectPatience = millis(15_000);
/** A device answers within 0.2 s, one that is busy with its network after seconds. */
const answerPatience = millis(3000);
/** Long enough for the messages of one device to come together, short enough to leave it time to answer. */
const lookEvery = millis(200);
/** More devices than that are not asked, nor their topics listened to: a broker bounds subscriptions, too. */
const mostSubscriptions = 5000;

/** @throws CommandError `unreachable`, `not-authorised`; the reason of `signal` */
export async function listen(options: Listening): Promise<void> {
  const { settings, clock, survey, say, signal } = options;
  // The library is big: the help does not load it.
  const { openConnection } = await import("../../adapters/mqtt/connection.ts");
  const { changed, wake, waitFor } = createWakeUps(clock);
  let failure: CommandError | undefined;
  let connected = false;
  let closing = false;
  let subscriptions = 0;
  const refused: string[] = [];
  const look = { handleEvent: changed };
  signal.addEventListener("abort", look);

  const connection = openConnection(
    {
      url: settings.url,
      clientId: `lastout-discover-${randomBytes(4).toString("hex")}`,
      username: settings.username,
      password: settings.password,
      ca: settings.ca,
      cert: settings.cert,
      key: settings.key,
      clean: true,
      keepalive: 15,
      largestPacket: mostListBytes,
      reconnect: false,
    },
    {
      connected: () => {
        connected = true;
        changed();
      },
      message: (message, done) => {
        survey.take(message);
        done();
      },
      lost: ({ sentence, code, wasConnected }) => {
        if (!closing) {
          failure = wasConnected
            ? new CommandError("unreachable", `${sentence}; is the broker running?`)
            : notConnected(sentence, code);
          changed();
        }
      },
    },
    { clock, log: silent },
  );

  /** One at a time, because a broker may refuse some of them. */
  async function subscribe(filters: readonly string[]): Promise<void> {
    for (const filter of filters) {
      goOn();
      if (subscriptions < mostSubscriptions) {
        subscriptions += 1;
        await orRefused(filter, connection.subscribe([{ filter, qos: 0 }]));
      }
    }
  }

  async function publish(topic: string, payload: string): Promise<void> {
    await orRefused(topic, connection.publish(topic, payload, { qos: 1, retain: false }));
  }

  /** Most labs have none of these, and their brokers no rule for them: a refusal is nothing to tell. */
  async function askShellys(): Promise<void> {
    const before = refused.length;
    for (const { topic, payload } of options.ask ? shellyQuestions : []) {
      await publish(topic, payload);
    }
    refused.splice(before);
  }

  /** A broken connection is told by `lost`. */
  async function orRefused(topic: string, done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (error) {
      if (!(error instanceof ConnectionError)) {
        throw error;
      }
      if (refusal(settings.url, error) !== undefined) {
        refused.push(topic);
      }
    }
  }

  async function meet(device: Reachable): Promise<void> {
    const { topics, meter } = device;
    survey.tasmota.asked(device, options.ask);
    // What is built from a stranger's message is listened to and asked only when it is a device's topic and not our own.
    const command = topics.command("");
    const all = [command, topics.stat(""), topics.tele("")];
    if (!all.every(isUsable) || command.startsWith(`${settings.base}/`)) {
      return;
    }
    await subscribe([topics.tele("LWT"), `${topics.stat("")}+`]);
    for (const { command: name, payload } of options.ask ? questionsFor(meter) : []) {
      await publish(topics.command(name), payload);
    }
  }

  /** What was found since the last time. */
  async function follow(): Promise<void> {
    const topics = survey.newCommandTopics().filter((topic) => isUsable(topic) && !topic.startsWith("cmnd/"));
    await subscribe(topics.map((topic) => `${topic}/#`));
    for (const device of survey.tasmota.unasked()) {
      goOn();
      await meet(device);
    }
  }

  function goOn(): void {
    signal.throwIfAborted();
    if (failure !== undefined) {
      throw failure;
    }
  }

  async function until(end: Instant, enough: () => boolean): Promise<void> {
    while (clock.now() < end && !enough()) {
      await follow();
      goOn();
      options.tick(millis(Math.max(0, end - clock.now())));
      await wake([end, after(clock.now(), lookEvery)]);
    }
    goOn();
  }

  try {
    await waitFor(() => connected || failure !== undefined, connectPatience, signal);
    signal.throwIfAborted();
    if (!connected) {
      throw failure ?? new CommandError("unreachable", `${settings.url} does not answer`);
    }
    await subscribe(discoveryFilters);
    if (refused.length === discoveryFilters.length) {
      throw new CommandError(
        "not-authorised",
        `${settings.url} lets this user read none of the topics on which devices tell of themselves; see --username and --password-file`,
      );
    }
    await askShellys();
    await until(after(clock.now(), options.length), () => false);
    // Once more for what came last, and a moment for what is retained there.
    await until(after(clock.now(), lookEvery), () => false);
    await until(after(clock.now(), answerPatience), () => !options.ask || survey.tasmota.complete);
    if (refused.length > 0) {
      say(
        `${settings.url} refuses this user ${refused.length === 1 ? "one topic" : `${refused.length} topics`}, such as ${String(refused[0])}`,
      );
    }
  } finally {
    closing = true;
    signal.removeEventListener("abort", look);
    await connection.close();
  }
}

/** A topic to build on: no wildcards, nothing odd, not the broker's own, no longer than a device takes. */
const isUsable = (topic: string): boolean =>
  isFit(topic) &&
  !/[+#]/.test(topic) &&
  !topic.startsWith("$") &&
  topic !== "" &&
  topic.length <= longestTopic;

const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore };
function ignore(): void {}

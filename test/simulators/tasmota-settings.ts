// What a simulated Tasmota socket keeps in its flash, its topics, and its timers. No behaviour of relays or connections here.

export type Position = "on" | "off";

export interface Settings {
  topic: string;
  fullTopic: string;
  prefixes: [string, string, string];
  groupTopics: string[];
  /** SetOption numbers that are 1. */
  readonly options: Set<number>;
  /** Those SetOptions that take a number: 32 to 49. */
  readonly numbers: Map<number, number>;
  /** Words for off, on, toggle and hold. */
  readonly stateText: [string, string, string, string];
  telePeriod: number;
  powerOnState: number;
  /** Per relay, as the PulseTime command takes it. */
  readonly pulseTime: number[];
  readonly powerLock: boolean[];
  interlock: boolean;
  interlockGroups: number[][];
  saveData: number;
  buttonTopic: string;
  powerDelta: number;
  /** Flags of the Retain commands, by command: POWER, STATE, SENSOR, INFO, STATUS, BUTTON. */
  readonly retain: Set<string>;
  /** Relay states as last saved. */
  saved: boolean[];
  bootCount: number;
}

export interface Identity {
  /** Twelve upper-case hex digits. */
  readonly mac: string;
  readonly clientId: string;
  readonly hostname: string;
}

export const firmware = "15.2.0.2(tasmota)";

export function identityOf(mac: string, topic: string): Identity {
  const tail = mac.slice(-6);
  return {
    mac,
    clientId: `DVES_${tail}`,
    hostname: `${topic.replaceAll("/", "_")}-${Number.parseInt(tail, 16) % 8192}`,
  };
}

type Prefix = "cmnd" | "stat" | "tele";
const prefixIndex: Readonly<Record<Prefix, 0 | 1 | 2>> = { cmnd: 0, stat: 1, tele: 2 };

/** The FullTopic with its tokens replaced, always with a final slash. `topic` may be a group's. */
export function topicBase(
  settings: Settings,
  identity: Identity,
  prefix: Prefix,
  topic: string = settings.topic,
): string {
  let template = settings.fullTopic;
  if (prefix === "cmnd" && !template.includes("%prefix%")) {
    template += "/%prefix%"; // Commands need a prefix, or the device would hear its own status messages as commands.
  }
  const filled = template
    .replaceAll("%prefix%", settings.prefixes[prefixIndex[prefix]])
    .replaceAll("%topic%", topic)
    .replaceAll("%hostname%", identity.hostname)
    .replaceAll("%id%", identity.mac)
    .replaceAll("#", "")
    .replaceAll("//", "/");
  return filled.endsWith("/") ? filled : `${filled}/`;
}

/** Literal prefixes: the fallback topic ignores FullTopic and custom prefixes. */
export const fallbackBase = (identity: Identity, prefix: Prefix): string =>
  `${prefix}/${identity.clientId}_fb/`;

/** What the device subscribes to, in its order: own topic, groups, fallback. */
export function subscriptions(settings: Settings, identity: Identity): string[] {
  const own = `${topicBase(settings, identity, "cmnd")}#`;
  if (!settings.fullTopic.includes("%topic%")) {
    return [own];
  }
  const groups = settings.groupTopics.map((group) =>
    settings.options.has(75) ? `cmnd/${group}/#` : `${topicBase(settings, identity, "cmnd", group)}#`,
  );
  return [own, ...groups, `${fallbackBase(identity, "cmnd")}#`];
}

export interface DeviceTimers {
  /** @returns a function that cancels it */
  after(deviceMs: number, run: () => void): () => void;
  every(deviceMs: number, run: () => void): () => void;
  clear(): void;
  readonly speed: number;
}

/** Timers on the device's own clock, which runs `speed` times as fast as the real one. */
export function createTimers(speed: number): DeviceTimers {
  const running = new Set<NodeJS.Timeout>();
  const cancel = (timer: NodeJS.Timeout): void => {
    clearTimeout(timer);
    running.delete(timer);
  };
  return {
    after: (deviceMs, run) => {
      const timer = setTimeout(() => {
        running.delete(timer);
        run();
      }, deviceMs / speed);
      running.add(timer);
      return () => cancel(timer);
    },
    every: (deviceMs, run) => {
      const timer = setInterval(run, deviceMs / speed);
      running.add(timer);
      return () => cancel(timer);
    },
    clear: () => running.forEach(cancel),
    speed,
  };
}

// Where a Tasmota device listens and speaks: its FullTopic template filled in as the firmware does it. Not for what is said there.
// Source: Tasmota 15.2.0.2, support_tasmota.ino, GetTopic_P.

export interface DeviceNaming {
  /** As set with the command Topic. */
  readonly topic: string;
  /** As set with the command FullTopic. */
  readonly fullTopic: string;
  /** As set with the commands Prefix1 to Prefix3: commands, replies, telemetry. */
  readonly prefixes: readonly [string, string, string];
}

export interface DeviceTopics {
  command(name: string): string;
  stat(name: string): string;
  tele(name: string): string;
}

/** The firmware's buffer for a topic (TOPSZ, 150 characters with what stands after the template). */
export const longestTopic = 150;

export function deviceTopics({ topic, fullTopic, prefixes }: DeviceNaming): DeviceTopics {
  const [commands, replies, telemetry] = prefixes;
  // Without %prefix% the device could not tell commands from its own messages, so it adds one for commands, and only for them.
  const template = fullTopic.includes("%prefix%") ? fullTopic : `${fullTopic}/%prefix%`;
  const command = filled(template, commands, topic);
  const stat = filled(fullTopic, replies, topic);
  const tele = filled(fullTopic, telemetry, topic);
  return {
    command: (name) => command + name,
    stat: (name) => stat + name,
    tele: (name) => tele + name,
  };
}

function filled(template: string, prefix: string, topic: string): string {
  const path = template
    .replaceAll("%prefix%", () => prefix)
    .replaceAll("%topic%", () => topic)
    .replaceAll("#", "")
    .replaceAll("//", "/");
  return path.endsWith("/") ? path : `${path}/`;
}

/** What is wrong with a template, as the end of a sentence that begins with its name; `undefined` when nothing is. */
export function fullTopicProblem(fullTopic: string): string | undefined {
  for (const [token] of fullTopic.matchAll(/%[^%/]*%/g)) {
    if (token === "%hostname%" || token === "%id%") {
      const what = token === "%id%" ? "its MAC address, 12 digits in upper case" : "its host name";
      return `has ${token}, which only the device knows: write ${what} in the place of ${token} (the command Status 5 shows it)`;
    }
    if (token !== "%prefix%" && token !== "%topic%") {
      return `has ${token}, which is no token: there are %prefix%, %topic%, %hostname% and %id%`;
    }
  }
  if (/[+\p{Cc}]/u.test(fullTopic)) {
    return "has a character that no topic can have (`+` or a control character)";
  }
  return undefined;
}

// Loads configurations from texts, with an environment and files that exist only in the test.

import { type Loaded, loadConfig } from "../../src/config/load.ts";
import type { FileRead } from "../../src/config/local-file.ts";

export interface Lab {
  readonly text: string;
  readonly env?: Readonly<Record<string, string>>;
  /** By absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Everybody may read the files, the configuration included. */
  readonly open?: boolean;
}

export const configFile = "/etc/lab/lastout.yaml";

export function loadLab({ text, env = {}, files = {}, open = false }: Lab): Loaded {
  const all: Readonly<Record<string, string>> = { ...files, [configFile]: text };
  const readFile = (path: string, atMost: number): FileRead => {
    const found = all[path];
    if (found === undefined) {
      return { ok: false, why: "no such file" };
    }
    return found.length > atMost
      ? { ok: false, why: `it is larger than ${atMost / 1024} KiB` }
      : { ok: true, text: found, open };
  };
  return loadConfig({ file: configFile, env, readFile, hostName: "rack7" });
}

/** A configuration without mistakes, to which a test adds its own. */
export const rightText = `mqtt: { url: mqtt://broker.lab }
switchers:
  plug1: { type: tasmota, topic: plug1 }
  rack-strip: { type: tasmota, topic: strip1, outlets: 4 }
resources:
  build1: { switcher: plug1 }
  rack-switch: { switcher: rack-strip/1 }
`;

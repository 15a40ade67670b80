// The list of commands. Each is loaded only when it is called, so that a short command starts fast.

import type { Command } from "./command.ts";

export interface CommandEntry {
  readonly name: string;
  /** One line for the general help. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: "serve",
    summary: "run the controller",
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  {
    name: "check",
    summary: "check a configuration file",
    load: async () => (await import("./check.ts")).checkCommand,
  },
  {
    name: "discover",
    summary: "find sockets at a broker and print a configuration for them",
    load: async () => (await import("./discover.ts")).discoverCommand,
  },
  {
    name: "schema",
    summary: "print the JSON Schema of the configuration file, for editors",
    load: async () => (await import("./schema.ts")).schemaCommand,
  },
  {
    name: "reload",
    summary: "have the running controller read its configuration again",
    load: async () => (await import("./reload.ts")).reloadCommand,
  },
  {
    name: "run",
    summary: "acquire a token, wait until the resource is available, run a command, release",
    load: async () => (await import("./run.ts")).runCommand,
  },
  {
    name: "acquire",
    summary: "acquire a token and print its id",
    load: async () => (await import("./acquire.ts")).acquireCommand,
  },
  {
    name: "hold",
    summary: "hold a token until interrupted, or while a process lives",
    load: async () => (await import("./hold.ts")).holdCommand,
  },
  {
    name: "renew",
    summary: "extend a token that is held",
    load: async () => (await import("./renew.ts")).renewCommand,
  },
  {
    name: "release",
    summary: "give a token back",
    load: async () => (await import("./release.ts")).releaseCommand,
  },
  {
    name: "status",
    summary: "show resources and what they are doing",
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "tokens",
    summary: "show who holds tokens, and who waits for one",
    load: async () => (await import("./tokens.ts")).tokensCommand,
  },
  {
    name: "watch",
    summary: "show events and changes as they come",
    load: async () => (await import("./watch.ts")).watchCommand,
  },
  {
    name: "wait",
    summary: "wait until a resource is available, powered or off",
    load: async () => (await import("./wait.ts")).waitCommand,
  },
  {
    name: "override",
    summary: "keep a resource on, lock it out, or give it back to the controller",
    load: async () => (await import("./override.ts")).overrideCommand,
  },
  {
    name: "cycle",
    summary: "switch a resource off and on again",
    load: async () => (await import("./cycle.ts")).cycleCommand,
  },
  {
    name: "switch",
    summary: "try an outlet by hand, without a controller",
    load: async () => (await import("./switch.ts")).switchCommand,
  },
  {
    name: "completion",
    summary: "print a script that completes commands, options and names in a shell",
    load: async () => (await import("./completion.ts")).completionCommand,
  },
];

// Shuts a machine down by a command over SSH. The OpenSSH client is run, so that keys, agents and known hosts work as the user
// knows them, and the host's key is always checked. What its exit status and its words mean is in ssh-outcome.ts.

import { appendFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { z } from "zod";
import type { Shutdown } from "../../ports/shutdown.ts";
import { fewVariables } from "../environment.ts";
import { commandRunner } from "../run-command.ts";
import { defineShutdown, type ShutdownParts } from "./define.ts";
import { failed } from "./outcomes.ts";
import { outcomeOf } from "./ssh-outcome.ts";

/** Narrower than what a host may be called elsewhere: the client gives some other characters a meaning of its own. */
const plainName = (what: string) =>
  z
    .string()
    .min(1, { error: `is empty: write ${what}`, abort: true })
    .max(253, { error: "is longer than any name can be (253 characters)" })
    .regex(/^(?!-)[A-Za-z0-9_.:-]+$/, {
      error: `is not ${what}: letters, digits, \`.\`, \`:\`, \`_\` and \`-\`, not beginning with \`-\``,
    });

/** The client splits at blanks, and fills in what follows `%` and `$`; so it would look for another file than the one written. */
const file = z.string().regex(/^(?:~\/|\/)[^\s"'\\%$\p{Cc}]+$/u, {
  error:
    "is no whole path (beginning with `/` or `~/`), or has a blank, a quotation mark, `\\`, `%` or `$` in it",
});

const options = z
  .strictObject({
    type: z.literal("ssh").meta({ description: "Shut down by a command over SSH." }),
    host: plainName("a host name or an address").meta({ description: "The host's name or address." }),
    user: plainName("a user").meta({
      description:
        "The user to log in as, who may shut the machine down; best one whose key can do nothing else (a forced command).",
    }),
    port: z.int().min(1).max(65_535).default(22).meta({ description: "The port, 1 to 65535." }),
    identity: file.optional().meta({
      description:
        "File with the private key, without a passphrase (or held by an agent), as a whole path; only its owner may read it. " +
        "Absent: the usual keys in `~/.ssh` of the user that lastout runs as.",
    }),
    command: z
      .string()
      .regex(/\S/, { error: "is empty: write what shuts the machine down, for example poweroff" })
      .max(4096, { error: "is longer than 4096 characters" })
      .refine((command) => !command.startsWith("-") && !command.includes("\0"), {
        error: "begins with `-` or has a NUL character in it",
      })
      .default("poweroff")
      .meta({
        description:
          "What the host's shell is given to run, for example `sudo -n systemctl poweroff`. A forced command of the key goes before it.",
      }),
    knownHosts: file.optional().meta({
      description:
        "File with the keys of known hosts, as a whole path; only keys in it count. " +
        "Absent: `~/.ssh/known_hosts` of the user that lastout runs as and `/etc/ssh/ssh_known_hosts`. " +
        "A host whose key is in neither, or is another one, is never logged in to: `ssh-keyscan` or one login by hand adds it.",
    }),
    acceptNew: z
      .boolean()
      .default(false)
      .meta({
        description:
          "True: the key that a host shows at the first login is trusted and kept in `knownHosts`, which is needed then and must " +
          "be writable. A key that has changed is refused all the same.",
      }),
  })
  .superRefine((given, context) => {
    if (given.acceptNew && given.knownHosts === undefined) {
      const message = "needs knownHosts: the file in which the keys are kept";
      context.addIssue({ code: "custom", path: ["acceptNew"], message, input: given });
    }
  });

export const ssh = defineShutdown({
  type: "ssh",
  summary: "Shuts down by a command over SSH.",
  needs:
    "The OpenSSH client, a key without a passphrase whose user may shut the machine down, and the machine's own key in `knownHosts`.",
  options,
  examples: [
    {
      title: "A host",
      about:
        "The key should be able to do nothing else: a forced command in `authorized_keys` of the machine, such as " +
        '`restrict,command="sudo -n systemctl poweroff" ssh-ed25519 ...`.',
      name: "build1",
      options: {
        type: "ssh",
        host: "build1.lab",
        user: "lastout",
        identity: "/etc/lastout/poweroff-key",
        knownHosts: "/etc/lastout/known_hosts",
        command: "sudo -n systemctl poweroff",
      },
    },
  ],
  create: createSsh,
});

type Options = z.output<typeof options>;

function createSsh(given: Options, { clock }: ShutdownParts): Shutdown {
  const run = commandRunner(clock);
  const command = sshCommand(given);
  return {
    async run(signal) {
      const unkept = await whyKeysAreNotKept(given);
      if (unkept !== undefined) {
        return failed(unkept);
      }
      // The client's words are read by a program, so they must be in one language.
      const variables = { ...fewVariables("SSH_AUTH_SOCK"), LANG: "C", LC_ALL: "C" };
      return outcomeOf(await run(command, variables, signal), given);
    },
  };
}

/** The client would go on without having kept a new key, and believe any other the next time. */
async function whyKeysAreNotKept({ acceptNew, knownHosts }: Options): Promise<string | undefined> {
  if (!acceptNew || knownHosts === undefined) {
    return undefined;
  }
  try {
    // The client, too, takes `~` for the home in the user database, whatever HOME says.
    await appendFile(
      knownHosts.replace(/^~/, () => userInfo().homedir),
      "",
      { mode: 0o600 },
    );
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return `the key of a new host could not be kept: the file ${knownHosts} cannot be written (${code})`;
  }
}

function sshCommand(given: Options): readonly [string, ...string[]] {
  const settings = [
    "IdentitiesOnly=yes",
    "BatchMode=yes", // Nobody is there to be asked.
    `StrictHostKeyChecking=${given.acceptNew ? "accept-new" : "yes"}`,
    ...(given.knownHosts === undefined
      ? []
      : [`UserKnownHostsFile=${given.knownHosts}`, "GlobalKnownHostsFile=/dev/null"]),
    // Without these a host that is gone without a word, as a machine that powers off often is, holds the client for minutes.
    "ConnectTimeout=5",
    "ConnectionAttempts=1",
    "ServerAliveInterval=2",
    "ServerAliveCountMax=3",
    "LogLevel=ERROR",
  ];
  return [
    "ssh",
    // The user's own settings would change what is done without being seen here.
    "-F",
    "none",
    "-n",
    "-T",
    "-p",
    String(given.port),
    ...(given.identity === undefined ? [] : ["-i", given.identity]),
    ...settings.flatMap((setting) => ["-o", setting]),
    `${given.user}@${given.host}`,
    given.command,
  ];
}

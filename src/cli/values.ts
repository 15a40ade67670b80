// What the values of options and words must look like, checked before anything is sent: names, token ids, owners, durations.
// The rules themselves are the core's; here each mistake gets its sentence. Not the form of the command line: arguments.ts.

import { hostname, userInfo } from "node:os";
import { parseDuration } from "../core/duration.ts";
import { isName, isOwner, isPurpose, isTokenId, reservedNames } from "../core/names.ts";
import type { Millis } from "../core/time.ts";
import type { Arguments } from "./arguments.ts";
import { CommandError, WrongWords } from "./exit-codes.ts";
import { randomHex } from "./random.ts";

/** @throws WrongWords when there are more or fewer words than one */
export const onlyResource = (args: Arguments): string => resourceName(onlyWord(args));

/** `build1`, or several with commas between: `build1,build2`. */
export const resourceList = (args: Arguments): readonly string[] => resourceNames(onlyWord(args));

function onlyWord({ words: [name, extra] }: Arguments): string {
  if (name === undefined) {
    throw new WrongWords("no resource is named");
  }
  if (extra !== undefined) {
    throw new WrongWords(`one word too many: '${extra}'`);
  }
  return name;
}

/** RESOURCE (or several) and TOKEN as words, or the token as `--token ID`. */
export function resourcesAndToken(args: Arguments): {
  readonly names: readonly string[];
  readonly token: string;
} {
  const [name, word, extra] = args.words;
  const option = args.value("token");
  if (name === undefined) {
    throw new WrongWords("no resource is named");
  }
  if (extra !== undefined || (word !== undefined && option !== undefined)) {
    throw new WrongWords(`one word too many: '${extra ?? word ?? ""}'`);
  }
  const token = option ?? word;
  if (token === undefined) {
    throw new WrongWords("no token is named");
  }
  return { names: resourceNames(name), token: tokenId(token) };
}

function resourceNames(text: string): readonly string[] {
  const names = text.split(",").map(resourceName);
  const twice = names.find((name, place) => names.indexOf(name) < place);
  if (twice !== undefined) {
    throw new CommandError("invalid-request", `'${text}' names '${twice}' twice`);
  }
  return names;
}

export function resourceName(text: string): string {
  if (text.includes(",") && text.split(",").every(isName)) {
    throw new CommandError(
      "invalid-request",
      `'${text}' names several resources; a list with commas is for run, hold, acquire, renew and release`,
    );
  }
  if (!isName(text) || reservedNames.includes(text)) {
    throw new CommandError(
      "unknown-resource",
      `'${text}' cannot be the name of a resource: names have letters, digits, '_', '.' and '-', at most 64, and 'lastout status' lists them`,
    );
  }
  return text;
}

export function tokenId(text: string): string {
  if (!isTokenId(text)) {
    throw new CommandError(
      "invalid-request",
      `'${text}' cannot be a token id: 1 to 128 letters, digits and . _ : @ = % ~ -`,
    );
  }
  return text;
}

export function durationOption(args: Arguments, option: string): Millis | undefined {
  const text = args.value(option);
  if (text === undefined) {
    return undefined;
  }
  const length = parseDuration(text);
  if (length === undefined) {
    throw new CommandError(
      "invalid-request",
      `--${option} ${text} is no duration; write seconds (90) or 90s, 15m, 2h, 1h30m, 1d`,
    );
  }
  return length;
}

export function ttlOption(args: Arguments): Millis | undefined {
  const ttl = durationOption(args, "ttl");
  if (ttl === 0) {
    throw new CommandError(
      "invalid-request",
      "--ttl must be longer than 0: a token that is over at once is none",
    );
  }
  return ttl;
}

/** `--purpose`, `--reason`: text for people. */
export function freeText(args: Arguments, option: string): string | undefined {
  const text = args.value(option);
  if (text !== undefined && !isPurpose(text)) {
    throw new CommandError(
      "invalid-request",
      `--${option} may have up to 256 characters, and no control characters`,
    );
  }
  return text === "" ? undefined : text;
}

export function priorityOption(args: Arguments): number | undefined {
  const text = args.value("priority");
  if (text === undefined) {
    return undefined;
  }
  const priority = /^[+-]?\d{1,3}$/.test(text) ? Number(text) + 0 : Number.NaN; // There is no -0 on the wire.
  if (!(priority >= -100 && priority <= 100)) {
    throw new CommandError(
      "invalid-request",
      `--priority ${text} is no whole number from -100 to 100; higher is served first`,
    );
  }
  return priority;
}

/**
 * Whose token it is: `--owner`, else the user at the broker, else the user of the operating system.
 * @returns `undefined` when the last two cannot be owners; the controller then says `anonymous`
 */
export function ownerOption(args: Arguments, username: string | undefined): string | undefined {
  const given = args.value("owner");
  if (given !== undefined) {
    return owner(given);
  }
  return [username, systemUser()].find((name) => name !== undefined && isOwner(name));
}

export function owner(text: string): string {
  if (!isOwner(text)) {
    throw new CommandError(
      "invalid-request",
      `'${text}' cannot be an owner: 1 to 128 characters without / + # and control characters`,
    );
  }
  return text;
}

/** An id that tells a person where it came from, and that a repeated request can use again: `cli-<host>-<pid>-<random>`. */
export function madeUpToken(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 64);
  return `cli-${host}-${process.pid}-${randomHex(6)}`;
}

function systemUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the user database, as in many containers.
    return undefined;
  }
}

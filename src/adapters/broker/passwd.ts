// Users and passwords in the file format of mosquitto_passwd: read, and checked against. Not written: that is mosquitto_passwd's.

import { createHash, pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

export interface Hash {
  readonly kind: "sha512" | "pbkdf2-sha512";
  /** How often PBKDF2 hashes; 1 for the plain SHA-512. */
  readonly iterations: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export interface BadLine {
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

/** One attempt to log in must not keep a processor busy for long; mosquitto_passwd itself uses 101 (2.0) and 1000 (2.1). */
const mostIterations = 1_000_000;
const hashBytes = 64;

/**
 * `user:$7$iterations$salt$hash` (PBKDF2 with SHA-512, what mosquitto_passwd writes) and `user:$6$salt$hash` (SHA-512 over password and salt,
 * `-H sha512`); salt and hash in base64. Blank lines and lines that begin with `#` are skipped.
 * Source: https://mosquitto.org/man/mosquitto_passwd-1.html for the names of the hashes; the fields are checked in the tests
 * against what mosquitto_passwd writes.
 */
export function parsePasswd(text: string): {
  readonly users: ReadonlyMap<string, Hash>;
  readonly bad: readonly BadLine[];
} {
  const users = new Map<string, Hash>();
  const bad: BadLine[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const entry = raw.replace(/\r$/, "");
    if (entry.trim() === "" || entry.startsWith("#")) {
      continue;
    }
    const colon = entry.indexOf(":");
    const user = entry.slice(0, Math.max(colon, 0));
    const hash = parseHash(entry.slice(colon + 1));
    if (user === "") {
      bad.push({ line: index + 1, what: "there is no user name before a colon" });
    } else if (users.has(user)) {
      bad.push({ line: index + 1, what: `the user ${JSON.stringify(user)} stands in an earlier line, too` });
    } else if (typeof hash === "string") {
      bad.push({ line: index + 1, what: `the user ${JSON.stringify(user)} ${hash}` });
    } else {
      users.set(user, hash);
    }
  }
  return { users, bad };
}

/** @returns what is wrong, if it is no hash; never a part of the line, which may be a password in plain text */
function parseHash(text: string): Hash | string {
  const [before, type, ...fields] = text.split("$");
  if (before !== "" || type === undefined) {
    return "has no hashed password: set it with mosquitto_passwd";
  }
  if (type === "argon2id") {
    return "has an argon2id hash, which this broker does not know: set the password again with mosquitto_passwd -H sha512-pbkdf2";
  }
  if (type === "7" && fields.length === 3) {
    const [iterations, salt, hash] = fields;
    return toHash("pbkdf2-sha512", Number(iterations), salt, hash);
  }
  if (type === "6" && fields.length === 2) {
    const [salt, hash] = fields;
    return toHash("sha512", 1, salt, hash);
  }
  return "has a hash of an unknown kind: set the password again with mosquitto_passwd -H sha512-pbkdf2";
}

function toHash(kind: Hash["kind"], iterations: number, saltText = "", hashText = ""): Hash | string {
  const salt = Buffer.from(saltText, "base64");
  const hash = Buffer.from(hashText, "base64");
  const whole =
    salt.length > 0 && salt.toString("base64") === saltText && hash.toString("base64") === hashText;
  if (!whole || hash.length !== hashBytes) {
    return "has a hash that is not whole: set the password again with mosquitto_passwd";
  }
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > mostIterations) {
    return `has a hash with a number of iterations that is not between 1 and ${mostIterations}`;
  }
  return { kind, iterations, salt, hash };
}

const derive = promisify(pbkdf2);

/** Stands in for users that do not exist, so that the time of an answer does not tell which do. */
const nobody: Hash = {
  kind: "pbkdf2-sha512",
  iterations: 101,
  salt: Buffer.alloc(12),
  hash: Buffer.alloc(hashBytes),
};

export async function passwordFits(known: Hash | undefined, password: Uint8Array): Promise<boolean> {
  const { kind, iterations, salt, hash } = known ?? nobody;
  const found =
    kind === "sha512"
      ? createHash("sha512").update(password).update(salt).digest()
      : await derive(password, salt, iterations, hashBytes, "sha512");
  return timingSafeEqual(found, hash) && known !== undefined;
}

// What the controller has acknowledged, token by token, and the comparison of that with what it lists after a restart. This is the
// promise under test: an acknowledged token is there, an acknowledged release stays, the others are there or not but whole.

/** The promise is broken; carries the token whose story should be told. */
export class Violation extends Error {
  readonly token: Tracked | undefined;

  constructor(sentence: string, token?: Tracked) {
    super(sentence);
    this.name = "Violation";
    this.token = token;
  }
}

export interface Tracked {
  readonly id: string;
  readonly resource: string;
  readonly owner: string;
  readonly purpose: string;
  /** What a list must show. `either`: a request is on its way, or it was reported lost. */
  expected: "there" | "gone" | "either";
  /** Wall clock in milliseconds: it was acknowledged that it does not expire earlier. */
  expires: number;
  readonly history: string[];
}

export interface Model {
  add(resource: string): Tracked;
  /** It is asked for, perhaps again: it may be there from now on. */
  asked(token: Tracked): void;
  /** Tokens that may be there. */
  readonly open: ReadonlySet<Tracked>;
  /**
   * @param listed all holders of the resource, as listed when no request was on its way
   * @param listedBy wall clock in milliseconds, when the last page had come
   * @throws Violation
   */
  compare(resource: string, listed: readonly Fields[], listedBy: number): void;
}

export type Fields = ReadonlyMap<string, unknown>;

/** Expiry is exact to within 1 s (and the wall clock may be slewed meanwhile). Renewals here differ by ten minutes. */
const exactMs = 1000;

export function createModel(): Model {
  const all = new Map<string, Tracked>();
  const open = new Set<Tracked>();
  let made = 0;

  function check(resource: string, holder: Fields): Tracked {
    const id = String(holder.get("token"));
    const token = all.get(id);
    if (token === undefined || token.resource !== resource) {
      throw new Violation(`${resource} lists a token that nobody asked for: ${id}`, token);
    }
    if (token.expected === "gone") {
      throw new Violation(`${resource} lists token ${id}, which was acknowledged to be gone`, token);
    }
    const whole =
      holder.get("owner") === token.owner &&
      holder.get("purpose") === token.purpose &&
      holder.get("mode") === "shared" &&
      !Number.isNaN(Date.parse(String(holder.get("since"))));
    if (!whole) {
      throw new Violation(`token ${id} is not whole: ${JSON.stringify(Object.fromEntries(holder))}`, token);
    }
    const expires = Date.parse(String(holder.get("expires")));
    if (Number.isNaN(expires) || expires < token.expires - exactMs) {
      const acknowledged = new Date(token.expires).toISOString();
      throw new Violation(
        `token ${id} expires at ${String(holder.get("expires"))}, and ${acknowledged} was acknowledged`,
        token,
      );
    }
    return token;
  }

  return {
    open,
    add(resource) {
      made += 1;
      const id = `job-${made}`;
      const token: Tracked = {
        id,
        resource,
        owner: `owner-${made % 7}`,
        purpose: `build ${made} on ${resource}`,
        expected: "either",
        expires: 0,
        history: [],
      };
      all.set(id, token);
      open.add(token);
      return token;
    },
    asked(token) {
      if (token.expected === "gone") {
        token.expected = "either";
        open.add(token);
      }
    },
    compare(resource, listed, listedBy) {
      const there = new Set(listed.map((holder) => check(resource, holder)));
      if (there.size !== listed.length) {
        throw new Violation(`${resource} lists a token twice`);
      }
      for (const token of open) {
        if (token.resource !== resource || there.has(token)) {
          continue;
        }
        if (token.expected === "there" && token.expires > listedBy + exactMs) {
          throw new Violation(`${resource} has lost token ${token.id}, which was acknowledged`, token);
        }
        token.expected = "gone";
        token.history.push("seen to be gone");
        open.delete(token);
      }
    },
  };
}

/** For the story that is printed with a violation. */
export function note(token: Tracked | undefined, sentence: string): void {
  token?.history.push(`${(performance.now() / 1000).toFixed(3)} s: ${sentence}`);
}

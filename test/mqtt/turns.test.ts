// Messages take their turns: one at a time, acknowledged in their order, never before their replies are sent, and read on as far as that
// needs, no further. Over a real broker this is in test/wire/replies.test.ts.

import { describe, expect, test } from "vitest";
import { createSendWindow } from "../../src/adapters/mqtt/send-window.ts";
import { type Arrived, createTurns } from "../../src/adapters/mqtt/turns.ts";

interface Request extends Arrived {
  readonly name: string;
}

/** A connection whose broker allows one publication under way, and what happened on it. */
const open = () => {
  const window = createSendWindow();
  const happened: string[] = [];
  const dones = new Map<string, () => void>();
  const roomComes: (() => void)[] = [];
  const turns = createTurns<Request>({
    window,
    handOver({ name }, done) {
      happened.push(`begin ${name}`);
      dones.set(name, done);
    },
    swamped: () => happened.push("swamped"),
  });
  return {
    happened,
    arrive: (name: string, bytes = 100) => {
      const acknowledge = (): unknown => happened.push(`acknowledge ${name}`);
      turns.take({ name, bytes, acknowledge }, (itself) =>
        happened.push(itself ? `library acknowledges ${name}` : `read on behind ${name}`),
      );
    },
    reply: (name: string) => {
      window.send(true, 1, (done) => {
        happened.push(`reply ${name}`);
        roomComes.push(done);
      });
    },
    done: (name: string) => dones.get(name)?.(),
    room: () => roomComes.shift()?.(),
  };
};

describe("turns", () => {
  test("a message whose reply finds room is acknowledged by the library, and nothing is read ahead", () => {
    const { happened, arrive, reply, done } = open();
    arrive("a");
    reply("a");
    done("a");
    expect(happened).toEqual(["begin a", "reply a", "library acknowledges a"]);
  });

  test("a message whose reply waits for room is acknowledged behind it, and meanwhile it is read on", () => {
    const { happened, arrive, reply, done, room } = open();
    reply("earlier");
    arrive("a");
    reply("a");
    done("a");
    arrive("b");
    arrive("c");
    expect(happened).toEqual([
      "reply earlier",
      "begin a",
      "read on behind a",
      "read on behind b",
      "read on behind c",
    ]);
    room();
    expect(happened.slice(5)).toEqual(["reply a", "acknowledge a", "begin b"]);
    arrive("d"); // b is being worked on: no reason to read on
    expect(happened.slice(8)).toEqual([]);
    reply("b");
    done("b");
    expect(happened.slice(8)).toEqual(["read on behind d"]);
    room();
    done("c");
    room();
    done("d");
    expect(happened.slice(9)).toEqual([
      "reply b",
      "acknowledge b",
      "begin c",
      "acknowledge c",
      "begin d",
      "acknowledge d",
    ]);
  });

  test("thousands that were read ahead and are done at once do not exhaust the stack", () => {
    const window = createSendWindow();
    const rooms: (() => void)[] = [];
    const reply = (): void => window.send(true, 1, (done) => void rooms.push(done));
    let acknowledged = 0;
    const turns = createTurns<Arrived>({
      window,
      handOver: (_message, done) => done(),
      swamped: () => expect.unreachable(),
    });
    reply();
    reply();
    for (let n = 0; n < 50_000; n += 1) {
      turns.take({ bytes: 100, acknowledge: () => void (acknowledged += 1) }, () => {});
    }
    expect(acknowledged).toBe(0);
    rooms.shift()?.();
    expect(acknowledged).toBe(50_000);
  });

  test("a broker that sends without end and acknowledges nothing loses the connection after 64 MiB", () => {
    const { happened, arrive, reply, done } = open();
    const quarter = 16 * 1024 * 1024;
    reply("earlier");
    arrive("a", quarter);
    reply("a");
    done("a");
    for (const name of ["b", "c", "d"]) {
      arrive(name, quarter);
    }
    expect(happened).not.toContain("swamped");
    arrive("e", 1);
    expect(happened.at(-1)).toBe("swamped");
  });
});

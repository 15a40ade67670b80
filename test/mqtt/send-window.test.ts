// The arithmetic of the send window: for replies there is always room as long as no more requests are under way than were asked for, and
// what waits is told of. The window over a broker is in connection.test.ts.

import { describe, expect, test } from "vitest";
import { createSendWindow, keptForUrgent } from "../../src/adapters/mqtt/send-window.ts";

/** A window of which the broker has acknowledged nothing yet; what is sent stands in `sent`. */
const fill = (receiveMaximum: number | undefined) => {
  const window = createSendWindow();
  const sent: string[] = [];
  const acknowledge: (() => void)[] = [];
  return {
    window,
    sent,
    acknowledge: () => acknowledge.shift()?.(),
    publish: (name: string, urgent: boolean) => {
      window.send(urgent, receiveMaximum, (done) => {
        sent.push(name);
        acknowledge.push(done);
      });
    },
  };
};

const count = (names: readonly string[], name: string): number => names.filter((one) => one === name).length;

describe("the send window", () => {
  test.each([9, 10, 16, 20, 100, 65_535, undefined])(
    "with a Receive Maximum of %s there is room for a reply to every request under way, whatever else waits",
    (receiveMaximum) => {
      const { window, sent, publish } = fill(receiveMaximum);
      for (let n = 0; n < 1000; n += 1) {
        publish("picture", false);
      }
      for (let n = 0; n < keptForUrgent; n += 1) {
        expect(window.urgentWaits).toBe(false);
        publish("reply", true);
      }
      expect(window.urgentWaits).toBe(false);
      expect(count(sent, "reply")).toBe(keptForUrgent);
    },
  );

  test.each([
    [1, 1],
    [8, 1],
    [9, 1],
    [10, 2],
    [20, 12],
    [264, 256],
    [265, 256],
    [undefined, 256],
  ])("of a Receive Maximum of %s, what is not urgent takes %i", (receiveMaximum, room) => {
    const { sent, publish } = fill(receiveMaximum);
    for (let n = 0; n < 1000; n += 1) {
      publish("picture", false);
    }
    expect(sent).toHaveLength(room);
  });

  test.each([1, 8])("with a Receive Maximum of %i no more than that is under way, replies or not", (most) => {
    const { window, sent, acknowledge, publish } = fill(most);
    publish("picture", false);
    for (let n = 0; n < keptForUrgent; n += 1) {
      publish("reply", true);
    }
    expect(sent).toHaveLength(most);
    expect(window.urgentWaits).toBe(true);
    publish("picture", false);
    for (let n = 0; n < keptForUrgent; n += 1) {
      acknowledge();
    }
    expect(count(sent, "reply")).toBe(keptForUrgent);
    expect(window.urgentWaits).toBe(false);
    acknowledge();
    expect(sent.at(-1)).toBe("picture");
  });

  test("a broker that names no Receive Maximum, as all that speak MQTT 3.1.1, lets no reply wait", () => {
    const { window, sent, publish } = fill(undefined);
    for (let n = 0; n < 10_000; n += 1) {
      publish("picture", false);
      publish("reply", true);
    }
    expect(count(sent, "reply")).toBe(10_000);
    expect(window.urgentWaits).toBe(false);
  });

  test("what is to follow the replies that wait follows them at once when none waits, and else right behind the last", () => {
    const { window, sent, acknowledge, publish } = fill(1);
    window.afterUrgent(() => sent.push("first"));
    expect(sent).toEqual(["first"]);
    publish("a", true);
    publish("b", true);
    publish("c", true);
    window.afterUrgent(() => sent.push("after c"));
    publish("d", true);
    window.afterUrgent(() => sent.push("after d"));
    for (let n = 0; n < 4; n += 1) {
      acknowledge();
    }
    expect(sent).toEqual(["first", "a", "b", "c", "after c", "d", "after d"]);
  });
});

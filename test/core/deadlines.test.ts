// The heap of deadlines, against a plain sorted list.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nextDeadline, noDeadlines, setDeadline, takeDue } from "../../src/core/deadlines.ts";
import { type Instant, instant } from "../../src/core/time.ts";

const operation = fc.oneof(
  fc.record({ do: fc.constant("set" as const), name: fc.nat(15), at: fc.nat(50) }),
  fc.record({ do: fc.constant("clear" as const), name: fc.nat(15) }),
  fc.record({ do: fc.constant("take" as const), at: fc.nat(50) }),
);

test("Whatever is set, moved and cleared, the next deadline is the earliest, and the due ones come out earliest first", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const deadlines = noDeadlines();
      const model = new Map<string, Instant>();
      for (const each of operations) {
        if (each.do === "take") {
          const due = [...model].filter(([, at]) => at <= each.at).map(([, at]) => at);
          const taken = takeDue(deadlines, instant(each.at));
          const times = taken.map((subject) => model.get(subject.kind === "outlet" ? subject.name : ""));
          expect(times).toEqual(due.toSorted((a, b) => a - b));
          for (const subject of taken) {
            model.delete(subject.kind === "outlet" ? subject.name : "");
          }
        } else {
          const name = String(each.name);
          const at = each.do === "set" ? instant(each.at) : undefined;
          setDeadline(deadlines, { kind: "outlet", name }, at);
          if (at === undefined) {
            model.delete(name);
          } else {
            model.set(name, at);
          }
        }
        expect(nextDeadline(deadlines)).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        expect(deadlines.heap.length).toBe(model.size);
      }
    }),
    { numRuns: 500 },
  );
});

test("Subjects of different kinds with the same name have deadlines of their own", () => {
  const deadlines = noDeadlines();
  const subjects = [
    { kind: "token", resource: "a", token: "b" },
    { kind: "resource", name: "a" },
    { kind: "outlet", name: "a" },
    { kind: "switcher", name: "a" },
    { kind: "check", name: "a" },
    { kind: "meter", name: "a" },
    { kind: "link" },
    { kind: "ended" },
  ] as const;
  subjects.forEach((subject, index) => setDeadline(deadlines, subject, instant(index)));
  expect(takeDue(deadlines, instant(100))).toEqual(subjects);
});

// Warnings of switchers that cannot tell where their relays stand, or not whenever they are asked: all of it may be meant, and matters to
// who relies on what lastout says. Which ones these are is known in devices.ts.

import { isOnlyAssumed, outletsNamed, outletsOf, speaksOnlyByItself } from "./devices.ts";
import { atKey, type Finding } from "./explain.ts";
import { quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";

export const switcherWarnings = (subject: Subject): readonly Finding[] =>
  Object.entries(subject.values.switchers).flatMap(([name, options]) => {
    const path = ["switchers", name];
    if (isOnlyAssumed(options)) {
      return [
        atKey(
          path,
          "nothing tells where its relay stands: a command that is lost, a hand at the switch and a power cut go unnoticed, and a lockout " +
            `shows only that it was told to go off${uncheckedBehind(subject, outletsOf(name, options))}`,
        ),
      ];
    }
    return speaksOnlyByItself(options)
      ? [
          atKey(
            path,
            "it cannot be asked where it stands, and nothing shows whether it is there: until it tells its position by itself that is unknown, " +
              "and an outlet whose position is unknown is not switched; give it a query, or an availability for what it retains",
          ),
        ]
      : [];
  });

/** A check is all that could show whether a machine has power. */
function uncheckedBehind({ values: { resources } }: Subject, outlets: readonly string[]): string {
  const behind = Object.entries(resources)
    .filter(([, { check, switcher }]) => {
      return check === undefined && outletsNamed(switcher).some((outlet) => outlets.includes(outlet));
    })
    .map(([name]) => quote(name));
  const [first, ...others] = behind;
  if (first === undefined) {
    return "; only the check shows whether the machine has power";
  }
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `; give ${first}${more} a check, or it counts as available because it was told to be`;
}

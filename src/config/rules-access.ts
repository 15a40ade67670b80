// Rules for who may do what: operators named twice, and settings that let in fewer or more people than they look like.

import { atKey, atValue, type Finding } from "./explain.ts";
import { quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";

export function accessRules({ values: { operators } }: Subject): readonly Finding[] {
  return operators.flatMap((user, index) =>
    operators.indexOf(user) < index
      ? [atValue(["operators", index], `${quote(user)} is named twice here; once is enough`)]
      : [],
  );
}

export function accessWarnings({ values: { access, operators, mqtt, broker } }: Subject): readonly Finding[] {
  if (access === "open") {
    return operators.length === 0
      ? []
      : [
          atKey(
            ["operators"],
            "has no effect: with access: open anybody may override, cycle and end the tokens of others; write access: users",
          ),
        ];
  }
  const nobody = atValue(
    ["access"],
    "no operators are named, so nobody may override, cycle or end the tokens of others; name them as operators",
  );
  const unbound = atValue(
    ["access"],
    "the embedded broker lets every client publish as any user; only a broker with access rules, such as mosquitto with an " +
      "acl_file, makes users binding",
  );
  return [
    ...(operators.length === 0 ? [nobody] : []),
    ...(broker !== undefined && mqtt.url === undefined ? [unbound] : []),
  ];
}

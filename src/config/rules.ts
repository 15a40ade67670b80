// What schemas cannot say: whether the parts of a configuration fit together, and what is allowed but unwise. Each rule only
// looks at values. All of them are called here; they stand in the files beside.

import type { Finding } from "./explain.ts";
import { connectionRules, connectionWarnings } from "./rules-connection.ts";
import { resourceRules, resourceWarnings } from "./rules-resources.ts";
import { topicRules } from "./rules-topics.ts";
import type { Subject } from "./subject.ts";

export const mistakesIn = (subject: Subject): readonly Finding[] => [
  ...resourceRules(subject),
  ...connectionRules(subject),
  ...topicRules(subject),
];

export const warningsFor = (subject: Subject): readonly Finding[] => [
  ...resourceWarnings(subject),
  ...connectionWarnings(subject),
];

// What schemas cannot say: whether the parts of a configuration fit together, and what is allowed but unwise. Each rule only
// looks at values. All of them are called here; they stand in the files beside.

import type { Finding } from "./explain.ts";
import { accessRules, accessWarnings } from "./rules-access.ts";
import { circleRules } from "./rules-circles.ts";
import { connectionRules, connectionWarnings } from "./rules-connection.ts";
import { outletRules } from "./rules-outlets.ts";
import { referenceRules } from "./rules-references.ts";
import { resourceRules, resourceWarnings } from "./rules-resources.ts";
import { shutdownRules, shutdownWarnings } from "./rules-shutdown.ts";
import { switcherWarnings } from "./rules-switchers.ts";
import { topicRules } from "./rules-topics.ts";
import type { Subject } from "./subject.ts";

export const mistakesIn = (subject: Subject): readonly Finding[] => [
  ...resourceRules(subject),
  ...outletRules(subject),
  ...referenceRules(subject),
  ...circleRules(subject),
  ...shutdownRules(subject),
  ...accessRules(subject),
  ...connectionRules(subject),
  ...topicRules(subject),
];

export const warningsFor = (subject: Subject): readonly Finding[] => [
  ...resourceWarnings(subject),
  ...shutdownWarnings(subject),
  ...switcherWarnings(subject),
  ...accessWarnings(subject),
  ...connectionWarnings(subject),
];

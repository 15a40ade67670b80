// Guards that must not be lost, each broken by hand in one place, in the order of the promises that they keep. A mutant that no test
// catches shows a promise that nothing holds. When the code moves, so does the mutant.

import { durability } from "./durability.ts";
import type { Section } from "./mutant.ts";
import { operators } from "./operators.ts";
import { power } from "./power.ts";
import { sharing } from "./sharing.ts";
import { shutdown } from "./shutdown.ts";
import { tokens } from "./tokens.ts";

export const sections: readonly Section[] = [
  ...durability,
  ...tokens,
  ...sharing,
  ...power,
  ...shutdown,
  ...operators,
];

// Values that several sections of the configuration have: texts and lengths of time with a least value. What all adapters share,
// too, stands in adapters/options.ts.

import { z } from "zod";
import { duration } from "../adapters/options.ts";

export const text = z.string().min(1, { error: "is empty; give it a value, or take it out" });

export const positive = duration.refine((length) => length > 0, {
  error: "must be longer than 0; write for example 30s",
});

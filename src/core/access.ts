// Who may do what (protocol section 4). With `access: users` the broker vouches for the user in the topic, and only operators touch
// what is not theirs; with `access: open` anybody may do anything but act for another owner by mistake.

import type { QueuedRecord, TokenRecord } from "./changes.ts";
import type { Request, RequestBase } from "./requests.ts";
import type { Settings } from "./settings.ts";

/** Why this request may not be made; `undefined`: it may. */
export function whyForbidden(
  { access, operators }: Settings,
  { kind, user }: Exclude<Request, { kind: "refused" }>,
): string | undefined {
  if (access === "open") {
    return undefined;
  }
  if (user === undefined) {
    return `with access: users a request names its user in the topic's last level: .../${kind}/<user>`;
  }
  const forOperators = kind === "override" || kind === "cycle";
  return forOperators && !operators.has(user)
    ? `${kind} is for operators, and '${user}' is not among them`
    : undefined;
}

/** Operators may renew and end the tokens of others. */
export const isOperator = (settings: Settings, { user }: RequestBase): boolean =>
  user !== undefined && settings.operators.has(user);

/** The request names another owner. */
export const isAnothers = (
  { owner }: RequestBase,
  record: Pick<TokenRecord | QueuedRecord, "owner">,
): boolean => owner !== undefined && owner !== record.owner;

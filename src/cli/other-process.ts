// Whether a process that is not our child still lives. The number alone does not tell: it may be given to another process, so the time
// of its start is compared where the system tells it (/proc). Not when to look again.

import { readFileSync } from "node:fs";

export interface OtherProcess {
  readonly lives: () => boolean;
}

/** @param pid above 0 @returns `undefined` when there is none of this number now */
export function otherProcess(pid: number): OtherProcess | undefined {
  const first = statOf(pid);
  const lives = (): boolean => {
    const now = statOf(pid);
    const isAnother = first !== undefined && now !== undefined && now.start !== first.start;
    return exists(pid) && now?.ended !== true && !isAnother;
  };
  return lives() ? { lives } : undefined;
}

/** kill(2) with signal 0: EPERM says that there is one, of another user. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * proc_pid_stat(5): the state is field 3, the time of the start field 22 in clock ticks since the system's; field 2, in brackets, may
 * hold anything. A zombie (Z) has ended, its parent only has not asked for its status.
 * @returns `undefined` where the system does not tell: no /proc, or one that hides the processes of others
 */
function statOf(pid: number): { readonly ended: boolean; readonly start: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { ended: fields[0] === "Z" || fields[0] === "X", start: fields[19] };
  } catch {
    return undefined;
  }
}

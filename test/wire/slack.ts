// How late something may be that the contract wants in time, when it is measured on a real clock, on a machine that runs everything else of
// these tests meanwhile. It finds a deadline that was forgotten or taken for another; to the second it is held where time is simulated:
// test/transcripts, and the liveness conditions of test/sim.

/** Milliseconds. */
export const slackMs = 4000;

/** Not before its time, and not much after it. */
export const isInTime = (lateMs: number): boolean => lateMs >= 0 && lateMs < slackMs;

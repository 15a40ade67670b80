// What a user does with nothing but mosquitto's own command line clients: acquire, hear back, wait, release. Against mosquitto always and,
// as far as they speak MQTT 3.1.1, against the embedded broker.

import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { startProgram } from "./controller.ts";
import { type Lab, patience, startLab } from "./lab.ts";
import { objectIn } from "./observer.ts";
import { slackMs } from "./slack.ts";

interface Ended {
  readonly exit: number | NodeJS.Signals;
  readonly out: string;
  readonly err: string;
}

for (const broker of ["embedded", "mosquitto"] as const) {
  const needs = needing("mosquitto clients", ...(broker === "mosquitto" ? (["mosquitto"] as const) : []));
  describe.concurrent(`over ${broker}, with mosquitto's clients:`, { ...needs, ...patience }, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker,
        sockets: {
          plain: {},
          replied: {},
          waited: { machine: { bootMs: 1000 } },
          expired: {},
          willed: {},
          ready: { machine: { bootMs: 800 } },
          five: {},
          fiveWaits: { machine: { bootMs: 1000 } },
          never: { machine: { bootMs: 600_000 } },
        },
      });
      return () => lab.stop();
    }, 30_000);

    const begin = (program: string, ...words: readonly string[]): ReturnType<typeof startProgram> =>
      startProgram(program, ["-h", "127.0.0.1", "-p", String(lab.port), ...words]);
    const run = async (program: string, ...words: readonly string[]): Promise<Ended> => {
      const started = begin(program, ...words);
      return { exit: await started.ended, out: started.out(), err: started.err() };
    };

    it("mosquitto_pub with a token id switches the socket on, and the release switches it off after offDelay", async () => {
      expect(
        await run("mosquitto_pub", "-t", "lastout/plain/acquire", "-m", "jenkins-build-12"),
      ).toMatchObject({ exit: 0 });
      await lab.untilObject("plain", { state: "available", users: 1 });
      expect(lab.socket("plain").relay(1).position).toBe("on");
      const before = performance.now();
      await run("mosquitto_pub", "-q", "1", "-t", "lastout/plain/release", "-m", "jenkins-build-12");
      await lab.untilObject("plain", { state: "off", users: 0 });
      expect(lab.socket("plain").relay(1).position).toBe("off");
      const off = lab.socket("plain").relay(1).history[1]?.at ?? 0;
      expect(off - before).toBeGreaterThanOrEqual(299); // offDelay, but for the rounding of clocks
    });

    it("mosquitto_rr over 3.1.1 hears back once by replyTo, at the moment the machine answers", async () => {
      const replyTo = "lastout/reply/rr-1";
      const payload = JSON.stringify({ token: "job", ttl: "2h", wait: "available", timeout: 20, replyTo });
      const before = performance.now();
      const heard = await run(
        "mosquitto_rr",
        "-V",
        "mqttv311",
        "-q",
        "1",
        "-t",
        "lastout/waited/acquire",
        "-e",
        replyTo,
        "-W",
        "20",
        "-m",
        payload,
      );
      expect(performance.now() - before).toBeGreaterThanOrEqual(1000);
      expect(heard.exit).toBe(0);
      expect(objectIn(heard.out)).toMatchObject({
        ok: true,
        resource: "waited",
        state: "available",
        ttl: 7200,
      });
      await lab.ask("waited/release", { token: "job" });
      expect(lab.observer.objects(replyTo)).toHaveLength(1);
    });

    it("a shell without a JSON tool reads one line with format plain", async () => {
      const replyTo = "lastout/reply/plain-1";
      const payload = JSON.stringify({ token: "job", format: "plain", replyTo });
      const heard = await run(
        "mosquitto_rr",
        "-V",
        "mqttv311",
        "-q",
        "1",
        "-t",
        "lastout/replied/acquire",
        "-e",
        replyTo,
        "-W",
        "10",
        "-m",
        payload,
      );
      expect(heard.out.trim()).toMatch(/^ok replied job (off|available)$/);
      const late = JSON.stringify({
        token: "job2",
        format: "plain",
        wait: "available",
        timeout: 1,
        replyTo: "lastout/reply/plain-2",
      });
      const failed = await run(
        "mosquitto_rr",
        "-V",
        "mqttv311",
        "-q",
        "1",
        "-t",
        "lastout/never/acquire",
        "-e",
        "lastout/reply/plain-2",
        "-W",
        "10",
        "-m",
        late,
      );
      expect(failed.out.trim()).toMatch(/^error timeout never is still powered after 1 ?s$/);
    });

    it("a token that expires switches the socket off after offDelay", async () => {
      await run("mosquitto_pub", "-t", "lastout/expired/acquire", "-m", '{"token":"job","ttl":1}');
      await lab.untilObject("expired", { state: "available" });
      await lab.untilObject("expired", { state: "off", users: 0 });
      const [on, off] = lab.socket("expired").relay(1).history;
      expect((off?.at ?? 0) - (on?.at ?? 0)).toBeGreaterThanOrEqual(1200);
      expect((off?.at ?? 0) - (on?.at ?? 0)).toBeLessThan(1200 + slackMs);
    });

    it("a job's last will switches the socket off when its machine dies", async () => {
      const job = begin(
        "mosquitto_sub",
        "-t",
        "nothing",
        "--will-topic",
        "lastout/willed/release",
        "--will-payload",
        '{"token":"job","lost":true}',
        "--will-qos",
        "1",
      );
      await run("mosquitto_pub", "-t", "lastout/willed/acquire", "-m", "job");
      await lab.untilObject("willed", { state: "available" });
      job.child.kill("SIGKILL");
      expect(await lab.untilEvent("willed", "lost")).toMatchObject({ token: "job" });
      await lab.untilObject("willed", { state: "off" });
    });

    it("mosquitto_sub on ready waits for the machine, and gives up after -W when nobody wants it", async () => {
      const inVain = await run("mosquitto_sub", "-t", "lastout/ready/ready", "-C", "1", "-W", "1");
      expect(inVain).toMatchObject({ exit: 27, out: "" });
      const waiting = begin("mosquitto_sub", "-t", "lastout/ready/ready", "-C", "1", "-W", "20");
      await run("mosquitto_pub", "-q", "1", "-t", "lastout/ready/acquire", "-m", "job");
      expect(await waiting.ended).toBe(0);
      expect(waiting.out()).toBe("1\n");
      await lab.untilObject("ready", { state: "available" });
      const atOnce = await run("mosquitto_sub", "-t", "lastout/ready/ready", "-C", "1", "-W", "5");
      expect(atOnce).toMatchObject({ exit: 0, out: "1\n" });
    });

    if (broker === "mosquitto") {
      it("mosquitto_rr with MQTT 5 hears back once, at once without wait", async () => {
        const heard = await run(
          "mosquitto_rr",
          "-V",
          "5",
          "-q",
          "1",
          "-t",
          "lastout/five/acquire",
          "-e",
          "lastout/reply/five",
          "-W",
          "10",
          "-m",
          "job",
        );
        expect(heard.exit).toBe(0);
        expect(objectIn(heard.out)).toMatchObject({ ok: true, resource: "five", token: "job", users: 1 });
        const released = await run(
          "mosquitto_rr",
          "-V",
          "5",
          "-q",
          "1",
          "-t",
          "lastout/five/release",
          "-e",
          "lastout/reply/five",
          "-W",
          "10",
          "-m",
          "job",
        );
        expect(objectIn(released.out)).toMatchObject({ ok: true, users: 0 });
      });

      it("mosquitto_rr with MQTT 5 and wait hears back once, when the machine answers", async () => {
        const before = performance.now();
        const request = '{"token":"job-12","ttl":"2h","wait":"available","timeout":300}';
        const heard = await run(
          "mosquitto_rr",
          "-V",
          "5",
          "-q",
          "1",
          "-t",
          "lastout/fiveWaits/acquire",
          "-e",
          "lastout/reply/five-2",
          "-W",
          "20",
          "-m",
          request,
        );
        expect(performance.now() - before).toBeGreaterThanOrEqual(1000);
        expect(objectIn(heard.out)).toMatchObject({ ok: true, state: "available", ttl: 7200 });
        await eventually("the picture follows", () => lab.object("fiveWaits")["state"] === "available");
        expect(lab.observer.objects("lastout/reply/five-2")).toHaveLength(1);
      });
    }
  });
}

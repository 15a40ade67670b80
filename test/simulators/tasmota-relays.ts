// The relays of a simulated Tasmota socket: what the firmware believes (there is no read-back), the contact, and the rules between
// command and click: locks, interlock, pulses, blinking, PowerOnState. Nothing about MQTT: what to publish is told to the `voice`.

import type { DeviceTimers, Position, Settings } from "./tasmota-settings.ts";

export type PowerAction = "off" | "on" | "toggle" | "blink" | "blinkoff" | "query";

/** What hangs on an outlet. */
export interface Load {
  power(live: boolean): void;
  watts(): number;
}

export interface Change {
  /** Milliseconds as `performance.now` counts them. */
  readonly at: number;
  readonly position: Position;
}

export interface Voice {
  /** RESULT and POWER of one relay. */
  powerState(relay: number): void;
  blinkState(relay: number, on: boolean): void;
  /** The STATE telemetry of SetOption59. */
  state(): void;
}

/** `stuck`: does not move away from that position, and the answers tell so. `lying`: does not move, and the answers tell what was commanded. */
type RelayFault = "none" | "stuck-on" | "stuck-off" | "lying";

interface Relay {
  power: boolean;
  contact: boolean;
  live: boolean;
  fault: RelayFault;
  readonly history: Change[];
  load: Load | undefined;
  cancelPulse: () => void;
  /** On the clock of `performance.now`; `undefined` while no pulse runs. */
  pulseStarted: number | undefined;
  cancelBlink: (() => void) | undefined;
}

export interface Relays {
  readonly count: number;
  /** What the firmware believes. */
  power(relay: number): boolean;
  live(relay: number): boolean;
  history(relay: number): readonly Change[];
  watts(relay: number): number;
  plug(relay: number, load: Load): void;
  setFault(relay: number, fault: RelayFault): void;
  execute(relay: number, action: PowerAction): void;
  executeAll(action: PowerAction): void;
  /** All off, locked or not. */
  overheat(): void;
  mains(on: boolean): void;
  /** After a power-up: as PowerOnState says. After a warm restart: as saved. */
  restore(warm: boolean): void;
  /** Put all relays there without a word, as a boot does. */
  force(positions: readonly Position[]): void;
  save(): void;
  /** As the PulseTime command counts it; 0 while no pulse runs. */
  pulseRemaining(relay: number): number;
}

/** PulseTime as the command takes it, in milliseconds: up to 111 tenths of a second, from 112 on seconds plus 100. */
const pulseMs = (value: number): number => (value < 112 ? value * 100 : (value - 100) * 1000);

const nothing = (): void => undefined;

export function createRelays(
  count: number,
  settings: Settings,
  timers: DeviceTimers,
  voice: Voice,
  onRelay: (relay: number, position: Position) => void,
): Relays {
  let mains = false;
  let cancelSave = nothing;
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const relays = numbers.map(
    (): Relay => ({
      power: false,
      contact: false,
      live: false,
      fault: "none",
      history: [],
      load: undefined,
      cancelPulse: nothing,
      pulseStarted: undefined,
      cancelBlink: undefined,
    }),
  );

  function at(number: number): Relay {
    const relay = relays[number - 1];
    if (relay === undefined) {
      throw new RangeError(`the simulated socket has no relay ${number}`);
    }
    return relay;
  }

  /** Brings the contact, and what hangs on it, in line with the coil, the fault and the mains. */
  function settle(number: number): void {
    const relay = at(number);
    if (relay.fault === "none") {
      relay.contact = relay.power;
    } else if (relay.fault === "stuck-on") {
      relay.contact ||= relay.power;
    } else if (relay.fault === "stuck-off") {
      relay.contact &&= relay.power;
    }
    const live = mains && relay.contact;
    if (live !== relay.live) {
      relay.live = live;
      const position = live ? "on" : "off";
      relay.history.push({ at: performance.now(), position });
      relay.load?.power(live);
      onRelay(number, position);
    }
  }

  function move(number: number, on: boolean): void {
    const relay = at(number);
    relay.power = on;
    settle(number);
    if (relay.fault === "stuck-on" || relay.fault === "stuck-off") {
      relay.power = relay.contact;
    }
    cancelSave();
    if (settings.saveData > 0) {
      cancelSave = timers.after(settings.saveData * 1000, save);
    }
  }

  function save(): void {
    if (settings.options.has(0)) {
      settings.saved = relays.map((relay) => relay.power);
    }
  }

  /** Moves one relay and gives back what is to be said about it, so that SetOption59 can speak first. */
  function apply(number: number, action: PowerAction): (() => void)[] {
    const relay = at(number);
    const tell = (): void => voice.powerState(number);
    if (action === "query" || settings.powerLock[number - 1] === true) {
      return [tell];
    }
    const ended = relay.cancelBlink === undefined ? [] : [(): void => voice.blinkState(number, false)];
    relay.cancelBlink?.();
    if (action === "blink") {
      relay.cancelBlink = startBlinking(number);
      return [(): void => voice.blinkState(number, true)];
    }
    if (action === "blinkoff") {
      return ended;
    }
    const wanted = action === "toggle" ? !relay.power : action === "on";
    const on = wanted || settings.powerOnState === 4;
    const others = on && settings.interlock ? releaseOthers(number) : [];
    move(number, on);
    startPulse(number);
    return [...ended, ...others, tell];
  }

  function releaseOthers(number: number): (() => void)[] {
    const group = settings.interlockGroups.find((members) => members.includes(number)) ?? [];
    const live = group.filter((other) => other !== number && at(other).power);
    return live.map((other) => {
      move(other, false);
      return () => voice.powerState(other);
    });
  }

  /** With PowerOnState 5 the pulse is inverted: off for that long, then on. */
  function startPulse(number: number): void {
    const relay = at(number);
    relay.cancelPulse();
    relay.pulseStarted = undefined;
    const length = settings.pulseTime[number - 1] ?? 0;
    const inverted = settings.powerOnState === 5;
    if (length > 0 && relay.power !== inverted) {
      relay.pulseStarted = performance.now();
      relay.cancelPulse = timers.after(pulseMs(length), () => {
        relay.pulseStarted = undefined;
        move(number, inverted);
        voice.powerState(number);
      });
    }
  }

  /** Ten times one second, the firmware's BlinkCount and BlinkTime; the relay toggles without messages and ends as it began. */
  function startBlinking(number: number): () => void {
    const relay = at(number);
    const before = relay.power;
    let left = 10;
    const cancelTimer = timers.every(1000, () => {
      relay.power = !relay.power;
      settle(number);
      left -= 1;
      if (left === 0) {
        stop();
      }
    });
    const stop = (): void => {
      cancelTimer();
      relay.cancelBlink = undefined;
      relay.power = before;
      settle(number);
    };
    return stop;
  }

  const telling = (action: PowerAction): boolean =>
    settings.options.has(59) && action !== "query" && action !== "blink" && action !== "blinkoff";

  return {
    count,
    power: (number) => at(number).power,
    live: (number) => at(number).live,
    history: (number) => at(number).history,
    watts: (number) => (at(number).live ? (at(number).load?.watts() ?? 0) : 0),
    plug: (number, load) => {
      at(number).load = load;
      load.power(at(number).live);
    },
    setFault: (number, fault) => {
      at(number).fault = fault;
      settle(number);
    },
    execute: (number, action) => {
      // The relay moves first, so that the STATE before the answer tells the new position.
      const speeches = apply(number, action);
      if (telling(action)) {
        voice.state();
      }
      speeches.forEach((speak) => speak());
    },
    executeAll: (action) => {
      for (const number of numbers) {
        apply(number, action).forEach((speak) => speak());
      }
      if (telling(action)) {
        voice.state();
      }
    },
    overheat: () => {
      for (const number of numbers) {
        at(number).cancelPulse();
        move(number, false);
        voice.powerState(number);
      }
    },
    mains: (on) => {
      mains = on;
      for (const number of numbers) {
        at(number).power &&= on;
        settle(number);
      }
    },
    restore: (warm) => {
      for (const number of numbers) {
        const relay = at(number);
        relay.cancelBlink = undefined;
        relay.pulseStarted = undefined;
        const saved = settings.saved[number - 1] ?? false;
        move(number, warm ? saved : afterPowerUp(settings.powerOnState, saved));
        if (!warm && settings.powerOnState === 5) {
          startPulse(number);
        }
      }
    },
    force: (positions) =>
      numbers.forEach((number) => move(number, (positions[number - 1] ?? positions.at(-1)) === "on")),
    save,
    pulseRemaining: (number) => {
      const { pulseStarted } = at(number);
      const value = settings.pulseTime[number - 1] ?? 0;
      if (pulseStarted === undefined) {
        return 0;
      }
      const leftMs = Math.max(0, pulseMs(value) - (performance.now() - pulseStarted) * timers.speed);
      return value < 112 ? Math.ceil(leftMs / 100) : Math.ceil(leftMs / 1000) + 100;
    },
  };
}

function afterPowerUp(powerOnState: number, saved: boolean): boolean {
  switch (powerOnState) {
    case 1:
    case 4:
      return true;
    case 2:
      return !saved;
    case 3:
      return saved;
    default:
      return false;
  }
}

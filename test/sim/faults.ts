// What goes wrong in a run, and when: a plan drawn from the seed before it begins, so that it depends on nothing that happens in it.
// Far more than in reality. `heal` ends all of it.

import type { Random } from "./random.ts";
import { drawReload } from "./reloads.ts";
import type { Socket } from "./socket.ts";
import type { World } from "./world.ts";

export interface Fault {
  readonly at: number;
  readonly name: string;
  readonly strike: (world: World) => void;
}

type Kind = (random: Random) => (world: World) => void;

/** A host that stands still is dropped by the broker after one and a half keep-alives of 15 s. */
const keepaliveMs = 22_000;

export function drawFaults(random: Random, roughFor: number, every: number): Fault[] {
  const faults: Fault[] = [];
  const names = Object.keys(kinds);
  const [first = "", ...others] = names;
  // Not every run has every fault: some things only show when the rest is calm.
  const chosen = names.filter(() => random.chance(0.6));
  for (let at = random.wait(every); at < roughFor; at += random.wait(every)) {
    const name = random.pick(
      chosen.length > 0 ? [chosen[0] ?? first, ...chosen.slice(1)] : [first, ...others],
    );
    const kind = kinds[name];
    if (kind !== undefined) {
      faults.push({ at, name, strike: kind(random) });
    }
  }
  return faults;
}

const kinds: Readonly<Record<string, Kind>> = {
  crash: (random) => {
    const effects = random.int(0, 40);
    const when = random.pick(["before", "after"] as const);
    const away = random.wait(random.pick([200, 5000, 40_000]));
    return (world) => {
      world.stayAway(away);
      world.process?.dieAt(effects, when);
    };
  },
  kill: (random) => {
    const away = random.wait(random.pick([200, 5000, 40_000]));
    return (world) => {
      world.stayAway(away);
      world.process?.kill();
    };
  },
  cleanStop: (random) => {
    const away = random.wait(5000);
    return (world) => {
      world.stayAway(away);
      world.controller?.stop();
    };
  },
  hostReboot: (random) => {
    const away = random.int(5000, 60_000);
    const error = random.chance(0.3) ? random.int(-3_600_000, 600_000) : 0;
    return (world) => {
      world.stayAway(away);
      world.process?.kill();
      world.host.reboot();
      if (world.scenario.wallErrors) {
        world.host.stepWall(error);
      }
    };
  },
  pause: (random) => {
    const how = random.pick(["stopped", "suspended"] as const);
    const ms = random.wait(random.pick([2000, 8000, 60_000]));
    return (world) => {
      world.host.pause(how);
      world.trace.note(`host: ${how} for ${ms} ms`);
      if (ms > keepaliveMs) {
        world.scheduler.after(keepaliveMs, () => {
          world.broker.cut("lastout-front"); // which it notices when it goes on
          world.broker.cut("lastout-bus");
        });
      }
      world.scheduler.after(ms, () => resume(world, ms));
    };
  },
  wallStep: (random) => {
    const ms = random.pick([-1, 1]) * random.wait(random.pick([300, 60_000, 5_000_000]));
    return (world) => {
      world.host.stepWall(ms);
    };
  },
  drift: (random) => {
    const rate = 1 + (random.next() - 0.5) * 0.004;
    return (world) => {
      world.host.setRate(rate);
    };
  },
  diskFull: (random) => {
    const ms = random.wait(20_000);
    return (world) => {
      world.disk.full = true;
      world.scheduler.after(ms, () => {
        world.disk.full = false;
      });
    };
  },
  diskFlaky: (random) => {
    const ms = random.wait(30_000);
    return (world) => {
      world.disk.refusals = 0.2;
      world.scheduler.after(ms, () => {
        world.disk.refusals = 0;
      });
    };
  },
  diskSlow: (random) => {
    const ms = random.wait(60_000);
    const slowest = random.int(50, 900);
    return (world) => {
      world.disk.slowest = slowest;
      world.scheduler.after(ms, () => {
        world.disk.slowest = 4;
      });
    };
  },
  brokerRestart: (random) => {
    const how = {
      wills: random.chance(0.5),
      loseRetained: random.chance(0.3),
      loseSessions: random.chance(0.3),
    };
    const ms = random.wait(random.pick([500, 5000, 60_000]));
    return (world) => {
      if (world.broker.running) {
        world.broker.stop(how);
        world.scheduler.after(ms, () => world.broker.start());
      }
    };
  },
  cut: (random) => {
    const who = random.pick(["lastout-front", "lastout-front", "lastout-bus"]);
    const late = random.chance(0.5)
      ? undefined
      : { end: random.pick(["client", "broker"] as const), ms: random.int(0, keepaliveMs) };
    return (world) => {
      world.trace.note(`network: ${who} is cut off`);
      world.broker.cut(who, late);
    };
  },
  stall: (random) => {
    const who = random.pick(["lastout-front", "lastout-bus"]);
    const ms = random.wait(6000);
    return (world) => {
      world.trace.note(`network: ${who} hangs for ${ms} ms`);
      world.broker.stall(who, Math.min(ms, keepaliveMs));
    };
  },
  lossy: (random) => {
    const loss = random.next() * 0.4;
    const ms = random.wait(60_000);
    return (world) => {
      world.broker.loss = loss;
      world.scheduler.after(ms, () => {
        world.broker.loss = 0;
      });
    };
  },
  duplicates: (random) => {
    const ms = random.wait(60_000);
    return (world) => {
      world.broker.duplicates = 0.2;
      world.scheduler.after(ms, () => {
        world.broker.duplicates = 0;
      });
    };
  },
  rival: (random) => {
    const ms = random.int(3000, 10_000);
    return (world) => {
      const front = world.controller?.front;
      front?.rival(true);
      world.scheduler.after(ms, () => front?.rival(false));
    };
  },
  press: onSocket((random) => {
    const relay = random.int(1, 4);
    return (world, name) =>
      world.sockets.get(name)?.press(Math.min(relay, world.sockets.get(name)?.relays ?? 1));
  }),
  socketReboot: onSocket(() => (world, name) => world.sockets.get(name)?.reboot()),
  socketCut: onSocket(() => (world, name) => world.broker.cut(`DVES_${name}`)),
  mains: onSocket((random) => {
    const ms = random.wait(15_000);
    return (world, name) => {
      world.sockets.get(name)?.cutMains();
      world.scheduler.after(ms, () => world.sockets.get(name)?.restoreMains());
    };
  }),
  deaf: awhile(20_000, (socket, on) => {
    socket.deaf = on;
  }),
  mute: awhile(20_000, (socket, on) => {
    socket.mute = on;
  }),
  stuck: awhile(60_000, (socket, on) => {
    socket.stuck = on;
  }),
  slow: awhile(60_000, (socket, on) => {
    socket.slow = on ? 3500 : 0;
  }),
  blind: awhile(20_000, (socket, on) => {
    socket.blind = on;
  }),
  mood: onMachine((random) => {
    const mood = random.pick(["refuses", "lies", "unreachable", "hangs", "partly"] as const);
    const ms = random.wait(60_000);
    return (world, name) => {
      const machine = world.machines.get(name);
      if (machine !== undefined) {
        machine.mood = mood;
        world.trace.note(`${name}: ${mood}`);
        world.scheduler.after(ms, () => {
          machine.mood = "obeys";
        });
      }
    };
  }),
  work: onMachine((random) => {
    const ms = random.wait(30_000);
    return (world, name) => {
      world.machines.get(name)?.work(true);
      world.scheduler.after(ms, () => world.machines.get(name)?.work(false));
    };
  }),
  reload: (random) => {
    const draw = drawReload(random);
    return (world) => {
      if (world.process !== undefined) {
        world.reload(draw(world.file, world.scenario.settings));
      }
    };
  },
  badBoot: onMachine((random) => {
    const boots = random.int(1, 3);
    return (world, name) => {
      const machine = world.machines.get(name);
      if (machine !== undefined) {
        machine.badBoots = boots;
      }
    };
  }),
  hang: onMachine((random) => {
    const ms = random.wait(30_000);
    return (world, name) => {
      const machine = world.machines.get(name);
      if (machine !== undefined) {
        machine.hang(true);
        world.scheduler.after(ms, () => machine.hang(false));
      }
    };
  }),
  flap: onMachine((random) => {
    const ms = random.wait(60_000);
    return (world, name) => {
      const machine = world.machines.get(name);
      if (machine !== undefined) {
        machine.flap(0.4, 0.1);
        world.scheduler.after(ms, () => machine.flap(0, 0));
      }
    };
  }),
  clientDies: (random) => {
    const draw = random.next();
    return (world) => world.clients[Math.floor(draw * world.clients.length)]?.die();
  },
  clientCut: (random) => {
    const draw = random.next();
    return (world) => world.clients[Math.floor(draw * world.clients.length)]?.cut();
  },
};

function resume(world: World, ms: number): void {
  if (world.host.paused) {
    world.host.resume();
    world.facts.disturbedAt = world.host.now();
    world.trace.note(`host: goes on after ${ms} ms`);
  }
}

function onSocket(kind: (random: Random) => (world: World, name: string) => void): Kind {
  return (random) => {
    const draw = random.next();
    const strike = kind(random);
    return (world) => {
      const names = [...world.sockets.keys()];
      strike(world, names[Math.floor(draw * names.length)] ?? "");
    };
  };
}

function onMachine(kind: (random: Random) => (world: World, name: string) => void): Kind {
  return (random) => {
    const draw = random.next();
    const strike = kind(random);
    return (world) => {
      const names = [...world.machines.keys()];
      strike(world, names[Math.floor(draw * names.length)] ?? "");
    };
  };
}

function awhile(mean: number, set: (socket: Socket, on: boolean) => void): Kind {
  return onSocket((random) => {
    const ms = random.wait(mean);
    return (world, name) => {
      const socket = world.sockets.get(name);
      if (socket !== undefined) {
        set(socket, true);
        world.scheduler.after(ms, () => set(socket, false));
      }
    };
  });
}

/** The world is as it should be, from here on. */
export function heal(world: World): void {
  const { host, disk, broker, sockets, machines } = world;
  world.trace.note("the faults end");
  resume(world, 0);
  world.process?.spare();
  host.setRate(1);
  disk.full = false;
  disk.refusals = 0;
  disk.slowest = 4;
  broker.loss = 0;
  broker.duplicates = 0;
  if (!broker.running) {
    broker.start();
  }
  if (world.facts.rival) {
    world.controller?.front.rival(false);
  }
  for (const socket of sockets.values()) {
    Object.assign(socket, { deaf: false, blind: false, mute: false, stuck: false, slow: 0 });
    socket.restoreMains();
  }
  for (const machine of machines.values()) {
    machine.recover();
  }
  world.startController();
  world.reload({ ...world.file, settings: world.scenario.settings });
}

// Examples of the generic MQTT switcher for the reference: one of each preset, and devices that have none. Not what the presets do: that
// is in mqtt-presets.ts.

import type { z } from "zod";
import type { Example } from "../example.ts";
import type { fields } from "./mqtt-options.ts";
import type { PresetName } from "./mqtt-presets.ts";

type MqttExample = Example<z.input<typeof fields>>;

/** A preset without an example does not compile. */
const ofPresets: Readonly<Record<PresetName, MqttExample>> = {
  "shelly-gen1": {
    title: "Preset `shelly-gen1`: Shelly, first generation",
    about:
      "`device` is the id of the device, as its web page shows it under MQTT; `base` only if its topic prefix was changed from `shellies`.",
    name: "build1-plug",
    options: { type: "mqtt", preset: "shelly-gen1", device: "shellyplug-s-1A2B3C" },
  },
  "shelly-gen2": {
    title: "Preset `shelly-gen2`: Shelly Plus, Pro, Gen3, Gen4",
    about: "`device` is the MQTT prefix of the device. Here one with four relays, as a group.",
    name: "rack-strip",
    options: { type: "mqtt", preset: "shelly-gen2", device: "shellypro4pm-a8032abe54dc", outlets: 4 },
  },
  zigbee2mqtt: {
    title: "Preset `zigbee2mqtt`: plugs behind Zigbee2MQTT",
    about:
      "`device` is the friendly name. A switch counts as done when the radio has acknowledged it; what the bridge says of a plug that it calls " +
      "offline is not believed, so availability should be enabled in Zigbee2MQTT.",
    name: "lamp-plug",
    options: { type: "mqtt", preset: "zigbee2mqtt", device: "lamp" },
  },
  esphome: {
    title: "Preset `esphome`: nodes with ESPHome",
    about:
      "`device` is the node's name, `channel` the object id of the switch. The node answers no question about its position; what it retains is " +
      "believed while it answers a ping (`discover_ip`, on by default).",
    name: "bench-relay",
    options: { type: "mqtt", preset: "esphome", device: "bench", channel: "relay_1" },
  },
};

export const examples: readonly MqttExample[] = [
  ...Object.values(ofPresets),
  {
    title: "Without a preset: a device that tells its position",
    about:
      "Topics and words as the device has them. It answers a question, and its last will says when it is gone.",
    name: "board",
    options: {
      type: "mqtt",
      outlets: 2,
      command: "board7/relay/{{outlet}}/set",
      state: "board7/relay/{{outlet}}",
      query: { topic: "board7/get", payload: "all" },
      availability: { topic: "board7/status" },
    },
  },
  {
    title: "Without a preset: a device that only obeys",
    about:
      "Nothing tells the position, so it is assumed, and a hand at the device is not noticed. Use it only where that does no harm.",
    name: "sign",
    options: { type: "mqtt", command: "sign/power", on: "1", off: "0", assume: "on" },
  },
];

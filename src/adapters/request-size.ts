// How large a request may be on its way: one number for the brokers' links and the reader, and for the configuration, which may
// set a lower limit. What is within that, and still refused, is decided where it is read.

/** Bytes of a payload: the most that `limits.payload` may be, and as far as a larger one is looked into. To read as much takes some milliseconds. */
export const largestPayloadBytes = 1_048_576;

/** Bytes of a whole packet: such a payload with its topic and properties, of which a topic alone may have 65,535 (MQTT 5, 1.5.4). */
export const largestRequestBytes = largestPayloadBytes + 65_536;

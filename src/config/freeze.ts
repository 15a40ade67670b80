// Makes a configuration unchangeable all the way down, maps included. For plain data only.

/** Freezes the value and everything in it, and gives it back. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    if (value instanceof Map) {
      // `Object.freeze` does not keep a Map from being changed, because its entries are no properties.
      for (const method of ["set", "delete", "clear"]) {
        Object.defineProperty(value, method, { value: refuse });
      }
    }
    Object.freeze(value);
    const parts: Iterable<unknown> = value instanceof Map ? value.values() : Object.values(value);
    for (const part of parts) {
      deepFreeze(part);
    }
  }
  return value;
}

function refuse(): never {
  throw new TypeError("the configuration cannot be changed");
}

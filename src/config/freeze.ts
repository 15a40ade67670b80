// Makes a configuration unchangeable all the way down, maps and sets included. For plain data only.

/** Freezes the value and everything in it, and gives it back. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    if (value instanceof Map || value instanceof Set) {
      // `Object.freeze` does not keep a Map or Set from being changed, because its entries are no properties.
      for (const method of ["set", "add", "delete", "clear"]) {
        Object.defineProperty(value, method, { value: refuse });
      }
    }
    Object.freeze(value);
    const parts: Iterable<unknown> =
      value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
    for (const part of parts) {
      deepFreeze(part);
    }
  }
  return value;
}

function refuse(): never {
  throw new TypeError("the configuration cannot be changed");
}

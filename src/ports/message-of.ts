// What whatever was thrown says of itself. The world may throw anything, not only errors.

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

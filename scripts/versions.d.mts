export const newerEngines: readonly string[];

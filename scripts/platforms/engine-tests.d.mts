export const ENGINE_TESTS: readonly string[];

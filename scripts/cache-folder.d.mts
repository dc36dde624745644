export function cacheFolder(): string | undefined;
